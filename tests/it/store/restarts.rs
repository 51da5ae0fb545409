//! Pauses and restarts: what they change, and that nobody writes past them.

use provisor::db::DbError;
use provisor::model::{
    Counters, Cycle, CycleKind, CycleState, FeedId, Health, JobId, JobState, Quarantine, QuarantineError,
    QuarantineReason, RemovalEffect, RemovalState, ResetScope, Round, Standing, Watermark,
};
use provisor::store::{Effect, EndOfCycle, NewRemoval, Store, StoreError};

use super::world::{World, dn, failure, group, group_key, now, user, user_key};

pub(super) fn watermark(checkpoint: &str) -> Watermark {
    Watermark {
        feed: FeedId::new("users"),
        directory: "d".to_owned(),
        view: "v".to_owned(),
        checkpoint: checkpoint.to_owned(),
        round: Round::Changes,
        generation: 1,
    }
}

pub(super) fn slow() -> Health {
    let error = QuarantineError { code: "c".into(), message: "m".into(), tenant_actionable: true };
    let quarantine = Quarantine {
        reason: QuarantineReason::EncounteredQuarantineException,
        current_began: now(),
        series_began: now(),
        series_count: 1,
        next_attempt: Some(now()),
        error,
    };
    Health { successive_failures: 2, failing_since: Some(now()), quarantine: Some(quarantine) }
}

async fn begin(world: &World) -> Cycle {
    world.store.begin_cycle(&world.job, CycleKind::Incremental, now()).await.unwrap()
}

async fn end(world: &World, cycle: &Cycle, health: Health) -> Result<(), StoreError> {
    let counters = Counters::default();
    let end = EndOfCycle { state: CycleState::Succeeded, counters: &counters, error: None, health: &health };
    world.store.end_cycle(&world.job, &cycle.id, end, now()).await
}

/// The same world, as the cycle writes it.
fn of_cycle(world: &World, cycle: &Cycle) -> World {
    World {
        store: world.store.fenced(&world.job, &cycle.id),
        job: world.job.clone(),
        generation: world.generation,
        schema_version: world.schema_version,
        full_round: world.full_round,
        groups: world.groups.clone(),
    }
}

fn is_fenced<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Database(DbError::Fenced)))
}

async fn is_harmless(world: &World, zombie: &World, cycle: &Cycle) {
    let before = world.store.standing(&world.job).await.unwrap();
    let (job, store) = (&world.job, &zombie.store);
    assert!(is_fenced(store.save_watermark(job, watermark("late")).await));
    assert!(is_fenced(store.record_page(zombie.page(vec![user("late", "l@n.example")])).await));
    let intent = std::sync::Arc::new(zombie.create(&user_key("ada"), "ada", Vec::new()));
    assert!(is_fenced(store.open_intents(job, &super::world::target(), vec![intent]).await));
    assert!(is_fenced(end(zombie, cycle, slow()).await));
    assert_eq!(world.store.watermarks(job).await.unwrap(), []);
    assert_eq!(world.open_intents().await, []);
    assert_eq!(world.store.standing(job).await.unwrap(), before);
}

pub(super) async fn a_cycle_that_was_cut_off_stores_nothing(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "a@n.example")]).await;
    let cycle = begin(&world).await;
    let zombie = of_cycle(&world, &cycle);
    zombie.store.save_watermark(&world.job, watermark("own")).await.unwrap();
    assert!(world.store.goes_on(&world.job, &cycle.id).await.unwrap());
    world.store.restart(&world.job, &ResetScope::default(), now()).await.unwrap();
    assert!(!world.store.goes_on(&world.job, &cycle.id).await.unwrap());
    is_harmless(&world, &zombie, &cycle).await;
    assert_eq!(world.store.last_cycles(&world.job, 1).await.unwrap()[0].state, CycleState::Interrupted);
}

pub(super) async fn a_cycle_that_another_one_follows_stores_nothing(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "a@n.example")]).await;
    let dead = begin(&world).await;
    let next = begin(&world).await;
    is_harmless(&world, &of_cycle(&world, &dead), &dead).await;
    let living = of_cycle(&world, &next);
    living.store.save_watermark(&world.job, watermark("own")).await.unwrap();
    end(&living, &next, slow()).await.unwrap();
    assert!(is_fenced(living.store.save_watermark(&world.job, watermark("after")).await), "it has ended");
    assert_eq!(world.store.standing(&world.job).await.unwrap().health, slow());
}

