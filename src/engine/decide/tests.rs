use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::{
    engine::{
        evaluate::{self, Context},
        matching::Candidate,
        policy::ProtectedResources,
    },
    expression::Seed,
    model::{
        Attributes, Claim, Edge, Export, Extent, JobId, Name, ObjectKey, ObjectKind, ObjectMappingId, TargetPath, Value,
    },
    scim::Resource,
    sync_schema::{ReferenceMapping, compile},
};

pub(in crate::engine) const SCHEMA: &str = include_str!("../../../fixtures/schema-graph.json");

pub(in crate::engine) fn users() -> ObjectMapping {
    let document = serde_json::from_str(SCHEMA).unwrap();
    compile(&document).runnable().unwrap().mappings.swap_remove(0)
}

/// Somebody whom the scope of the fixture lets through.
fn ada() -> Attributes {
    [
        ("userPrincipalName", "ada@harbour.example"),
        ("displayName", "Ada"),
        ("mail", "ada@harbour.example"),
        ("mailNickname", "ada"),
        ("department", "Deck"),
        ("objectId", "ada"),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), Value::text(text)))
    .collect()
}

fn known(lifecycle: Lifecycle, attributes: Attributes, link: Option<Link>) -> KnownObject {
    KnownObject {
        key: ObjectKey { mapping: ObjectMappingId::new("users"), anchor: "ada".into() },
        kind: ObjectKind::new("User"),
        revision: 1,
        lifecycle,
        attributes,
        link,
        edges: Vec::new(),
        extent: Extent::Whole,
        escrow: None,
        removals: Vec::new(),
    }
}

/// A link that holds exactly what the attributes ask for.
fn linked_as(attributes: &Attributes, mapping: &ObjectMapping) -> Link {
    let desired = match evaluation(&known(Lifecycle::Present, attributes.clone(), None), mapping) {
        Evaluation::Wanted(wanted) => diff::for_create(&wanted.attributes),
        other => panic!("{other:?}"),
    };
    Link { resource: "7".into(), exported: exported::applied(Exported::new(), desired, mapping, &key()) }
}

fn key() -> HashKey {
    HashKey::from([7; 32])
}

fn evaluation<'m>(known: &KnownObject, mapping: &'m ObjectMapping) -> Evaluation<'m> {
    let seed = Seed::from([0; 32]);
    let (memberships, assignments) = Default::default();
    let context = Context {
        now: DateTime::UNIX_EPOCH,
        job: JobId::new("people"),
        seed,
        default_domain: None,
        memberships,
        assignments,
    };
    evaluate::evaluate(&known.key, &known.attributes, known.lifecycle, mapping, &context)
}

fn decided(
    known: &KnownObject,
    situation: &Situation,
    mapping: &ObjectMapping,
    policy: &Policy,
    approved: &[RemovalEffect],
) -> Decision {
    let approved = approved.iter().cloned().collect();
    let rules =
        Rules { mapping, policy, approved: &approved, with_a_person: &BTreeSet::new(), soft_delete: true, key: &key() };
    decide(known, &evaluation(known, mapping), situation, rules)
}

/// A decision in a few words: what is sent and what is held, or why nothing is.
fn shown(decision: &Decision) -> String {
    let effects = |held: &[Held]| held.iter().map(|held| format!(" held {:?}", held.effect)).collect::<String>();
    match decision {
        Decision::Act { action, held, .. } => [action.name(), &effects(held)].concat(),
        Decision::Skip { reason, held } => [&format!("{reason:?}"), effects(held).as_str()].concat(),
        Decision::Wait { .. } => "wait".to_owned(),
        Decision::Postpone => "postpone".to_owned(),
        Decision::Fail(failure) => failure.code.clone(),
    }
}

fn edge(reference: &str, wanted: bool) -> Edge {
    Edge {
        attribute: "manager".to_owned(),
        reference: Name::of_login(reference),
        to: Some(reference.into()),
        wanted,
        export: if wanted { Export::Never } else { Export::Exported },
        exported_as: (!wanted).then(|| reference.into()),
        resource: wanted.then(|| reference.into()),
    }
}

