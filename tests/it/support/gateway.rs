//! A whole gateway in one process: a Graph emulator, a SCIM server, a store in memory, and one job between them.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use provisor::app;
use provisor::engine::cycle::{self, CycleReport};
use provisor::engine::on_demand::{self, OnDemandError, Report, Request};
use provisor::engine::policy::Policy;
use provisor::engine::{CycleError, Job, Progress};
use provisor::graph_emulator::{self, Emulator, GroupRecord, Staged, Tenant, UserRecord};
use provisor::model::{JobId, Removal, RemovalState, TargetIdentity};
use provisor::scim_server::{self, Dialect, Server};
use provisor::secret::Secret;
use provisor::source::Source;
use provisor::source::graph::{GraphSettings, GraphSource, ServicePrincipal};
use provisor::store::Store;
use provisor::sync_schema::{Schema, compile};
use provisor::target::{Auth, Protected, ScimSettings, ScimTarget};
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const CLIENT: &str = "gateway";
pub(crate) const TOKEN: &str = "token";

/// The object id of the one application of a tenant that has one.
pub(crate) const APPLICATION: &str = "00000000-0000-4000-a000-0000000000f0";

/// The id of the n-th user of a tenant.
pub(crate) fn user_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The id of the n-th group of a tenant.
pub(crate) fn group_id(number: usize) -> String {
    format!("00000000-0000-4000-9000-{number:012}")
}

/// The user principal name of the n-th user.
pub(crate) fn user_name(number: usize) -> String {
    format!("user{number}@example.org")
}

/// A tenant with so many users and no groups.
pub(crate) fn tenant_of(users: usize) -> Tenant {
    Tenant {
        tenant_id: "00000000-0000-4000-a000-000000000001".to_owned(),
        display_name: "Example".to_owned(),
        verified_domains: vec!["example.org".to_owned()],
        users: (1..=users).map(|number| user(number, &user_name(number))).collect(),
        groups: Vec::new(),
        service_principals: Vec::new(),
    }
}

/// The n-th user under a name of its own.
pub(crate) fn user(number: usize, name: &str) -> UserRecord {
    UserRecord {
        id: user_id(number),
        manager: None,
        properties: object(json!({
            "userPrincipalName": name, "displayName": format!("User {number}"), "jobTitle": "Engineer",
            "mailNickname": format!("user{number}"), "accountEnabled": true,
        })),
    }
}

/// The n-th group, with these users as members.
pub(crate) fn group(number: usize, members: impl IntoIterator<Item = usize>) -> GroupRecord {
    GroupRecord {
        id: group_id(number),
        members: members.into_iter().map(user_id).collect(),
        properties: object(json!({
            "displayName": format!("Group {number}"), "mailNickname": format!("group{number}"),
            "securityEnabled": true, "mailEnabled": false, "groupTypes": [],
        })),
    }
}

/// A user's properties change.
pub(crate) fn update(number: usize, properties: Value) -> Staged {
    Staged::Update { user: user_id(number), properties: object(properties) }
}

pub(crate) fn leave(number: usize) -> Staged {
    Staged::Leave { user: user_id(number) }
}

pub(crate) fn purge(number: usize) -> Staged {
    Staged::Purge { user: user_id(number) }
}

/// A new user joins.
pub(crate) fn join(name: &str) -> Staged {
    let properties = object(json!({
        "userPrincipalName": name, "displayName": "Newcomer", "mailNickname": "newcomer", "accountEnabled": true,
    }));
    Staged::Join { properties, groups: Vec::new() }
}

pub(crate) fn object(json: Value) -> Map<String, Value> {
    let Value::Object(members) = json else { panic!("an object") };
    members
}

pub(crate) struct Gateway {
    pub(crate) source: graph_emulator::Running,
    pub(crate) target: Arc<Target>,
    pub(crate) store: Store,
    pub(crate) job: Job,
    reader: Arc<dyn Source>,
    writer: ScimTarget,
}

impl Gateway {
    pub(crate) async fn start(tenant: Tenant) -> Self {
        Self::start_with(tenant, Dialect::STANDARD, Policy::default()).await
    }

    pub(crate) async fn start_with(tenant: Tenant, dialect: &'static Dialect, policy: Policy) -> Self {
        Self::start_of(tenant, dialect, policy, app::template_schema("scim", Vocabulary::Graph).unwrap()).await
    }

    /// A gateway whose job has this schema, which the number stands for.
    pub(crate) async fn start_of(
        tenant: Tenant,
        dialect: &'static Dialect,
        policy: Policy,
        (schema, schema_version): (Schema, i64),
    ) -> Self {
        // The provider is one for the process; another test may have set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let target = Target::start(dialect);
        let source = emulate(tenant);
        let reader = reader(&source, &schema);
        let base_url = target.running.base_url().parse().unwrap();
        let mut settings = ScimSettings::new(base_url, Auth::Bearer(Secret::new(TOKEN)));
        // One request a resource: tests count requests, and let faults strike the nth.
        settings.profile.bulk = Some(false);
        let writer = ScimTarget::new(settings, Protected::default()).unwrap();
        let job = Job {
            id: JobId::new("job"),
            application: "application".to_owned(),
            schema: Arc::new(schema),
            schema_version,
            policy,
            full_read: Duration::from_secs(24 * 60 * 60),
            now: Utc::now,
        };
        let store = Store::open(&Secret::new("sqlite::memory:"), None).await.unwrap();
        Self { source, target: Arc::new(target), store, job, reader, writer }
    }

