//! Finding out what a SCIM target can do, by trying it on throw-away resources.
//!
//! | File | What it tries |
//! |---|---|
//! | `discovery` | what the target says of itself |
//! | `users` | creating, reading, uniqueness |
//! | `lists` | filters, pages, projection, searches |
//! | `changes` | PATCH, PUT, versions |
//! | `groups`, `members` | groups, and how their members are changed |
//! | `bulk` | many requests in one |
//! | `endings` | disabling and deleting |
//! | `litter` | taking everything away again |
//!
//! It touches nothing that it did not make. What it made is removed also when it fails or is interrupted.

mod bulk;
mod changes;
mod checks;
mod discovery;
mod endings;
mod groups;
mod lists;
mod litter;
mod members;
mod report;
mod session;
mod users;

pub use report::{Check, Finding, Report, Verdict};

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::litter::Litter;
use self::session::{Ask, Seen, Session, Stop};
use super::profile::{boolean, member};
use super::scim::is_possible;
use super::{ScimTarget, TargetError};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::{AttributePath, Filter, Operation, PatchOp, Resource, urn};

/// How thorough a probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thoroughness {
    /// How many users are made to learn how many members one PATCH takes.
    pub members: usize,
}

impl Default for Thoroughness {
    fn default() -> Self {
        Self { members: 24 }
    }
}

/// Tries everything there is to try. When `stop` is cancelled, the request under way is waited for, and what was made
/// is removed.
///
/// # Errors
/// Only when the target cannot be spoken to at all; whatever happens later is part of the report.
pub async fn probe(
    target: &ScimTarget,
    thoroughness: Thoroughness,
    stop: CancellationToken,
) -> Result<Report, TargetError> {
    target.discover().await?;
    let known = target.profile();
    let endpoint = |name: &'static str| known.endpoint(&ResourceKind::new(name)).to_owned();
    let mut probe = Probe {
        users: endpoint(urn::USERS),
        groups: endpoint(urn::GROUPS),
        session: Session { target: target.clone(), stop },
        run: ["provisor-probe-", &uuid::Uuid::new_v4().simple().to_string()[..8]].concat(),
        extended: true,
        patch_answers: false,
        litter: Litter::default(),
        report: Report::default(),
        config: Value::Null,
    };
    if let Err(stop) = probe.try_everything(thoroughness).await {
        probe.report.broken_off = Some(match stop {
            Stop::Interrupted => "interrupted".to_owned(),
            Stop::Target(error) => error.to_string(),
        });
    }
    let Probe { session, users, groups, litter, mut report, .. } = probe;
    let stays = |finding: &Finding| finding.check == &checks::GONE && finding.verdict == Verdict::Deviates;
    let users_stay = report.findings.iter().any(stays);
    let left = litter.clear(&session, &[(urn::USERS, users), (urn::GROUPS, groups)], users_stay).await;
    (report.kept, report.left_behind) = (left.kept, left.failed);
    Ok(report)
}

/// A probe under way.
struct Probe {
    session: Session,
    /// The paths of the two endpoints below the base URL.
    users: String,
    groups: String,
    /// How every name of this probe begins.
    run: String,
    /// The target takes users with the enterprise extension.
    extended: bool,
    /// PATCH is answered with success, whatever it does.
    patch_answers: bool,
    litter: Litter,
    report: Report,
    /// The target's `ServiceProviderConfig`; `Null` when there is none.
    config: Value,
}

/// A user of the probe.
#[derive(Clone, Debug)]
struct Throwaway {
    id: String,
    /// Its `userName` or `displayName`.
    name: String,
}

impl Probe {
    async fn try_everything(&mut self, thoroughness: Thoroughness) -> Result<(), Stop> {
        self.discover().await?;
        let Some(user) = self.create_first_user().await? else { return Ok(()) };
        self.read_user(&user).await?;
        self.create_twice(&user).await?;
        let goes = self.delete_user().await?;
        self.find_users(&user).await?;
        let means = self.change_user(&user).await?;
        let means = self.replace_user(&user, means).await?;
        self.use_versions(&user).await?;
        if let Some(group) = self.create_group().await? {
            self.find_groups(&group).await?;
            // What cannot be removed again is not made in numbers.
            let count = if goes { thoroughness.members } else { thoroughness.members.min(2) };
            let people = self.create_people(count).await?;
            self.change_members(&group, &people, means).await?;
            self.create_group_with_members(&people).await?;
            if let (true, Some(member)) = (goes, people.first()) {
                self.delete_member(&group, member).await?;
            }
        }
        self.page_through_users().await?;
        self.create_in_bulk().await?;
        self.disable_user(&user, means).await?;
        let taken_away = self.conforms(&checks::DELETE) || self.conforms(&checks::DISABLE);
        self.report.judge(&checks::TAKE_AWAY, taken_away, || "neither works".to_owned());
        Ok(())
    }

