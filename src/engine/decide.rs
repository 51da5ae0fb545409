//! Evaluation + what is known + policy → action. Pure: no clock, no network, no database.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    engine::{
        diff,
        edges::{self, EdgeWork},
        equality::same,
        evaluate::{Evaluation, Wanted},
        exported, flow,
        matching::Situation,
        policy::{Adoption, Deprovisioning, Policy},
        scope::Standing,
    },
    model::{
        Action, AttributeChange, Exported, ExportedValue, Failure, FailureClass, HashKey, KnownObject, Lifecycle, Link,
        MatchingValue, RemovalEffect, RemovalId, TargetPath, ValueChange,
    },
    sync_schema::ObjectMapping,
};

#[cfg(test)]
pub(super) mod tests;

/// The endpoint of the one resource type that has an `active` attribute.
const USERS: &str = "Users";

/// The code of the failure of an object whose resource is linked to another one.
pub(super) const DUPLICATE_SOURCE_ENTRIES: &str = "DuplicateSourceEntries";

/// What is to be done with one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Send this. `baseline` is the exported content the action was computed against; `matching` finds the resource
    /// again should the outcome stay unknown; `held` waits for the guard.
    Act { action: Action, baseline: Exported, matching: Vec<MatchingValue>, held: Vec<Held> },
    /// Send nothing now.
    Skip { reason: SkipReason, held: Vec<Held> },
    /// The name it needs is still held by somebody who leaves.
    Wait { for_removal: RemovalId },
    /// It cannot be done.
    Fail(Failure),
}

/// A removal that must pass the guard before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub effect: RemovalEffect,
    pub reason: &'static str,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The target already is as desired.
    RedundantExport,
    /// Out of scope and never provisioned.
    NotInScope,
    /// The mapping sent `IgnoreObjectFlow`.
    IgnoredByMapping,
    /// The object mapping does not create, update or delete.
    FlowDisabled,
    /// A protected name or id.
    Protected,
    /// The policy leaves the resource as it is.
    KeptByPolicy,
    /// The mapping gives no way to disable the resource.
    CannotDisable,
    /// Only a removal is due, and it waits for the guard.
    RemovalHeld,
}

impl SkipReason {
    /// The reason as the provisioning log spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RedundantExport => "RedundantExport",
            Self::NotInScope => "NotInScope",
            Self::IgnoredByMapping => "IgnoredByMapping",
            Self::FlowDisabled => "FlowDisabled",
            Self::Protected => "Protected",
            Self::KeptByPolicy => "KeptByPolicy",
            Self::CannotDisable => "CannotDisable",
            Self::RemovalHeld => "RemovalHeld",
        }
    }
}

/// What a decision is made with, beside the object itself.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub mapping: &'a ObjectMapping,
    pub policy: &'a Policy,
    /// The effects that the guard, or a person, has let through for this object.
    pub approved: &'a BTreeSet<RemovalEffect>,
    /// Hashes what is not kept.
    pub key: &'a HashKey,
}

/// Decides one object.
pub fn decide(known: &KnownObject, evaluation: &Evaluation<'_>, situation: &Situation, rules: Rules<'_>) -> Decision {
    if rules.mapping.flow.is_none() {
        return skip(SkipReason::FlowDisabled);
    }
    if let (Some(link), Lifecycle::Deleted, Deprovisioning::Delete) =
        (&known.link, known.lifecycle, rules.policy.deleted)
    {
        // Nothing of a deleted object has to be evaluated to delete its resource.
        return delete(link, Standing::Deleted.reason(), rules);
    }
    let wanted = match evaluation {
        Evaluation::Failed(failure) => return Decision::Fail(failure.clone()),
        Evaluation::Undecided(scope) => return fail(FailureClass::Object, Failure::SCOPE_UNDECIDED, scope.to_string()),
        Evaluation::Ignored => return skip(SkipReason::IgnoredByMapping),
        Evaluation::Wanted(wanted) => wanted,
    };
    if flow::user_name(&wanted.attributes).is_some_and(|name| rules.policy.protected.covers_user_name(name)) {
        return skip(SkipReason::Protected);
    }
    let work = edges::work(&known.edges, &rules.mapping.references);
    match &known.link {
        Some(link) => match situation {
            Situation::LinkedAs(content) => {
                let exported = exported::completed(&link.exported, content, rules.mapping, rules.key);
                linked(&Link { exported, ..link.clone() }, wanted, work, rules)
            }
            _ => linked(link, wanted, work, rules),
        },
        None if wanted.standing != Standing::InScope => skip(SkipReason::NotInScope),
        None => unlinked(wanted, situation, work, rules),
    }
}

/// True when [`decide`] needs to know whether the target holds a resource for this object.
pub fn needs_match(known: &KnownObject, evaluation: &Evaluation<'_>) -> bool {
    known.link.is_none() && matches!(evaluation, Evaluation::Wanted(wanted) if wanted.standing == Standing::InScope)
}

