//! Every template, for every kind of source, against the dialect of its application: what passes on the wire is what a
//! person wrote down from the application's documents.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use provisor::app;
use provisor::engine::cycle;
use provisor::engine::policy::Policy;
use provisor::engine::{Job, Progress};
use provisor::model::JobId;
use provisor::scim_server::{self, Dialect, Server};
use provisor::secret::Secret;
use provisor::store::Store;
use provisor::target::{Auth, Protected, ScimSettings, ScimTarget};
use provisor::templates::{Templates, Vocabulary};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::fixture_source::{Event, FixtureSource};
use crate::support::recorder::{Exchange, Recorder};
use crate::support::repository;

const TOKEN: &str = "token";

/// What was expected of one event: the requests in their order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    event: String,
    requests: Vec<Value>,
}

fn transcript(file: &str) -> Vec<Step> {
    serde_json::from_slice(&fs::read(repository(file)).unwrap()).unwrap()
}

/// The ids that an application gave, each with what stands for it in a transcript.
type Ids = Vec<(String, &'static str)>;

/// Where groups are not created, somebody has done it before.
async fn group_of_before(base_url: &str) -> Ids {
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Analysts"});
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post([base_url, "/Groups"].concat()).bearer_auth(TOKEN).json(&group);
    let created: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    vec![(created["id"].as_str().unwrap().to_owned(), "{group}")]
}

/// What passes between the gateway and an application while the fixture's person and group live their lives, and the
/// ids of what was there before.
async fn life(id: &str, source: Vocabulary) -> (Vec<(Event, Vec<Exchange>)>, Ids) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut settings = scim_server::Settings::new(([127, 0, 0, 1], 0).into(), Secret::new(TOKEN));
    settings.dialect = if id == "scim" { Dialect::STANDARD } else { Dialect::named(id).unwrap() };
    let server = Server::start(settings).unwrap();
    let recorder = Recorder::start(&server.base_url());
    let (schema, schema_version) = app::template_schema(id, source).unwrap();
    let only_changes_groups = schema.mappings.iter().any(|mapping| !mapping.flow.add);
    let ids = if only_changes_groups { group_of_before(&server.base_url()).await } else { Ids::new() };
    let base_url = recorder.base_url.parse().unwrap();
    let mut settings = ScimSettings::new(base_url, Auth::Bearer(Secret::new(TOKEN)));
    settings.profile.template = Some(Box::new(Templates::built_in().named(id).unwrap().profile.clone()));
    // One request a resource, so that a transcript reads like the documents.
    settings.profile.bulk = Some(false);
    let target = ScimTarget::new(settings, Protected::default()).unwrap();
    let job = Job {
        id: JobId::new("job"),
        application: "application".to_owned(),
        schema: Arc::new(schema),
        schema_version,
        policy: Policy { references_on_create: app::references_on_create(&target), ..Policy::default() },
        full_read: Duration::from_secs(24 * 60 * 60),
        now: Utc::now,
    };
    let people = Arc::new(FixtureSource::new(source, &job.schema.selection()));
    let store = Store::open(&Secret::new("sqlite::memory:"), None).await.unwrap();
    let mut passed = Vec::new();
    for event in Event::ALL {
        people.happens(event);
        let (progress, _watched) = watch::channel(Progress::default());
        let run = cycle::run_cycle(
            job.clone(),
            store.clone(),
            people.clone(),
            target.clone(),
            CancellationToken::new(),
            progress,
        );
        tokio::time::timeout(Duration::from_secs(60), run).await.expect("a cycle ends").unwrap();
        let escrows = store.escrows(&job.id, 10).await.unwrap();
        assert!(
            escrows.is_empty(),
            "{id}, {source:?}, {event:?}: {:?}",
            escrows.iter().map(|e| &e.failure).collect::<Vec<_>>()
        );
        passed.push((event, recorder.take()));
    }
    (passed, ids)
}

