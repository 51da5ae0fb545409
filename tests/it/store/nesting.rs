//! Groups in groups: who is a member of a group, however the directory comes and goes, compared with a model that looks at
//! everything anew each time.

use std::collections::{BTreeMap, BTreeSet};

use provisor::model::{Anchor, Change, Departure, Lifecycle, Name, NestedGroups, ObjectKey, ObjectKind, Reach};
use provisor::store::{Effect, MembersOf, NamedGroups, Store};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::world::{World, dn, group, group_key, groups, partial, sendable, user, user_key, users};

pub(super) const PEOPLE: [&str; 7] = ["ada", "bob", "cyd", "dan", "eva", "fay", "gus"];
pub(super) const GROUPS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

pub(super) fn members_of() -> MembersOf {
    MembersOf { mapping: groups(), kind: ObjectKind::new("Group"), attribute: "members".to_owned() }
}

fn group_name(anchor: &str) -> Name {
    Name::of_path(["dc=org", "ou=groups", anchor])
}

fn name_of(anchor: &str) -> Name {
    if GROUPS.contains(&anchor) { group_name(anchor) } else { dn(anchor) }
}

fn departed(anchor: &str, departure: Departure) -> Change {
    let kind = if GROUPS.contains(&anchor) { "Group" } else { "User" };
    Change::Departed { kind: ObjectKind::new(kind), anchor: Anchor::new(anchor), departure }
}

async fn set(world: &World, mode: NestedGroups) {
    assert_eq!(world.store.set_nested_groups(&world.job, mode, vec![members_of()]).await.unwrap(), mode);
}

async fn flatten(world: &World) {
    while world.store.flatten(&world.job, &members_of(), world.groups.as_ref()).await.unwrap() {}
}

/// Sends what is due of a group and returns what the requests named, as `+` or `-` and the resource.
async fn send(world: &World, anchor: &str) -> Vec<String> {
    let edges = sendable(&world.open_edges(&group_key(anchor)).await);
    world.conclude(&group_key(anchor), Effect::Updated { exported: Default::default(), sent: edges.clone() }).await;
    let mut named: Vec<String> =
        edges.iter().map(|edge| format!("{}{}", if edge.added { "+" } else { "-" }, edge.resource)).collect();
    named.sort();
    named
}

/// A directory, as whoever looks at all of it would see it.
#[derive(Default)]
pub(super) struct Directory {
    pub(super) listed: BTreeMap<&'static str, BTreeSet<&'static str>>,
    pub(super) gone: BTreeSet<&'static str>,
}

impl Directory {
    pub(super) fn group(&self, anchor: &str) -> Change {
        let members: Vec<Name> = self.listed[anchor].iter().map(|member| name_of(member)).collect();
        group(anchor, &members)
    }

