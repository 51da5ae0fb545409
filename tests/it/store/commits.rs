//! Intents before, outcomes after: what the two transactions around a page's requests keep.

use chrono::TimeDelta;
use provisor::model::{
    Action, Exported, ExportedValue, Intent, MatchingValue, RemovalEffect, RemovalState, ResourceId, ResourceKind,
    TargetPath,
};
use provisor::store::{Effect, NewRemoval, Opened, Settled, SettledResult, Store};

use super::world::{World, dn, failure, group, group_key, now, sent, target, user, user_key, users};

async fn people(store: Store) -> World {
    let world = World::new(store).await;
    world.record(vec![user("ada", "1"), user("bob", "1"), user("eve", "1")]).await;
    world
}

fn linked(resource: &str) -> Effect {
    let exported = Exported::from([(TargetPath::new("userName"), ExportedValue::Known("ada".into()))]);
    Effect::Linked { resource: ResourceId::new(resource), exported, sent: Vec::new() }
}

pub(super) async fn a_claimed_resource_is_a_conflict_of_one_object(store: Store) {
    let world = people(store).await;
    let page = world.open_all(vec![world.create(&user_key("bob"), "bob", Vec::new())]).await;
    world.conclude(&user_key("ada"), linked("r1")).await;
    let bob = world.outcome(&user_key("bob"), linked("r1")).await;
    let eve = world.outcome(&user_key("eve"), linked("r2")).await;
    let committed = world.commit_page(Some(page), vec![bob, eve]).await;
    assert_eq!(committed.conflicts.len(), 1);
    let conflict = &committed.conflicts[0];
    assert_eq!((&conflict.key, conflict.resource.as_str()), (&user_key("bob"), "r1"));
    assert_eq!((&conflict.claim.job, &conflict.claim.key), (&world.job, &user_key("ada")));
    assert_eq!(world.known(&user_key("eve")).await.link.unwrap().resource.as_str(), "r2");
    assert_eq!(world.known(&user_key("bob")).await.link, None);
    assert_eq!(world.open_intents().await, []);
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), [user_key("bob")]);
    let other = World::with_job(world.store.clone(), "other").await;
    other.record(vec![user("zoe", "1")]).await;
    assert_eq!(
        other.conclude(&user_key("zoe"), linked("r2")).await.conflicts.len(),
        1,
        "another job's is claimed, too"
    );
    let wanted = [ResourceId::new("r1"), ResourceId::new("r3")];
    let claims = world.store.claims(&target(), &ResourceKind::new("Users"), &wanted).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[&wanted[0]].anchor().as_str(), "ada");
    let groups = world.store.claims(&target(), &ResourceKind::new("Groups"), &wanted).await.unwrap();
    assert!(groups.is_empty(), "the type is part of the claim");
}

pub(super) async fn two_objects_of_one_page_cannot_have_one_resource(store: Store) {
    let world = people(store).await;
    let ada = world.outcome(&user_key("ada"), linked("r1")).await;
    let bob = world.outcome(&user_key("bob"), linked("r1")).await;
    let committed = world.commit(vec![ada, bob]).await;
    assert_eq!(committed.conflicts.len(), 1);
    assert_eq!(committed.conflicts[0].claim.key, user_key("ada"));
    let again = world.conclude(&user_key("ada"), linked("r1")).await;
    assert_eq!(again.conflicts, [], "an object's own resource is no conflict");
}