pub(super) async fn no_write_slips_through_beside_a_restart(store: Store) {
    let world = World::new(store).await;
    for _ in 0..5 {
        let cycle = begin(&world).await;
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (store, job) = (of_cycle(&world, &cycle).store, world.job.clone());
                tokio::spawn(async move {
                    let mut written = 0;
                    loop {
                        match store.save_watermark(&job, watermark("w")).await {
                            Ok(()) => written += 1,
                            Err(StoreError::Database(DbError::Fenced)) => return written,
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        while world.store.watermarks(&world.job).await.unwrap().is_empty() {}
        world.store.restart(&world.job, &"Watermark".parse().unwrap(), now()).await.unwrap();
        assert_eq!(world.store.watermarks(&world.job).await.unwrap(), []);
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(world.store.watermarks(&world.job).await.unwrap(), [], "a write came after the restart");
    }
}

pub(super) async fn a_pause_lasts_until_the_job_is_started(store: Store) {
    let world = World::new(store).await;
    let (store, job) = (&world.store, &world.job);
    let state = async || store.standing(job).await.unwrap().state;
    let cycle = begin(&world).await;
    assert_eq!(store.pause(job).await.unwrap(), JobState::Pausing);
    assert!(!store.goes_on(job, &cycle.id).await.unwrap());
    let winding_down = of_cycle(&world, &cycle);
    winding_down.store.save_watermark(job, watermark("what was in flight is stored")).await.unwrap();
    assert!(matches!(store.begin_cycle(job, CycleKind::Incremental, now()).await, Err(StoreError::Paused { .. })));
    end(&winding_down, &cycle, slow()).await.unwrap();
    assert_eq!(state().await, JobState::Paused);
    assert!(matches!(store.begin_cycle(job, CycleKind::Incremental, now()).await, Err(StoreError::Paused { .. })));
    let before = store.standing(job).await.unwrap();
    store.start(job).await.unwrap();
    let started = store.standing(job).await.unwrap();
    assert_eq!((started.state, started.starts), (JobState::Active, before.starts + 1));
    assert_eq!(started.health.quarantine, None, "whoever starts a job wants it to run");
    assert_eq!(store.watermarks(job).await.unwrap().len(), 1, "it goes on where it stood");

    begin(&world).await;
    assert_eq!(store.pause(job).await.unwrap(), JobState::Pausing);
    // The process dies. Whoever finds nobody at work ends what it left.
    store.settle_pause(job, now()).await.unwrap();
    assert_eq!(state().await, JobState::Paused);
    assert_eq!(store.pause(job).await.unwrap(), JobState::Paused);
    let stranger = JobId::new("stranger");
    assert!(matches!(store.pause(&stranger).await, Err(StoreError::UnknownJob { .. })));
    assert!(matches!(store.start(&stranger).await, Err(StoreError::UnknownJob { .. })));
    assert_eq!(store.standing(&stranger).await.unwrap(), Standing::default());
}

/// A job with a watermark, a failure, a quarantine and a member in a group, all settled.
async fn busy(store: Store, job: &str) -> World {
    let world = World::with_job(store, job).await;
    world.record(vec![user("ada", "a@n.example"), user("bob", "b@n.example"), group("staff", &[dn("ada")])]).await;
    world.link(&user_key("ada"), &format!("{job}-ada")).await;
    world.link(&group_key("staff"), &format!("{job}-staff")).await;
    world.send_edges(&group_key("staff")).await;
    world.conclude(&user_key("bob"), Effect::Failed(failure(), None)).await;
    world.store.save_watermark(&world.job, watermark("w")).await.unwrap();
    let cycle = begin(&world).await;
    end(&world, &cycle, slow()).await.unwrap();
    world
}

async fn hold(world: &World, anchor: &str, state: RemovalState) {
    let mut outcome = world.outcome(&user_key(anchor), Effect::Unchanged).await;
    outcome.held = vec![NewRemoval {
        effect: RemovalEffect::Disable,
        reason: "left".to_owned(),
        resource: "r1".into(),
        references: 0,
        not_before: None,
    }];
    world.commit(vec![outcome]).await;
    let held = world.store.held_removals(&world.job, RemovalState::Held, None, 9).await.unwrap();
    let ids: Vec<_> = held.into_iter().map(|removal| removal.id).collect();
    world.store.set_removal_state(&ids, state).await.unwrap();
}

/// Watermark, failures, quarantine, links, staged removals: what of each is there.
async fn there(world: &World) -> [bool; 5] {
    let (store, job) = (&world.store, &world.job);
    let counts = store.counts(job).await.unwrap();
    [
        !store.watermarks(job).await.unwrap().is_empty(),
        counts.escrowed > 0,
        store.health(job).await.unwrap().quarantine.is_some(),
        counts.linked > 0,
        counts.staged > 0,
    ]
}

pub(super) async fn every_scope_resets_what_it_names_and_nothing_else(store: Store) {
    // As the documents of the synchronization API tell it.
    for (number, (scope, left)) in [
        ("", [false, false, false, true, false]),
        ("None", [true, true, true, true, false]),
        ("Escrows", [true, false, true, true, false]),
        ("QuarantineState", [true, true, false, true, false]),
        ("Watermark", [false, true, true, true, false]),
        ("ConnectorDataStore", [true, true, true, false, false]),
        ("Full", [false, false, false, false, false]),
        ("ForceDeletes", [true, true, true, true, false]),
    ]
    .into_iter()
    .enumerate()
    {
        let world = busy(store.clone(), &format!("job-{number}")).await;
        let beside = busy(store.clone(), &format!("beside-{number}")).await;
        world.store.pause(&world.job).await.unwrap();
        world.store.restart(&world.job, &scope.parse().unwrap(), now()).await.unwrap();
        assert_eq!(there(&world).await, left, "{scope}");
        assert_eq!(world.store.standing(&world.job).await.unwrap().state, JobState::Active, "{scope}");
        assert_eq!(there(&beside).await, [true, true, true, true, false], "another job, beside {scope}");
        let evaluates_all = scope.is_empty() || ["Watermark", "ConnectorDataStore", "Full"].contains(&scope);
        let due = world.store.counts(&world.job).await.unwrap().due;
        assert_eq!(due, if evaluates_all { 3 } else { u64::from(scope == "Escrows") }, "{scope}");
        let edges = world.open_edges(&group_key("staff")).await;
        assert_eq!(edges.len(), usize::from(!left[3]), "a reference is sent again where its link was dropped: {scope}");
    }
    for (number, scope) in ["", "None", "Escrows", "QuarantineState", "Watermark"].into_iter().enumerate() {
        let world = busy(store.clone(), &format!("staged-{number}")).await;
        hold(&world, "ada", RemovalState::Staged).await;
        world.store.restart(&world.job, &scope.parse().unwrap(), now()).await.unwrap();
        assert!(there(&world).await[4], "staged removals survive {scope}");
    }
    let world = busy(store, "forced").await;
    hold(&world, "ada", RemovalState::Staged).await;
    world.store.restart(&world.job, &"ForceDeletes".parse().unwrap(), now()).await.unwrap();
    let approved = world.store.held_removals(&world.job, RemovalState::Released, None, 9).await.unwrap();
    assert_eq!((there(&world).await, approved.len()), ([true, true, true, true, false], 1));
}

pub(super) async fn links_stay_while_something_is_to_be_done_with_them(store: Store) {
    for (number, scope) in ["ConnectorDataStore", "Full", "Full, ForceDeletes"].into_iter().enumerate() {
        let scope: ResetScope = scope.parse().unwrap();
        for state in [RemovalState::Held, RemovalState::Staged, RemovalState::Released] {
            let world = busy(store.clone(), &format!("{number}-{state:?}")).await;
            hold(&world, "ada", state).await;
            refuses(&world, &scope).await;
        }
        let world = busy(store.clone(), &format!("{number}-intents")).await;
        let page = world.open_all(vec![world.create(&user_key("bob"), &format!("bob-{number}"), Vec::new())]).await;
        refuses(&world, &scope).await;
        world.commit_page(Some(page), Vec::new()).await;
        world.record(vec![user("ada", "other@n.example")]).await;
        refuses(&world, &scope).await;
        world.link(&user_key("ada"), &format!("{number}-intents-ada")).await;
        hold(&world, "ada", RemovalState::Rejected).await;
        world.store.restart(&world.job, &scope, now()).await.unwrap();
        assert!(!there(&world).await[3], "a rejected removal is not to be carried out");
    }
}

async fn refuses(world: &World, scope: &ResetScope) {
    let (before, running) = (there(world).await, begin(world).await);
    let refused = world.store.restart(&world.job, scope, now()).await;
    assert!(matches!(refused, Err(StoreError::Unsettled { .. })), "{refused:?}");
    assert_eq!(there(world).await, before, "a refused restart resets nothing");
    assert!(world.store.goes_on(&world.job, &running.id).await.unwrap(), "and cuts nothing off");
    end(world, &running, slow()).await.unwrap();
}

pub(super) async fn a_failure_that_is_forgotten_leaves_its_object_due(store: Store) {
    let world = busy(store, "job").await;
    let revision = world.known(&user_key("bob")).await.revision;
    world.store.restart(&world.job, &"Escrows".parse().unwrap(), now()).await.unwrap();
    let known = world.known(&user_key("bob")).await;
    assert!(known.escrow.is_none() && known.revision > revision);
    let users = super::world::users();
    assert_eq!(world.store.due_objects(&world.job, &users, None, 9).await.unwrap(), [user_key("bob")]);
}
