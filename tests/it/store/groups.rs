//! Groups that scoping filters name: who is a member, and who is due when that changes.

use std::collections::BTreeMap;

use provisor::model::{Anchor, Attributes, Change, Departure, Name, ObjectKind, Reach, SourceObject, Value};
use provisor::store::{Effect, NamedGroups, Store};

use super::world::{World, dn, group, groups, partial, user, user_key, user_named, users};

/// A job whose filter names groups by these words.
async fn asking(store: Store, words: &[&str]) -> World {
    let mut world = World::new(store).await;
    world.groups = Some(named(words));
    world
}

/// A word of the form `cn=…` is a name in the container of groups.
pub(super) fn named(words: &[&str]) -> NamedGroups {
    let name = |word: &str| word.strip_prefix("cn=").map(group_name);
    NamedGroups {
        mapping: groups(),
        members: "members".to_owned(),
        display_name: Some("cn".to_owned()),
        named: words.iter().map(|word| ((*word).to_owned(), name(word))).collect(),
        asking: vec![users()],
        reach: Reach::Direct,
    }
}

fn group_name(anchor: &str) -> Name {
    Name::of_path(["dc=org", "ou=groups", anchor])
}

/// The group under another display name than its anchor.
fn displayed(anchor: &str, display: &str, members: &[Name]) -> Change {
    let Change::Object(group) = group(anchor, members) else { panic!("an object") };
    Change::Object(SourceObject { attributes: Attributes::from_iter([("cn", Value::text(display))]), ..group })
}

fn departed(anchor: &str, departure: Departure) -> Change {
    Change::Departed { kind: ObjectKind::new("Group"), anchor: Anchor::new(anchor), departure }
}

/// Everybody has been looked at.
async fn settle(world: &World, people: &[&str]) {
    for anchor in people {
        world.conclude(&user_key(anchor), Effect::Unchanged).await;
    }
    assert_eq!(due(world).await, [""; 0]);
}

/// The people who are due.
async fn due(world: &World) -> Vec<String> {
    let keys = world.store.due_objects(&world.job, &users(), None, 100).await.unwrap();
    keys.into_iter().map(|key| key.anchor.to_string()).collect()
}

/// Who is a member of which of the groups that are named.
async fn members(world: &World, people: &[&str]) -> BTreeMap<String, Vec<String>> {
    let people = people.iter().copied().map(Anchor::from).collect();
    let of = world.store.memberships(&world.job, world.groups.as_ref().unwrap(), people).await.unwrap().of;
    of.into_iter().map(|(who, of)| (who.to_string(), of.iter().map(Anchor::to_string).collect())).collect()
}

/// The groups that each word stands for.
async fn resolved(world: &World) -> BTreeMap<String, Vec<String>> {
    let groups = world.groups.as_ref().unwrap();
    let resolved = world.store.memberships(&world.job, groups, Vec::new()).await.unwrap().groups;
    resolved.into_iter().map(|(word, groups)| (word, groups.iter().map(Anchor::to_string).collect())).collect()
}

/// A world where `ada` and `bob` are members of `staff`, and nobody is due.
async fn staffed(store: Store, words: &[&str]) -> World {
    let world = asking(store, words).await;
    world.record(vec![user("ada", "1"), user("bob", "1"), user("cyd", "1")]).await;
    world.record(vec![group("staff", &[dn("ada"), dn("bob")])]).await;
    settle(&world, &["ada", "bob", "cyd"]).await;
    world
}

fn one(who: &str) -> BTreeMap<String, Vec<String>> {
    [(who.to_owned(), vec!["staff".to_owned()])].into()
}