    /// Who is a member of the group, found by going through everything.
    fn members(&self, anchor: &'static str, mode: NestedGroups) -> BTreeSet<&'static str> {
        let (mut seen, mut open, mut members) = (BTreeSet::from([anchor]), vec![anchor], BTreeSet::new());
        while let Some(group) = open.pop() {
            for &member in &self.listed[group] {
                match mode {
                    _ if !GROUPS.contains(&member) => drop(members.insert(member)),
                    NestedGroups::Groups => drop(members.insert(member)),
                    NestedGroups::Flatten if !self.gone.contains(member) && seen.insert(member) => open.push(member),
                    NestedGroups::Flatten | NestedGroups::Ignore => {}
                }
            }
        }
        members
    }
}

/// A job with everybody linked, and all groups empty.
pub(super) async fn linked(store: Store, job: &str) -> (World, Directory) {
    let world = World::with_job(store, job).await;
    let directory = Directory { listed: GROUPS.map(|group| (group, BTreeSet::new())).into(), ..Directory::default() };
    world.record(PEOPLE.iter().map(|person| user(person, person)).collect()).await;
    world.record(GROUPS.iter().map(|group| directory.group(group)).collect()).await;
    for person in PEOPLE {
        world.link(&user_key(person), &format!("{job}/{person}")).await;
    }
    for group in GROUPS {
        world.link(&group_key(group), &format!("{job}/{group}")).await;
    }
    (world, directory)
}

/// Something happens in the directory: what its source says of it.
pub(super) fn happens(directory: &mut Directory, random: &mut StdRng) -> Vec<Change> {
    let &group = GROUPS.choose(random).unwrap();
    let anyone = if random.random_bool(0.4) { GROUPS.as_slice() } else { PEOPLE.as_slice() };
    let &member = anyone.choose(random).unwrap();
    match random.random_range(0..20) {
        0..12 => {
            let joins = directory.listed.get_mut(group).unwrap().insert(member);
            if !joins {
                directory.listed.get_mut(group).unwrap().remove(member);
            }
            // A group that is delivered is there again, with all that it lists.
            if directory.gone.remove(group) || random.random_bool(0.5) {
                return vec![directory.group(group)];
            }
            let change = partial("Group", group, &[("members", name_of(member), joins)]);
            vec![Change::Partial(provisor::model::PartialObject { names: vec![group_name(group)], ..change })]
        }
        12..15 => {
            directory.gone.insert(group);
            let departure = *[Departure::SoftDeleted, Departure::LeftFeed].choose(random).unwrap();
            vec![departed(group, departure)]
        }
        15..17 => {
            directory.gone.remove(group);
            vec![directory.group(group)]
        }
        17 => {
            // Whoever is deleted is listed nowhere, and comes back as a stranger to all groups.
            let mut changes = vec![departed(member, Departure::Deleted)];
            for group in GROUPS {
                if directory.listed.get_mut(group).unwrap().remove(member) && !directory.gone.contains(group) {
                    changes.push(directory.group(group));
                }
            }
            if GROUPS.contains(&member) {
                directory.gone.remove(member);
                changes.push(directory.group(member));
            } else {
                changes.push(user(member, member));
            }
            changes
        }
        _ => {
            directory.listed.insert(group, BTreeSet::new());
            if directory.gone.contains(group) { Vec::new() } else { vec![directory.group(group)] }
        }
    }
}

/// Any stream of changes, cut off anywhere and begun anew, with another word for groups in groups now and then, leaves in
/// each group whom the model has in it; and no request names anybody who is there already, or is not there.
pub(super) async fn flattened_groups_are_what_a_model_says(store: Store) {
    const MODES: [NestedGroups; 4] =
        [NestedGroups::Flatten, NestedGroups::Flatten, NestedGroups::Groups, NestedGroups::Ignore];
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let job = format!("job {seed}");
        let (world, mut directory) = linked(store.clone(), &job).await;
        let mut target: BTreeMap<&str, BTreeSet<String>> = GROUPS.map(|group| (group, BTreeSet::new())).into();
        let mut mode = NestedGroups::Flatten;
        set(&world, mode).await;
        for round in 0..12 {
            for _ in 0..random.random_range(1..6) {
                let changes = happens(&mut directory, &mut random);
                world.record(changes.clone()).await;
                // The page comes again, or the cycle dies after some steps.
                if random.random_bool(0.2) {
                    world.record(changes).await;
                }
                for _ in 0..random.random_range(0..4) {
                    world.store.flatten(&world.job, &members_of(), world.groups.as_ref()).await.unwrap();
                }
            }
            // What was told of groups that were away comes with them.
            for group in std::mem::take(&mut directory.gone) {
                if random.random_bool(0.5) {
                    world.record(vec![directory.group(group)]).await;
                } else {
                    directory.gone.insert(group);
                }
            }
            if random.random_bool(0.2) {
                mode = *MODES.choose(&mut random).unwrap();
                set(&world, mode).await;
            }
            flatten(&world).await;
            for group in GROUPS {
                let held = target.get_mut(group).unwrap();
                for named in send(&world, group).await {
                    let resource = named[1..].to_owned();
                    let is_news = if named.starts_with('+') { held.insert(resource) } else { held.remove(&resource) };
                    assert!(is_news, "{seed}/{round}: {group} {named} is not news");
                }
                let wanted = directory.members(group, mode).into_iter().map(|member| format!("{job}/{member}"));
                if !directory.gone.contains(group) {
                    assert_eq!(*held, wanted.collect(), "{seed}/{round}: members of {group} under {mode:?}");
                }
            }
        }
    }
}