#[test]
fn every_standing_has_its_effect_under_every_policy() {
    use Deprovisioning::{Delete, Disable, Nothing};
    use RemovalEffect as Effect;
    let mapping = users();
    let ada = ada();
    let mut outside = ada.clone();
    outside.set("department", Value::text("Galley"));
    let mut disabled = ada.clone();
    disabled.set("accountEnabled", Value::Boolean(false));
    let policy = |leaving| Policy {
        unassigned: leaving,
        out_of_scope: leaving,
        soft_deleted: leaving,
        deleted: leaving,
        ..Policy::default()
    };
    let (present, soft, gone, left) =
        (Lifecycle::Present, Lifecycle::SoftDeleted, Lifecycle::Deleted, Lifecycle::LeftFeed);
    for (lifecycle, attributes, leaving, approved, expected) in [
        (present, &ada, Disable, None, "RedundantExport"),
        (present, &disabled, Nothing, None, "RemovalHeld held Disable"),
        (present, &disabled, Nothing, Some(Effect::Disable), "disable"),
        (present, &outside, Nothing, None, "KeptByPolicy"),
        (present, &outside, Disable, None, "RemovalHeld held Disable"),
        (present, &outside, Disable, Some(Effect::Disable), "disable"),
        (present, &outside, Disable, Some(Effect::Delete), "RemovalHeld held Disable"),
        (present, &outside, Delete, None, "RemovalHeld held Delete"),
        (present, &outside, Delete, Some(Effect::Delete), "delete"),
        (left, &ada, Disable, None, "RemovalHeld held Disable"),
        (left, &ada, Nothing, None, "KeptByPolicy"),
        (soft, &ada, Disable, None, "RemovalHeld held Disable"),
        (soft, &ada, Disable, Some(Effect::Disable), "disable"),
        (soft, &ada, Delete, Some(Effect::Disable), "RemovalHeld held Delete"),
        (soft, &ada, Nothing, Some(Effect::Delete), "KeptByPolicy"),
        (gone, &ada, Delete, None, "RemovalHeld held Delete"),
        (gone, &ada, Delete, Some(Effect::Delete), "delete"),
        (gone, &ada, Disable, None, "RemovalHeld held Disable"),
        (gone, &ada, Nothing, Some(Effect::Delete), "KeptByPolicy"),
    ] {
        let linked = known(lifecycle, attributes.clone(), Some(linked_as(&ada, &mapping)));
        let approved: Vec<Effect> = approved.into_iter().collect();
        let decision = decided(&linked, &Situation::Linked, &mapping, &policy(leaving), &approved);
        assert_eq!(shown(&decision), expected, "{lifecycle:?} {leaving:?} {approved:?}");
        let unlinked = known(lifecycle, attributes.clone(), None);
        let decision = decided(&unlinked, &Situation::Unmatched, &mapping, &policy(leaving), &approved);
        let created = lifecycle == present && *attributes == ada;
        assert_eq!(shown(&decision) == "create", created, "{lifecycle:?} {leaving:?}");
    }
}

#[test]
fn what_a_look_up_found_decides_about_an_object_without_a_link() {
    let mapping = users();
    let claim = Claim {
        job: JobId::new("job"),
        key: ObjectKey { mapping: ObjectMappingId::new("users"), anchor: "bob".into() },
    };
    let claimed = |leaving| {
        let (by, resource) = (claim.clone(), "taken".into());
        Situation::Claimed { by, resource, leaving, is_gone: false }
    };
    let exact: Resource = serde_json::from_value(json!({
        "userName": "ada@harbour.example", "active": true, "displayName": "Ada", "externalId": "ada",
    }))
    .unwrap();
    let matched = |id: &str| Situation::Matched(Box::new(Candidate { resource: id.into(), content: exact.clone() }));
    let link_only = Policy { adoption: Adoption::LinkOnly, ..Policy::default() };
    let protected = Policy { protected: ProtectedResources::new([], [ResourceId::from("7")]), ..Policy::default() };
    let by_name =
        Policy { protected: ProtectedResources::new(["ADA@harbour.example".to_owned()], []), ..Policy::default() };
    for (situation, policy, expected) in [
        (Situation::Unmatched, Policy::default(), "create"),
        (Situation::Unmatched, by_name, "Protected"),
        (matched("7"), Policy::default(), "update"),
        (matched("7"), link_only, "link"),
        (matched("7"), protected, "Protected"),
        (
            Situation::Ambiguous { path: TargetPath::new("userName"), candidates: 2 },
            Policy::default(),
            "DuplicateTargetEntries",
        ),
        (claimed(None), Policy::default(), "DuplicateSourceEntries"),
        (claimed(Some(RemovalId::new("r"))), Policy::default(), "wait"),
        (Situation::NoMatchingValue, Policy::default(), "ImportSkipped"),
    ] {
        let object = known(Lifecycle::Present, ada(), None);
        assert_eq!(shown(&decided(&object, &situation, &mapping, &policy, &[])), expected, "{situation:?}");
    }
}

