//! The life of a reference: wanted, sent, confirmed, removed, through renames, departures and crashes.

use provisor::model::{
    Anchor, Attributes, Change, Departure, Edge, Export, Exported, Name, ObjectKey, ResourceId, SourceObject,
};
use provisor::store::{Effect, Settled, SettledResult, Store};

use super::world::{
    World, departed, dn, group, group_key, groups, partial, sendable, sent, user, user_key, user_named, users,
};

/// A group `staff` with the users given, all linked, and every membership confirmed by the target.
async fn staffed(store: Store, members: &[&str]) -> World {
    let world = World::new(store).await;
    let mut changes: Vec<Change> = members.iter().map(|anchor| user(anchor, "1")).collect();
    changes.push(group("staff", &members.iter().map(|anchor| dn(anchor)).collect::<Vec<_>>()));
    world.record(changes).await;
    for anchor in members {
        world.link(&user_key(anchor), &format!("r-{anchor}")).await;
    }
    world.link(&group_key("staff"), "r-staff").await;
    world.send_edges(&group_key("staff")).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
    world
}

/// The last part of the reference, whether it is wanted, its export state, what was sent for it and what its far end has.
type Shown<'a> = (&'a str, bool, Export, Option<&'a str>, Option<&'a str>);

fn shown(edges: &[Edge]) -> Vec<Shown<'_>> {
    let shown = edges.iter().map(|edge| {
        let reference = edge.reference.as_str().rsplit(Name::SEPARATOR).next().unwrap_or_default();
        let exported_as = edge.exported_as.as_ref().map(ResourceId::as_str);
        (reference, edge.wanted, edge.export, exported_as, edge.resource.as_ref().map(ResourceId::as_str))
    });
    shown.collect()
}

async fn owners_due(world: &World) -> Vec<ObjectKey> {
    world.store.owners_with_due_edges(&world.job, &groups(), None, 10).await.unwrap()
}

async fn owners_removing(world: &World) -> Vec<(ObjectKey, u64, u64)> {
    world.store.owners_with_edge_removals(&world.job, &groups(), None, 10).await.unwrap()
}

pub(super) async fn an_edge_lives_from_wanted_to_removed(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "1"), group("staff", &[dn("ada")])]).await;
    let staff = group_key("staff");
    assert_eq!(shown(&world.open_edges(&staff).await), [("ada", true, Export::Never, None, None)]);
    assert_eq!(owners_due(&world).await, [], "nobody has a resource");
    world.link(&staff, "r-staff").await;
    assert_eq!(owners_due(&world).await, [], "the member has none");
    world.link(&user_key("ada"), "r-ada").await;
    assert_eq!(owners_due(&world).await, std::slice::from_ref(&staff));
    let edges = sendable(&world.open_edges(&staff).await);
    let page = world.open_all(vec![world.create(&staff, "staff", edges.clone())]).await;
    let open = world.open_edges(&staff).await;
    assert_eq!(shown(&open), [("ada", true, Export::Unknown, Some("r-ada"), Some("r-ada"))]);
    let outcome = world.outcome(&staff, Effect::Updated { exported: Exported::new(), sent: edges }).await;
    world.commit_page(Some(page), vec![outcome]).await;
    assert_eq!(world.open_edges(&staff).await, []);
    assert_eq!(owners_due(&world).await, []);
    let again = world.record(vec![group("staff", &[dn("ada")])]).await;
    assert_eq!(again.due, [], "an exported member is no news");
    assert_eq!(world.record(vec![group("staff", &[])]).await.due, std::slice::from_ref(&staff));
    let open = world.open_edges(&staff).await;
    assert_eq!(shown(&open), [("ada", false, Export::Exported, Some("r-ada"), Some("r-ada"))]);
    assert_eq!(owners_removing(&world).await, [(staff.clone(), 1, 1)]);
    world.send_edges(&staff).await;
    assert_eq!(world.open_edges(&staff).await, []);
    assert_eq!(owners_removing(&world).await, []);
}

