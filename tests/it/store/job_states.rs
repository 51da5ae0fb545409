//! A state machine of jobs: whatever people, cycles and crashes do in whatever order, the store is as a model says that
//! shares no code with it.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provisor::engine::quarantine::{self, CycleEnd, QuarantineRules, Side, Standing as Objects};
use provisor::model::{
    Counters, Cycle, CycleKind, CycleState, FailureClass, JobState, QuarantineError, RemovalEffect, RemovalState,
    ResetScope,
};
use provisor::secret::Secret;
use provisor::store::{Effect, EndOfCycle, NewRemoval, Store};

use super::restarts::watermark;
use super::world::{World, failure, now, user, user_key};

const PEOPLE: [&str; 3] = ["ada", "bob", "cyd"];

#[derive(Clone, Debug)]
enum Step {
    Pause,
    Start,
    Restart(&'static str),
    BeginCycle,
    /// The process that runs the cycle dies; somebody finds nobody at work.
    Crash,
    SaveWatermark,
    Link(usize),
    Fail(usize),
    Stage(usize),
    EndCycle(End),
    /// A process that was cut off goes on.
    Zombie,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    RefusedCredentials,
    ShortOutage,
    Interrupted,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let scopes = [
        "",
        "None",
        "Watermark",
        "Escrows",
        "QuarantineState",
        "ConnectorDataStore",
        "Full",
        "ForceDeletes",
        "Escrows, ForceDeletes",
    ];
    let ends = vec![End::Well, End::RefusedCredentials, End::ShortOutage, End::Interrupted];
    let step = prop_oneof![
        2 => Just(Step::Pause),
        3 => Just(Step::Start),
        4 => prop::sample::select(scopes.to_vec()).prop_map(Step::Restart),
        6 => Just(Step::BeginCycle),
        1 => Just(Step::Crash),
        2 => Just(Step::SaveWatermark),
        3 => (0..PEOPLE.len()).prop_map(Step::Link),
        2 => (0..PEOPLE.len()).prop_map(Step::Fail),
        1 => (0..PEOPLE.len()).prop_map(Step::Stage),
        5 => prop::sample::select(ends).prop_map(Step::EndCycle),
        1 => Just(Step::Zombie),
    ];
    prop::collection::vec(step, 1..40)
}

/// What is so, in the words of the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Person {
    linked: bool,
    failed: bool,
    due: bool,
    staged: bool,
    released: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    paused: bool,
    /// A cycle is at work.
    works: bool,
    slow: bool,
    watermark: bool,
    people: [Person; 3],
}

impl Model {
    /// True when the restart is refused.
    fn restart(&mut self, scope: &str) -> bool {
        let names = |name: &str| scope.split(", ").any(|one| one == name);
        let (usual, full) = (scope.is_empty(), names("Full"));
        let drops_links = full || names("ConnectorDataStore");
        let open = |person: &Person| person.staged || person.released || (person.linked && person.due);
        if drops_links && self.people.iter().any(open) {
            return true;
        }
        self.watermark &= !(usual || full || names("Watermark"));
        self.slow &= !(usual || full || names("QuarantineState"));
        for person in &mut self.people {
            person.due |= usual || drops_links || names("Watermark");
            person.linked &= !drops_links;
            if usual || full || names("Escrows") {
                person.due |= person.failed;
                person.failed = false;
            }
            if names("ForceDeletes") && person.staged {
                (person.staged, person.released) = (false, true);
            }
        }
        (self.paused, self.works) = (false, false);
        false
    }

    fn end(&mut self, end: End) {
        self.works = false;
        match end {
            // One failing object of three is less than 5,000; removals that wait are told as a quarantine.
            End::Well => self.slow = self.people.iter().any(|person| person.staged),
            End::RefusedCredentials => self.slow = true,
            End::ShortOutage | End::Interrupted => {}
        }
    }
}

/// The store with whoever works on it.
struct Reality {
    world: World,
    cycle: Option<Cycle>,
    zombies: Vec<Cycle>,
    time: DateTime<Utc>,
}

impl Reality {
    async fn new() -> Self {
        let world = World::new(Store::open(&Secret::new("sqlite::memory:"), None).await.unwrap()).await;
        world.record(PEOPLE.iter().map(|name| user(name, "m@n.example")).collect()).await;
        Self { world, cycle: None, zombies: Vec::new(), time: now() }
    }

    async fn begin(&mut self) -> bool {
        let World { store, job, .. } = &self.world;
        match store.begin_cycle(job, CycleKind::Incremental, self.time).await {
            Ok(cycle) => {
                self.zombies.extend(self.cycle.replace(cycle));
                true
            }
            Err(_) => false,
        }
    }

