//! What there is to say of an object that was provisioned on demand. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{acting::Acted, document::capitalised, import::Imported};
use crate::{
    engine::{
        matching::Situation,
        scope::{self, Assigned, Standing},
    },
    expression::written,
    model::{CycleId, Departure, Exported, ExportedValue, ObjectKey, RemovalEffect, RemovalState, SourceObject, Value},
    provisioning_log::{
        self, Act, Event, REDACTED, Reason, ReferenceChanges, Status, StepType, Subject, Summary, counted, shown,
    },
    sync_schema::{ObjectMapping, ScopeResult, Verdict},
};

/// Names of what is told of the assignment of an object.
const ASSIGNED: &str = "Assigned to the application";
const ENTITLED: &str = "Is effectively entitled for provisioning";

/// What became of one object under one object mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Stands for this report alone.
    pub change: Uuid,
    /// What lines of the log have that are about it.
    pub cycle: CycleId,
    pub key: ObjectKey,
    /// Whom it is about, and what was done in all.
    pub summary: Summary,
    /// The steps it went through; one that kept it is the last.
    pub steps: Vec<Step>,
    /// What waits: for the guard, for a person, for an attempt later.
    pub waits: Vec<String>,
    pub began_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
}

/// The four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    Import,
    Scope,
    Match,
    Action,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub kind: StepKind,
    /// As the wire contract names it: `EntryImport`.
    pub name: &'static str,
    pub status: Status,
    pub description: String,
    pub at: DateTime<Utc>,
    /// More of it, name by name.
    pub details: Vec<(String, String)>,
}

impl Report {
    /// True when nothing is left to be done for the object: it is as it should be.
    pub fn is_done(&self) -> bool {
        self.waits.is_empty() && matches!(self.summary.event.status, Status::Success | Status::Skipped)
    }
}

/// Puts together what was seen.
pub(super) fn report(
    (cycle, change): (CycleId, Uuid),
    imported: &Imported,
    mapping: &ObjectMapping,
    acted: Acted,
    members: &[Imported],
) -> Report {
    let subject = acted.seen.subject.clone().unwrap_or_else(|| Subject {
        source_kind: imported.kind.clone(),
        target_kind: mapping.target_kind.clone(),
        name: None,
        resource: acted.known.link.as_ref().map(|link| link.resource.clone()),
        scope: None,
    });
    let summary = Summary { subject, event: in_all(&acted) };
    let waits = waits(&acted);
    let ended_at = acted.seen.ended_at.or(acted.seen.matched_at).unwrap_or(imported.at);
    let matched_at = acted.seen.matched_at.unwrap_or(ended_at);
    let mut steps: Vec<Step> = Vec::new();
    for step in provisioning_log::steps(&summary) {
        let own = step.details.into_iter().filter(|(name, _)| *name != SCOPE_RESULT);
        let mut details: Vec<(String, String)> = own.map(|(name, text)| (name.to_owned(), text)).collect();
        let (kind, at, more, description) = match step.kind {
            StepType::Import => (StepKind::Import, imported.at, import_details(imported, mapping), came(imported)),
            StepType::Scoping => {
                (StepKind::Scope, matched_at, scope_details(mapping, &acted), stands(&acted, &step.description))
            }
            StepType::Matching => (StepKind::Match, matched_at, match_details(mapping, &acted), step.description),
            StepType::Processing | StepType::References | StepType::Export => {
                (StepKind::Action, ended_at, Vec::new(), step.description)
            }
        };
        details.splice(0..0, more);
        let step = Step { kind, name: step.name, status: step.status, description, at, details };
        match steps.last_mut() {
            // What is decided, resolved and sent is one action.
            Some(last) if last.kind == StepKind::Action && kind == StepKind::Action => *last = step,
            _ => steps.push(step),
        }
    }
    if let Some(action) = steps.last_mut().filter(|step| step.kind == StepKind::Action) {
        action.details.extend(action_details(imported, mapping, &acted, &summary.event, members));
    }
    Report { change, cycle, key: acted.known.key, summary, steps, waits, began_at: imported.at, ended_at }
}

const SCOPE_RESULT: &str = "ScopeEvaluationResult";