/// Who is in a group along two paths stays until the last is gone, and the change from one path to the other sends nothing.
pub(super) async fn a_person_leaves_with_the_last_path(store: Store) {
    let (world, mut directory) = linked(store, "job").await;
    set(&world, NestedGroups::Flatten).await;
    let list = |directory: &mut Directory, group: &'static str, members: &[&'static str]| {
        directory.listed.insert(group, members.iter().copied().collect());
        directory.group(group)
    };
    let pages = vec![
        list(&mut directory, "a", &["b", "c", "ada"]),
        list(&mut directory, "b", &["d", "a"]),
        list(&mut directory, "c", &["d"]),
        list(&mut directory, "d", &["ada", "bob"]),
    ];
    world.record(pages).await;
    flatten(&world).await;
    assert_eq!(send(&world, "a").await, ["+job/ada", "+job/bob"]);
    for (group, members, expected) in [
        ("a", ["b", "c"].as_slice(), [].as_slice()),
        ("b", &["a"], &[]),
        ("a", &["b", "c", "bob"], &[]),
        ("c", &[], &["-job/ada"]),
        ("a", &["b", "c"], &["-job/bob"]),
    ] {
        let change = list(&mut directory, group, members);
        world.record(vec![change]).await;
        flatten(&world).await;
        assert_eq!(send(&world, "a").await, expected, "{group}: {members:?}");
    }
}

/// A change among many people touches those alone, and steps are bounded however large a group is.
pub(super) async fn what_is_done_is_what_has_changed(store: Store) {
    let world = World::new(store).await;
    set(&world, NestedGroups::Flatten).await;
    let people: Vec<String> = (0..6_000).map(|number| format!("p{number:04}")).collect();
    for page in people.chunks(1_000) {
        world.record(page.iter().map(|person| user(person, person)).collect()).await;
    }
    let names: Vec<Name> = people.iter().map(|person| dn(person)).collect();
    world.record(vec![group("outer", &[group_name("inner"), dn("p0000")]), group("inner", &names)]).await;
    let mut steps = 0;
    while world.store.flatten(&world.job, &members_of(), world.groups.as_ref()).await.unwrap() {
        steps += 1;
    }
    assert!((3..=6).contains(&steps), "a step for the groups, two for the people, one to see the end: {steps}");
    let flat = async || {
        let known = world.known(&group_key("outer")).await;
        known.edges.iter().filter(|edge| edge.reference.as_str().starts_with("flat:")).count()
    };
    world.link(&group_key("outer"), "r-outer").await;
    assert_eq!(flat().await, 0, "nobody has a resource yet, and there are more than are known at once");
    let inner = partial("Group", "inner", &[("members", dn("p0007"), false), ("members", dn("p0000"), false)]);
    world
        .record(vec![Change::Partial(provisor::model::PartialObject { names: vec![group_name("inner")], ..inner })])
        .await;
    let mut steps = 0;
    while world.store.flatten(&world.job, &members_of(), world.groups.as_ref()).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 1, "two people are one step");
    for person in ["p0000", "p0001", "p0007"] {
        world.link(&user_key(person), person).await;
    }
    assert_eq!(send(&world, "outer").await, ["+p0000", "+p0001"]);
}