/// The exchanges as a transcript has them: `{user}` and `{group}` for the ids that the application gave.
fn written(exchanges: &[Exchange], ids: &mut Ids) -> Vec<Value> {
    for exchange in exchanges.iter().filter(|exchange| exchange.method == "POST" && exchange.status == 201) {
        let placeholder = if exchange.path == "/Users" { "{user}" } else { "{group}" };
        let id = exchange.answer.as_ref().and_then(|answer| answer["id"].as_str()).unwrap();
        ids.push((id.to_owned(), placeholder));
    }
    let plain = |text: &str| ids.iter().fold(text.to_owned(), |text, (id, placeholder)| text.replace(id, placeholder));
    exchanges
        .iter()
        .map(|exchange| {
            let mut entry = json!({
                "request": format!("{} {}", exchange.method, plain(&exchange.path)),
                "status": exchange.status,
            });
            if let Some(body) = &exchange.body {
                entry["body"] = serde_json::from_str(&plain(&body.to_string())).unwrap();
            }
            in_order(entry)
        })
        .collect()
}

/// Operations on different attributes have no order.
fn in_order(mut entry: Value) -> Value {
    if let Some(operations) = entry.pointer_mut("/body/Operations").and_then(Value::as_array_mut) {
        operations.sort_by_key(|operation| operation["path"].to_string());
    }
    entry
}

async fn holds(id: &str, file: &str) {
    let expected = transcript(file);
    assert_eq!(expected.len(), Event::ALL.len(), "{id}");
    for source in Vocabulary::ALL {
        let (passed, mut ids) = life(id, source).await;
        for ((event, exchanges), step) in passed.iter().zip(&expected) {
            let mut found = written(exchanges, &mut ids);
            let wanted: Vec<Value> = step.requests.iter().cloned().map(in_order).collect();
            // Where the application does not document the status, any success is as good.
            for (found, _) in found.iter_mut().zip(&wanted).filter(|(_, wanted)| wanted.get("status").is_none()) {
                let status = found.as_object_mut().unwrap().remove("status").and_then(|status| status.as_u64());
                assert!(status.is_some_and(|status| (200..300).contains(&status)), "{id}: {found} got {status:?}");
            }
            assert_eq!(event.name(), step.event, "{id}");
            assert!(exchanges.iter().all(|exchange| exchange.names_its_agent), "{id} does not say who it is");
            let print = |requests: &[Value]| serde_json::to_string_pretty(requests).unwrap();
            assert!(
                found == wanted,
                "{id} from {}: {}\nfound {}\nexpected {}",
                source.name(),
                step.event,
                print(&found),
                print(&wanted)
            );
        }
    }
}

macro_rules! every_source_is_provisioned_as_documented {
    ($($name:ident: $id:literal, $file:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                holds($id, $file).await;
            }
        )*

        #[test]
        fn every_template_has_its_transcript() {
            let known: Vec<&str> = Templates::built_in().all().map(|template| template.id.as_str()).collect();
            assert_eq!(known, [$($id),*]);
            for id in known.into_iter().filter(|id| *id != "scim") {
                assert!(Dialect::named(id).is_some(), "{id} has the name of a dialect");
            }
        }
    };
}

every_source_is_provisioned_as_documented! {
    atlassian: "atlassian", "fixtures/templates/atlassian.transcript.json";
    aws_iam_identity_center: "aws-iam-identity-center", "fixtures/templates/aws-iam-identity-center.transcript.json";
    databricks: "databricks", "fixtures/templates/databricks.transcript.json";
    github_emu: "github-emu", "fixtures/templates/github-emu.transcript.json";
    gitlab: "gitlab", "fixtures/templates/gitlab.transcript.json";
    salesforce: "salesforce", "fixtures/templates/salesforce.transcript.json";
    scim: "scim", "fixtures/templates/scim.transcript.json";
    servicenow: "servicenow", "fixtures/templates/servicenow.transcript.json";
    slack: "slack", "fixtures/templates/slack.transcript.json";
    snowflake: "snowflake", "fixtures/templates/snowflake.transcript.json";
    zoom: "zoom", "fixtures/templates/zoom.transcript.json";
}