/// True when [`decide`] needs to know what the linked resource holds now.
pub fn needs_present(known: &KnownObject, evaluation: &Evaluation<'_>) -> bool {
    match (&known.link, evaluation) {
        (Some(link), Evaluation::Wanted(wanted)) => {
            wanted.standing.is_maintained() && diff::needs_present(&wanted.attributes, &link.exported)
        }
        _ => false,
    }
}

fn unlinked(wanted: &Wanted<'_>, situation: &Situation, work: EdgeWork, rules: Rules<'_>) -> Decision {
    match situation {
        Situation::Unmatched => create(wanted, work, rules),
        Situation::Matched(candidate) => {
            if rules.policy.protected.covers_id(&candidate.resource) {
                return skip(SkipReason::Protected);
            }
            let baseline = exported::adopted(&candidate.content, rules.mapping, rules.key);
            let link = Link { resource: candidate.resource.clone(), exported: baseline };
            if rules.policy.adoption == Adoption::LinkOnly || !rules.mapping.flow.update {
                return adopt(link, wanted, Vec::new());
            }
            match update(&link, wanted, work, rules) {
                Decision::Skip { held, .. } => adopt(link, wanted, held),
                decision => decision,
            }
        }
        Situation::Ambiguous { path, candidates } => fail(
            FailureClass::Object,
            "DuplicateTargetEntries",
            format!("{candidates} resources of the target have the same `{path}`; remove or rename all but one"),
        ),
        Situation::Claimed { leaving: Some(removal), .. } => Decision::Wait { for_removal: removal.clone() },
        Situation::Claimed { by, .. } => fail(
            FailureClass::Object,
            DUPLICATE_SOURCE_ENTRIES,
            format!(
                "the matching resource is claimed by `{}`; give one of the two objects another matching value",
                by.anchor()
            ),
        ),
        Situation::NoMatchingValue => fail(
            FailureClass::Object,
            "ImportSkipped",
            "the object has no value for any matching attribute; fill one of them in the source".to_owned(),
        ),
        Situation::Linked | Situation::LinkedAs(_) | Situation::NotAsked => skip(SkipReason::NotInScope),
    }
}

fn create(wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if !rules.mapping.flow.add {
        return skip(SkipReason::FlowDisabled);
    }
    let missing: Vec<&str> = diff::missing_required(&wanted.attributes).map(|mapping| mapping.path.as_str()).collect();
    if !missing.is_empty() {
        return fail(
            FailureClass::Object,
            "MissingValues",
            format!(
                "the target requires `{}` and the object has no value for it; fill it in the source or map a default",
                missing.join("`, `")
            ),
        );
    }
    let mut edges: Vec<_> = work.due.into_iter().filter(|edge| edge.added).collect();
    // What does not fit stays due and follows in PATCHes of its own.
    edges.truncate(rules.policy.references_on_create);
    Decision::Act {
        action: Action::Create { attributes: diff::for_create(&wanted.attributes), edges },
        baseline: Exported::new(),
        matching: wanted.matching.clone(),
        held: Vec::new(),
    }
}

fn adopt(link: Link, wanted: &Wanted<'_>, held: Vec<Held>) -> Decision {
    Decision::Act {
        action: Action::Link { resource: link.resource },
        baseline: link.exported,
        matching: wanted.matching.clone(),
        held,
    }
}

fn linked(link: &Link, wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if is_protected(link, rules.policy) {
        return skip(SkipReason::Protected);
    }
    let event = match wanted.standing {
        Standing::InScope | Standing::AccountDisabled => return update(link, wanted, work, rules),
        Standing::OutOfScope(_) | Standing::LeftFeed => rules.policy.out_of_scope,
        Standing::SoftDeleted => rules.policy.soft_deleted,
        Standing::Deleted => rules.policy.deleted,
    };
    match event {
        Deprovisioning::Nothing => skip(SkipReason::KeptByPolicy),
        Deprovisioning::Delete => delete(link, wanted.standing.reason(), rules),
        Deprovisioning::Disable => disable(link, wanted, rules),
    }
}

/// Everything that differs, except what takes access away and has not been let through.
fn update(link: &Link, wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if !rules.mapping.flow.update {
        return skip(SkipReason::FlowDisabled);
    }
    let changes = diff::for_update(&wanted.attributes, &link.exported, rules.key);
    let (disabling, mut changes): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| takes_access(change, &link.exported));
    let mut held = Vec::new();
    let mut edges = work.due;
    if rules.approved.contains(&RemovalEffect::Edges) {
        edges.extend(work.removals);
    } else if !work.removals.is_empty() {
        held.push(Held { effect: RemovalEffect::Edges, reason: "no longer referenced in the source" });
    }
    if !disabling.is_empty() {
        if rules.approved.contains(&RemovalEffect::Disable) {
            changes.extend(disabling);
            let action = Action::Disable { resource: link.resource.clone(), changes };
            return act(action, link, wanted, held);
        }
        held.push(Held { effect: RemovalEffect::Disable, reason: wanted.standing.reason() });
    }
    if changes.is_empty() && edges.is_empty() {
        let reason = if held.is_empty() { SkipReason::RedundantExport } else { SkipReason::RemovalHeld };
        return Decision::Skip { reason, held };
    }
    act(Action::Update { resource: link.resource.clone(), changes, edges }, link, wanted, held)
}

