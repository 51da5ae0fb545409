//! Carries out one action at the target.

use serde_json::json;

use crate::{
    engine::edges,
    model::{Action, AttributeChange, ResourceId, SentEdge, ValueChange},
    scim::Resource,
    sync_schema::{ObjectMapping, ReferenceMapping},
    target::{
        Deletion, ScimTarget, TargetError,
        write::{self, MemberChange, ResourceChange},
    },
};

/// What the target confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The resource the action was about; for a create, the new one.
    pub resource: ResourceId,
    /// A DELETE found nothing to delete.
    pub was_absent: bool,
}

/// Sends the action's requests, in order, and returns once the last is confirmed. `owned_members` are all members that
/// an updated group is to have, where the target must be sent all of them.
///
/// # Errors
/// The first request that was not confirmed. Its `outcome()` says whether it may have been done all the same.
pub async fn execute(
    action: &Action,
    mapping: &ObjectMapping,
    target: &ScimTarget,
    owned_members: Option<Vec<ResourceId>>,
) -> Result<Done, TargetError> {
    let kind = &mapping.target_kind;
    let mut was_absent = false;
    let resource = match action {
        Action::Link { resource } => resource.clone(),
        Action::Create { attributes, edges } => target.create(kind, &new_resource(attributes, edges, mapping)).await?,
        Action::Update { resource, changes, edges } => {
            let change = ResourceChange { owned_members, ..resource_change(changes, edges, mapping)? };
            target.change(kind, resource, &change).await?;
            resource.clone()
        }
        Action::Disable { resource, changes } => {
            target.change(kind, resource, &resource_change(changes, &[], mapping)?).await?;
            resource.clone()
        }
        Action::Delete { resource } => {
            was_absent = target.delete(kind, resource).await? == Deletion::Absent;
            resource.clone()
        }
    };
    Ok(Done { resource, was_absent })
}

/// Sends the actions that create resources, with as few requests as the target allows, and says what became of each,
/// in their order. Other actions are none of its business.
pub async fn execute_creates(
    creates: &[&Action],
    mapping: &ObjectMapping,
    target: &ScimTarget,
) -> Vec<Result<Done, TargetError>> {
    let resources: Vec<Resource> = creates
        .iter()
        .filter_map(|action| match action {
            Action::Create { attributes, edges } => Some(new_resource(attributes, edges, mapping)),
            _ => None,
        })
        .collect();
    let created = target.create_all(&mapping.target_kind, &resources).await;
    created.into_iter().map(|created| Ok(Done { resource: created?, was_absent: false })).collect()
}

/// The body of a POST: every attribute at its path, and the references that have a resource already.
pub fn new_resource(attributes: &[AttributeChange], sent: &[SentEdge], mapping: &ObjectMapping) -> Resource {
    let mut resource = Resource::new(&mapping.schema);
    for change in attributes {
        let value = match &change.change {
            ValueChange::Set(value) => value.clone(),
            ValueChange::Add(values) => values.clone().into(),
            ValueChange::Clear => continue,
        };
        if let Some(attribute) = mapping.attribute(&change.path) {
            resource.set(&attribute.target, value);
        }
    }
    for (reference, sent) in by_reference(sent, mapping) {
        let (added, _) = edges::resources(&sent);
        let mut values = added.into_iter().map(|id| json!({ "value": id }));
        let value = if reference.multivalued { Some(values.collect()) } else { values.next() };
        if let Some(value) = value {
            resource.set(&reference.target, value);
        }
    }
    resource
}

fn resource_change(
    changes: &[AttributeChange],
    sent: &[SentEdge],
    mapping: &ObjectMapping,
) -> Result<ResourceChange, TargetError> {
    let mut attributes = write::attribute_operations(changes)?;
    let mut members = Vec::new();
    for (reference, sent) in by_reference(sent, mapping) {
        let (added, removed) = edges::resources(&sent);
        if reference.multivalued {
            members.push(MemberChange { path: reference.target.clone(), added, removed });
        } else if !added.is_empty() || !removed.is_empty() {
            attributes.push(write::reference_operation(&reference.target, added.first()));
        }
    }
    Ok(ResourceChange { attributes, members, owned_members: None })
}

fn by_reference<'m>(
    sent: &[SentEdge],
    mapping: &'m ObjectMapping,
) -> impl Iterator<Item = (&'m ReferenceMapping, Vec<SentEdge>)> {
    mapping.references.iter().filter_map(|reference| {
        let edges: Vec<SentEdge> =
            sent.iter().filter(|edge| edge.key.attribute == reference.source_attribute).cloned().collect();
        (!edges.is_empty()).then_some((reference, edges))
    })
}
