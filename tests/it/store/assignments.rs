//! Who is assigned, however lists and groups come and go, compared with a model that looks at everything anew each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use provisor::model::{
    Anchor, AssignedRole, Assignment, Change, CycleId, Departure, Name, ObjectKey, PrincipalKind, Reach, Roles,
};
use provisor::store::{Absence, Effect, Learned, Store};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::nesting::{GROUPS, PEOPLE, happens, linked, members_of};
use super::world::{World, departed, dn, group, group_key, groups, partial, user, user_key, users};

fn role(id: &str, provisionable: bool) -> AssignedRole {
    let value = Some(format!("value of {id}"));
    AssignedRole { id: id.to_owned(), value, display_name: None, provisionable }
}

fn assigned(principal: &str, role: AssignedRole) -> Assignment {
    let kind = if principal.starts_with("g-") || GROUPS.contains(&principal) {
        PrincipalKind::Group
    } else {
        PrincipalKind::Person
    };
    Assignment { principal: Anchor::new(principal), kind, role: Arc::new(role) }
}

fn cycle(number: usize) -> Absence {
    Absence::Counts(CycleId::new(format!("cycle {number}")))
}

async fn learn(world: &World, list: &[Assignment], absence: Absence) -> Learned {
    let learned = world.store.learn_assignments(&world.job, list.to_vec(), absence).await.unwrap();
    while world.store.spread_assignments(&world.job, &members_of()).await.unwrap() {}
    learned
}

/// The ids of the roles of each of the people.
async fn told(world: &World, people: &[&str]) -> BTreeMap<String, Roles> {
    let anchors = people.iter().map(|person| Anchor::new(*person)).collect();
    let told = world.store.assigned(&world.job, anchors, Some((members_of(), Reach::Direct))).await.unwrap();
    told.into_iter().map(|(anchor, roles)| (anchor.to_string(), roles)).collect()
}

async fn due(world: &World) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for mapping in [users(), groups()] {
        let keys = world.store.due_objects(&world.job, &mapping, None, 10_000).await.unwrap();
        all.extend(keys.into_iter().map(|key| key.anchor.to_string()));
    }
    all
}

/// Everything that is due is evaluated.
async fn settle(world: &World) {
    let mut outcomes = Vec::new();
    for mapping in [users(), groups()] {
        for key in world.store.due_objects(&world.job, &mapping, None, 10_000).await.unwrap() {
            outcomes.push(world.outcome(&key, Effect::Unchanged).await);
        }
    }
    world.commit(outcomes).await;
    assert_eq!(due(world).await, BTreeSet::new());
}

/// What counts as assigned, by the rules and nothing else: each with the cycle that missed it first.
#[derive(Default)]
struct Model(BTreeMap<(&'static str, &'static str), (bool, Option<usize>)>);

impl Model {
    fn learn(&mut self, list: &BTreeMap<(&'static str, &'static str), bool>, cycle: usize) {
        for (key, provisionable) in list {
            match self.0.get_mut(key) {
                Some((true, missed)) if !provisionable => match *missed {
                    Some(by) if by != cycle => drop(self.0.insert(*key, (false, None))),
                    _ => *missed = missed.or(Some(cycle)),
                },
                _ => drop(self.0.insert(*key, (*provisionable, None))),
            }
        }
        self.0.retain(|key, (_, missed)| {
            let is_gone = !list.contains_key(key) && missed.is_some_and(|by| by != cycle);
            if !list.contains_key(key) {
                *missed = missed.or(Some(cycle));
            }
            !is_gone
        });
    }

    fn roles(&self, person: &str, of_groups: &BTreeSet<&str>) -> Roles {
        let mut roles = Roles::default();
        for ((principal, id), (provisionable, _)) in &self.0 {
            if *principal == person || of_groups.contains(principal) {
                roles.add(role(id, *provisionable));
            }
        }
        roles
    }
}