pub(super) async fn a_reference_finds_an_object_that_comes_later(store: Store) {
    let world = World::new(store).await;
    world.record(vec![group("staff", &[dn("ada")])]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await[0].to, None);
    world.record(vec![user("ada", "1")]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await[0].to, Some(Anchor::new("ada")));
}

pub(super) async fn a_reference_dropped_around_a_crash_is_still_removed(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "1"), group("staff", &[dn("ada")])]).await;
    world.link(&user_key("ada"), "r-ada").await;
    world.link(&group_key("staff"), "r-staff").await;
    let edges = sendable(&world.open_edges(&group_key("staff")).await);
    // The reference goes away between the decision and its intent.
    world.record(vec![group("staff", &[])]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
    let update = provisor::model::Action::Update { resource: "r-staff".into(), changes: Vec::new(), edges };
    let intent = world.intent(&group_key("staff"), update, "staff");
    let page = world.open_all(vec![intent.clone()]).await;
    // The process dies; nobody knows whether the target took the member.
    let settled = Settled { page, key: intent.key, result: SettledResult::NotDone, log: None };
    world.settle(vec![settled]).await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("ada", false, Export::Unknown, Some("r-ada"), None)]);
    world.send_edges(&group_key("staff")).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_reference_added_back_around_its_removal_is_added_again(store: Store) {
    let world = staffed(store, &["ada"]).await;
    world.record(vec![group("staff", &[])]).await;
    let removal = sendable(&world.open_edges(&group_key("staff")).await);
    assert_eq!(removal, [sent(dn("ada"), "r-ada", false)]);
    world.record(vec![group("staff", &[dn("ada")])]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, [], "wanted and exported");
    let effect = Effect::Updated { exported: Exported::new(), sent: removal };
    world.conclude(&group_key("staff"), effect).await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("ada", true, Export::Never, None, Some("r-ada"))]);
}

pub(super) async fn a_single_reference_replaces_the_former(store: Store) {
    let world = World::new(store).await;
    let managed = |manager: &str| Change::Partial(partial("User", "ada", &[("manager", dn(manager), true)]));
    world.record(vec![user("bob", "1"), user("eve", "1"), managed("bob")]).await;
    for anchor in ["ada", "bob", "eve"] {
        world.link(&user_key(anchor), &format!("r-{anchor}")).await;
    }
    world.send_edges(&user_key("ada")).await;
    assert_eq!(world.record(vec![managed("bob")]).await.due, []);
    assert_eq!(world.record(vec![managed("eve")]).await.due, [user_key("ada")]);
    let open = world.open_edges(&user_key("ada")).await;
    let expected = [
        ("bob", false, Export::Exported, Some("r-bob"), Some("r-bob")),
        ("eve", true, Export::Never, None, Some("r-eve")),
    ];
    assert_eq!(shown(&open), expected);
    // A chain of managers within one page leaves only the last.
    world.record(vec![managed("bob"), managed("eve"), managed("bob")]).await;
    assert_eq!(world.open_edges(&user_key("ada")).await, []);
}

