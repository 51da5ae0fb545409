//! What the provisioning log says of an object and of what became of it. Pure.

use serde_json::Value as Json;

use crate::{
    engine::{
        evaluate::{Evaluation, Wanted},
        exported,
        flow::{DesiredValue, is_user_name},
    },
    model::{
        Action, AttributeChange, Exported, ExportedValue, Failure, HashKey, KnownObject, Removal, RemovalEffect,
        RemovalState, TargetPath, ValueChange,
    },
    provisioning_log::{
        Act, Event, FailedRequest, ModifiedProperty, REDACTED, Reason, ReferenceChanges, Status, Subject, shown,
    },
    store::Effect,
    sync_schema::ObjectMapping,
    target::TargetError,
};

/// Whom a line is about.
pub(super) fn subject(
    known: &KnownObject,
    mapping: &ObjectMapping,
    name: Option<String>,
    scope: Option<String>,
    effect: &Effect,
) -> Subject {
    let resource = match effect {
        Effect::Linked { resource, .. } => Some(resource),
        _ => known.link.as_ref().map(|link| &link.resource),
    };
    Subject {
        source_kind: known.kind.clone(),
        target_kind: mapping.target_kind.clone(),
        name,
        resource: resource.cloned(),
        scope,
    }
}

/// The user name of the object, else its display name: the wanted one, else the one that was exported.
pub(super) fn name(
    mapping: &ObjectMapping,
    known: &KnownObject,
    evaluation: Option<&Evaluation<'_>>,
) -> Option<String> {
    let is_told = |path: &TargetPath| mapping.attribute(path).is_some_and(|attribute| !attribute.redacted);
    let wanted = match evaluation {
        Some(Evaluation::Wanted(Wanted { attributes, .. })) => attributes.as_slice(),
        _ => &[],
    };
    let wanted = wanted.iter().filter_map(|attribute| match &attribute.value {
        DesiredValue::Set(Json::String(text)) => Some((&attribute.mapping.path, text)),
        _ => None,
    });
    let exported = known.link.iter().flat_map(|link| &link.exported).filter_map(|(path, value)| match value {
        ExportedValue::Known(Json::String(text)) => Some((path, text)),
        _ => None,
    });
    let names: Vec<_> = wanted.chain(exported).filter(|(path, text)| is_told(path) && !text.is_empty()).collect();
    let first = |is_name: fn(&TargetPath) -> bool| names.iter().find(|(path, _)| is_name(path));
    first(is_user_name).or_else(|| first(is_display_name)).map(|(_, text)| (*text).clone())
}

/// The name that a request gave to a new resource.
pub(super) fn name_sent(action: &Action) -> Option<String> {
    let Action::Create { attributes, .. } = action else { return None };
    let text = |is_name: fn(&TargetPath) -> bool| {
        attributes.iter().find_map(|change| match &change.change {
            ValueChange::Set(Json::String(text)) if is_name(&change.path) && !change.redacted => Some(text.clone()),
            _ => None,
        })
    };
    text(is_user_name).or_else(|| text(is_display_name))
}

fn is_display_name(path: &TargetPath) -> bool {
    path.is_called("displayName")
}

/// An action that was sent, or was to be sent. `baseline` is what the target held before.
pub(super) fn action(
    action: &Action,
    status: Status,
    known: &KnownObject,
    baseline: &Exported,
    mapping: &ObjectMapping,
    key: &HashKey,
) -> Event {
    let (act, changes) = match action {
        Action::Create { attributes, .. } => (Act::Create, attributes.as_slice()),
        Action::Update { changes, .. } => (Act::Update, changes.as_slice()),
        Action::Disable { changes, .. } => (Act::Disable, changes.as_slice()),
        Action::Delete { .. } => (Act::Delete, [].as_slice()),
        Action::Link { .. } => (Act::Link, [].as_slice()),
    };
    Event {
        adopted: known.link.is_none() && act != Act::Create,
        modified: modified(changes, baseline, mapping, key),
        references: ReferenceChanges::of(action.edges()),
        ..Event::of(act, status)
    }
}

fn modified(
    changes: &[AttributeChange],
    baseline: &Exported,
    mapping: &ObjectMapping,
    key: &HashKey,
) -> Vec<ModifiedProperty> {
    changes
        .iter()
        .map(|change| {
            let old = baseline.get(&change.path);
            // What is set is there to be shown; what is added stands beside what was there.
            let new = match &change.change {
                _ if change.redacted => None,
                ValueChange::Set(value) => Some(shown(value)),
                ValueChange::Add(_) => {
                    let before = old.map(|old| (change.path.clone(), old.clone())).into_iter().collect();
                    let after = exported::applied(before, vec![change.clone()], mapping, key);
                    after.get(&change.path).and_then(|value| told(value, false))
                }
                ValueChange::Clear => None,
            };
            let is_hidden = change.redacted && change.change != ValueChange::Clear;
            ModifiedProperty {
                path: change.path.clone(),
                old: old.and_then(|value| told(value, change.redacted)),
                new: if is_hidden { Some(REDACTED.into()) } else { new },
            }
        })
        .collect()
}

/// A value of the target, as it may be told.
fn told(value: &ExportedValue, redacted: bool) -> Option<Json> {
    match value {
        ExportedValue::Known(Json::Null) | ExportedValue::Unknown => None,
        ExportedValue::Known(_) if redacted => Some(REDACTED.into()),
        ExportedValue::Known(value) => Some(shown(value)),
        ExportedValue::Hashed(_) => Some(REDACTED.into()),
    }
}

