//! What became of an action whose outcome is unknown. Pure, given what the target shows now.

use crate::{
    engine::exported,
    model::{Action, Exported, HashKey, Intent, ResourceId, TargetPath},
    scim::Resource,
    sync_schema::ObjectMapping,
};

/// What a look at the target brought for one open intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// The matching values, or the id, find exactly this resource, and nobody else holds it.
    Found(ResourceId, Box<Resource>),
    /// Nothing is there, and the target answered other questions at the same time.
    Nothing,
    /// Several resources answer, or the one that does belongs to another anchor.
    Unclear,
}

/// How an intent ends. Whatever it is, the object is decided anew afterwards, and its edges stay unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The resource exists: link it, with what it was read with as exported content.
    Linked { resource: ResourceId, exported: Exported },
    /// The resource is linked already; these attributes are unknown and are sent again.
    Unknown { paths: Vec<TargetPath> },
    /// The resource is gone.
    Gone,
    /// It was not done, or it does not matter.
    NotDone,
    /// Nobody can tell: never send it again blindly.
    Unclear,
}

/// True when the intent can only be settled by asking the target.
pub fn asks_target(intent: &Intent) -> bool {
    matches!(intent.action, Action::Create { .. } | Action::Delete { .. })
}

/// Settles one intent. `sight` is only looked at for actions that [`asks_target`].
pub fn settle(intent: &Intent, sight: &Sight, mapping: &ObjectMapping, key: &HashKey) -> Settlement {
    match (&intent.action, sight) {
        (Action::Create { .. }, Sight::Found(resource, content)) => {
            Settlement::Linked { resource: resource.clone(), exported: exported::adopted(content, mapping, key) }
        }
        (Action::Create { .. }, Sight::Nothing) => Settlement::NotDone,
        (Action::Create { .. }, Sight::Unclear) => Settlement::Unclear,
        (Action::Delete { .. }, Sight::Nothing) => Settlement::Gone,
        (Action::Delete { .. }, Sight::Found(..) | Sight::Unclear) => Settlement::NotDone,
        (Action::Update { changes, .. } | Action::Disable { changes, .. }, _) => {
            Settlement::Unknown { paths: changes.iter().map(|change| change.path.clone()).collect() }
        }
        (Action::Link { .. }, _) => Settlement::NotDone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::decide::tests::users,
        model::{AttributeChange, ObjectKey, ResourceKind},
    };

    #[test]
    fn an_intent_ends_as_the_target_shows() {
        let mapping = users();
        let found = || Sight::Found("7".into(), Box::new(Resource::new("urn:test")));
        let change = AttributeChange::clear(TargetPath::new("displayName"));
        let create = Action::Create { attributes: Vec::new(), edges: Vec::new() };
        let delete = Action::Delete { resource: "7".into() };
        let update = Action::Update { resource: "7".into(), changes: vec![change.clone()], edges: Vec::new() };
        let disable = Action::Disable { resource: "7".into(), changes: vec![change] };
        let unknown = || Settlement::Unknown { paths: vec![TargetPath::new("displayName")] };
        let linked = Settlement::Linked { resource: "7".into(), exported: Exported::new() };
        for (action, asks, sight, expected) in [
            (&create, true, found(), linked),
            (&create, true, Sight::Nothing, Settlement::NotDone),
            (&create, true, Sight::Unclear, Settlement::Unclear),
            (&delete, true, Sight::Nothing, Settlement::Gone),
            (&delete, true, found(), Settlement::NotDone),
            (&delete, true, Sight::Unclear, Settlement::NotDone),
            (&update, false, Sight::Nothing, unknown()),
            (&disable, false, found(), unknown()),
        ] {
            let intent = Intent {
                key: ObjectKey { mapping: mapping.id.clone(), anchor: "ada".into() },
                kind: ResourceKind::new("Users"),
                revision: 1,
                action: action.clone(),
                matching: Vec::new(),
                drawn: Vec::new(),
            };
            assert_eq!(asks_target(&intent), asks, "{action:?}");
            assert_eq!(settle(&intent, &sight, &mapping, &HashKey::from([0; 32])), expected, "{action:?} {sight:?}");
        }
    }
}