    /// Another job of the same application, that reads a directory of its own.
    pub(crate) fn beside(&self, job: &str, tenant: Tenant) -> Self {
        let source = emulate(tenant);
        let reader = reader(&source, &self.job.schema);
        let job = Job { id: JobId::new(job), ..self.job.clone() };
        let (target, store, writer) = (Arc::clone(&self.target), self.store.clone(), self.writer.clone());
        Self { source, target, store, job, reader, writer }
    }

    /// The job has another schema from now on, which the number stands for.
    pub(crate) fn set_schema(&mut self, (schema, schema_version): (Schema, i64)) {
        self.reader = reader(&self.source, &schema);
        self.job = Job { schema: Arc::new(schema), schema_version, ..self.job.clone() };
    }

    /// The job reads another directory from now on.
    pub(crate) fn point_to(&mut self, tenant: Tenant) {
        self.source = emulate(tenant);
        self.reader = reader(&self.source, &self.job.schema);
    }

    /// What the job reads.
    pub(crate) fn reader(&self) -> Arc<dyn Source> {
        Arc::clone(&self.reader)
    }

    /// The job asks who is assigned to [`APPLICATION`] from now on.
    pub(crate) fn ask_who_is_assigned(&mut self) {
        let source = graph_source(&self.source, &self.job.schema);
        self.reader = Arc::new(source.with_assigned(ServicePrincipal::ObjectId(APPLICATION.to_owned())));
    }

    /// The job reads this from now on.
    pub(crate) fn read_from(&mut self, source: Arc<dyn Source>) {
        self.reader = source;
    }

    pub(crate) async fn try_cycle(&self) -> Result<CycleReport, CycleError> {
        self.start_cycle(&CancellationToken::new()).await.unwrap()
    }

    /// A cycle that runs beside the test until it ends or is stopped.
    pub(crate) fn start_cycle(&self, stop: &CancellationToken) -> JoinHandle<Result<CycleReport, CycleError>> {
        let (progress, _watched) = watch::channel(Progress::default());
        let (job, store, target) = (self.job.clone(), self.store.clone(), self.writer.clone());
        let cycle = cycle::run_cycle(job, store, Arc::clone(&self.reader), target, stop.clone(), progress);
        tokio::spawn(async { tokio::time::timeout(Duration::from_secs(60), cycle).await.expect("a cycle ends") })
    }

    pub(crate) fn target_identity(&self) -> &TargetIdentity {
        self.writer.identity()
    }

    pub(crate) async fn cycle(&self) -> CycleReport {
        self.try_cycle().await.unwrap()
    }

    /// Provisions one object now, and a group with these members.
    pub(crate) async fn try_provision(&self, object: &str, members: &[&str]) -> Result<Vec<Report>, OnDemandError> {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        let request = Request { object: object.to_owned(), kind: None, members };
        let (job, store, target) = (self.job.clone(), self.store.clone(), self.writer.clone());
        let source = Arc::clone(&self.reader);
        let provision = on_demand::provision(job, store, source, target, &request, CancellationToken::new());
        tokio::time::timeout(Duration::from_secs(60), provision).await.expect("it ends")
    }

    pub(crate) async fn provision(&self, object: &str, members: &[&str]) -> Vec<Report> {
        self.try_provision(object, members).await.unwrap()
    }

    pub(crate) fn stage(&self, changes: Vec<Staged>) {
        self.source.stage(changes).unwrap();
    }

    /// The codes of all escrows.
    pub(crate) async fn escrows(&self) -> Vec<String> {
        let escrows = self.store.escrows(&self.job.id, 1000).await.unwrap();
        escrows.into_iter().map(|escrow| escrow.failure.code).collect()
    }

    pub(crate) async fn removals(&self, state: RemovalState) -> Vec<Removal> {
        self.store.held_removals(&self.job.id, state, None, 1000).await.unwrap()
    }

    /// A person decides about everything that is staged.
    pub(crate) async fn judge_staged(&self, state: RemovalState) {
        let ids: Vec<_> = self.removals(RemovalState::Staged).await.into_iter().map(|removal| removal.id).collect();
        self.store.set_removal_state(&ids, state).await.unwrap();
    }
}

/// The schema of the template `scim` for Graph, after an edit; the number stands for it.
pub(crate) fn edited_schema(number: i64, edit: impl FnOnce(&mut Value)) -> (Schema, i64) {
    let document = Templates::built_in().named("scim").unwrap().schema(Vocabulary::Graph).unwrap();
    let mut document = serde_json::to_value(document).unwrap();
    edit(&mut document);
    (compile(&serde_json::from_value(document).unwrap()).runnable().unwrap(), number)
}

