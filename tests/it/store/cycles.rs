//! What a cycle begins with, what it sweeps, and what belongs to the job as a whole.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use provisor::model::{
    Channel, Counters, CycleId, CycleKind, CycleState, Exported, Health, JobId, Milestones, ObjectKind,
    ObjectMappingId, Quarantine, QuarantineError, QuarantineReason, ResourceId, TargetIdentity, TargetPath,
};
use provisor::store::{Effect, EndOfCycle, Store, StoreError};
use serde_json::json;

use super::world::{World, dn, group, group_key, groups, now, sent, user, user_key, users};

pub(super) async fn a_cycle_begins_with_what_is_linked_and_exported(store: Store) {
    let world = World::new(store).await;
    let first = world.store.begin_cycle(&world.job, CycleKind::Initial, now()).await.unwrap();
    assert_eq!((first.generation, first.baseline.linked.len()), (1, 0));
    world.record(vec![user("ada", "1"), user("bob", "1"), group("staff", &[dn("ada"), dn("bob")])]).await;
    world.link(&user_key("ada"), "r-ada").await;
    world.link(&group_key("staff"), "r-staff").await;
    world.send_edges(&group_key("staff")).await;
    let counters = Counters { created: 2, ..Counters::default() };
    let health = Health::default();
    let end = EndOfCycle { state: CycleState::Succeeded, counters: &counters, error: None, health: &health };
    world.store.end_cycle(&world.job, &first.id, end, now()).await.unwrap();
    let second = world.store.begin_cycle(&world.job, CycleKind::Incremental, now()).await.unwrap();
    assert_eq!(second.generation, 2);
    assert_eq!(second.baseline.linked, [(users(), 1), (groups(), 1)].into());
    assert_eq!(second.baseline.exported_edges, [(groups(), 1)].into());
    let last = world.store.last_cycles(&world.job, 5).await.unwrap();
    let shown: Vec<_> = last.iter().map(|cycle| (cycle.kind, cycle.state, cycle.counters.created)).collect();
    assert_eq!(
        shown,
        [(CycleKind::Incremental, CycleState::Running, 0), (CycleKind::Initial, CycleState::Succeeded, 2)]
    );
    assert_eq!((last[0].ended_at, last[1].ended_at), (None, Some(now())));
    assert_eq!(world.store.last_cycles(&world.job, 1).await.unwrap().len(), 1);
}

pub(super) async fn what_is_held_is_counted_as_it_changes(store: Store) {
    let world = World::new(store).await;
    let held = async || {
        let cycle = world.store.begin_cycle(&world.job, CycleKind::Incremental, now()).await.unwrap();
        let of = |counts: &BTreeMap<ObjectMappingId, u64>, mapping| counts.get(&mapping).copied().unwrap_or_default();
        let (linked, edges) = (&cycle.baseline.linked, &cycle.baseline.exported_edges);
        let counts = world.store.counts(&world.job).await.unwrap();
        assert_eq!(counts.linked, linked.values().sum::<u64>());
        (of(linked, users()), of(linked, groups()), of(edges, groups()))
    };
    let everybody = ["a", "b", "c"];
    world.record(everybody.map(|anchor| user(anchor, "1")).to_vec()).await;
    world.record(vec![group("staff", &everybody.map(dn)), group("other", &[dn("a")])]).await;
    assert_eq!(held().await, (0, 0, 0));
    for anchor in everybody {
        world.link(&user_key(anchor), anchor).await;
    }
    world.link(&user_key("c"), "another").await;
    world.link(&group_key("staff"), "staff").await;
    world.link(&group_key("other"), "other").await;
    assert_eq!(held().await, (3, 2, 0), "a link that moves is one");
    world.send_edges(&group_key("staff")).await;
    world.send_edges(&group_key("other")).await;
    world.send_edges(&group_key("other")).await;
    assert_eq!(held().await, (3, 2, 4));
    world.link(&user_key("c"), "a third").await;
    assert_eq!(held().await, (3, 2, 4), "what was sent stays until it is taken away");
    world.record(vec![group("staff", &[dn("b")])]).await;
    let removed = [sent(dn("a"), "a", false)].to_vec();
    world.conclude(&group_key("staff"), Effect::Updated { exported: Exported::new(), sent: removed }).await;
    assert_eq!(held().await, (3, 2, 3));
    world.conclude(&group_key("other"), Effect::Unlinked).await;
    assert_eq!(held().await, (3, 1, 2));
    world.conclude(&user_key("b"), Effect::Vanished).await;
    assert_eq!(held().await, (2, 1, 1), "what named it is to be sent again");
}