#[test]
fn a_flow_that_is_switched_off_sends_nothing() {
    let mut mapping = users();
    mapping.flow = crate::sync_schema::ObjectFlow { add: false, update: false, delete: false };
    let all = [RemovalEffect::Disable, RemovalEffect::Delete, RemovalEffect::Edges];
    let mut changed = ada();
    changed.set("displayName", Value::text("Countess"));
    for (lifecycle, is_linked) in [(Lifecycle::Present, false), (Lifecycle::Present, true), (Lifecycle::Deleted, true)]
    {
        let link = is_linked.then(|| linked_as(&ada(), &users()));
        let object = known(lifecycle, changed.clone(), link);
        let decision = decided(&object, &Situation::Unmatched, &mapping, &Policy::default(), &all);
        assert_eq!(shown(&decision), "FlowDisabled", "{lifecycle:?}");
    }
}

#[test]
fn protected_resources_are_left_alone_whatever_was_approved() {
    let mapping = users();
    let all = [RemovalEffect::Disable, RemovalEffect::Delete, RemovalEffect::Edges];
    for protected in [
        ProtectedResources::new(["Ada@Harbour.example".to_owned()], []),
        ProtectedResources::new([], [ResourceId::from("7")]),
    ] {
        let policy = Policy { protected, ..Policy::default() };
        for lifecycle in [Lifecycle::Present, Lifecycle::SoftDeleted, Lifecycle::Deleted] {
            // The source has another name for it by now; the resource still is the protected one.
            let mut renamed = ada();
            renamed.set("userPrincipalName", Value::text("eve@harbour.example"));
            let object = known(lifecycle, renamed, Some(linked_as(&ada(), &mapping)));
            let decision = decided(&object, &Situation::Linked, &mapping, &policy, &all);
            assert_eq!(shown(&decision), "Protected", "{lifecycle:?}");
        }
    }
}

#[test]
fn a_reference_that_goes_waits_for_the_guard_and_the_rest_does_not() {
    let mapping = users();
    let mut object = known(Lifecycle::Present, ada(), Some(linked_as(&ada(), &mapping)));
    object.edges = vec![edge("bob", false)];
    let policy = Policy::default();
    let decision = decided(&object, &Situation::Linked, &mapping, &policy, &[]);
    assert_eq!(shown(&decision), "RemovalHeld held Edges");
    object.attributes.set("displayName", Value::text("Countess"));
    let decision = decided(&object, &Situation::Linked, &mapping, &policy, &[]);
    assert_eq!(shown(&decision), "update held Edges");
    let Decision::Act { action, .. } = decision else { panic!("an update") };
    assert_eq!(action.edges(), []);
    let decision = decided(&object, &Situation::Linked, &mapping, &policy, &[RemovalEffect::Edges]);
    let Decision::Act { action, held, .. } = decision else { panic!("an update") };
    assert_eq!((action.edges().len(), held), (1, Vec::new()));
}

#[test]
fn a_create_carries_a_bounded_number_of_references() {
    let mut mapping = users();
    let manager: &mut ReferenceMapping = mapping.references.first_mut().unwrap();
    manager.multivalued = true;
    let mut object = known(Lifecycle::Present, ada(), None);
    object.edges = ["b", "c", "d", "e"].map(|reference| edge(reference, true)).to_vec();
    for (most, expected) in [(0, 0), (3, 3), (100, 4)] {
        let policy = Policy { references_on_create: most, ..Policy::default() };
        let decision = decided(&object, &Situation::Unmatched, &mapping, &policy, &[]);
        let Decision::Act { action, .. } = decision else { panic!("{decision:?}") };
        assert_eq!(action.edges().len(), expected);
    }
}
