//! Leases: an application has one driver at a time, whatever happens to its processes. On PostgreSQL; each store that is
//! opened stands for a process. The clock of these tests jumps to whatever is waited for; that of the server goes on.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provisor::db::DbError;
use provisor::model::{CycleKind, CycleState, JobId, JobState, TargetIdentity};
use provisor::secret::Secret;
use provisor::store::{JobLock, Store, StoreError, Tenure};
use tokio_postgres::{Client, NoTls};

use super::restarts::watermark;
use super::world::{now, target};
use crate::support::postgres::Postgres;

/// Longer than any of these tests takes: nothing runs out unless a test says so.
const LEASE: Duration = Duration::from_secs(600);
const APPLICATION: &str = "crm";

struct Shared {
    _server: Postgres,
    url: Secret,
    client: Client,
}

impl Shared {
    async fn start() -> Self {
        let server = Postgres::start();
        let url = server.create_database("leases").await;
        Store::open(&url, None).await.unwrap();
        let client = connect(&url).await;
        Self { _server: server, url, client }
    }

    async fn process(&self) -> Store {
        Store::open(&self.url, None).await.unwrap().with_lease(LEASE)
    }

    /// The term of the application is over, as the server sees it.
    async fn expire(&self, application: &str) {
        self.move_term(application, -2.0).await;
    }

    /// The term begins in so many hours: in the future after the clock of the server was set back.
    async fn move_term(&self, application: &str, hours: f64) {
        let moved = "UPDATE leases SET term = tstzrange(clock_timestamp() + $2 * interval '1 hour',
                     clock_timestamp() + ($2 + 1) * interval '1 hour') WHERE application = $1";
        self.client.execute(moved, &[&application, &hours]).await.unwrap();
    }

    /// When the term is over, in seconds.
    async fn expires(&self, application: &str) -> Option<f64> {
        let read = "SELECT extract(epoch FROM upper(term))::float8 FROM leases WHERE application = $1";
        self.client.query_opt(read, &[&application]).await.unwrap().map(|row| row.get(0))
    }

    /// Lets the driver renew its term.
    async fn renew(&self, application: &str) {
        let before = self.expires(application).await;
        tokio::time::advance(LEASE / 3).await;
        while self.expires(application).await <= before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn connect(url: &Secret) -> Client {
    let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn is_fenced<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Database(DbError::Fenced)))
}

fn is_driven<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Driven { .. }))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(usize),
    Release(usize),
    Renew,
    Expire,
    SetClockBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize).prop_map(Step::Claim),
        2 => (0..3_usize).prop_map(Step::Release),
        1 => Just(Step::Renew),
        2 => Just(Step::Expire),
        1 => Just(Step::SetClockBack),
    ]
}

/// Three processes claim, renew, lose and give back one application, and the model says whose it is.
async fn follow(shared: &Shared, processes: &[Store; 3], application: &str, steps: Vec<Step>) {
    let job = |process: usize| JobId::new(format!("{application}/{process}"));
    let mut locks: [Option<JobLock>; 3] = Default::default();
    let mut driver: Option<usize> = None;
    for step in steps {
        match step {
            Step::Claim(process) if driver == Some(process) => {
                assert!(processes[process].drive(application).await.unwrap().is_held(), "it shares what it has");
            }
            Step::Claim(process) => {
                // What is left of an earlier term gives nothing back that is another's.
                locks[process] = None;
                let claimed = processes[process].lock_job(&job(process), application).await;
                match driver {
                    Some(_) => assert!(is_driven(&claimed), "{claimed:?}"),
                    None => (locks[process], driver) = (Some(claimed.unwrap()), Some(process)),
                }
            }
            Step::Release(process) => {
                locks[process] = None;
                processes[process].settle_leases().await;
                driver = driver.filter(|driver| *driver != process);
            }
            Step::Renew if driver.is_some() => shared.renew(application).await,
            Step::Renew => tokio::time::advance(LEASE / 3).await,
            Step::Expire => {
                shared.expire(application).await;
                driver = None;
            }
            Step::SetClockBack => {
                // Whoever died would keep the application for hours.
                shared.move_term(application, 5.0).await;
                driver = None;
            }
        }
        let told = processes[0].driver(application).await.unwrap();
        assert_eq!(told.is_some(), driver.is_some(), "after {step:?}");
        for (process, lock) in locks.iter().enumerate() {
            let Some(lock) = lock else { continue };
            let written = processes[process].under(lock).clear_watermarks(&job(process)).await;
            assert_eq!(written.is_ok(), driver == Some(process), "process {process} after {step:?}: {written:?}");
            assert!(written.is_ok() || is_fenced(&written), "{written:?}");
            assert!(lock.is_held() || driver != Some(process), "process {process} after {step:?}");
        }
    }
    for (process, lock) in locks.iter().enumerate() {
        let Some(lock) = lock else { continue };
        while driver != Some(process) && lock.is_held() {
            tokio::time::sleep(LEASE / 3).await;
        }
        assert_eq!(lock.is_held(), driver == Some(process), "whoever lost it learns of it");
    }
}