/// All that was done, as one event: the last that sent something says how it ended.
fn in_all(acted: &Acted) -> Event {
    let events = &acted.seen.events;
    let sent = events.iter().rfind(|event| event.action != Act::Other);
    let failed = events.last().filter(|event| matches!(event.status, Status::Failure | Status::Warning));
    let nothing = || Event::other(Status::Warning, Reason::code("OutcomeUnknown"));
    let last = failed.or(sent).cloned().or_else(|| acted.seen.last()).unwrap_or_else(nothing);
    let succeeded = || events.iter().filter(|event| event.status == Status::Success);
    if last.status != Status::Success || succeeded().count() < 2 {
        return last;
    }
    let mut references = ReferenceChanges::default();
    for event in succeeded() {
        references.added += event.references.added;
        references.removed += event.references.removed;
        references.first.extend(event.references.first.iter().cloned());
    }
    Event {
        adopted: events.iter().any(|event| event.adopted),
        modified: succeeded().flat_map(|event| event.modified.clone()).collect(),
        duration: succeeded().map(|event| event.duration).sum(),
        references,
        ..last
    }
}

/// What is not done yet.
fn waits(acted: &Acted) -> Vec<String> {
    let removals = acted.known.removals.iter().map(|removal| {
        let what = match &removal.effect {
            RemovalEffect::Disable => "to disable it".to_owned(),
            RemovalEffect::Delete => "to delete it".to_owned(),
            RemovalEffect::Edges => "to take references from it".to_owned(),
            RemovalEffect::Clear(path) => format!("to clear `{path}`"),
        };
        let why = &removal.reason;
        match removal.state {
            RemovalState::Held if removal.not_before.is_some() => format!("{what} waits for its time: {why}"),
            RemovalState::Held => format!("{what} waits for the next cycle: {why}"),
            RemovalState::Approved | RemovalState::Released => format!("{what} is let through and not done yet: {why}"),
            RemovalState::Staged => format!("{what} is staged, `provisor removals release` or `reject` decides: {why}"),
            RemovalState::Rejected => format!("{what} was rejected: {why}"),
        }
    });
    let escrow = acted.known.escrow.as_ref().map(|escrow| match escrow.next_attempt_at {
        Some(next) => format!("it is in escrow until {}", next.format("%F %T")),
        None => "it is in escrow until it changes".to_owned(),
    });
    let unfinished = (!acted.seen.has_ended).then(|| "it is due in the next cycle".to_owned());
    removals.chain(escrow).chain(unfinished).collect()
}

fn came(imported: &Imported) -> String {
    match &imported.found {
        Ok(_) => format!("The source holds the {}.", imported.kind),
        Err(Departure::SoftDeleted) => format!("The {} is in the recycle bin of the source.", imported.kind),
        Err(Departure::LeftFeed) => format!("The source does not deliver the {} any more.", imported.kind),
        Err(Departure::Deleted) => format!("The source has the {} no more.", imported.kind),
    }
}

/// What was read; what a mapping redacts is not told.
fn import_details(imported: &Imported, mapping: &ObjectMapping) -> Vec<(String, String)> {
    let Ok(object) = &imported.found else { return Vec::new() };
    let redacted = mapping.attributes.iter().filter(|attribute| attribute.redacted);
    let hidden: BTreeSet<&str> = redacted
        .filter_map(|attribute| attribute.expression.as_ref())
        .flat_map(|expression| expression.source_attributes())
        .collect();
    let attributes = object.attributes.iter().map(|(name, value)| {
        let text = if hidden.contains(name) { REDACTED.to_owned() } else { text(value) };
        (name.to_owned(), text)
    });
    let references = object.references.iter().filter(|(_, names)| !names.is_empty());
    attributes.chain(references.map(|(name, names)| (name.clone(), counted(names.len(), "reference")))).collect()
}

/// A value as the contract writes it: `True`, and lists as JSON.
fn text(value: &Value) -> String {
    match written(value) {
        Some(text) => cut(Json::String(text.into_owned())),
        None => cut(serde_json::to_value(value).unwrap_or_default()),
    }
}

