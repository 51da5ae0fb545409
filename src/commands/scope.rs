//! `provisor schema scope`: whether somebody is in scope, test by test.

use serde_json::{Value as Json, json};

use super::{Ended, Usage, expr::object, schema::find};
use crate::{
    cli::{Output, SchemaScope},
    model::ObjectKind,
    sync_schema::{ClauseResult, Finding, Membership, ObjectMapping, Outcome, Schema, ScopeResult, Verdict, compile},
};

pub(super) fn scope(options: &SchemaScope) -> anyhow::Result<Ended> {
    let schema = compile(&find(&options.schema, &options.configured.config)?).runnable().map_err(unsound)?;
    let kind = kind(&schema, options.kind.as_deref())?;
    let attributes = object(&options.object)?;
    let member_of = |group: &str| {
        if options.member_of.iter().any(|named| named == group) { Membership::Member } else { Membership::NotMember }
    };
    let mappings = schema.mappings.iter().filter(|mapping| mapping.source_kind == kind);
    let results: Vec<(&ObjectMapping, ScopeResult)> =
        mappings.map(|mapping| (mapping, mapping.scope.explain(&mapping.inputs(&attributes), member_of))).collect();
    match options.output {
        Output::Json => println!("{}", Json::from_iter(results.iter().map(|(mapping, scope)| as_json(mapping, scope)))),
        Output::Table => results.iter().for_each(|(mapping, scope)| print(mapping, scope)),
    }
    let is = |test: fn(&Verdict) -> bool| results.iter().any(|(_, scope)| test(&scope.verdict));
    Ok(if is(|verdict| *verdict == Verdict::Pass) {
        Ended::Done
    } else if is(|verdict| matches!(verdict, Verdict::Undecided(_))) {
        Ended::Undecided
    } else {
        Ended::OutOfScope
    })
}

fn unsound(errors: Vec<Finding>) -> Usage {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Usage(format!("the schema cannot run:\n  {}", errors.join("\n  ")))
}

/// What the object is in the source.
fn kind(schema: &Schema, asked: Option<&str>) -> Result<ObjectKind, Usage> {
    let kinds = || schema.mappings.iter().map(|mapping| &mapping.source_kind);
    match asked {
        None => kinds().next().cloned().ok_or_else(|| Usage("no object mapping of the schema is enabled".to_owned())),
        Some(asked) => kinds().find(|kind| kind.as_str() == asked).cloned().ok_or_else(|| {
            let names: Vec<String> = kinds().map(|kind| format!("`{kind}`")).collect();
            Usage(format!("the schema reads no `{asked}`; it reads {}", names.join(", ")))
        }),
    }
}

fn print(mapping: &ObjectMapping, scope: &ScopeResult) {
    println!("{} → {}: {}", mapping.source_kind, mapping.target_kind, scope.verdict);
    if scope.groups.is_empty() {
        println!("  there is no filter");
    }
    for group in &scope.groups {
        let title = if group.title.is_empty() { "group" } else { &group.title };
        println!("  {title}: {}", Outcome::from(group.verdict));
        for clause in &group.clauses {
            println!("    {}: {}", clause.test(), clause.outcome);
        }
    }
}

fn as_json(mapping: &ObjectMapping, scope: &ScopeResult) -> Json {
    let groups: Vec<Json> = scope
        .groups
        .iter()
        .map(|group| {
            let clauses: Vec<Json> = group.clauses.iter().map(clause_as_json).collect();
            json!({ "name": group.title, "result": word(group.verdict.into()), "clauses": clauses })
        })
        .collect();
    json!({
        "source": mapping.source_kind.as_str(), "target": mapping.target_kind.as_str(),
        "result": word(scope.verdict.into()), "groups": groups,
    })
}

fn clause_as_json(clause: &ClauseResult) -> Json {
    let doubt = match clause.outcome {
        Outcome::Undecided(doubt) => Some(doubt.to_string()),
        _ => None,
    };
    json!({
        "attribute": clause.attribute, "operator": clause.operator.name(), "values": clause.operands,
        "result": word(clause.outcome), "why": doubt,
    })
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::NoValue => "noValue",
        Outcome::Undecided(_) => "undecided",
    }
}
