//! `provisor.yaml` as a person types it.
//!
//! Every key is known here and every value has its shape; whether they make sense together is asked later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

use super::duration::WrittenDuration;
use super::job::{GuardSettings, LimitSettings, Policy};
use super::read::Located;
use super::resolved::SchedulerSettings;
use super::scope::{WrittenReach, WrittenScope};
use crate::api::Settings as ApiSettings;
use crate::model::{NestedGroups, ResourceId};
use crate::notification::{MailSettings, WebhookSettings};
use crate::source::graph::GraphSettings;
use crate::source::ldap::LdapSettings;
use crate::target::ScimSettings;
use crate::templates::Vocabulary;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenConfig {
    /// Where state is kept. Default: `provisor.db` beside the file.
    #[serde(default)]
    pub(super) store: Option<WrittenStore>,
    #[serde(default)]
    pub(super) log: WrittenLog,
    #[serde(default)]
    pub(super) scheduler: SchedulerSettings,
    /// A folder of templates of one's own, relative to this file. Default: those of the program alone.
    #[serde(default)]
    pub(super) templates: Option<Located<PathBuf>>,
    /// The directories that jobs read.
    #[serde(default)]
    pub(super) sources: Vec<Located<WrittenSource>>,
    /// Who is told when something is wrong. Default: nobody.
    #[serde(default)]
    pub(super) notifications: WrittenNotifications,
    /// Where and to whom the management API is served. Default: it is not.
    #[serde(default)]
    pub(super) api: Option<Located<ApiSettings>>,
    /// The applications that jobs write.
    #[serde(default)]
    pub(super) applications: Vec<Located<WrittenApplication>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenStore {
    /// `sqlite://FILE`, relative to this file, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub(super) url: Located<String>,
    /// A PEM file of authorities to trust besides the system's, for PostgreSQL. Default: none.
    #[serde(default)]
    pub(super) ca_file: Option<PathBuf>,
    /// How long an application stays with a process that no longer answers, on PostgreSQL. Default: 30s.
    #[serde(default)]
    pub(super) lease: Option<Located<WrittenDuration>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenLog {
    /// See [`super::Config::keep_log`].
    pub(super) keep: Option<Located<WrittenDuration>>,
}

/// A directory: a name, and one of the ways to read it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSource {
    /// By which jobs refer to it.
    pub(super) name: Located<String>,
    #[serde(default)]
    pub(super) ldap: Option<LdapSettings>,
    #[serde(default)]
    pub(super) graph: Option<GraphSettings>,
    /// What the directory calls its attributes, for templates. Default: `ldap` or `graph`, as it is read.
    #[serde(default)]
    pub(super) vocabulary: Option<Located<Vocabulary>>,
}

/// An application: one target, and the jobs that write to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenApplication {
    pub(super) name: Located<String>,
    pub(super) target: WrittenTarget,
    /// What no job of the application ever touches.
    #[serde(default)]
    pub(super) protected: WrittenProtected,
    /// How much all jobs together may remove in 24 hours.
    #[serde(default)]
    pub(super) accidental_deletion: LimitSettings,
    pub(super) jobs: Vec<Located<WrittenJob>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenTarget {
    Scim(Box<ScimSettings>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenProtected {
    /// `userName`s, compared without regard to case.
    pub(super) user_names: BTreeSet<String>,
    /// Resource ids of the target.
    pub(super) ids: BTreeSet<ResourceId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenJob {
    /// What the command line calls it: unique in the whole file.
    pub(super) name: Located<String>,
    /// The name of one of `sources`.
    pub(super) source: Located<String>,
    /// A template: one of the program, or of the folder `templates`. It says how the target is spoken to, and what is
    /// mapped unless `schema` does.
    #[serde(default)]
    pub(super) template: Option<Located<String>>,
    /// A file with a synchronization schema, relative to this file. Default: that of the template.
    #[serde(default)]
    pub(super) schema: Option<Located<String>>,
    #[serde(default)]
    pub(super) schedule: WrittenSchedule,
    #[serde(default)]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) accidental_deletion: GuardSettings,
    #[serde(default)]
    pub(super) escrow: WrittenEscrow,
    #[serde(default)]
    pub(super) quarantine: WrittenQuarantine,
    /// `all`, or `assigned` with what says who is assigned to the application. Default: `all`.
    #[serde(default)]
    pub(super) scope: WrittenScope,
    /// `groups`, `flatten` or `ignore`: what becomes of groups that are members of groups. Default: `groups`.
    #[serde(default)]
    pub(super) nested_groups: NestedGroups,
    /// Whom `IsMemberOf` lets through: `direct`, those whom a group lists, or `nested`, those in groups in it, too, where the
    /// job flattens groups. Default: `direct`.
    #[serde(default)]
    pub(super) is_member_of: WrittenReach,
    /// By what an object with a new anchor is known to be one that is gone. Default: a person says so.
    #[serde(default)]
    pub(super) relink: WrittenRelink,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenRelink {
    /// Kinds of objects, each with the source attributes that all have to be equal.
    pub(super) confirm_by: BTreeMap<String, Vec<Located<String>>>,
}

/// See [`super::EscrowSettings`] for each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenEscrow {
    pub(super) first_retry: Option<Located<WrittenDuration>>,
    pub(super) longest_pause: Option<Located<WrittenDuration>>,
    pub(super) give_up: Option<WrittenDuration>,
}

/// See [`super::QuarantineSettings`] for each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenQuarantine {
    pub(super) percent: Option<Located<u8>>,
    pub(super) at_least: Option<u64>,
    pub(super) more_than: Option<u64>,
    pub(super) outage: Option<WrittenDuration>,
    pub(super) first_pause: Option<Located<WrittenDuration>>,
    pub(super) longest_pause: Option<Located<WrittenDuration>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenNotifications {
    /// Who is told when a job goes into quarantine, gets another reason for it, or leaves it. Default: nobody.
    pub(super) webhook: Option<Located<WebhookSettings>>,
    /// The same by e-mail. Default: nobody.
    pub(super) mail: Option<Located<MailSettings>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenSchedule {
    /// See [`super::Schedule::interval`].
    pub(super) interval: Option<Located<WrittenDuration>>,
    /// See [`super::Schedule::jitter`].
    pub(super) jitter: Option<Located<WrittenDuration>>,
    /// See [`super::Schedule::full_read`].
    pub(super) full_read: Option<Located<WrittenDuration>>,
}