/// Groups that lie deeper than is followed are a reason to decide nothing.
pub(super) async fn a_chain_that_is_too_long_is_told(store: Store) {
    let world = World::new(store).await;
    set(&world, NestedGroups::Flatten).await;
    let names: Vec<String> = (0..=70).map(|number| format!("g{number:02}")).collect();
    let chain = names.windows(2).map(|pair| group(&pair[0], &[group_name(&pair[1])])).collect();
    world.record(chain).await;
    world.record(vec![group("g70", &[dn("ada")]), user("ada", "ada")]).await;
    flatten(&world).await;
    let deep = async |anchor: &str| !world.store.too_deep(&world.job, &[group_key(anchor)]).await.unwrap().is_empty();
    assert!(deep("g00").await && deep("g05").await && !deep("g06").await);
    world.record(vec![group("g30", &[])]).await;
    flatten(&world).await;
    assert!(!deep("g00").await);
}

/// Who is in which of the groups, through others, too: people and groups, found by going through everything.
fn in_groups(directory: &Directory) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for outer in GROUPS.into_iter().filter(|outer| !directory.gone.contains(outer)) {
        let (mut seen, mut open) = (BTreeSet::from([outer]), vec![outer]);
        while let Some(group) = open.pop() {
            for &member in &directory.listed[group] {
                let is_there = !directory.gone.contains(member);
                if is_there && seen.insert(member) {
                    all.entry(member).or_default().insert(outer);
                    open.extend(GROUPS.into_iter().find(|group| *group == member));
                }
            }
        }
    }
    all
}

/// After any stream of changes, cut off anywhere, a filter that names a group knows whoever is in it as the model does; and
/// whoever joined or left is due.
pub(super) async fn filters_reach_into_groups_in_groups(store: Store) {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(1_000 + seed);
        let (mut world, mut directory) = linked(store.clone(), &format!("filters {seed}")).await;
        set(&world, NestedGroups::Flatten).await;
        world.groups = Some(NamedGroups {
            mapping: groups(),
            members: "members".to_owned(),
            display_name: None,
            named: GROUPS.map(|group| (group.to_owned(), None)).into(),
            asking: vec![users(), groups()],
            reach: Reach::Nested,
        });
        let mut before = BTreeMap::new();
        for round in 0..12 {
            for _ in 0..random.random_range(1..6) {
                let changes = happens(&mut directory, &mut random);
                world.record(changes.clone()).await;
                if random.random_bool(0.2) {
                    world.record(changes).await;
                }
                for _ in 0..random.random_range(0..4) {
                    world.store.flatten(&world.job, &members_of(), world.groups.as_ref()).await.unwrap();
                }
            }
            flatten(&world).await;
            let now = in_groups(&directory);
            let everybody = PEOPLE.into_iter().chain(GROUPS).filter(|anchor| !directory.gone.contains(anchor));
            let anchors = everybody.clone().map(Anchor::from).collect();
            let known = world.store.memberships(&world.job, world.groups.as_ref().unwrap(), anchors).await.unwrap();
            for anchor in everybody {
                let of = known.of.get(&Anchor::from(anchor)).into_iter().flatten().map(Anchor::as_str);
                // Whether a group is in itself is nothing that a filter would ask.
                let of: BTreeSet<&str> = of.filter(|group| *group != anchor).collect();
                assert_eq!(&of, now.get(anchor).unwrap_or(&BTreeSet::new()), "{seed}/{round}: {anchor} is in");
                let key = if GROUPS.contains(&anchor) { group_key(anchor) } else { user_key(anchor) };
                let is_due = due(&world).await.contains(&key);
                assert!(is_due || before.get(anchor) == now.get(anchor), "{seed}/{round}: nobody looks at {anchor}");
            }
            for key in due(&world).await {
                if world.known(&key).await.lifecycle == Lifecycle::Present {
                    world.conclude(&key, Effect::Unchanged).await;
                }
            }
            before = now;
        }
    }
}

async fn due(world: &World) -> Vec<ObjectKey> {
    let mut all = world.store.due_objects(&world.job, &users(), None, 100).await.unwrap();
    all.extend(world.store.due_objects(&world.job, &groups(), None, 100).await.unwrap());
    all
}
