//! What is to be done with a linked resource. Pure.

use super::{Decision, Held, Rules, SkipReason, skip};
use crate::{
    engine::{
        diff,
        edges::EdgeWork,
        equality::{is_unassigned, same},
        evaluate::Wanted,
        flow,
        policy::{Deprovisioning, Policy},
        scope::Standing,
    },
    model::{Action, AttributeChange, Exported, ExportedValue, Link, RemovalEffect, ValueChange},
};

/// The endpoint of the one resource type that has an `active` attribute.
const USERS: &str = "Users";

pub(super) fn linked(link: &Link, wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if is_protected(link, rules.policy) {
        return skip(SkipReason::Protected);
    }
    let event = match wanted.standing {
        Standing::InScope => return update(link, wanted, work, rules),
        Standing::AccountDisabled => rules.policy.disabled,
        Standing::OutOfScope(_) => rules.policy.out_of_scope,
        Standing::Unassigned | Standing::NotEntitled | Standing::LeftFeed => rules.policy.unassigned,
        Standing::SoftDeleted => rules.policy.soft_deleted,
        Standing::Deleted => rules.policy.deleted,
    };
    // Who is kept although nobody provisions them any more still loses access with the account.
    let is_kept = event == Deprovisioning::Nothing && wanted.standing.is_beyond_scope();
    let (event, reason) = match is_kept && wanted.account_disabled {
        true => (rules.policy.disabled, Standing::AccountDisabled.reason()),
        false => (event, wanted.standing.reason()),
    };
    // Only people have an `active` attribute. What cannot be disabled (a group) is deleted instead.
    let can_be_disabled = rules.soft_delete && rules.mapping.target_kind.as_str() == USERS;
    match event {
        Deprovisioning::Nothing => skip(SkipReason::KeptByPolicy),
        Deprovisioning::Disable if can_be_disabled => disable(link, wanted, work, rules),
        Deprovisioning::Delete | Deprovisioning::Disable => delete(link, reason, rules),
        Deprovisioning::DeleteAfter(_) if rules.approved.contains(&RemovalEffect::Delete) => {
            delete(link, reason, rules)
        }
        Deprovisioning::DeleteAfter(after) => {
            let now = if can_be_disabled { disable(link, wanted, work, rules) } else { skip(SkipReason::RemovalHeld) };
            let deletes = rules.mapping.flow.delete;
            let later = deletes.then(|| Held { after, ..Held::now(RemovalEffect::Delete, reason, link) });
            and_later(now, later)
        }
    }
}

/// A decision, and a removal whose time has not come.
fn and_later(now: Decision, later: Option<Held>) -> Decision {
    match now {
        Decision::Act { action, baseline, matching, mut held } => {
            held.extend(later);
            Decision::Act { action, baseline, matching, held }
        }
        Decision::Skip { mut held, reason } => {
            let reason = if later.is_some() { SkipReason::RemovalHeld } else { reason };
            held.extend(later);
            Decision::Skip { reason, held }
        }
        other => other,
    }
}

/// Everything that differs, except what takes something away and has not been let through.
pub(super) fn update(link: &Link, wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if !rules.mapping.flow.update {
        return skip(SkipReason::FlowDisabled);
    }
    let mut changes = diff::for_update(&wanted.attributes, &link.exported, rules.key);
    let mut held = Vec::new();
    let references = work.all_removals();
    let mut edges = work.due;
    if rules.approved.contains(&RemovalEffect::Edges) {
        edges.extend(work.removals);
    } else if !work.removals.is_empty() {
        held.push(Held { references, ..Held::now(RemovalEffect::Edges, "no longer referenced in the source", link) });
    }
    let mut disables = false;
    let mut waits_whole = false;
    changes.retain(|change| {
        let Some(effect) = taken_away(change, &link.exported) else { return true };
        let is_approved = rules.approved.contains(&effect);
        disables |= is_approved && effect == RemovalEffect::Disable;
        waits_whole |= !is_approved && effect != RemovalEffect::Disable && !rules.with_a_person.contains(&effect);
        if !is_approved && held.iter().all(|held| held.effect != effect) {
            let reason = match effect {
                RemovalEffect::Disable => wanted.standing.reason(),
                _ => "no value in the source any more",
            };
            held.push(Held::now(effect, reason, link));
        }
        is_approved
    });
    if disables {
        return act(Action::Disable { resource: link.resource.clone(), changes }, link, wanted, held);
    }
    // What is cleared is judged in this very cycle, and goes in one request with all that changes beside it.
    if waits_whole && edges.is_empty() {
        changes.clear();
    }
    if changes.is_empty() && edges.is_empty() {
        let reason = if held.is_empty() { SkipReason::RedundantExport } else { SkipReason::RemovalHeld };
        return Decision::Skip { reason, held };
    }
    act(Action::Update { resource: link.resource.clone(), changes, edges }, link, wanted, held)
}