/// Any stream of changes of the directory and of the list, pages repeated and lists in any order, leaves everybody with the
/// roles that the model gives, and makes everybody due whose roles differ.
pub(super) async fn who_is_assigned_is_what_a_model_says(store: Store) {
    for seed in 0..30 {
        let mut random = StdRng::seed_from_u64(seed);
        let (world, mut directory) = linked(store.clone(), &format!("job {seed}")).await;
        let (mut model, mut list) = (Model::default(), BTreeMap::new());
        let mut before: BTreeMap<String, Roles> = BTreeMap::new();
        settle(&world).await;
        for number in 0..15 {
            for _ in 0..random.random_range(0..5) {
                let changes = happens(&mut directory, &mut random);
                world.record(changes.clone()).await;
                if random.random_bool(0.2) {
                    world.record(changes).await;
                }
                // A step of a cycle that died.
                if random.random_bool(0.2) {
                    world.store.spread_assignments(&world.job, &members_of()).await.unwrap();
                }
            }
            for _ in 0..random.random_range(0..4) {
                let all = [PEOPLE.as_slice(), &GROUPS].concat();
                let (principal, id) = (*all.choose(&mut random).unwrap(), *["r", "s"].choose(&mut random).unwrap());
                if list.remove(&(principal, id)).is_none() {
                    list.insert((principal, id), random.random_bool(0.8));
                }
            }
            let mut listed: Vec<Assignment> = list
                .iter()
                .map(|((principal, id), provisionable)| assigned(principal, role(id, *provisionable)))
                .collect();
            // An assignment on two pages.
            listed.extend(listed.first().cloned());
            listed.shuffle(&mut random);
            learn(&world, &listed, cycle(number)).await;
            model.learn(&list, number);
            if random.random_bool(0.3) {
                listed.shuffle(&mut random);
                assert_eq!(learn(&world, &listed, cycle(number)).await.changed, 0, "{seed}/{number}: a replay");
                model.learn(&list, number);
            }
            let due = due(&world).await;
            let told = told(&world, &PEOPLE).await;
            for person in PEOPLE {
                let is_in =
                    |group: &&&str| !directory.gone.contains(**group) && directory.listed[**group].contains(person);
                let of_groups: BTreeSet<&str> = GROUPS.iter().filter(is_in).copied().collect();
                let expected = model.roles(person, &of_groups);
                assert_eq!(told.get(person).cloned().unwrap_or_default(), expected, "{seed}/{number}: {person}");
                let differs = before.insert(person.to_owned(), expected.clone()).unwrap_or_default() != expected;
                assert!(
                    !differs || due.contains(person),
                    "{seed}/{number}: {person} is assigned otherwise than before"
                );
            }
            settle(&world).await;
            // Groups that are away tell what happened meanwhile when they come back.
            for group in std::mem::take(&mut directory.gone) {
                if random.random_bool(0.5) {
                    world.record(vec![directory.group(group)]).await;
                } else {
                    directory.gone.insert(group);
                }
            }
        }
    }
}

async fn people(world: &World, people: &[&str]) {
    world.record(people.iter().map(|person| user(person, person)).collect()).await;
}

pub(super) async fn the_same_list_again_changes_nothing(store: Store) {
    let world = World::new(store).await;
    people(&world, &["ada", "bob"]).await;
    world.record(vec![group("g-1", &[dn("bob")])]).await;
    settle(&world).await;
    let list = [assigned("g-1", role("r", true)), assigned("ada", role("r", true)), assigned("ada", role("s", false))];
    assert_eq!(learn(&world, &list, cycle(1)).await, Learned { changed: 3, missed: 0 });
    assert_eq!(due(&world).await, ["ada", "bob", "g-1"].map(str::to_owned).into());
    settle(&world).await;
    let mut again = list.to_vec();
    again.reverse();
    for number in [1, 2, 3] {
        assert_eq!(learn(&world, &again, cycle(number)).await, Learned::default());
    }
    assert_eq!(due(&world).await, BTreeSet::new());
    world.record(vec![group("g-1", &[dn("bob")]), user("ada", "ada")]).await;
    assert_eq!(due(&world).await, BTreeSet::new());
}