#[test]
fn a_store_agrees_with_the_model_on_who_drives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (shared, processes) = runtime.block_on(async {
        let shared = Shared::start().await;
        let processes = [shared.process().await, shared.process().await, shared.process().await];
        (shared, processes)
    });
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let result = runner.run(&proptest::collection::vec(step(), 1..30), |steps| {
        number.set(number.get() + 1);
        let application = format!("application {}", number.get());
        runtime.block_on(follow(&shared, &processes, &application, steps));
        Ok(())
    });
    result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_ends_what_the_former_driver_began() {
    let shared = Shared::start().await;
    let (former, next) = (shared.process().await, shared.process().await);
    let job = JobId::new("hr");
    let lock = former.lock_job(&job, APPLICATION).await.unwrap();
    let on_demand = former.under(&lock);
    on_demand.ensure_job(&job, APPLICATION, &target()).await.unwrap();
    let cycle = on_demand.begin_cycle(&job, CycleKind::Initial, now()).await.unwrap();
    let in_cycle = on_demand.fenced(&job, &cycle.id);
    in_cycle.save_watermark(&job, watermark("1")).await.unwrap();
    assert_eq!(next.pause(&job).await.unwrap(), JobState::Pausing);
    assert!(is_driven(&next.lock_job(&job, APPLICATION).await));

    shared.expire(APPLICATION).await;
    for handle in [&on_demand, &in_cycle] {
        assert!(is_fenced(&handle.save_watermark(&job, watermark("late")).await), "over is over, taken or not");
    }
    let taken = next.lock_job(&job, APPLICATION).await.unwrap();
    assert_eq!(next.last_cycles(&job, 9).await.unwrap()[0].state, CycleState::Interrupted);
    assert_eq!(next.standing(&job).await.unwrap().state, JobState::Paused);
    next.start(&job).await.unwrap();
    for handle in [&on_demand, &in_cycle] {
        assert!(is_fenced(&handle.save_watermark(&job, watermark("late")).await));
    }
    assert!(is_fenced(&on_demand.begin_cycle(&job, CycleKind::Initial, now()).await));
    assert_eq!(next.watermarks(&job).await.unwrap(), [watermark("1")]);
    drop(lock);
    former.settle_leases().await;
    assert!(taken.is_held() && is_driven(&former.lock_job(&job, APPLICATION).await), "it is the next driver's");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_under_way_is_waited_for_and_holds_up_no_renewal() {
    let shared = Shared::start().await;
    let (former, next) = (shared.process().await, shared.process().await);
    let lease = former.drive(APPLICATION).await.unwrap();
    let storing = connect(&shared.url).await;
    let share = "BEGIN; SELECT holder FROM leases WHERE application = 'crm' FOR KEY SHARE";
    storing.batch_execute(share).await.unwrap();
    shared.renew(APPLICATION).await;
    assert_eq!(lease.tenure(), Tenure::Quiet);

    shared.expire(APPLICATION).await;
    let taking = tokio::spawn(async move { next.drive(APPLICATION).await.map(|lease| (next, lease)) });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while shared.client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(!taking.is_finished(), "it waits for whoever is storing something");
    }
    storing.batch_execute("COMMIT").await.unwrap();
    let (_next, taken) = taking.await.unwrap().unwrap();
    lease.disturbed().await;
    assert_eq!((lease.tenure(), taken.is_held()), (Tenure::Over, true));
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_is_not_busy_gives_others_a_turn() {
    let shared = Shared::start().await;
    // Whoever waits asks twice a second.
    let process = async || shared.process().await.with_lease(Duration::from_secs(60));
    let (former, next) = (process().await, process().await);
    let lease = former.drive(APPLICATION).await.unwrap();
    assert!(is_driven(&next.drive_in_turn(APPLICATION).await), "it is busy for longer than a lease");
    let giving = async {
        lease.disturbed().await;
        assert_eq!(lease.tenure(), Tenure::Asked);
        drop(lease);
    };
    let (taken, ()) = tokio::join!(next.drive_in_turn(APPLICATION), giving);
    let by = next.driver(APPLICATION).await.unwrap();
    let taken = taken.unwrap();
    assert!(taken.is_held());
    let refused = former.drive(APPLICATION).await;
    assert!(matches!(&refused, Err(StoreError::Driven { by: told, .. }) if Some(told) == by.as_ref()), "{refused:?}");
    drop(taken);
    next.settle_leases().await;
    former.drive(APPLICATION).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_is_not_moved_away_from_whoever_drives_it() {
    let shared = Shared::start().await;
    let (one, other) = (shared.process().await, shared.process().await);
    let job = JobId::new("hr");
    one.ensure_job(&job, APPLICATION, &target()).await.unwrap();
    let lease = one.drive(APPLICATION).await.unwrap();
    let moved = TargetIdentity::new("https://erp.example");
    assert!(is_driven(&other.ensure_job(&job, "erp", &moved).await));
    drop(lease);
    one.settle_leases().await;
    other.ensure_job(&job, "erp", &moved).await.unwrap();
}