pub(super) async fn an_intent_is_refused_while_its_object_or_value_is_taken(store: Store) {
    let world = people(store).await;
    let first = world.create(&user_key("ada"), "Ada", Vec::new());
    let same_object = world.create(&user_key("ada"), "other", Vec::new());
    let same_value = world.create(&user_key("bob"), "aDA", Vec::new());
    let opened = world.open(vec![first.clone(), same_object, same_value.clone()]).await;
    assert_eq!(opened.refused, [user_key("ada"), user_key("bob")]);
    assert_eq!(world.open_intents().await, std::slice::from_ref(&first));
    let refused = Opened { page: None, refused: vec![user_key("bob")] };
    assert_eq!(world.open(vec![same_value.clone()]).await, refused);
    let other = World::with_job(world.store.clone(), "other").await;
    other.record(vec![user("zoe", "1")]).await;
    let zoe = other.open(vec![other.create(&user_key("zoe"), "ADA", Vec::new())]).await;
    assert_eq!(zoe.refused, [user_key("zoe")], "the value is taken in the target, whichever job takes it");
    let update = Action::Update { resource: "r".into(), changes: Vec::new(), edges: Vec::new() };
    let eve = world.open_all(vec![world.intent(&user_key("eve"), update, "ada")]).await;
    let outcome = world.outcome(&user_key("eve"), Effect::Unchanged).await;
    world.commit_page(Some(eve), vec![outcome]).await;
    assert_eq!(world.open_intents().await, std::slice::from_ref(&first), "an update takes and frees no value");
    let outcome = world.outcome(&user_key("ada"), linked("r1")).await;
    world.commit_page(opened.page, vec![outcome]).await;
    world.open_all(vec![same_value]).await;
}

pub(super) async fn a_drawn_value_is_taken_until_its_intent_is_closed(store: Store) {
    let world = people(store).await;
    let drawing = |name: &str, value: &str| {
        let path = TargetPath::new("nickName");
        let drawn = vec![MatchingValue { path, value: value.to_owned(), case_exact: false }];
        Intent { drawn, ..world.create(&user_key(name), name, Vec::new()) }
    };
    let opened = world.open(vec![drawing("ada", "Kim"), drawing("bob", "KIM")]).await;
    assert_eq!(opened.refused, [user_key("bob")]);
    let kim = (ResourceKind::new("Users"), TargetPath::new("nickName"), "kim".to_owned());
    assert!(world.store.taken_values(&target()).await.unwrap().contains(&kim));
    let outcome = world.outcome(&user_key("ada"), linked("r1")).await;
    world.commit_page(opened.page, vec![outcome]).await;
    assert_eq!(world.store.taken_values(&target()).await.unwrap().len(), 0);
    world.open_all(vec![drawing("bob", "kim")]).await;
}

pub(super) async fn an_outcome_of_an_older_revision_leaves_the_object_due(store: Store) {
    let world = people(store).await;
    let outcome = world.outcome(&user_key("ada"), Effect::Unchanged).await;
    world.record(vec![user("ada", "2")]).await;
    world.commit(vec![outcome]).await;
    let due = world.store.due_objects(&world.job, &users(), None, 1).await.unwrap();
    assert_eq!(due, [user_key("ada")]);
    let outcome = world.outcome(&user_key("ada"), Effect::Unchanged).await;
    world.conclude(&user_key("ada"), Effect::Vanished).await;
    world.commit(vec![outcome]).await;
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 1).await.unwrap(), [user_key("ada")]);
}

pub(super) async fn an_object_whose_resource_vanished_is_unlinked_and_due_at_once(store: Store) {
    let world = people(store).await;
    world.conclude(&user_key("ada"), linked("r1")).await;
    world.conclude(&user_key("bob"), linked("r2")).await;
    world.conclude(&user_key("eve"), Effect::Unchanged).await;
    let before = world.known(&user_key("ada")).await;
    world.conclude(&user_key("ada"), Effect::Vanished).await;
    let known = world.known(&user_key("ada")).await;
    assert_eq!((known.link, known.revision), (None, before.revision + 1));
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), [user_key("ada")]);
}