pub(super) async fn a_changed_membership_makes_its_object_due_and_no_other(store: Store) {
    let world = staffed(store, &["staff"]).await;
    let before = world.known(&user_key("cyd")).await.revision;
    world.record(vec![group("staff", &[dn("ada"), dn("cyd")])]).await;
    assert_eq!(due(&world).await, ["bob", "cyd"], "who left and who joined");
    assert!(world.known(&user_key("cyd")).await.revision > before, "an outcome under way does not clear it");
    assert_eq!(members(&world, &["bob", "cyd"]).await, one("cyd"));
    settle(&world, &["bob", "cyd"]).await;
    // One by one, as Microsoft Graph tells it.
    let leave = partial("Group", "staff", &[("members", dn("ada"), false)]);
    world.record(vec![Change::Partial(leave)]).await;
    assert_eq!(due(&world).await, ["ada"]);
    assert_eq!(members(&world, &["ada"]).await, BTreeMap::new());
    settle(&world, &["ada"]).await;
    world.record(vec![group("staff", &[dn("cyd")]), group("other", &[dn("ada"), dn("bob")])]).await;
    assert_eq!(due(&world).await, [""; 0], "a group that no filter names concerns nobody");
    // Who comes later than the group is found by the name that the group has for them.
    world.record(vec![group("staff", &[dn("cyd"), dn("dot")])]).await;
    world.record(vec![user("dot", "1")]).await;
    assert_eq!((due(&world).await, members(&world, &["dot"]).await), (vec!["dot".to_owned()], one("dot")));
}

pub(super) async fn a_group_that_gets_or_loses_its_name_concerns_all_of_its_members(store: Store) {
    let world = staffed(store, &["Crew"]).await;
    let (ada, bob) = (dn("ada"), dn("bob"));
    let crew = |name| displayed("staff", name, &[ada.clone(), bob.clone()]);
    for (change, are_members) in [
        (crew("Crew"), true),
        (crew("Cooks"), false),
        (crew("Crew"), true),
        (departed("staff", Departure::SoftDeleted), false),
        (crew("Crew"), true),
        (departed("staff", Departure::LeftFeed), false),
        (crew("Crew"), true),
        (departed("staff", Departure::Deleted), false),
    ] {
        let shown = format!("{change:?}");
        world.record(vec![change]).await;
        assert_eq!(due(&world).await, ["ada", "bob"], "{shown}");
        assert_eq!(members(&world, &["ada", "bob"]).await.len(), if are_members { 2 } else { 0 }, "{shown}");
        settle(&world, &["ada", "bob"]).await;
    }
}

pub(super) async fn a_group_is_found_by_id_then_by_name_then_by_display_name(store: Store) {
    let world = asking(store, &["cn=night", "day", "Twins"]).await;
    assert_eq!(resolved(&world).await.into_values().collect::<Vec<_>>(), [[""; 0]; 3]);
    let group = |anchor, display| displayed(anchor, display, &[]);
    // Somebody may give a group the id of another as its display name: that does not make it the other.
    world
        .record(vec![group("day", "x"), group("night", "y"), group("impostor", "day"), group("fake", "cn=night")])
        .await;
    world.record(vec![group("t1", "Twins"), group("t2", "twins"), group("t3", "Twins, too")]).await;
    let of = |word: &str, groups: &[&str]| (word.to_owned(), groups.iter().map(|&group| group.to_owned()).collect());
    let certain = [of("cn=night", &["night"]), of("day", &["day"]), of("Twins", &["t1"])];
    assert_eq!(resolved(&world).await, certain.clone().into());
    world.record(vec![group("t2", "Twins")]).await;
    assert_eq!(resolved(&world).await["Twins"], ["t1", "t2"], "nobody can tell which is meant");
    world.record(vec![departed("t2", Departure::LeftFeed)]).await;
    assert_eq!(resolved(&world).await, certain.into());
    world.record(vec![departed("day", Departure::Deleted), departed("night", Departure::Deleted)]).await;
    let resolved = resolved(&world).await;
    assert_eq!((&resolved["day"], &resolved["cn=night"]), (&vec!["impostor".to_owned()], &vec!["fake".to_owned()]));
}

pub(super) async fn a_group_read_without_its_members_keeps_them(store: Store) {
    let world = staffed(store, &["staff"]).await;
    let Change::Object(whole) = group("staff", &[]) else { panic!("an object") };
    let attributes = Attributes::from_iter([("cn", Value::text("another"))]);
    let without = SourceObject { references: BTreeMap::new(), attributes, ..whole };
    world.record(vec![Change::Object(without), Change::Partial(partial("Group", "staff", &[]))]).await;
    assert_eq!((due(&world).await, members(&world, &["ada", "bob"]).await.len()), (Vec::new(), 2));
}