pub(super) async fn one_changed_member_is_one_open_edge(store: Store) {
    let world = staffed(store, &["ada", "bob", "eve"]).await;
    let change = partial("Group", "staff", &[("members", dn("bob"), false), ("members", dn("zoe"), false)]);
    assert_eq!(world.record(vec![Change::Partial(change)]).await.due, [group_key("staff")]);
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("bob", false, Export::Exported, Some("r-bob"), Some("r-bob"))]);
    assert_eq!(owners_removing(&world).await, [(group_key("staff"), 3, 1)]);
    let change = partial("Group", "staff", &[("members", dn("bob"), true)]);
    world.record(vec![Change::Partial(change)]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

fn container(anchor: &str, rdns: &[&str]) -> Change {
    Change::Container { anchor: Anchor::new(anchor), name: Name::of_path(rdns) }
}

pub(super) async fn a_renamed_container_takes_names_and_references_along(store: Store) {
    let world = World::new(store).await;
    let inner = |ou: &str| Name::of_path(["dc=org", ou, "ou=inner", "bob"]);
    let neighbour = Name::of_path(["dc=org", "ou=people2", "eve"]);
    world
        .record(vec![
            container("c-people", &["dc=org", "ou=people"]),
            container("c-inner", &["dc=org", "ou=people", "ou=inner"]),
            user("ada", "1"),
            user_named("bob", "1", inner("ou=people")),
            user_named("eve", "1", neighbour.clone()),
            group("staff", &[dn("ada"), inner("ou=people"), neighbour.clone(), dn("later")]),
        ])
        .await;
    for anchor in ["ada", "bob", "eve"] {
        world.link(&user_key(anchor), &format!("r-{anchor}")).await;
    }
    world.link(&group_key("staff"), "r-staff").await;
    world.send_edges(&group_key("staff")).await;
    world.record(vec![container("c-people", &["dc=org", "ou=crew"])]).await;
    let moved = |rdn: &str| Name::of_path(["dc=org", "ou=crew", rdn]);
    // The group is delivered with the new references, and nothing needs to be sent.
    let news =
        world.record(vec![group("staff", &[moved("ada"), inner("ou=crew"), neighbour.clone(), moved("later")])]).await;
    assert_eq!(news.due, [], "the group has not changed");
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("later", true, Export::Never, None, None)]);
    world.record(vec![user_named("later", "1", moved("later"))]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await[0].to, Some(Anchor::new("later")));
    // The inner container has moved along: a rename of it finds what lies below its new name.
    world.record(vec![container("c-inner", &["dc=org", "ou=crew", "ou=core"])]).await;
    let core = Name::of_path(["dc=org", "ou=crew", "ou=core", "bob"]);
    world.record(vec![group("staff", &[moved("ada"), core, neighbour])]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_renamed_member_is_not_sent_again(store: Store) {
    let world = staffed(store, &["ada", "bob"]).await;
    let renamed = dn("uid=countess");
    world.record(vec![user_named("ada", "1", renamed.clone()), group("staff", &[renamed.clone(), dn("bob")])]).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
    world.record(vec![group("staff", &[dn("bob")])]).await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(sendable(&open), [sent(renamed, "r-ada", false)], "what was sent under the old name is removed by it");
}

pub(super) async fn a_name_that_changes_hands_leaves_the_old_membership_to_remove(store: Store) {
    let world = staffed(store, &["ada"]).await;
    world.record(vec![user_named("ada", "1", dn("elsewhere")), user_named("eve", "1", dn("ada"))]).await;
    world.link(&user_key("eve"), "r-eve").await;
    let open = world.open_edges(&group_key("staff")).await;
    let expected = [
        ("ada", true, Export::Never, None, Some("r-eve")),
        ("gone:r-ada", false, Export::Exported, Some("r-ada"), Some("r-ada")),
    ];
    assert_eq!(shown(&open), expected);
    world.record(vec![group("staff", &[dn("ada"), dn("elsewhere")])]).await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(
        shown(&open),
        [("ada", true, Export::Never, None, Some("r-eve"))],
        "the former holder is a member still"
    );
    world.send_edges(&group_key("staff")).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_deleted_member_is_to_be_removed(store: Store) {
    let world = staffed(store, &["ada", "bob"]).await;
    world.record(vec![departed("ada", Departure::Deleted)]).await;
    assert_eq!(owners_removing(&world).await, [(group_key("staff"), 2, 1)]);
    // A soft deletion leaves memberships alone: the object may come back.
    world.record(vec![departed("bob", Departure::SoftDeleted)]).await;
    assert_eq!(owners_removing(&world).await, [(group_key("staff"), 2, 1)]);
    // The deletion of the resource takes the membership along.
    world.conclude(&user_key("ada"), Effect::Unlinked).await;
    assert_eq!(owners_removing(&world).await, []);
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_member_whose_resource_is_gone_is_added_anew(store: Store) {
    let world = staffed(store, &["ada"]).await;
    world.conclude(&user_key("ada"), Effect::Unlinked).await;
    assert_eq!(world.known(&user_key("ada")).await.link, None);
    assert_eq!(owners_due(&world).await, []);
    world.link(&user_key("ada"), "r-new").await;
    assert_eq!(owners_due(&world).await, [group_key("staff")]);
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("ada", true, Export::Never, None, Some("r-new"))]);
}

pub(super) async fn a_member_relinked_to_another_resource_is_replaced(store: Store) {
    let world = staffed(store, &["ada"]).await;
    world.link(&user_key("ada"), "r-new").await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(
        sendable(&open),
        [sent(dn("ada"), "r-new", true), sent(Name::from_stored("gone:r-ada"), "r-ada", false)]
    );
    world.send_edges(&group_key("staff")).await;
    assert_eq!(world.open_edges(&group_key("staff")).await, []);
}

pub(super) async fn a_group_whose_resource_is_gone_starts_anew(store: Store) {
    let world = staffed(store, &["ada", "bob"]).await;
    world.record(vec![group("staff", &[dn("ada")])]).await;
    world.conclude(&group_key("staff"), Effect::Unlinked).await;
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("ada", true, Export::Never, None, Some("r-ada"))]);
    assert_eq!(owners_removing(&world).await, []);
}

