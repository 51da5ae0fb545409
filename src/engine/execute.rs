//! Carries out one action at the target.

use serde_json::json;

use crate::{
    engine::edges,
    model::{Action, AttributeChange, ResourceId, SentEdge},
    scim::Resource,
    sync_schema::{ObjectMapping, ReferenceMapping},
    target::{
        Deletion, ScimTarget, TargetError,
        write::{self, MemberChange},
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

/// Sends the action's requests, in order, and returns once the last is confirmed.
///
/// # Errors
/// The first request that was not confirmed. Its `outcome()` says whether it may have been done all the same.
pub async fn execute(action: &Action, mapping: &ObjectMapping, target: &ScimTarget) -> Result<Done, TargetError> {
    let kind = &mapping.target_kind;
    let mut was_absent = false;
    let resource = match action {
        Action::Link { resource } => resource.clone(),
        Action::Create { attributes, edges } => target.create(kind, &new_resource(attributes, edges, mapping)).await?,
        Action::Update { resource, changes, edges } => {
            patch(resource, changes, edges, mapping, target).await?;
            resource.clone()
        }
        Action::Disable { resource, changes } => {
            patch(resource, changes, &[], mapping, target).await?;
            resource.clone()
        }
        Action::Delete { resource } => {
            was_absent = target.delete(kind, resource).await? == Deletion::Absent;
            resource.clone()
        }
    };
    Ok(Done { resource, was_absent })
}

/// The body of a POST: every attribute at its path, and the references that have a resource already.
pub fn new_resource(attributes: &[AttributeChange], sent: &[SentEdge], mapping: &ObjectMapping) -> Resource {
    // Extensions name themselves in `schemas` when the first of their attributes is set.
    let mut resource = Resource::new(mapping.schemas.first().map_or("", String::as_str));
    for change in attributes {
        let target = mapping.attributes.iter().find(|attribute| attribute.path == change.path);
        if let (Some(attribute), Some(value)) = (target, &change.value) {
            resource.set(&attribute.target, value.clone());
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

async fn patch(
    resource: &ResourceId,
    changes: &[AttributeChange],
    sent: &[SentEdge],
    mapping: &ObjectMapping,
    target: &ScimTarget,
) -> Result<(), TargetError> {
    let mut plain = write::attribute_operations(changes)?;
    let mut members = Vec::new();
    for (reference, sent) in by_reference(sent, mapping) {
        let (added, removed) = edges::resources(&sent);
        if reference.multivalued {
            members.push(MemberChange { path: reference.target.clone(), added, removed });
        } else if !added.is_empty() || !removed.is_empty() {
            plain.push(write::reference_operation(&reference.target, added.first()));
        }
    }
    for patch in write::patches(plain, &members, target.profile().members_per_patch) {
        target.patch(&mapping.target_kind, resource, &patch).await?;
    }
    Ok(())
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
