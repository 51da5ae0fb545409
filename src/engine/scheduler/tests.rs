use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;

use super::*;
use crate::engine::policy::Policy;
use crate::model::{Anchor, CycleState, Health, JobId, ObjectKind};
use crate::secret::Secret;
use crate::source::{Feed, Fetched, Page, ReadEnd, ServerIdentity, SourceError, Start};
use crate::store::EndOfCycle;
use crate::target::{Auth, Protected, ScimSettings};
use crate::templates::Vocabulary;

thread_local! {
    /// Seconds since the beginning of the test.
    static CLOCK: Cell<i64> = const { Cell::new(0) };
    static ATTEMPTS: RefCell<Vec<i64>> = const { RefCell::new(Vec::new()) };
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(CLOCK.get())
}

/// A directory that knows nobody of our name.
struct Refusing;

#[async_trait]
impl Source for Refusing {
    fn feeds(&self) -> Vec<Feed> {
        Vec::new()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        ATTEMPTS.with_borrow_mut(|attempts| attempts.push(CLOCK.get()));
        Err(SourceError::Credentials { server: "s".into(), principal: "p".into(), hint: "h".into() })
    }

    async fn changes(&self, feed: &Feed, _: Start, _: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        Err(SourceError::Stopped { feed: feed.id.to_string() })
    }

    async fn fetch(&self, _: &ObjectKind, _: &Anchor) -> Result<Fetched, SourceError> {
        Ok(Fetched::Gone)
    }
}

fn refused() -> ScheduledJob {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (schema, schema_version) = crate::app::template_schema("scim", Vocabulary::Ldap).expect("it is sound");
    let mut settings = ScimSettings::new("http://127.0.0.1:9".parse().expect("a URL"), Auth::None);
    settings.profile.discover = Some(false);
    let job = Job {
        id: JobId::new("job"),
        application: "application".to_owned(),
        schema: Arc::new(schema),
        schema_version,
        policy: Policy::default(),
        full_read: Duration::from_secs(86_400),
        now,
    };
    let target = ScimTarget::new(settings, Protected::default()).expect("it is sound");
    ScheduledJob {
        job,
        source: Arc::new(Refusing),
        target,
        timing: Timing { interval: Duration::from_secs(60), jitter: Duration::ZERO },
    }
}

/// Runs the job until so many seconds have passed on its clock; every rest passes at once, and `meanwhile` hears of it.
async fn run_until(seconds: i64, store: &Store, meanwhile: impl AsyncFn(i64)) -> Vec<i64> {
    let stop = CancellationToken::new();
    let rest = |pause: Duration| {
        let (stop, meanwhile) = (&stop, &meanwhile);
        async move {
            CLOCK.set(CLOCK.get() + i64::try_from(pause.as_secs_f64().ceil() as u64).expect("a sane pause"));
            meanwhile(CLOCK.get()).await;
            if CLOCK.get() > seconds {
                stop.cancel();
            }
        }
    };
    let bounds = Bounds { in_all: NonZeroUsize::MIN, per_application: NonZeroUsize::MIN };
    let turnstile = Turnstile::new(bounds);
    let task = JobTask { scheduled: refused(), store: store.clone(), turnstile, stop: stop.clone() };
    task.run(|_, _| {}, rest).await;
    ATTEMPTS.take()
}

async fn store() -> Store {
    Store::open(&Secret::new("sqlite::memory:"), None).await.expect("a store in memory")
}

#[tokio::test]
async fn a_job_in_quarantine_is_tried_on_the_reduced_schedule_across_restarts() {
    let store = store().await;
    let hours = |attempts: Vec<i64>| attempts.into_iter().map(|at| at / 3600).collect::<Vec<_>>();
    assert_eq!(hours(run_until(30 * 3600, &store, async |_| {}).await), [0, 6, 12, 24]);
    assert_eq!(hours(run_until(80 * 3600, &store, async |_| {}).await), [48, 72], "a restart is no attempt");
}

#[tokio::test]
async fn a_quarantine_that_another_process_ended_is_over_within_an_interval() {
    let store = store().await;
    let ends = async |at: i64| {
        if at == 3600 {
            let job = JobId::new("job");
            let cycle = store.last_cycles(&job, 1).await.expect("it answers").pop().expect("a cycle").id;
            let (counters, health) = Default::default();
            let end = EndOfCycle { state: CycleState::Succeeded, counters: &counters, error: None, health: &health };
            store.end_cycle(&job, &cycle, end, now()).await.expect("it is stored");
            assert_eq!(store.health(&job).await.expect("it answers"), Health::default());
        }
    };
    assert_eq!(run_until(5 * 3600, &store, ends).await, [0, 3600]);
}
