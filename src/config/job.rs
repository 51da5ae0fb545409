//! What a job may be told: when to run, what leaving means, how much it may remove.
//!
//! Plain values with their defaults. What they lead to is decided elsewhere.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::duration::WrittenDuration;

/// When a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time from the start of one cycle to the start of the next: 5 seconds at least. Default: 1 minute for a
    /// directory read over LDAP, 40 minutes for one read over Graph.
    pub interval: Duration,
    /// How far jobs stand aside for each other: the first cycle of a job comes up to this much after the start of `serve`,
    /// always as much for one job, and the others keep their distance from it. At most the interval. Default: a tenth of
    /// the interval, 1 minute at most.
    pub jitter: Duration,
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
    /// The jitter of a job with a long interval.
    pub const LONGEST_JITTER: Duration = Duration::from_secs(60);
    /// The time between full reads.
    pub const FULL_READ: Duration = Duration::from_secs(24 * 60 * 60);
}

/// What happens to resources that exist already, and to those whose objects leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A resource that was there before us and matches an object. Default: `update`.
    pub adopt: Adopt,
    /// The account is disabled in its directory. Default: `disable`.
    pub disabled: Leaving,
    /// The object is not assigned to the application any more, or exists and the source does not deliver it any more.
    /// Default: `disable`.
    pub unassigned: Leaving,
    /// The object exists and the scope no longer holds it. Default: `disable`.
    pub out_of_scope: Leaving,
    /// The object lies in the recycle bin of its directory. Default: `disable`.
    pub soft_deleted: Leaving,
    /// The object is gone from its directory. Default: `delete`.
    pub deleted: Leaving,
    /// `unassigned` and `out_of_scope` do nothing, whatever they say. Default: false.
    pub skip_out_of_scope_deletions: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            adopt: Adopt::Update,
            disabled: Leaving::Disable,
            unassigned: Leaving::Disable,
            out_of_scope: Leaving::Disable,
            soft_deleted: Leaving::Disable,
            deleted: Leaving::Delete,
            skip_out_of_scope_deletions: false,
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
    /// It is set inactive, and deleted so long after its object left.
    DeleteAfter(#[serde(deserialize_with = "written_duration")] Duration),
}

fn written_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    WrittenDuration::deserialize(deserializer).map(|WrittenDuration(duration)| duration)
}

/// How much may be removed together before somebody has to agree: more than `percent` and at least `at_least`, or more than
/// `more_than`, is staged; everything else goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// The share of what was linked, or exported, in the beginning, in percent. Default: 10.
    pub percent: u8,
    /// Removals fewer than this are no accident, whatever their share. Default: 10.
    pub at_least: u32,
    /// Removals beyond this are staged, whatever their share. Default: 500.
    pub more_than: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { percent: 10, at_least: 10, more_than: 500 }
    }
}

/// Accidental-deletion prevention of a job: how much one object mapping may remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    /// As in [`LimitSettings`], in one cycle.
    pub percent: u8,
    pub at_least: u32,
    pub more_than: u32,
    /// The share of the objects of a mapping with three or more that is staged however few they are, in percent.
    /// Default: 50.
    pub percent_of_few: u8,
    /// In 24 hours. Default: as in one cycle.
    pub day: Option<LimitSettings>,
}

impl GuardSettings {
    /// What one cycle may remove.
    pub fn cycle(&self) -> LimitSettings {
        LimitSettings { percent: self.percent, at_least: self.at_least, more_than: self.more_than }
    }
}

impl Default for GuardSettings {
    fn default() -> Self {
        let LimitSettings { percent, at_least, more_than } = LimitSettings::default();
        Self { percent, at_least, more_than, percent_of_few: 50, day: None }
    }
}

/// When an object is tried again whose failure does not pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowSettings {
    /// From the first failure to the first retry; pauses double from there. Default: 6 hours.
    pub first_retry: Duration,
    /// The longest pause. Default: 1 day.
    pub longest_pause: Duration,
    /// How long after the first failure nothing is tried any more before the object changes. Default: 28 days.
    pub give_up: Duration,
}

impl EscrowSettings {
    /// A retry repeats what the target refused.
    pub const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
}

impl Default for EscrowSettings {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self { first_retry: hours(6), longest_pause: hours(24), give_up: hours(28 * 24) }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigErrors};

    /// What the README shows, made whole.
    fn shown(edit: impl Fn(&str) -> String) -> Result<Config, ConfigErrors> {
        let readme = include_str!("../../README.md");
        let blocks = readme.split("```yaml\n").filter_map(|block| block.split("```").next());
        let block = blocks.filter(|block| block.contains("percent_of_few")).collect::<String>();
        let whole = block
            .replace(
                "- name: crm\n",
                "- name: crm\n    target: { scim: { base_url: 'https://a.example', auth: none } }\n",
            )
            .replace("- name: hr\n", "- name: hr\n        source: corp\n        template: scim\n");
        let source = "sources: [{ name: corp, ldap: { urls: ['ldaps://a.example'], security: tls, bind_dn: cn=a, \
                      password: b, users: { kind: User, base: dc=a, filter: (a=b) } } }]\n";
        Config::parse(&edit(&[source, &whole].concat()), Path::new("provisor.yaml"), &|_| None)
    }

    #[test]
    fn the_guard_that_the_readme_shows_is_the_default() {
        let config = shown(str::to_owned).expect("it is sound");
        let application = &config.applications[0];
        assert_eq!(application.accidental_deletion, LimitSettings::default());
        let guard = application.jobs[0].accidental_deletion;
        assert_eq!(GuardSettings { day: None, ..guard }, GuardSettings::default());
        assert_eq!(guard.day, Some(LimitSettings::default()));
    }

    #[test]
    fn the_policy_that_the_readme_shows_is_the_default() {
        let readme = include_str!("../../README.md");
        let shown = readme.split("```yaml\n").filter_map(|block| block.split("```").next());
        let policy = shown.filter(|block| block.starts_with("policy:")).collect::<String>().replace('\n', "\n        ");
        let job = |policy: &str| {
            shown_with(&format!("- name: hr\n        {policy}")).expect("it is sound").applications[0].jobs[0].policy
        };
        assert_eq!(job(policy.trim_end()), Policy::default());
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        assert_eq!(job("policy: { deleted: { delete_after: 30d } }").deleted, Leaving::DeleteAfter(month));
    }

    fn shown_with(job: &str) -> Result<Config, ConfigErrors> {
        shown(|text| text.replace("- name: hr", job))
    }

    #[test]
    fn no_share_is_beyond_the_whole() {
        for percent in ["{ percent: 10", "          percent: 10 ", "percent_of_few: 50", "day: { percent: 10"] {
            let beyond = percent.replace(char::is_numeric, "") + "101";
            let problems = shown(|text| text.replacen(percent, &beyond, 1)).expect_err(percent).to_string();
            assert!(problems.contains("beyond 100 percent"), "{percent}: {problems}");
        }
    }
}
