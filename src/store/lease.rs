//! Who drives an application, where several processes share one PostgreSQL server.
//!
//! A process that drives renews its term whenever a third of it has passed, and takes it for over by clocks of its own
//! before the server does. A process that is killed renews nothing; one that is stopped and goes on finds its term over:
//! it sends no further request, and whoever took over has ended its cycles in the store. SQLite needs none of this: the
//! lock of each job is a file of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::db::{Database, DatabaseUrl};

use super::term::{self, Claim, Renewed, Term, Until};
use super::{JobLock, Store, StoreError};

/// How long an application stays with a process that renews nothing.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);
/// What a lease may be: a shorter one is lost whenever the machine or the server is busy, a longer one leaves an
/// application without a driver for too long.
pub const LEASE_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);
/// How long the end of a program waits until its leases are given back.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// The right to drive an application. Its last clone gives it back when it is dropped.
#[derive(Clone, Debug)]
pub struct Lease(Option<Arc<Held>>);

/// How a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    Quiet,
    /// Somebody waits for a turn. Whoever does nothing with the lease drops it.
    Asked,
    /// It ran out, or is another's, and does not come back.
    Over,
}

#[derive(Debug)]
struct Held {
    term: Term,
    /// `None` once it is over.
    until: Mutex<Option<Until>>,
    tenure: watch::Sender<Tenure>,
    /// Has the lease given back.
    _dropped: DropGuard,
}

impl Lease {
    /// True while nobody else can be the driver.
    pub fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(|held| held.is_held())
    }

    /// How the lease stands.
    pub fn tenure(&self) -> Tenure {
        match &self.0 {
            None => Tenure::Quiet,
            Some(held) if held.is_held() => *held.tenure.borrow(),
            Some(_) => Tenure::Over,
        }
    }

    /// Returns once the lease is asked for, or over.
    pub async fn disturbed(&self) {
        match &self.0 {
            None => std::future::pending().await,
            // The sender lives as long as we do.
            Some(held) => drop(held.tenure.subscribe().wait_for(|tenure| *tenure != Tenure::Quiet).await),
        }
    }
}

impl Held {
    fn is_held(&self) -> bool {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that is set back does not bring it back.
        *until = until.filter(|until| !until.is_past());
        until.is_some()
    }

    /// False when it was over before the renewal came.
    fn renew(&self, Renewed { until, asked }: Renewed) -> bool {
        if !self.is_held() {
            return false;
        }
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        let tenure = if asked { Tenure::Asked } else { Tenure::Quiet };
        self.tenure.send_if_modified(|now| std::mem::replace(now, tenure) != tenure);
        true
    }

    fn lose(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.tenure.send_replace(Tenure::Over);
    }
}

/// The leases of this process.
#[derive(Clone)]
pub(super) struct Leases {
    pub(super) length: Duration,
    database: Database,
    /// Renewals wait for nothing else that the process does, and for no claim.
    renewals: Database,
    slots: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Slot>>>>>,
}

/// What the process has of one application. Locked while it is claimed: two jobs of an application claim it once.
#[derive(Default)]
struct Slot {
    held: Weak<Held>,
    /// Renews it, and gives it back.
    keeper: Option<JoinHandle<()>>,
}

impl Leases {
    pub(super) fn new(database: &Database) -> Self {
        Self { length: DEFAULT_LEASE, database: database.apart(), renewals: database.apart(), slots: Arc::default() }
    }

    fn slot(&self, application: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(application.to_owned()).or_default())
    }
}

impl Store {
    /// The same store, with leases of this length, as far as [`LEASE_BOUNDS`] go.
    pub fn with_lease(mut self, length: Duration) -> Self {
        self.leases.length = length.clamp(*LEASE_BOUNDS.start(), *LEASE_BOUNDS.end());
        self
    }

    /// How long an application stays with a process that renews nothing.
    pub fn lease_length(&self) -> Duration {
        self.leases.length
    }