pub(super) async fn an_unknown_outcome_keeps_its_intent(store: Store) {
    let world = people(store).await;
    let ada = world.create(&user_key("ada"), "ada", Vec::new());
    let bob = world.create(&user_key("bob"), "bob", Vec::new());
    let page = world.open_all(vec![ada.clone(), bob]).await;
    let unknown = world.outcome(&user_key("ada"), Effect::LeaveOpen).await;
    let done = world.outcome(&user_key("bob"), linked("r2")).await;
    world.commit_page(Some(page), vec![unknown, done]).await;
    assert_eq!(world.open_intents().await, [ada]);
    for limit in [1, 9] {
        let due = world.store.due_objects(&world.job, &users(), None, limit).await.unwrap();
        assert_eq!(due, [user_key("eve")], "the first one that is not under way");
    }
    // Only the value of the one that is left is taken.
    let zoe = |name: &str| world.create(&user_key("zoe"), name, Vec::new());
    assert_eq!(world.open(vec![zoe("Ada")]).await.refused, [user_key("zoe")]);
    world.open_all(vec![zoe("Bob")]).await;
}

pub(super) async fn failures_count_and_keep_their_beginning(store: Store) {
    let world = people(store).await;
    let next = now() + TimeDelta::minutes(5);
    world.conclude(&user_key("ada"), Effect::Failed(failure(), Some(next))).await;
    world.conclude(&user_key("bob"), Effect::Failed(failure(), None)).await;
    assert_eq!(world.store.escrows_due(&world.job, now()).await.unwrap(), 0);
    assert_eq!(world.store.escrows_due(&world.job, next).await.unwrap(), 1);
    assert_eq!(world.store.escrows_due(&world.job, next).await.unwrap(), 0, "it is due already");
    world.conclude(&user_key("ada"), Effect::Failed(failure(), None)).await;
    let escrows = world.store.escrows(&world.job, 10).await.unwrap();
    let attempts: Vec<_> = escrows.iter().map(|escrow| (&escrow.key, escrow.attempts)).collect();
    assert_eq!(attempts, [(&user_key("ada"), 2), (&user_key("bob"), 1)]);
    assert_eq!((escrows[0].first_failed_at, escrows[0].next_attempt_at), (now(), None));
    assert_eq!(world.known(&user_key("ada")).await.escrow.as_ref(), Some(&escrows[0]));
    assert_eq!(world.store.counts(&world.job).await.unwrap().escrowed, 2);
    world.conclude(&user_key("ada"), linked("r1")).await;
    assert_eq!(world.known(&user_key("ada")).await.escrow, None);
}

fn held(effect: RemovalEffect, references: u64) -> NewRemoval {
    NewRemoval { effect, reason: "left the scope".to_owned(), resource: "r1".into(), references, not_before: None }
}

pub(super) async fn a_removal_is_held_once_and_cancelled_by_evaluation(store: Store) {
    let world = people(store).await;
    let hold = async |effects: &[RemovalEffect]| {
        let mut outcome = world.outcome(&user_key("ada"), Effect::Unchanged).await;
        outcome.held = effects.iter().map(|effect| held(effect.clone(), 0)).collect();
        outcome.cancel_removals = true;
        world.commit(vec![outcome]).await;
        world.known(&user_key("ada")).await.removals
    };
    let first = hold(&[RemovalEffect::Disable]).await;
    assert_eq!((first.len(), first[0].state, first[0].held_at), (1, RemovalState::Held, now()));
    assert_eq!(hold(&[RemovalEffect::Disable]).await, first, "it stands already");
    world.store.set_removal_state(&[first[0].id.clone()], RemovalState::Staged).await.unwrap();
    let both = hold(&[RemovalEffect::Edges, RemovalEffect::Disable]).await;
    assert_eq!(
        both.iter().map(|removal| removal.effect.clone()).collect::<Vec<_>>(),
        [RemovalEffect::Disable, RemovalEffect::Edges]
    );
    assert_eq!(both[0].state, RemovalState::Staged, "what a person decided stays");
    let counts = world.store.counts(&world.job).await.unwrap();
    assert_eq!((counts.staged, counts.oldest_held), (1, Some(now())));
    let page = world.store.held_removals(&world.job, RemovalState::Held, None, 10).await.unwrap();
    assert_eq!(page, both[1..]);
    let rest = world.store.held_removals(&world.job, RemovalState::Held, Some(page[0].id.clone()), 10).await.unwrap();
    assert_eq!(rest, []);
    assert_eq!(hold(&[]).await, []);
}