pub(super) async fn old_cycles_are_pruned_but_not_what_is_still_asked_for(store: Store) {
    let world = World::new(store).await;
    let finish = async |day: i64, kind: CycleKind, state: CycleState| {
        let at = now() + TimeDelta::days(day);
        let cycle = world.store.begin_cycle(&world.job, kind, at).await.unwrap();
        let (counters, health) = (Counters::default(), Health::default());
        let end = EndOfCycle { state, counters: &counters, error: None, health: &health };
        world.store.end_cycle(&world.job, &cycle.id, end, at).await.unwrap();
    };
    finish(0, CycleKind::Initial, CycleState::Succeeded).await;
    finish(1, CycleKind::Initial, CycleState::Succeeded).await;
    finish(2, CycleKind::Initial, CycleState::Failed).await;
    finish(3, CycleKind::Incremental, CycleState::Succeeded).await;
    finish(4, CycleKind::Incremental, CycleState::Partial).await;
    finish(5, CycleKind::Incremental, CycleState::Interrupted).await;
    world.store.begin_cycle(&world.job, CycleKind::Incremental, now() + TimeDelta::days(6)).await.unwrap();
    let days = async || {
        let cycles = world.store.last_cycles(&world.job, 9).await.unwrap();
        cycles.into_iter().map(|cycle| (cycle.started_at - now()).num_days()).collect::<Vec<_>>()
    };
    let (young, late) = (now() + TimeDelta::days(2), now() + TimeDelta::days(9));
    assert_eq!(world.store.prune_cycles(&world.job, young, 2).await.unwrap(), 1);
    assert_eq!(days().await, [6, 5, 4, 3, 2, 1], "the last full read stays");
    for (most, pruned) in [(2, 2), (2, 1), (2, 0)] {
        assert_eq!(world.store.prune_cycles(&world.job, late, most).await.unwrap(), pruned);
    }
    assert_eq!(days().await, [6, 4, 1], "what runs stays, and the last that came to its end");
    let last = world.store.last_full_read(&world.job).await.unwrap();
    assert_eq!(last, Some(now() + TimeDelta::days(1)));
    let Milestones { last_succeeded, last_that_exported, steady_since, last_steady } =
        world.store.milestones(&world.job).await.unwrap();
    let third = now() + TimeDelta::days(3);
    let succeeded = last_succeeded.map(|cycle| (cycle.kind, cycle.started_at, cycle.ended_at));
    assert_eq!(succeeded, Some((CycleKind::Incremental, third, third)), "it is remembered for longer than it is kept");
    assert_eq!((last_that_exported, steady_since, last_steady), (None, Some(now()), Some(third)));
}

pub(super) async fn unseen_objects_are_candidates_page_by_page(store: Store) {
    let mut world = World::new(store).await;
    world.record(["a", "b", "c", "d"].map(|anchor| user(anchor, "1")).to_vec()).await;
    world.record(vec![group("g", &[])]).await;
    world.generation = 2;
    world.record(vec![user("b", "1")]).await;
    let kind = ObjectKind::new("User");
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = world.store.sweep_candidates(&world.job, &kind, 2, after, 2).await.unwrap();
        let Some(last) = page.last().cloned() else { break };
        found.extend(page.into_iter().map(|anchor| anchor.to_string()));
        after = Some(last);
    }
    assert_eq!(found, ["a", "c", "d"]);
}

pub(super) async fn a_schema_change_makes_everything_due(store: Store) {
    let mut world = World::new(store).await;
    world.record(vec![user("ada", "1"), user("bob", "1")]).await;
    world.store.mark_schema_due(&world.job, 1).await.unwrap();
    for anchor in ["ada", "bob"] {
        world.conclude(&user_key(anchor), Effect::Unchanged).await;
    }
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap(), []);
    world.store.mark_schema_due(&world.job, 2).await.unwrap();
    world.schema_version = 2;
    assert_eq!(world.store.job_schema_version(&world.job).await.unwrap(), 2);
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 9).await.unwrap().len(), 2);
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    world.store.mark_schema_due(&world.job, 2).await.unwrap();
    let due = world.store.due_objects(&world.job, &users(), None, 9).await.unwrap();
    assert_eq!(due, [user_key("bob")], "what was evaluated against it already is not due again");
}

pub(super) async fn the_matching_index_finds_resources_by_value(store: Store) {
    let world = World::new(store).await;
    let path = TargetPath::new("userName");
    let entry = |value: &str, resource: &str| {
        (path.clone(), value.to_owned(), ResourceId::new(resource), json!({ "userName": value }))
    };
    let entries = vec![entry("ada", "r2"), entry("ada", "r1"), entry("bob", "r3"), entry("bob", "r3")];
    world.store.index_resources(&world.job, &users(), entries.clone()).await.unwrap();
    world.store.index_resources(&world.job, &users(), entries).await.unwrap();
    let values = ["ada".to_owned(), "bob".to_owned(), "eve".to_owned()];
    let found = world.store.lookup_index(&world.job, &users(), &path, &values).await.unwrap();
    let resources = |value: &str| found[value].iter().map(|(resource, _)| resource.as_str()).collect::<Vec<_>>();
    assert_eq!((found.len(), resources("ada"), resources("bob")), (2, vec!["r1", "r2"], vec!["r3"]));
    assert_eq!(found["bob"][0].1, json!({ "userName": "bob" }));
    let other = world.store.lookup_index(&world.job, &groups(), &path, &values).await.unwrap();
    assert!(other.is_empty());
    world.store.clear_index(&world.job, &users()).await.unwrap();
    assert!(world.store.lookup_index(&world.job, &users(), &path, &values).await.unwrap().is_empty());
}