/// Takes the access of a person. One whose account is disabled is kept up to date otherwise, as far as the mapping does not
/// fail; of one who left scope only what depends on `IsSoftDeleted` is sent.
fn disable(link: &Link, wanted: &Wanted<'_>, work: EdgeWork, rules: Rules<'_>) -> Decision {
    if wanted.standing == Standing::AccountDisabled {
        return match (update(link, wanted, work, rules), &wanted.failure) {
            (Decision::Skip { reason: SkipReason::RedundantExport, .. }, Some(failure)) => {
                Decision::Fail(failure.clone())
            }
            (decision, _) => decision,
        };
    }
    let reason = wanted.standing.reason();
    let name = &rules.mapping.soft_deleted;
    let disabling: Vec<_> =
        wanted.attributes.iter().filter(|attribute| flow::depends_on(attribute.mapping, name)).cloned().collect();
    if disabling.is_empty() {
        return skip(SkipReason::CannotDisable);
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
            held: vec![Held::now(RemovalEffect::Disable, reason, link)],
        };
    }
    act(Action::Disable { resource: link.resource.clone(), changes }, link, wanted, Vec::new())
}

pub(super) fn delete(link: &Link, reason: &'static str, rules: Rules<'_>) -> Decision {
    if is_protected(link, rules.policy) {
        return skip(SkipReason::Protected);
    }
    if !rules.mapping.flow.delete {
        return skip(SkipReason::FlowDisabled);
    }
    if !rules.approved.contains(&RemovalEffect::Delete) {
        return Decision::Skip {
            reason: SkipReason::RemovalHeld,
            held: vec![Held::now(RemovalEffect::Delete, reason, link)],
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

fn is_protected(link: &Link, policy: &Policy) -> bool {
    let exported_name = link.exported.iter().find_map(|(path, value)| match value {
        ExportedValue::Known(serde_json::Value::String(name)) if flow::is_user_name(path) => Some(name),
        _ => None,
    });
    policy.protected.covers_id(&link.resource)
        || exported_name.is_some_and(|name| policy.protected.covers_user_name(name))
}

/// What a change takes away from a person; `None` for one that does not.
fn taken_away(change: &AttributeChange, exported: &Exported) -> Option<RemovalEffect> {
    if takes_access(change, exported) {
        return Some(RemovalEffect::Disable);
    }
    let is_empty = match &change.change {
        ValueChange::Clear => true,
        ValueChange::Set(value) => is_unassigned(value),
        ValueChange::Add(_) => false,
    };
    let had_a_value = match exported.get(&change.path) {
        Some(ExportedValue::Known(former)) => !is_unassigned(former),
        Some(ExportedValue::Hashed(_) | ExportedValue::Unknown) => true,
        None => false,
    };
    (is_empty && had_a_value).then(|| RemovalEffect::Clear(change.path.clone()))
}

/// `active` going to false, or away, whatever it was before; sending again what it is already takes nothing.
fn takes_access(change: &AttributeChange, exported: &Exported) -> bool {
    let takes = match &change.change {
        ValueChange::Set(serde_json::Value::Bool(flag)) => !flag,
        ValueChange::Set(serde_json::Value::String(text)) => text.eq_ignore_ascii_case("false"),
        ValueChange::Clear => true,
        ValueChange::Set(_) | ValueChange::Add(_) => false,
    };
    takes && flow::is_active(&change.path) && differs(change, exported)
}

/// True when the target is not known to be so already.
fn differs(change: &AttributeChange, exported: &Exported) -> bool {
    match (&change.change, exported.get(&change.path)) {
        (ValueChange::Set(value), Some(ExportedValue::Known(former))) => !same(value, former, true),
        _ => true,
    }
}