    /// Makes this process the driver of the application, or shares the lease that it has.
    ///
    /// # Errors
    /// [`StoreError::Driven`] while another process drives it.
    pub async fn drive(&self, application: &str) -> Result<Lease, StoreError> {
        let DatabaseUrl::Postgres(_) = self.database.url() else { return Ok(Lease(None)) };
        let slot = self.leases.slot(application);
        let mut slot = slot.lock().await;
        if let Some(held) = slot.held.upgrade().filter(|held| held.is_held()) {
            return Ok(Lease(Some(held)));
        }
        if let Some(keeper) = slot.keeper.take().filter(|_| slot.held.strong_count() == 0) {
            // It gives back what nobody here has any more.
            let _ = keeper.await;
        }
        let Leases { database, renewals, .. } = self.leases.clone();
        let (application, holder) = (application.to_owned(), holder());
        let term = Term { application, holder, length: self.leases.length };
        let claiming = term.clone();
        let until = match database.write(move |tx| claiming.claim(tx, Utc::now())).await? {
            Claim::Granted(until) => until,
            Claim::Refused(driver) => return Err(StoreError::driven(term.application, driver)),
        };
        let dropped = CancellationToken::new();
        let held = Arc::new(Held {
            term: term.clone(),
            until: Mutex::new(Some(until)),
            tenure: watch::Sender::new(Tenure::Quiet),
            _dropped: dropped.clone().drop_guard(),
        });
        slot.held = Arc::downgrade(&held);
        slot.keeper = Some(tokio::spawn(keep(renewals, Arc::downgrade(&held), term, dropped)));
        Ok(Lease(Some(held)))
    }

    /// Drives the application for a while. Another process that has it is asked for a turn, and one that has died keeps
    /// it no longer than a lease.
    ///
    /// # Errors
    /// [`StoreError::Driven`] when the other process is busy with it for longer.
    pub async fn drive_in_turn(&self, application: &str) -> Result<Lease, StoreError> {
        let length = self.leases.length;
        let (began, patience) = (Instant::now(), length + length / 5);
        loop {
            match self.drive(application).await {
                Err(StoreError::Driven { .. }) if began.elapsed() < patience => {}
                driven => return driven,
            }
            let name = application.to_owned();
            self.leases.database.write(move |tx| term::ask(tx, &name, length / 3)).await?;
            sleep((length / 20).clamp(Duration::from_millis(50), Duration::from_millis(500))).await;
        }
    }

    /// Who drives the application now, this process included: host, process and a number. `None` for nobody, and on
    /// SQLite.
    pub async fn driver(&self, application: &str) -> Result<Option<String>, StoreError> {
        let application = application.to_owned();
        self.database.read(move |tx| Ok(term::driver(tx, &application)?.map(|driver| driver.holder))).await
    }

    /// A handle that writes while the lock is held: every transaction of it first makes sure that nobody has taken over
    /// the application, and that nobody does before the transaction ends.
    pub fn under(&self, lock: &JobLock) -> Self {
        let Some(held) = &lock.lease().0 else { return self.clone() };
        let term = held.term.clone();
        Self { database: self.database.guarded(move |tx| term.guard(tx)), ..self.clone() }
    }

    /// Waits until every lease of this process is given back, so that other processes need not wait: for the end of a
    /// program, when nobody has one any more. What the server does not take within seconds runs out by itself.
    pub async fn settle_leases(&self) {
        let slots: Vec<_> =
            self.leases.slots.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        let giving_back = async {
            for slot in slots {
                if let Some(keeper) = slot.lock().await.keeper.take() {
                    let _ = keeper.await;
                }
            }
        };
        let _ = timeout(GIVING_BACK, giving_back).await;
    }
}

/// Renews a lease until it is over, or given back because nobody has it any more. A server that does not answer is asked
/// again while there is time.
async fn keep(database: Database, held: Weak<Held>, term: Term, dropped: CancellationToken) {
    let attempt = term.length / 3;
    let renewing = async {
        let mut pause = attempt;
        loop {
            sleep(pause).await;
            let renewed = {
                let term = term.clone();
                timeout(attempt, database.write(move |tx| term.renew(tx))).await
            };
            // Its end is on the way here.
            let Some(held) = held.upgrade() else { return std::future::pending().await };
            pause = match renewed {
                Ok(Ok(Some(renewed))) if held.renew(renewed) => attempt,
                Ok(Ok(_)) => return over(&held),
                Ok(Err(error)) if held.is_held() => {
                    tracing::debug!(application = %term.application, %error, "the lease is not renewed yet");
                    term.length / 10
                }
                Err(_) if held.is_held() => term.length / 10,
                Ok(Err(_)) | Err(_) => return over(&held),
            };
        }
    };
    if dropped.run_until_cancelled(renewing).await.is_none() {
        let application = term.application.clone();
        if let Err(error) = database.write(move |tx| term.end(tx)).await {
            tracing::debug!(%application, %error, "the lease is not given back, it runs out by itself");
        }
    }
}

fn over(held: &Held) {
    let application = &held.term.application;
    tracing::warn!(%application, "the lease ran out before it was renewed; nothing more is sent or stored under it");
    held.lose();
}

/// The name of a claim: for people, and like no other.
fn holder() -> String {
    let read =
        ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(|file| fs::read_to_string(file).ok());
    let host: String = read.as_deref().unwrap_or("unknown").trim().chars().take(255).collect();
    format!("{host}/{}/{:08x}", process::id(), rand::random::<u32>())
}