pub(super) async fn a_member_that_is_renamed_stays_a_member(store: Store) {
    let world = staffed(store, &["staff"]).await;
    // The directory repairs its references when it finds the time.
    world.record(vec![user_named("ada", "1", dn("countess"))]).await;
    assert_eq!(members(&world, &["ada"]).await, one("ada"));
    world.record(vec![group("staff", &[dn("countess"), dn("bob")])]).await;
    assert_eq!(members(&world, &["ada"]).await, one("ada"));
    settle(&world, &["ada"]).await;
    // The name goes to somebody else, and the membership with it.
    world.record(vec![user_named("ada", "1", dn("elsewhere")), user_named("cyd", "1", dn("countess"))]).await;
    assert_eq!(due(&world).await, ["ada", "cyd"]);
    assert_eq!(members(&world, &["ada", "cyd"]).await, one("cyd"));
}

pub(super) async fn members_that_a_full_read_does_not_name_are_due(store: Store) {
    let mut world = staffed(store, &["staff"]).await;
    world.generation = 2;
    world.full_round = true;
    let change = partial("Group", "staff", &[("members", dn("bob"), true)]);
    world.record(vec![user("ada", "1"), user("bob", "1"), user("cyd", "1"), Change::Partial(change)]).await;
    assert_eq!(due(&world).await, [""; 0], "nothing follows from a read that has not ended");
    world.store.unwant_edges_before(&world.job, &users(), 2, world.groups.clone(), None).await.unwrap();
    world.store.unwant_edges_before(&world.job, &groups(), 2, world.groups.clone(), None).await.unwrap();
    assert_eq!(due(&world).await, ["ada"]);
    assert_eq!(members(&world, &["ada", "bob"]).await, one("bob"));
}

pub(super) async fn display_names_are_learned_when_a_filter_asks_for_the_first_time(store: Store) {
    let mut world = World::new(store).await;
    world.record(vec![user("ada", "1"), displayed("staff", "Crew", &[dn("ada")]), group("other", &[])]).await;
    world.groups = Some(named(&["Crew"]));
    assert_eq!(resolved(&world).await["Crew"], [""; 0]);
    let named = world.groups.clone().unwrap();
    for _ in 0..2 {
        world.store.index_group_names(&world.job, &named).await.unwrap();
        assert_eq!(
            (&resolved(&world).await["Crew"], members(&world, &["ada"]).await),
            (&vec!["staff".to_owned()], one("ada"))
        );
    }
    // When nobody asks any more, the names go with the next news of the group, and come back when they are asked for.
    world.groups = None;
    world.record(vec![displayed("staff", "Cooks", &[dn("ada")])]).await;
    world.groups = Some(named.clone());
    assert_eq!(resolved(&world).await["Crew"], [""; 0]);
    world.store.index_group_names(&world.job, &named).await.unwrap();
    assert_eq!(resolved(&world).await["Crew"], [""; 0]);
}

pub(super) async fn a_renamed_container_takes_named_groups_along(store: Store) {
    let world = staffed(store, &["cn=staff"]).await;
    let container = |ou: &str| Change::Container { anchor: Anchor::new("c"), name: Name::of_path(["dc=org", ou]) };
    world.record(vec![container("ou=groups")]).await;
    assert_eq!((due(&world).await, members(&world, &["ada"]).await), (Vec::new(), one("ada")));
    world.record(vec![container("ou=teams")]).await;
    assert_eq!(due(&world).await, ["ada", "bob"], "nothing has the name that the filter gives");
    assert_eq!(members(&world, &["ada"]).await, BTreeMap::new());
    settle(&world, &["ada", "bob"]).await;
    world.record(vec![container("ou=groups")]).await;
    assert_eq!(
        (due(&world).await, members(&world, &["ada"]).await),
        (vec!["ada".to_owned(), "bob".to_owned()], one("ada"))
    );
}
