//! The row that says who drives an application, and until when.
//!
//! Everything here is one statement or two, by the clock of the PostgreSQL server, the one clock that all processes
//! share. Rows are locked in the order lease, job, cycle. Whoever stores something shares the row in a way that lets its
//! holder renew it, and makes whoever takes over wait.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::db::{Backend, DbError, Pg};
use crate::model::JobId;

use super::columns::to_time;
use super::tables::jobs;
use super::{StoreError, fence, job_state};

/// One claim of one application. No two claims have one holder, not even those of one process: what an earlier one
/// leaves behind stores nothing.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) application: String,
    pub(super) holder: String,
    pub(super) length: Duration,
}

/// When a term is over unless it is renewed, by two clocks of our own, which began to run before the server's: one
/// cannot be set, and the other goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until(Instant, SystemTime);

impl Until {
    pub(super) fn is_past(self) -> bool {
        Instant::now() >= self.0 || SystemTime::now() >= self.1
    }
}

pub(super) enum Claim {
    Granted(Until),
    Refused(Driver),
}

/// Who drives an application, and how long it has yet if it does not renew its term.
pub(super) struct Driver {
    pub(super) holder: String,
    pub(super) has: Duration,
}

/// A renewal, and whether somebody waits for a turn.
#[derive(Clone, Copy)]
pub(super) struct Renewed {
    pub(super) until: Until,
    pub(super) asked: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    holder: String,
    /// In milliseconds, rounded up.
    #[diesel(sql_type = BigInt)]
    has: i64,
}

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = Bool)]
    asked: bool,
}

const READ: &str = "SELECT holder, ceil(extract(epoch FROM upper(term) - clock_timestamp()) * 1000)::bigint AS has
    FROM leases WHERE application = $1 AND term @> clock_timestamp()";
const LOCK: &str = "SELECT holder FROM leases WHERE application = $1 FOR UPDATE";
const CLAIM: &str = "INSERT INTO leases (application, holder, term)
    SELECT $1, $2, tstzrange(clock_timestamp() - length, clock_timestamp() + length)
    FROM (SELECT $3 * interval '1 millisecond' AS length) AS new
    ON CONFLICT (application) DO UPDATE SET holder = excluded.holder, term = excluded.term, asked_until = NULL
    WHERE NOT leases.term @> clock_timestamp()";
const RENEW: &str = "UPDATE leases SET term = tstzrange(clock_timestamp() - length, clock_timestamp() + length)
    FROM (SELECT $3 * interval '1 millisecond' AS length) AS new
    WHERE application = $1 AND holder = $2 AND term @> clock_timestamp()
    RETURNING coalesce(asked_until > clock_timestamp(), false) AS asked";
const SHARE: &str = "SELECT holder FROM leases
    WHERE application = $1 AND holder = $2 AND term @> clock_timestamp() FOR KEY SHARE";
const ASK: &str = "UPDATE leases SET asked_until = clock_timestamp() + $2 * interval '1 millisecond'
    WHERE application = $1";
const END: &str = "DELETE FROM leases WHERE application = $1 AND holder = $2";

impl Term {
    /// Claims the application, unless a term of it runs. Cycles that still run are a former driver's and end here, so
    /// that nothing more of them is stored.
    pub(super) fn claim(&self, tx: &mut Backend, now: DateTime<Utc>) -> Result<Claim, StoreError> {
        if let Some(driver) = driver(tx, &self.application)? {
            return Ok(Claim::Refused(driver));
        }
        let connection = postgres(tx)?;
        // Waits for those who are just storing something under a term that is over; none can begin to.
        diesel::sql_query(LOCK).bind::<Text, _>(&self.application).execute(connection)?;
        let until = self.until();
        let claimed = diesel::sql_query(CLAIM)
            .bind::<Text, _>(&self.application)
            .bind::<Text, _>(&self.holder)
            .bind::<BigInt, _>(milliseconds(self.length))
            .execute(connection)?;
        if claimed == 0 {
            // Another was faster.
            let driver = driver(tx, &self.application)?;
            return Ok(Claim::Refused(driver.unwrap_or(Driver { holder: String::new(), has: Duration::ZERO })));
        }
        let of_application = jobs::table
            .filter(jobs::application.eq(&self.application))
            .order(jobs::job)
            .select(jobs::job)
            .load::<String>(postgres(tx)?)?;
        for job in of_application.into_iter().map(JobId::new) {
            fence::lock_job(tx, &job)?;
            fence::end_running(tx, &job, to_time(now))?;
            job_state::paused_if_asked(tx, &job)?;
        }
        Ok(Claim::Granted(until))
    }

    /// Renews the term; `None` when it is over, which it stays.
    pub(super) fn renew(&self, tx: &mut Backend) -> Result<Option<Renewed>, DbError> {
        let until = self.until();
        let asked = diesel::sql_query(RENEW)
            .bind::<Text, _>(&self.application)
            .bind::<Text, _>(&self.holder)
            .bind::<BigInt, _>(milliseconds(self.length))
            .load::<Asked>(postgres(tx)?)?;
        Ok(asked.first().map(|row| Renewed { until, asked: row.asked }))
    }

    /// Lets the transaction go on if the term runs, and keeps everybody from taking over before the transaction ends.
    pub(super) fn guard(&self, tx: &mut Backend) -> Result<(), DbError> {
        let found = diesel::sql_query(SHARE)
            .bind::<Text, _>(&self.application)
            .bind::<Text, _>(&self.holder)
            .execute(postgres(tx)?)?;
        if found == 0 { Err(DbError::Fenced) } else { Ok(()) }
    }

    /// Lets the next driver in.
    pub(super) fn end(&self, tx: &mut Backend) -> Result<(), DbError> {
        diesel::sql_query(END)
            .bind::<Text, _>(&self.application)
            .bind::<Text, _>(&self.holder)
            .execute(postgres(tx)?)?;
        Ok(())
    }

    /// Asked for before the server is, so that we take the term for over before the server does.
    fn until(&self) -> Until {
        Until(Instant::now() + self.length, SystemTime::now() + self.length)
    }
}

/// Tells the driver of the application, for so long, that somebody waits for a turn.
pub(super) fn ask(tx: &mut Backend, application: &str, length: Duration) -> Result<(), DbError> {
    diesel::sql_query(ASK)
        .bind::<Text, _>(application)
        .bind::<BigInt, _>(milliseconds(length))
        .execute(postgres(tx)?)?;
    Ok(())
}

/// Who drives the application now.
pub(super) fn driver(tx: &mut Backend, application: &str) -> Result<Option<Driver>, DbError> {
    let Backend::Postgres(connection) = tx else { return Ok(None) };
    let rows = diesel::sql_query(READ).bind::<Text, _>(application).load::<Row>(connection.as_mut())?;
    Ok(rows.into_iter().next().map(|Row { holder, has }| Driver {
        holder,
        has: Duration::from_millis(u64::try_from(has).unwrap_or_default()),
    }))
}

fn postgres(tx: &mut Backend) -> Result<&mut Pg, DbError> {
    match tx {
        Backend::Postgres(connection) => Ok(connection.as_mut()),
        // Nobody has a lease there.
        Backend::Sqlite(_) => Err(DbError::Fenced),
    }
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
