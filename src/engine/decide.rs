//! Evaluation + what is known + policy → action. Pure: no clock, no network, no database.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use crate::{
    engine::{
        diff,
        edges::{self, EdgeWork},
        evaluate::{Evaluation, Wanted},
        exported, flow,
        matching::Situation,
        policy::{Adoption, Deprovisioning, Policy},
        scope::Standing,
    },
    model::{
        Action, Exported, Failure, FailureClass, HashKey, KnownObject, Lifecycle, Link, MatchingValue, RemovalEffect,
        RemovalId, ResourceId,
    },
    sync_schema::ObjectMapping,
};

mod linked;
#[cfg(test)]
pub(super) mod tests;

use linked::{delete, linked, update};

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
    /// What decides about it is still to be read.
    Postpone,
    /// It cannot be done.
    Fail(Failure),
}

/// A removal that must pass the guard before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub effect: RemovalEffect,
    pub reason: &'static str,
    /// What it is decided for.
    pub resource: ResourceId,
    /// How many references it takes away; 0 for other effects.
    pub references: u64,
    /// How long it waits before it is judged.
    pub after: Duration,
}

impl Held {
    fn now(effect: RemovalEffect, reason: &'static str, link: &Link) -> Self {
        Self { effect, reason, resource: link.resource.clone(), references: 0, after: Duration::ZERO }
    }
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The target already is as desired.
    RedundantExport,
    /// Out of scope and never provisioned.
    NotInScope,
    /// Assigned with roles of which none entitles, and never provisioned.
    NotEffectivelyEntitled,
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
            Self::NotEffectivelyEntitled => "NotEffectivelyEntitled",
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
    /// The effects that a person has to decide about, or has refused.
    pub with_a_person: &'a BTreeSet<RemovalEffect>,
    /// True where the target's users can be disabled; where not, they are deleted instead.
    pub soft_delete: bool,
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
        Evaluation::Unread => return Decision::Postpone,
        Evaluation::Ignored => return skip(SkipReason::IgnoredByMapping),
        Evaluation::Wanted(wanted) => wanted,
    };
    if flow::user_name(&wanted.attributes).is_some_and(|name| rules.policy.protected.covers_user_name(name)) {
        return skip(SkipReason::Protected);
    }
    let work = edges::of(known, &rules.mapping.references);
    match &known.link {
        Some(link) => match situation {
            Situation::LinkedAs(content) => {
                let exported = exported::completed(&link.exported, content, rules.mapping, rules.key);
                linked(&Link { exported, ..link.clone() }, wanted, work, rules)
            }
            _ => linked(link, wanted, work, rules),
        },
        None if wanted.standing == Standing::NotEntitled => skip(SkipReason::NotEffectivelyEntitled),
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
        Situation::Claimed { by, is_gone: true, .. } => fail(
            FailureClass::Object,
            DUPLICATE_SOURCE_ENTRIES,
            format!(
                "the matching resource is that of `{}`, which is gone from the source; if both are the same, say so with \
                 `provisor links relink`",
                by.anchor()
            ),
        ),
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

fn skip(reason: SkipReason) -> Decision {
    Decision::Skip { reason, held: Vec::new() }
}

fn fail(class: FailureClass, code: &str, message: String) -> Decision {
    Decision::Fail(Failure { class, code: code.to_owned(), message })
}