fn cut(value: Json) -> String {
    match shown(&value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn stands(acted: &Acted, otherwise: &str) -> String {
    let Some(standing) = &acted.standing else { return otherwise.to_owned() };
    let reason = standing.reason();
    format!("{}.", capitalised(reason))
}

fn scope_details(mapping: &ObjectMapping, acted: &Acted) -> Vec<(String, String)> {
    let known = &acted.known;
    let is_active = scope::is_active(&mapping.inputs(&known.attributes), known.lifecycle, mapping);
    let mut details = vec![("Active in the source system".to_owned(), word(is_active).to_owned())];
    let told: &[(&str, &str)] = match acted.assigned {
        Assigned::NotAsked => &[],
        Assigned::Yes => &[(ASSIGNED, "True"), (ENTITLED, "True")],
        Assigned::No => &[(ASSIGNED, "False")],
        Assigned::WithoutEntitlement => &[(ASSIGNED, "True"), (ENTITLED, "False")],
        Assigned::Unread => &[(ASSIGNED, "Undecided")],
    };
    details.extend(told.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    if let Some(scope) = &acted.scope {
        let passed = match scope.verdict {
            Verdict::Pass => word(true),
            Verdict::Fail => word(false),
            Verdict::Undecided(_) => "Undecided",
        };
        details.push(("Scoping filter evaluation passed".to_owned(), passed.to_owned()));
        if !scope.groups.is_empty() {
            details.push((SCOPE_RESULT.to_owned(), clauses(scope).to_string()));
        }
    }
    if acted.standing == Some(Standing::LeftFeed) {
        details.push(("Covered by the source filter".to_owned(), word(false).to_owned()));
    }
    details
}

/// Each clause with what came of it; null where nobody can tell.
fn clauses(scope: &ScopeResult) -> Json {
    let mut results = Map::new();
    for group in &scope.groups {
        for clause in &group.clauses {
            let title = if group.title.is_empty() { String::new() } else { format!("{}.", group.title) };
            let result = match clause.outcome.verdict() {
                Verdict::Pass => Json::Bool(true),
                Verdict::Fail => Json::Bool(false),
                Verdict::Undecided(_) => Json::Null,
            };
            results.insert(format!("{title}{}", clause.test()), result);
        }
    }
    Json::Object(results)
}

fn word(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// The resource that was found, by the attributes that the mapping writes.
fn match_details(mapping: &ObjectMapping, acted: &Acted) -> Vec<(String, String)> {
    let read = |content| -> Vec<(String, String)> {
        let told = mapping.attributes.iter().filter_map(|attribute| {
            let value = crate::scim::Resource::get(content, &attribute.target)?;
            let text = if attribute.redacted { REDACTED.to_owned() } else { cut(value.clone()) };
            Some((attribute.path.as_str().to_owned(), text))
        });
        told.collect()
    };
    match &acted.seen.situation {
        Some(Situation::Matched(candidate)) => read(&candidate.content),
        Some(Situation::LinkedAs(content)) => read(content),
        Some(Situation::Linked) => acted.known.link.as_ref().map(|link| exported(&link.exported)).unwrap_or_default(),
        Some(Situation::Ambiguous { path, candidates }) => {
            vec![(path.as_str().to_owned(), counted(*candidates, "resource"))]
        }
        Some(Situation::Claimed { by, .. }) => vec![("Claimed by".to_owned(), by.anchor().to_string())],
        _ => Vec::new(),
    }
}

/// What was last sent and confirmed.
fn exported(exported: &Exported) -> Vec<(String, String)> {
    let told = exported.iter().filter_map(|(path, value)| {
        let text = match value {
            ExportedValue::Known(Json::Null) | ExportedValue::Unknown => return None,
            ExportedValue::Known(value) => cut(value.clone()),
            ExportedValue::Hashed(_) => REDACTED.to_owned(),
        };
        Some((path.as_str().to_owned(), text))
    });
    told.collect()
}

fn action_details(
    imported: &Imported,
    mapping: &ObjectMapping,
    acted: &Acted,
    event: &Event,
    members: &[Imported],
) -> Vec<(String, String)> {
    let mut details = Vec::new();
    let mut number = |name: &str, number: u64| {
        if number > 0 {
            details.push((name.to_owned(), number.to_string()));
        }
    };
    number("References added", event.references.added);
    number("References removed", event.references.removed);
    number("References that wait for their resource", acted.unresolved as u64);
    if let Ok(group) = &imported.found {
        let others = members.iter().filter(|member| !is_member(group, member, mapping));
        let others: Vec<&str> = others.map(|member| member.anchor.as_str()).collect();
        if !others.is_empty() {
            details.push(("Not a member in the source".to_owned(), others.join(", ")));
        }
    }
    details
}

fn is_member(group: &SourceObject, member: &Imported, mapping: &ObjectMapping) -> bool {
    let Ok(member) = &member.found else { return false };
    let many = mapping.references.iter().filter(|reference| reference.multivalued);
    let mut listed = many.filter_map(|reference| group.references.get(&reference.source_attribute)).flatten();
    listed.any(|name| member.names.contains(name))
}