pub(super) async fn a_list_makes_due_whom_it_concerns_and_nobody_else(store: Store) {
    let world = World::new(store).await;
    people(&world, &["ada", "bob", "cyd", "dan"]).await;
    world.record(vec![group("g-1", &[dn("bob"), dn("cyd")]), group("g-2", &[dn("dan")])]).await;
    let list = [assigned("g-1", role("r", true)), assigned("ada", role("r", true))];
    learn(&world, &list, cycle(1)).await;
    settle(&world).await;
    // The name of a role.
    let renamed = AssignedRole { display_name: Some("Reader".to_owned()), ..role("r", true) };
    learn(&world, &[list[0].clone(), assigned("ada", renamed.clone())], cycle(2)).await;
    assert_eq!(due(&world).await, ["ada".to_owned()].into());
    settle(&world).await;
    // Whoever joins and leaves an assigned group, and nobody of another.
    let moved = |group: &str, members: &[(&'static str, bool)]| {
        let members: Vec<(&str, Name, bool)> =
            members.iter().map(|(member, joins)| ("members", dn(member), *joins)).collect();
        let partial = partial("Group", group, &members);
        Change::Partial(provisor::model::PartialObject {
            names: vec![Name::of_path(["dc=org", "ou=groups", group])],
            ..partial
        })
    };
    world.record(vec![moved("g-1", &[("ada", true), ("bob", false)]), moved("g-2", &[("cyd", true)])]).await;
    assert_eq!(due(&world).await, ["ada", "bob", "g-1", "g-2"].map(str::to_owned).into());
    settle(&world).await;
    // A group that is away.
    let away = Change::Departed { kind: "Group".into(), anchor: "g-1".into(), departure: Departure::LeftFeed };
    world.record(vec![away]).await;
    learn(&world, &[list[0].clone(), assigned("ada", renamed)], cycle(3)).await;
    assert_eq!(due(&world).await, ["ada", "cyd", "g-1"].map(str::to_owned).into());
    assert_eq!(told(&world, &["cyd"]).await, BTreeMap::new());
}

pub(super) async fn what_one_list_misses_is_gone_when_another_misses_it(store: Store) {
    let world = World::new(store).await;
    people(&world, &["ada"]).await;
    let list = [assigned("ada", role("r", true))];
    learn(&world, &list, cycle(1)).await;
    settle(&world).await;
    let is_assigned = async || !told(&world, &["ada"]).await.is_empty();
    // A cycle that reads twice is one witness, and one on demand is none.
    for absence in [Absence::Ignored, cycle(2), cycle(2), Absence::Ignored] {
        learn(&world, &[], absence).await;
        assert!(is_assigned().await && due(&world).await.is_empty());
    }
    learn(&world, &list, cycle(3)).await;
    learn(&world, &[], cycle(4)).await;
    assert!(is_assigned().await && due(&world).await.is_empty());
    assert_eq!(learn(&world, &[], cycle(5)).await, Learned { changed: 1, missed: 0 });
    assert!(!is_assigned().await);
    assert_eq!(due(&world).await, ["ada".to_owned()].into());
    world.record(vec![departed("ada", Departure::Deleted)]).await;
}

pub(super) async fn a_large_group_is_gone_through_in_steps(store: Store) {
    let world = World::new(store).await;
    let crowd: Vec<String> = (0..12_000).map(|number| format!("p{number:05}")).collect();
    for page in crowd.chunks(2_000) {
        world.record(page.iter().map(|person| user(person, person)).collect()).await;
    }
    let names: Vec<Name> = crowd.iter().map(|person| dn(person)).collect();
    world.record(vec![group("g-1", &names)]).await;
    let schema = 2;
    let evaluated = |anchor: &String| ObjectKey { mapping: users(), anchor: Anchor::new(anchor.as_str()) };
    let like = world.outcome(&user_key("p00000"), Effect::Unchanged).await;
    for page in crowd.chunks(2_000) {
        let mut outcomes = Vec::new();
        for known in world.store.known(&world.job, &page.iter().map(evaluated).collect::<Vec<_>>()).await.unwrap() {
            let mut outcome = like.clone();
            (outcome.key, outcome.revision, outcome.evaluated_schema) = (known.key, known.revision, schema);
            outcomes.push(outcome);
        }
        world.commit(outcomes).await;
    }
    world.conclude(&group_key("g-1"), Effect::Unchanged).await;
    let list: Vec<Assignment> = crowd
        .iter()
        .map(|person| assigned(person, role("s", true)))
        .chain([assigned("g-1", role("r", true))])
        .collect();
    world.store.learn_assignments(&world.job, list[12_000..].to_vec(), cycle(1)).await.unwrap();
    assert_eq!(due(&world).await, ["g-1".to_owned()].into(), "members follow in steps");
    let mut steps = 0;
    while world.store.spread_assignments(&world.job, &members_of()).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 3);
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 20_000).await.unwrap().len(), 12_000);
    // A list of more than one step, and one that goes away whole.
    assert_eq!(learn(&world, &list, cycle(2)).await.changed, 12_000);
    assert_eq!(learn(&world, &[], cycle(3)).await, Learned { changed: 0, missed: 12_001 });
    assert_eq!(learn(&world, &[], cycle(4)).await, Learned { changed: 12_001, missed: 0 });
    assert_eq!(told(&world, &["p00000", "p11999"]).await, BTreeMap::new());
}

pub(super) async fn everybody_is_provisioned_again_when_the_list_is_forgotten(store: Store) {
    let world = World::new(store).await;
    people(&world, &["ada"]).await;
    world.record(vec![group("g-1", &[dn("ada")])]).await;
    world.store.learn_assignments(&world.job, vec![assigned("g-1", role("r", true))], cycle(1)).await.unwrap();
    world.store.forget_assignments(&world.job).await.unwrap();
    assert_eq!(told(&world, &["ada"]).await, BTreeMap::new());
    assert!(!world.store.spread_assignments(&world.job, &members_of()).await.unwrap());
    assert_eq!(learn(&world, &[assigned("g-1", role("r", true))], cycle(2)).await.changed, 1);
}