/// One of two objects of which one has the resource of the other now.
pub(super) fn relinked(act: Act, text: String) -> Event {
    Event { reason: Some(Reason { text: Some(text), ..Reason::code("Relinked") }), ..Event::of(act, Status::Success) }
}

/// A removal that waits when the cycle is over.
pub(super) fn waiting(removal: &Removal) -> Event {
    let code = if removal.state == RemovalState::Staged { "RemovalStaged" } else { "RemovalHeld" };
    let text = Some(format!("{}: {}", what(&removal.effect), removal.reason));
    Event::other(Status::Skipped, Reason { text, ..Reason::code(code) })
}

fn what(effect: &RemovalEffect) -> String {
    match effect {
        RemovalEffect::Disable => "disable".to_owned(),
        RemovalEffect::Delete => "delete".to_owned(),
        RemovalEffect::Edges => "remove references".to_owned(),
        RemovalEffect::Clear(path) => format!("clear `{path}`"),
    }
}

/// A failure before anything was sent.
pub(super) fn failure(failure: &Failure) -> Event {
    Event::other(Status::Failure, reason(failure, None))
}

/// Why it failed, with the request that did.
pub(super) fn reason(failure: &Failure, request: Option<FailedRequest>) -> Reason {
    Reason { code: failure.code.clone(), text: Some(failure.message.clone()), request }
}

/// The request that failed, with what is safe of the answer.
pub(super) fn request(error: &TargetError, action: Option<&Action>) -> Option<FailedRequest> {
    let detail = error.detail();
    Some(FailedRequest {
        request: error.request()?.to_owned(),
        status: error.status(),
        scim_type: detail.and_then(|detail| detail.scim_type.clone()),
        detail: detail.and_then(|detail| detail.text.as_deref()).map(|text| without_secrets(text, action)),
    })
}

/// A text of the target without the values that it was not to tell: some targets name the password that they refuse.
pub(super) fn without_secrets(text: &str, action: Option<&Action>) -> String {
    let changes = match action {
        Some(
            Action::Create { attributes: changes, .. }
            | Action::Update { changes, .. }
            | Action::Disable { changes, .. },
        ) => changes.as_slice(),
        _ => &[],
    };
    let mut secrets = Vec::new();
    for change in changes.iter().filter(|change| change.redacted) {
        match &change.change {
            ValueChange::Set(value) => texts(value, &mut secrets),
            ValueChange::Add(values) => values.iter().for_each(|value| texts(value, &mut secrets)),
            ValueChange::Clear => {}
        }
    }
    // The longest first: one may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
}

/// The texts and numbers within a value.
fn texts(value: &Json, into: &mut Vec<String>) {
    match value {
        Json::String(text) if !text.is_empty() => into.push(text.clone()),
        Json::Number(number) => into.push(number.to_string()),
        Json::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Json::Object(members) => members.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::decide::tests::users;

    fn path(name: &str) -> TargetPath {
        TargetPath::new(name)
    }

    fn key() -> HashKey {
        HashKey::from([7; 32])
    }

    #[test]
    fn properties_are_told_with_both_values_and_secrets_with_neither() {
        let mapping = users();
        let known = |value: Json| ExportedValue::Known(value);
        let hashed = ExportedValue::Hashed(key().hash(&path("displayName"), b"x"));
        let change =
            |change, redacted| AttributeChange { redacted, ..AttributeChange::new(path("displayName"), change) };
        let set = || ValueChange::Set(json!("new"));
        let hidden = || Some(json!(REDACTED));
        for (old, change, expected) in [
            (None, change(set(), false), (None, Some(json!("new")))),
            (Some(known(json!("old"))), change(set(), false), (Some(json!("old")), Some(json!("new")))),
            (Some(known(json!("old"))), change(ValueChange::Clear, false), (Some(json!("old")), None)),
            (Some(known(Json::Null)), change(set(), false), (None, Some(json!("new")))),
            (Some(ExportedValue::Unknown), change(set(), false), (None, Some(json!("new")))),
            (
                Some(known(json!(["a"]))),
                change(ValueChange::Add(vec![json!("b")]), false),
                (Some(json!(["a"])), Some(json!(["a", "b"]))),
            ),
            (None, change(set(), true), (None, hidden())),
            (Some(known(json!("old"))), change(set(), true), (hidden(), hidden())),
            (Some(hashed.clone()), change(ValueChange::Clear, true), (hidden(), None)),
            (Some(hashed), change(set(), false), (hidden(), Some(json!("new")))),
        ] {
            let baseline: Exported = old.into_iter().map(|old| (path("displayName"), old)).collect();
            let told = modified(std::slice::from_ref(&change), &baseline, &mapping, &key()).remove(0);
            assert_eq!((told.old, told.new), expected, "{change:?} of {baseline:?}");
        }
    }

    #[test]
    fn a_target_that_repeats_a_secret_is_not_quoted() {
        let secret = |value: Json| AttributeChange { redacted: true, ..AttributeChange::set(path("password"), value) };
        let create = |value| Action::Create {
            attributes: vec![AttributeChange::set(path("title"), json!("weak")), secret(value)],
            edges: Vec::new(),
        };
        for (value, text, expected) in [
            (json!("hush"), "`hush` is weak: hush", "`[Redact]` is weak: [Redact]"),
            (json!(["hu", "hush"]), "hush hu", "[Redact] [Redact]"),
            (json!({ "value": 4711 }), "4711 is short", "[Redact] is short"),
            (json!(""), "empty", "empty"),
        ] {
            assert_eq!(without_secrets(text, Some(&create(value))), expected);
        }
        assert_eq!(without_secrets("hush", None), "hush");
    }
}
