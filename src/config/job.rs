//! What a job may be told: when to run, what leaving means, how much it may remove.
//!
//! Plain values with their defaults. What they lead to is decided elsewhere.

use std::time::Duration;

use serde::Deserialize;

/// When a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time from the start of one cycle to the start of the next: 5 seconds at least. Default: 1 minute for a
    /// directory read over LDAP, 40 minutes for one read over Graph.
    pub interval: Duration,
    /// The time from one full read to the next, which finds what the source forgot to tell. Default: 1 day.
    pub full_read: Duration,
}

impl Schedule {
    /// Shorter intervals would only make cycles wait for each other.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
    /// A full read costs the source its whole directory.
    pub const SHORTEST_FULL_READ: Duration = Duration::from_secs(60);
    /// The interval of a job that reads LDAP.
    pub const LDAP_INTERVAL: Duration = Duration::from_secs(60);
    /// The interval of a job that reads Graph.
    pub const GRAPH_INTERVAL: Duration = Duration::from_secs(40 * 60);
    /// The time between full reads.
    pub const FULL_READ: Duration = Duration::from_secs(24 * 60 * 60);
}

/// What happens to resources that exist already, and to those whose objects leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A resource that was there before us and matches an object. Default: `update`.
    pub adopt: Adopt,
    /// The object exists and the scope no longer holds it. Default: `disable`.
    pub out_of_scope: Leaving,
    /// The object lies in the recycle bin of its directory. Default: `disable`.
    pub soft_deleted: Leaving,
    /// The object is gone from its directory. Default: `delete`.
    pub deleted: Leaving,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            adopt: Adopt::Update,
            out_of_scope: Leaving::Disable,
            soft_deleted: Leaving::Disable,
            deleted: Leaving::Delete,
        }
    }
}

/// How an existing resource is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// Link it and bring its attributes in line.
    Update,
    /// Link it and send nothing before the object changes.
    LinkOnly,
}

/// What becomes of a resource whose object leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It is set inactive.
    Disable,
    /// It is deleted.
    Delete,
    /// It stays as it is, and is no longer kept up to date.
    None,
}

/// Accidental-deletion prevention: how much a cycle may remove before somebody has to agree.
///
/// More than `percent` and at least `at_least`, or more than `more_than`, is held back; the rest of the cycle goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    /// The share of what was linked when the cycle began, in percent. Default: 10.
    pub percent: u8,
    /// Removals fewer than this are no accident, whatever their share. Default: 10.
    pub at_least: u32,
    /// Removals beyond this are held, whatever their share. Default: 500.
    pub more_than: u32,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self { percent: 10, at_least: 10, more_than: 500 }
    }
}

/// When a job slows down because too much fails, and how far.
///
/// More than `percent` and at least `at_least` objects in escrow, or more than `more_than`, or cycles that fail for
/// `outage`; refused credentials at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineSettings {
    /// The share of a job's objects, in percent. Default: 40.
    pub percent: u8,
    /// Fewer failures than this are no quarantine, whatever their share. Default: 5,000.
    pub at_least: u64,
    /// More failures than this are, whatever their share. Default: 40,000.
    pub more_than: u64,
    /// How long cycles may fail because a side does not answer. Default: 6 hours.
    pub outage: Duration,
    /// From the beginning to the first attempt; pauses double from there. Default: 6 hours.
    pub first_pause: Duration,
    /// The longest pause. Default: 1 day.
    pub longest_pause: Duration,
}

impl QuarantineSettings {
    /// A shorter pause would be none, and would have a wrong password repeated until the account is locked.
    pub const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
}

impl Default for QuarantineSettings {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self {
            percent: 40,
            at_least: 5_000,
            more_than: 40_000,
            outage: hours(6),
            first_pause: hours(6),
            longest_pause: hours(24),
        }
    }
}