/// Sends only what depends on `IsSoftDeleted`: a person who left scope is disabled, not otherwise maintained.
fn disable(link: &Link, wanted: &Wanted<'_>, rules: Rules<'_>) -> Decision {
    let reason = wanted.standing.reason();
    let depends = |name: &str| name == rules.mapping.soft_deleted;
    let disabling: Vec<_> = wanted
        .attributes
        .iter()
        .filter(|attribute| {
            attribute
                .mapping
                .expression
                .as_ref()
                .is_some_and(|expression| expression.source_attributes().into_iter().any(depends))
        })
        .cloned()
        .collect();
    if disabling.is_empty() {
        // Only people have an `active` attribute. What cannot be disabled (a group) is deleted instead.
        let is_person = rules.mapping.target_kind.as_str() == USERS;
        return if is_person { skip(SkipReason::CannotDisable) } else { delete(link, reason, rules) };
    }
    if !rules.mapping.flow.update {
        return skip(SkipReason::FlowDisabled);
    }
    let mut changes = diff::for_update(&disabling, &link.exported, rules.key);
    // Nobody has to let through what is so already.
    if !changes.iter().any(|change| takes_access(change, &link.exported)) {
        changes.retain(|change| differs(change, &link.exported));
    }
    if changes.is_empty() {
        return skip(SkipReason::RedundantExport);
    }
    if !rules.approved.contains(&RemovalEffect::Disable) {
        return Decision::Skip {
            reason: SkipReason::RemovalHeld,
            held: vec![Held { effect: RemovalEffect::Disable, reason }],
        };
    }
    act(Action::Disable { resource: link.resource.clone(), changes }, link, wanted, Vec::new())
}

fn delete(link: &Link, reason: &'static str, rules: Rules<'_>) -> Decision {
    if is_protected(link, rules.policy) {
        return skip(SkipReason::Protected);
    }
    if !rules.mapping.flow.delete {
        return skip(SkipReason::FlowDisabled);
    }
    if !rules.approved.contains(&RemovalEffect::Delete) {
        return Decision::Skip {
            reason: SkipReason::RemovalHeld,
            held: vec![Held { effect: RemovalEffect::Delete, reason }],
        };
    }
    Decision::Act {
        action: Action::Delete { resource: link.resource.clone() },
        baseline: link.exported.clone(),
        matching: Vec::new(),
        held: Vec::new(),
    }
}

fn act(action: Action, link: &Link, wanted: &Wanted<'_>, held: Vec<Held>) -> Decision {
    Decision::Act { action, baseline: link.exported.clone(), matching: wanted.matching.clone(), held }
}

fn skip(reason: SkipReason) -> Decision {
    Decision::Skip { reason, held: Vec::new() }
}

fn fail(class: FailureClass, code: &str, message: String) -> Decision {
    Decision::Fail(Failure { class, code: code.to_owned(), message })
}

fn is_protected(link: &Link, policy: &Policy) -> bool {
    let exported_name = link.exported.iter().find_map(|(path, value)| match value {
        ExportedValue::Known(serde_json::Value::String(name)) if flow::is_user_name(path) => Some(name),
        _ => None,
    });
    policy.protected.covers_id(&link.resource)
        || exported_name.is_some_and(|name| policy.protected.covers_user_name(name))
}

/// `active` going to false, or away, whatever it was before; sending again what it is already takes nothing.
fn takes_access(change: &AttributeChange, exported: &Exported) -> bool {
    let takes = match &change.change {
        ValueChange::Set(serde_json::Value::Bool(flag)) => !flag,
        ValueChange::Set(serde_json::Value::String(text)) => text.eq_ignore_ascii_case("false"),
        ValueChange::Clear => true,
        ValueChange::Set(_) | ValueChange::Add(_) => false,
    };
    takes && is_active(&change.path) && differs(change, exported)
}

/// True when the target is not known to be so already.
fn differs(change: &AttributeChange, exported: &Exported) -> bool {
    match (&change.change, exported.get(&change.path)) {
        (ValueChange::Set(value), Some(ExportedValue::Known(former))) => !same(value, former, true),
        _ => true,
    }
}

fn is_active(path: &TargetPath) -> bool {
    path.as_str().rsplit(':').next().is_some_and(|name| name.eq_ignore_ascii_case("active"))
}
