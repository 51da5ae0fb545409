//! Every way to leave, under every policy, for targets that disable users and for those that cannot: what is sent.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use provisor::engine::policy::{Deprovisioning, Guard, Limits, Policy};
use provisor::engine::{Job, Progress, cycle};
use provisor::model::{CycleState, Departure, JobId};
use provisor::scim_server::Dialect;
use provisor::secret::Secret;
use provisor::store::Store;
use provisor::target::{Auth, Protected, ScimSettings, ScimTarget};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::gateway::{TOKEN, Target, edited_schema};
use crate::support::plain_source::PlainSource;

/// Who leaves, named by how.
const LEAVERS: [&str; 5] = ["disabled", "soft-deleted", "hard-deleted", "unassigned", "out-of-scope"];

const MONTH: Deprovisioning = Deprovisioning::DeleteAfter(Duration::from_secs(30 * 24 * 60 * 60));

fn after_29_days() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(29)
}

fn after_31_days() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(31)
}

fn after_62_days() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(62)
}

struct World {
    source: Arc<PlainSource>,
    target: Target,
    writer: ScimTarget,
    job: Job,
    folder: TempDir,
}

impl World {
    fn start(policy: Deprovisioning, soft_delete: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let target = Target::start(Dialect::STANDARD);
        let mut settings = ScimSettings::new(target.base_url().parse().unwrap(), Auth::Bearer(Secret::new(TOKEN)));
        settings.profile.soft_delete = Some(soft_delete);
        let writer = ScimTarget::new(settings, Protected::default()).unwrap();
        let (schema, schema_version) = edited_schema(1, |document| {
            let clause = json!({
                "sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": { "values": ["Deck"] },
            });
            document["synchronizationRules"][0]["objectMappings"][0]["scope"] =
                json!({ "groups": [{ "name": "crew", "clauses": [clause] }] });
        });
        let open = Limits { percent: 100, at_least: 1_000, more_than: 1_000 };
        let policy = Policy {
            disabled: policy,
            unassigned: policy,
            out_of_scope: policy,
            soft_deleted: policy,
            deleted: policy,
            guard: Guard { cycle: open, day: open, application: open, percent_of_few: 100 },
            ..Policy::default()
        };
        let job = Job {
            id: JobId::new("job"),
            application: "application".to_owned(),
            schema: Arc::new(schema),
            schema_version,
            policy,
            full_read: Duration::from_secs(24 * 60 * 60),
            now: Utc::now,
        };
        let world = Self { source: Arc::default(), target, writer, job, folder: tempfile::tempdir().unwrap() };
        world.source.give("stays", person("stays"));
        world.all_come();
        world
    }

    fn all_come(&self) {
        LEAVERS.iter().for_each(|name| self.source.give(name, person(name)));
    }

    fn all_leave(&self) {
        let changed = |name: &str, attribute: &str, value: Value| {
            let mut person = person(name);
            person[attribute] = value;
            self.source.give(name, person);
        };
        changed("disabled", "accountEnabled", json!(false));
        changed("out-of-scope", "department", json!("Galley"));
        self.source.depart("soft-deleted", Departure::SoftDeleted);
        self.source.depart("hard-deleted", Departure::Deleted);
        self.source.depart("unassigned", Departure::LeftFeed);
    }

    /// One cycle of a program that was started anew; what it sent for each leaver, in their order.
    async fn cycle(&self, now: fn() -> DateTime<Utc>) -> [String; 5] {
        let before = self.target.users().await;
        self.target.requests().await;
        let store =
            Store::open(&Secret::new(self.folder.path().join("store.db").to_str().unwrap()), None).await.unwrap();
        let (progress, _watched) = watch::channel(Progress::default());
        let job = Job { now, ..self.job.clone() };
        let run =
            cycle::run_cycle(job, store, self.source.clone(), self.writer.clone(), CancellationToken::new(), progress);
        let report = tokio::time::timeout(Duration::from_secs(60), run).await.expect("a cycle ends").unwrap();
        assert_eq!(report.state, CycleState::Succeeded);
        let requests = self.target.requests().await;
        LEAVERS.map(|name| {
            let id = before.iter().find(|user| user["userName"] == name).map(|user| user["id"].as_str().unwrap());
            let of_this = |request: &&Value| match id {
                Some(id) => request["path"].as_str().unwrap().ends_with(id),
                None => request["body"]["userName"] == name,
            };
            requests.iter().filter(of_this).map(told).collect::<Vec<_>>().join(", ")
        })
    }
}

fn person(name: &str) -> Value {
    json!({
        "objectId": name, "userPrincipalName": name, "displayName": name, "mailNickname": name, "department": "Deck",
        "accountEnabled": true,
    })
}

/// The method of a request, and what it says of `active`.
fn told(request: &Value) -> String {
    let operations = request["body"]["Operations"].as_array().cloned().unwrap_or_default();
    let active = operations.iter().find(|operation| operation["path"] == "active").map(|one| one["value"].clone());
    let only = operations.len() == 1;
    match (request["method"].as_str().unwrap(), active) {
        ("PATCH", Some(active)) if only => format!("active: {active}"),
        (method, _) => method.to_owned(),
    }
}

#[tokio::test]
async fn every_event_has_its_effect_under_every_policy() {
    use Deprovisioning::{Delete, Disable, Nothing};
    const OFF: &str = "active: false";
    const ON: &str = "active: true";
    // What is sent when they leave, within a month, after it, and when they come back.
    for (policy, soft_delete, leaving, within, after, back) in [
        (Nothing, true, "", "", "", ""),
        (Nothing, false, "", "", "", ""),
        (Disable, true, OFF, "", "", ON),
        (Disable, false, "DELETE", "", "", "POST"),
        (Delete, true, "DELETE", "", "", "POST"),
        (Delete, false, "DELETE", "", "", "POST"),
        (MONTH, true, OFF, "", "DELETE", "POST"),
        (MONTH, false, "", "", "DELETE", "POST"),
    ] {
        let world = World::start(policy, soft_delete);
        let case = format!("{policy:?}, soft delete: {soft_delete}");
        assert_eq!(world.cycle(Utc::now).await, [const { "POST" }; 5], "{case}");
        world.all_leave();
        assert_eq!(world.cycle(Utc::now).await, [leaving; 5], "{case}");
        assert_eq!(world.cycle(after_29_days).await, [within; 5], "{case}");
        assert_eq!(world.cycle(after_31_days).await, [after; 5], "{case}");
        world.all_come();
        assert_eq!(world.cycle(after_31_days).await, [back; 5], "{case}");
        assert_eq!(world.cycle(after_31_days).await, [""; 5], "{case}");
    }
}

#[tokio::test]
async fn whoever_comes_back_in_time_is_not_deleted_and_leaves_anew() {
    for (soft_delete, off, on) in [(true, "active: false", "active: true"), (false, "", "")] {
        let world = World::start(MONTH, soft_delete);
        world.cycle(Utc::now).await;
        world.all_leave();
        assert_eq!(world.cycle(Utc::now).await, [off; 5]);
        world.all_come();
        assert_eq!(world.cycle(after_29_days).await, [on; 5]);
        assert_eq!(world.cycle(after_31_days).await, [""; 5], "the first leave is forgotten");
        world.all_leave();
        assert_eq!(world.cycle(after_31_days).await, [off; 5]);
        // A clock that is set back brings no deletion forward.
        assert_eq!(world.cycle(Utc::now).await, [""; 5]);
        assert_eq!(world.cycle(after_62_days).await, ["DELETE"; 5]);
    }
}