/// The mapping of one attribute of users in such a document.
pub(crate) fn mapping_of<'d>(document: &'d mut Value, target: &str) -> &'d mut Value {
    let mappings = document.pointer_mut("/synchronizationRules/0/objectMappings").unwrap().as_array_mut().unwrap();
    let users = mappings.iter_mut().find(|mapping| mapping["sourceObjectName"] == "User").unwrap();
    let attributes = users["attributeMappings"].as_array_mut().unwrap();
    attributes.iter_mut().find(|attribute| attribute["targetAttributeName"] == target).unwrap()
}

fn emulate(tenant: Tenant) -> graph_emulator::Running {
    let settings = graph_emulator::Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        directory: tenant,
        client_id: CLIENT.to_owned(),
        client_secret: Secret::new(CLIENT),
        token: None,
        // Small, so that every read has several pages.
        page_size: 10,
    };
    Emulator::start(settings).unwrap()
}

fn reader(source: &graph_emulator::Running, schema: &Schema) -> Arc<dyn Source> {
    Arc::new(graph_source(source, schema))
}

fn graph_source(source: &graph_emulator::Running, schema: &Schema) -> GraphSource {
    let mut settings = GraphSettings::new(source.tenant_id(), CLIENT, Secret::new(CLIENT));
    settings.root_url = source.root_url().parse().unwrap();
    settings.authority_url = settings.root_url.clone();
    GraphSource::new(&settings, &schema.selection()).unwrap()
}

/// The application, with what its administrator sees.
pub(crate) struct Target {
    running: scim_server::Running,
    client: reqwest::Client,
}

/// A client that keeps no connection: one that the server closes at the same moment would fail a test for nothing.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

impl Target {
    pub(crate) fn start(dialect: &'static Dialect) -> Self {
        let mut settings = scim_server::Settings::new(([127, 0, 0, 1], 0).into(), Secret::new(TOKEN));
        settings.dialect = dialect;
        let running = Server::start(settings);
        Self { running: running.unwrap(), client: client() }
    }

    pub(crate) fn base_url(&self) -> String {
        self.running.base_url()
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let url = [&self.running.base_url(), path].concat();
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {}", response.status());
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null)
    }

    /// Creates a resource behind the gateway's back and returns its id.
    pub(crate) async fn create(&self, path: &str, resource: Value) -> String {
        self.ask("POST", path, Some(&resource)).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn create_user(&self, name: &str) -> String {
        let schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
        self.create("/Users", json!({ "schemas": schemas, "userName": name, "active": true })).await
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.ask("DELETE", path, None).await;
    }

    pub(crate) async fn users(&self) -> Vec<Value> {
        self.ask("GET", "/Users?count=500", None).await["Resources"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn groups(&self) -> Vec<Value> {
        self.ask("GET", "/Groups?count=500", None).await["Resources"].as_array().cloned().unwrap_or_default()
    }

    /// The one user of this name, if there is one.
    pub(crate) async fn user(&self, name: &str) -> Option<Value> {
        let mut found: Vec<Value> = self.users().await.into_iter().filter(|user| user["userName"] == name).collect();
        assert!(found.len() <= 1, "{name} exists {} times", found.len());
        found.pop()
    }

    pub(crate) async fn id_of(&self, name: &str) -> String {
        self.user(name).await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The ids of the members of the group of this name, in order.
    pub(crate) async fn members(&self, name: &str) -> Vec<String> {
        let group = self.groups().await.into_iter().find(|group| group["displayName"] == name).unwrap();
        let members = group["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    pub(crate) async fn set_faults(&self, rules: Value) {
        self.ask("POST", "/admin/faults", Some(&rules)).await;
    }

    pub(crate) async fn clear_faults(&self) {
        self.ask("DELETE", "/admin/faults", None).await;
    }

    /// Waits until so many write requests have come since the journal was emptied.
    pub(crate) async fn wait_for_writes(&self, count: usize) {
        while self.ask("GET", "/admin/journal", None).await.as_array().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a request has met a fault rule.
    pub(crate) async fn wait_for_faults(&self) {
        while self.faults_met().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many requests the rules were applied to, counted for each rule.
    pub(crate) async fn faults_met(&self) -> u64 {
        let rules = self.ask("GET", "/admin/faults", None).await;
        rules.as_array().unwrap().iter().map(|rule| rule["matched"].as_u64().unwrap()).sum()
    }

    /// The write requests since the last call: method and path without the id.
    pub(crate) async fn writes(&self) -> Vec<String> {
        let entries = self.requests().await;
        let route = |path: &str| path.split('/').take(2).collect::<Vec<_>>().join("/");
        entries
            .iter()
            .map(|entry| format!("{} {}", entry["method"].as_str().unwrap(), route(entry["path"].as_str().unwrap())))
            .collect()
    }

    /// The write requests since the last call, as the journal has them.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let entries = self.ask("GET", "/admin/journal", None).await;
        self.ask("DELETE", "/admin/journal", None).await;
        entries.as_array().cloned().unwrap()
    }
}