pub(super) async fn members_are_found_in_other_jobs_of_the_target(store: Store) {
    let people = World::with_job(store.clone(), "people").await;
    people.record(vec![user("ada", "1")]).await;
    let teams = World::with_job(store, "teams").await;
    teams.record(vec![user("ada", "1"), group("staff", &[dn("ada")])]).await;
    teams.link(&group_key("staff"), "r-staff").await;
    assert_eq!(owners_due(&teams).await, []);
    people.link(&user_key("ada"), "r-ada").await;
    assert_eq!(owners_due(&teams).await, [group_key("staff")]);
    teams.send_edges(&group_key("staff")).await;
    people.conclude(&user_key("ada"), Effect::Unlinked).await;
    assert_eq!(shown(&teams.open_edges(&group_key("staff")).await), [("ada", true, Export::Never, None, None)]);
}

pub(super) async fn a_full_round_of_partial_objects_drops_what_it_did_not_name(store: Store) {
    let mut world = staffed(store, &["ada", "bob"]).await;
    world.record(vec![group("other", &[dn("ada")])]).await;
    world.generation = 2;
    world.full_round = true;
    let change = partial("Group", "staff", &[("members", dn("bob"), true)]);
    world.record(vec![user("ada", "1"), user("bob", "1"), Change::Partial(change)]).await;
    let dropped = world.store.unwant_edges_before(&world.job, &groups(), 2, None, None).await.unwrap();
    assert_eq!(dropped, 1, "the group that was not seen keeps its members");
    let open = world.open_edges(&group_key("staff")).await;
    assert_eq!(shown(&open), [("ada", false, Export::Exported, Some("r-ada"), Some("r-ada"))]);
    assert_eq!(world.open_edges(&group_key("other")).await.len(), 1);
    // Objects that come whole have named all they have.
    world.generation = 3;
    let whole = Change::Object(SourceObject {
        kind: "Group".into(),
        anchor: "staff".into(),
        names: Vec::new(),
        attributes: Attributes::default(),
        references: [("members".to_owned(), vec![dn("bob")])].into(),
    });
    world.record(vec![whole]).await;
    assert_eq!(world.store.unwant_edges_before(&world.job, &groups(), 3, None, None).await.unwrap(), 0);
    assert_eq!(world.store.unwant_edges_before(&world.job, &users(), 3, None, None).await.unwrap(), 0);
}