    /// As the engine does it.
    async fn end(&mut self, end: End) {
        let Some(cycle) = self.cycle.take() else { return };
        let World { store, job, .. } = &self.world;
        let (counts, rules) = (store.counts(job).await.unwrap(), QuarantineRules::default());
        let error = QuarantineError { code: "c".into(), message: "m".into(), tenant_actionable: true };
        let failed = |class| CycleEnd::Failed { class, side: Side::Target, error: error.clone() };
        let end = match end {
            End::Well => CycleEnd::Finished(Objects { failing: counts.escrowed, others: 3, staged: counts.staged }),
            End::RefusedCredentials => failed(FailureClass::Credentials),
            End::ShortOutage => failed(FailureClass::Outage),
            End::Interrupted => CycleEnd::Interrupted,
        };
        let health = quarantine::after(&store.health(job).await.unwrap(), end, &rules, self.time);
        let counters = Counters::default();
        let end = EndOfCycle { state: CycleState::Partial, counters: &counters, error: None, health: &health };
        store.fenced(job, &cycle.id).end_cycle(job, &cycle.id, end, self.time).await.unwrap();
    }

    async fn stage(&self, who: usize) {
        let world = &self.world;
        let mut outcome = world.outcome(&user_key(PEOPLE[who]), Effect::Unchanged).await;
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
        world.store.set_removal_state(&ids, RemovalState::Staged).await.unwrap();
    }

    /// Everything that was cut off tries to write.
    async fn wake_zombies(&self) {
        let World { store, job, .. } = &self.world;
        for zombie in &self.zombies {
            store.fenced(job, &zombie.id).save_watermark(job, watermark("late")).await.unwrap_err();
        }
    }

    async fn as_model(&self) -> Model {
        let World { store, job, .. } = &self.world;
        let standing = store.standing(job).await.unwrap();
        let users = super::world::users();
        let due = store.due_objects(job, &users, None, 9).await.unwrap();
        let mut people = [Person::default(); 3];
        for (person, name) in people.iter_mut().zip(PEOPLE) {
            let known = self.world.known(&user_key(name)).await;
            let removal = |state| known.removals.iter().any(|removal| removal.state == state);
            *person = Person {
                linked: known.link.is_some(),
                failed: known.escrow.is_some(),
                due: due.contains(&user_key(name)),
                staged: removal(RemovalState::Staged),
                released: removal(RemovalState::Released),
            };
        }
        let works = match &self.cycle {
            Some(cycle) => store.last_cycles(job, 1).await.unwrap()[0].id == cycle.id,
            None => false,
        };
        match standing.state {
            JobState::Active => {}
            JobState::Pausing => assert!(works, "nobody is waited for"),
            JobState::Paused => assert!(!works, "somebody is still at work"),
        }
        Model {
            paused: standing.state != JobState::Active,
            works,
            slow: standing.health.quarantine.is_some(),
            watermark: !store.watermarks(job).await.unwrap().is_empty(),
            people,
        }
    }
}

async fn compare(steps: Vec<Step>) {
    let mut reality = Reality::new().await;
    let mut model = Model { people: [Person { due: true, ..Person::default() }; 3], ..Model::default() };
    for step in &steps {
        reality.time += TimeDelta::minutes(1);
        let World { store, job, .. } = &reality.world;
        match *step {
            Step::Pause => {
                store.pause(job).await.unwrap();
                model.paused = true;
            }
            Step::Start => {
                store.start(job).await.unwrap();
                (model.paused, model.slow) = (false, false);
            }
            Step::Restart(scope) => {
                let parsed: ResetScope = scope.parse().unwrap();
                let refused = store.restart(job, &parsed, reality.time).await.is_err();
                assert_eq!(refused, model.restart(scope), "{scope} after {steps:?}");
                if !refused {
                    reality.zombies.extend(reality.cycle.take());
                }
            }
            Step::BeginCycle => {
                let begins = reality.begin().await;
                assert_eq!(begins, !model.paused, "a cycle begins unless the job is to pause: {steps:?}");
                model.works |= begins;
            }
            Step::Crash => {
                store.settle_pause(job, reality.time).await.unwrap();
                reality.zombies.extend(reality.cycle.take());
                model.works = false;
            }
            Step::EndCycle(end) if model.works => {
                reality.end(end).await;
                model.end(end);
            }
            Step::SaveWatermark if model.works => {
                store.save_watermark(job, watermark("w")).await.unwrap();
                model.watermark = true;
            }
            Step::Link(who) if model.works => {
                reality.world.link(&user_key(PEOPLE[who]), PEOPLE[who]).await;
                let person = &mut model.people[who];
                (person.linked, person.failed, person.due) = (true, false, false);
            }
            Step::Fail(who) if model.works => {
                reality.world.conclude(&user_key(PEOPLE[who]), Effect::Failed(failure(), None)).await;
                let person = &mut model.people[who];
                (person.failed, person.due) = (true, false);
            }
            Step::Stage(who) if model.works && !model.people[who].released => {
                reality.stage(who).await;
                let person = &mut model.people[who];
                (person.staged, person.failed, person.due) = (true, false, false);
            }
            Step::Zombie => reality.wake_zombies().await,
            _ => {}
        }
        assert_eq!(reality.as_model().await, model, "{step:?} in {steps:?}");
    }
}

#[test]
fn whatever_happens_in_whatever_order_a_job_stands_as_documented() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(compare(steps));
            Ok(())
        })
        .unwrap();
}