pub(super) async fn a_waiting_object_wakes_when_the_removal_ends(store: Store) {
    let world = people(store).await;
    let hold = async || {
        let mut outcome = world.outcome(&user_key("ada"), Effect::Unchanged).await;
        outcome.held = vec![held(RemovalEffect::Delete, 0)];
        world.commit(vec![outcome]).await;
        let removal = world.known(&user_key("ada")).await.removals.remove(0).id;
        world.conclude(&user_key("bob"), Effect::Waiting { for_removal: removal.clone() }).await;
        world.conclude(&user_key("eve"), Effect::Unchanged).await;
        assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), []);
        removal
    };
    let removal = hold().await;
    let mut done = world.outcome(&user_key("ada"), Effect::Unlinked).await;
    done.done_removals = vec![removal];
    world.commit(vec![done]).await;
    assert_eq!(world.known(&user_key("ada")).await.removals, []);
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), [user_key("bob")]);
    let removal = hold().await;
    world.store.set_removal_state(&[removal], RemovalState::Rejected).await.unwrap();
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), [user_key("bob")]);
}

pub(super) async fn settled_intents_make_their_objects_due(store: Store) {
    let world = people(store).await;
    world.record(vec![group("staff", &[dn("ada")])]).await;
    world.conclude(&user_key("ada"), linked("r1")).await;
    world.conclude(&user_key("bob"), linked("r2")).await;
    let disable = |key, resource: &str| {
        world.intent(key, Action::Disable { resource: resource.into(), changes: Vec::new() }, "x")
    };
    let (ada, bob, eve, staff) = (user_key("ada"), user_key("bob"), user_key("eve"), group_key("staff"));
    let intents = vec![
        disable(&ada, "r1"),
        disable(&bob, "r2"),
        world.create(&eve, "eve", Vec::new()),
        world.create(&staff, "staff", vec![sent(dn("ada"), "r1", true)]),
    ];
    let page = world.open_all(intents.clone()).await;
    let results = [
        SettledResult::LinkedUnknown { paths: vec![TargetPath::new("active")] },
        SettledResult::Gone,
        SettledResult::Linked { resource: "r3".into(), exported: Exported::new() },
        SettledResult::NotDone,
    ];
    let settled: Vec<Settled> = intents
        .into_iter()
        .zip(results)
        .map(|(intent, result)| Settled { page: page.clone(), key: intent.key, result, log: None })
        .collect();
    let (first, rest) = settled.split_at(1);
    assert_eq!(world.settle(first.to_vec()).await.conflicts, []);
    assert_eq!(world.open_intents().await.len(), rest.len(), "what is not settled stays open");
    assert_eq!(world.settle(rest.to_vec()).await.conflicts, []);
    assert_eq!(world.open_intents().await, []);
    let exported = world.known(&ada).await.link.unwrap().exported;
    assert_eq!(exported[&TargetPath::new("active")], ExportedValue::Unknown);
    assert_eq!(exported[&TargetPath::new("userName")], ExportedValue::Known("ada".into()));
    assert_eq!(world.known(&bob).await.link, None);
    assert_eq!(world.known(&eve).await.link.unwrap().resource.as_str(), "r3");
    let edge = &world.known(&staff).await.edges[0];
    assert_eq!((edge.export, edge.wanted), (provisor::model::Export::Never, true), "nothing was created to hold it");
    let due = world.store.due_objects(&world.job, &users(), None, 9).await.unwrap();
    assert_eq!(due, [ada.clone(), bob.clone(), eve]);
    // Settling again finds no intent, and takes no link away.
    let again = Settled { result: SettledResult::Gone, ..settled[0].clone() };
    world.settle(vec![again]).await;
    assert!(world.known(&ada).await.link.is_some());
}