    /// True when this check was made and is as it should be.
    fn conforms(&self, check: &Check) -> bool {
        self.report.findings.iter().any(|finding| finding.check == check && finding.verdict == Verdict::Conforms)
    }

    /// The `userName` of the nth user. Some targets take mail addresses only.
    fn user_name(&self, part: &str) -> String {
        [&self.run, "-", part, "@example.com"].concat()
    }

    fn path(&self, endpoint: &str) -> &str {
        if endpoint == urn::GROUPS { &self.groups } else { &self.users }
    }

    /// Creates a resource and remembers it, whatever becomes of the answer.
    async fn create(
        &mut self,
        endpoint: &'static str,
        name: &str,
        body: Value,
    ) -> Result<(Seen, Option<Throwaway>), Stop> {
        self.litter.expect(endpoint, name);
        let seen = self.session.ask(Ask::new(Method::POST, [self.path(endpoint)]).body(body)).await?;
        match id_in(&seen) {
            Some(id) => {
                self.litter.made(endpoint, name, &id);
                Ok((seen, Some(Throwaway { id, name: name.to_owned() })))
            }
            None => {
                // After 5xx it may be there all the same.
                if matches!(seen.status, 400..=499) {
                    self.litter.refused(endpoint, name);
                }
                Ok((seen, None))
            }
        }
    }

    async fn read(&self, endpoint: &'static str, id: &str) -> Result<Seen, Stop> {
        self.session.ask(Ask::get([self.path(endpoint), id])).await
    }

    /// What a user has at this path now; `None` also when it cannot be read.
    async fn value(&self, user: &Throwaway, path: &AttributePath) -> Result<Option<Value>, Stop> {
        let resource = self.read(urn::USERS, &user.id).await?.resource();
        Ok(resource.and_then(|resource| resource.get(path).cloned()))
    }

    async fn patch(&self, endpoint: &'static str, id: &str, operations: Vec<Operation>) -> Result<Seen, Stop> {
        let body = serde_json::to_value(PatchOp { operations }).unwrap_or_default();
        self.session.ask(Ask::new(Method::PATCH, [self.path(endpoint), id]).body(body)).await
    }

    /// The target says that it has this feature; `None` when it does not say.
    fn announces(&self, feature: &str) -> Option<bool> {
        boolean(member(member(&self.config, feature)?, "supported")?)
    }

    /// The body of a user, as this target takes it: with everything that most mappings write where it can be.
    fn user(&self, name: &str) -> Value {
        let mut user = json!({
            "schemas": [urn::USER],
            "userName": name,
            "externalId": name,
            "name": { "givenName": "Provisor", "familyName": "Probe" },
            "displayName": "Provisor Probe",
            "active": self.boolean(true),
            "emails": [{ "type": "work", "primary": self.boolean(true), "value": name }],
        });
        if self.extended {
            user["schemas"] = json!([urn::USER, urn::ENTERPRISE_USER]);
            user["title"] = json!("Throw-away");
            user[urn::ENTERPRISE_USER] = json!({ "department": "Probe" });
        }
        user
    }

    /// A Boolean as this target takes it.
    fn boolean(&self, flag: bool) -> Value {
        match self.report.profile.text_booleans {
            Some(true) => Value::from(if flag { "True" } else { "False" }),
            _ => Value::from(flag),
        }
    }
}

/// The id that a creation gave, from its body or its `Location`.
fn id_in(seen: &Seen) -> Option<String> {
    let in_body = seen.resource().and_then(|resource| resource.id().map(str::to_owned));
    let in_location = || seen.location.as_deref()?.rsplit('/').next().map(str::to_owned);
    in_body.or_else(in_location).filter(|id| seen.is_success() && is_id(id))
}

/// False for what would name the whole collection, which is not ours to delete.
fn is_id(text: &str) -> bool {
    is_possible(&ResourceId::new(text))
}

fn work_email() -> AttributePath {
    AttributePath::new("emails").filtered(Filter::equals(AttributePath::new("type"), "work")).part("value")
}

fn department() -> AttributePath {
    AttributePath::new("department").in_schema(urn::ENTERPRISE_USER)
}

/// True for `active: true`, also where it is written as text.
fn is_active(resource: &Resource) -> Option<bool> {
    boolean(resource.get(&AttributePath::new("active"))?)
}