pub(super) async fn a_job_keeps_its_target_while_it_has_links(store: Store) {
    let world = World::new(store).await;
    let elsewhere = TargetIdentity::new("https://elsewhere.example");
    world.store.ensure_job(&world.job, "app", &elsewhere).await.unwrap();
    world.store.ensure_job(&world.job, "app", &super::world::target()).await.unwrap();
    world.record(vec![user("ada", "1")]).await;
    world.link(&user_key("ada"), "r1").await;
    let refused = world.store.ensure_job(&world.job, "app", &elsewhere).await;
    assert!(matches!(refused, Err(StoreError::OtherTarget { .. })), "{refused:?}");
    world.store.ensure_job(&world.job, "renamed", &super::world::target()).await.unwrap();
    assert_eq!(world.store.counts(&world.job).await.unwrap().linked, 1);
}

pub(super) async fn unknown_jobs_are_named(store: Store) {
    let stranger = JobId::new("stranger");
    let begun = store.begin_cycle(&stranger, CycleKind::Initial, now()).await;
    assert_eq!(begun.unwrap_err().to_string(), "the store does not know job `stranger`");
    assert!(matches!(store.job_schema_version(&stranger).await, Err(StoreError::UnknownJob { .. })));
    assert!(matches!(store.known(&stranger, &[user_key("ada")]).await, Err(StoreError::UnknownJob { .. })));
}

pub(super) async fn how_a_job_stands_is_stored_with_the_end_of_its_cycle(store: Store) {
    let world = World::new(store).await;
    assert_eq!(world.store.health(&world.job).await.unwrap(), Health::default());
    assert_eq!(world.store.health(&JobId::new("stranger")).await.unwrap(), Health::default());
    let cycle = world.store.begin_cycle(&world.job, CycleKind::Initial, now()).await.unwrap();
    let counters = Counters::default();
    for reason in [
        QuarantineReason::EncounteredBaseEscrowThreshold,
        QuarantineReason::EncounteredEscrowProportionThreshold,
        QuarantineReason::EncounteredQuarantineException,
        QuarantineReason::IngestionInterrupted,
        QuarantineReason::TooManyDeletes,
        QuarantineReason::Unknown,
    ] {
        let error = QuarantineError { code: "c".into(), message: "it's \"so\"".into(), tenant_actionable: true };
        let quarantine = Quarantine {
            reason,
            current_began: now(),
            series_began: now(),
            series_count: 3,
            next_attempt: Some(now()),
            error,
        };
        let health = Health { successive_failures: 4, failing_since: Some(now()), quarantine: Some(quarantine) };
        let end = || EndOfCycle { state: CycleState::Failed, counters: &counters, error: None, health: &health };
        world.store.end_cycle(&world.job, &CycleId::new("stranger"), end(), now()).await.unwrap();
        assert_ne!(world.store.health(&world.job).await.unwrap(), health, "no cycle of the job has ended");
        world.store.end_cycle(&world.job, &cycle.id, end(), now()).await.unwrap();
        assert_eq!(world.store.health(&world.job).await.unwrap(), health);
        for channel in [Channel::Webhook, Channel::Mail] {
            let told = async || world.store.told(&world.job, channel).await.unwrap();
            let before = told().await;
            assert_ne!(before, Some(reason), "each channel has heard what it has heard");
            world.store.mark_told(&world.job, channel, Some(reason)).await.unwrap();
            assert_eq!(told().await, Some(reason));
        }
    }
    world.store.mark_told(&world.job, Channel::Webhook, None).await.unwrap();
    assert_eq!(world.store.told(&world.job, Channel::Webhook).await.unwrap(), None);
    assert_eq!(world.store.told(&world.job, Channel::Mail).await.unwrap(), Some(QuarantineReason::Unknown));
}

/// Cycle after cycle ends while a status is read: what it says of the last one is what it remembers.
pub(super) async fn a_snapshot_is_of_one_moment(store: Store) {
    let world = World::new(store).await;
    let (store, job) = (world.store.clone(), world.job.clone());
    let cycles = tokio::spawn(async move {
        for minute in 0..60 {
            let at = now() + TimeDelta::minutes(minute);
            let cycle = store.begin_cycle(&job, CycleKind::Incremental, at).await.unwrap();
            let counters = Counters { created: 1, ..Counters::default() };
            let end = EndOfCycle {
                state: CycleState::Succeeded,
                counters: &counters,
                error: None,
                health: &Health::default(),
            };
            store.end_cycle(&job, &cycle.id, end, at).await.unwrap();
        }
    });
    let mut ended = 0;
    while !cycles.is_finished() {
        let snapshot = world.store.snapshot(&world.job, "app").await.unwrap();
        let last = snapshot.cycles.iter().find(|cycle| cycle.state != CycleState::Running).map(|cycle| &cycle.id);
        let remembered = snapshot.milestones.last_that_exported.as_ref().map(|cycle| &cycle.id);
        assert_eq!(last, remembered);
        ended += usize::from(last.is_some());
    }
    cycles.await.unwrap();
    assert!(ended > 0, "it was looked at while cycles ended");
}
