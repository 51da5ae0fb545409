//! From what was written to what can be used: the checks that need more than one value, or the world.
//!
//! A check is left out where the value it needs is at fault already, so that every problem has one cause.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Document, Node, NodeId};
use super::duration::{self, WrittenDuration};
use super::problem::Problem;
use super::read::Located;
use super::resolved::{
    Application, Config, Connector, JobConfig, JobSchema, SchemaOrigin, SourceConfig, StoreSettings, TargetConfig,
};
use super::schema_file::{SchemaFileError, read_schema};
use super::scope::Beside;
use super::written::{WrittenApplication, WrittenConfig, WrittenJob, WrittenSource, WrittenStore, WrittenTarget};
use crate::db::DatabaseUrl;
use crate::model::{JobId, ResourceKind};
use crate::secret::Secret;
use crate::store::{DEFAULT_LEASE, LEASE_BOUNDS};
use crate::sync_schema::{Compiled, compile, wire::SynchronizationSchema};
use crate::target::{Protected, SettingsProblem};
use crate::templates::{Templates, Vocabulary};

/// Where the state is when the file does not say.
const DEFAULT_DATABASE: &str = "provisor.db";

/// Resolves what was written. Problems are added to those that are known; any at all and the result is of no use.
pub(super) struct Resolver<'a> {
    document: &'a Document,
    /// The configuration file.
    file: &'a Path,
    /// The folder that relative paths start from.
    pub(super) folder: &'a Path,
    pub(super) problems: Vec<(NodeId, Problem)>,
    pub(super) templates: Cow<'static, Templates>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        document: &'a Document,
        file: &'a Path,
        folder: &'a Path,
        problems: Vec<(NodeId, Problem)>,
    ) -> Self {
        Self { document, file, folder, problems, templates: Cow::Borrowed(Templates::built_in()) }
    }

    pub(super) fn config(&mut self, written: WrittenConfig) -> Config {
        self.unique_names();
        if let Some(folder) = &written.templates {
            self.read_templates(folder);
        }
        let sources: Vec<SourceConfig> = written.sources.into_iter().filter_map(|source| self.source(source)).collect();
        let applications =
            written.applications.into_iter().map(|application| self.application(application, &sources)).collect();
        let store = match written.store {
            Some(store) => self.store(store),
            None => {
                let url = self.database_file(Path::new(DEFAULT_DATABASE));
                StoreSettings { url, ca_file: None, lease: DEFAULT_LEASE }
            }
        };
        let keep_log = self.at_least(written.log.keep, Config::SHORTEST_LOG, Config::KEEP_LOG);
        let webhook = written.notifications.webhook.map(|webhook| self.webhook(webhook));
        let mail = written.notifications.mail.map(|mail| self.mail(mail));
        let scheduler = written.scheduler;
        let api = written.api.map(|api| self.api(api));
        let (file, templates) = (self.file.to_owned(), self.templates.clone().into_owned());
        Config { file, store, keep_log, scheduler, webhook, mail, api, templates, sources, applications }
    }

    pub(super) fn problem(&mut self, at: NodeId, what: impl Into<String>, hint: impl Into<String>) {
        let at_position = self.document.position(at);
        self.problems.push((at, Problem { at: at_position, what: what.into(), hint: Some(hint.into()) }));
    }

    /// Names are compared in the tree: one whose settings are at fault still counts.
    fn unique_names(&mut self) {
        let document = self.document;
        let applications = list(&document.root, "applications");
        let names = |nodes: &mut dyn Iterator<Item = &Node>| -> Vec<(NodeId, String)> {
            nodes.filter_map(|node| node.get("name")).filter_map(|n| Some((n.id, n.text()?.to_owned()))).collect()
        };
        let sources = names(&mut list(&document.root, "sources").iter());
        let jobs = names(&mut applications.iter().flat_map(|application| list(application, "jobs")));
        for (what, names) in [("source", sources), ("application", names(&mut applications.iter())), ("job", jobs)] {
            let mut first: BTreeMap<String, NodeId> = BTreeMap::new();
            for (node, name) in names {
                match first.get(&name) {
                    Some(other) => {
                        let line = self.document.position(*other).line;
                        self.problem(
                            node,
                            format!("the {what} `{name}` exists already"),
                            format!("line {line} has it; choose another name"),
                        );
                    }
                    None => {
                        first.insert(name, node);
                    }
                }
            }
        }
    }

    fn name(&mut self, written: Located<String>) -> String {
        let name = written.value;
        let sound = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.chars().count() > 100 || !name.chars().all(sound) {
            self.problem(
                written.node,
                "a name has 1 to 100 letters, digits, `-`, `_` or `.`",
                "it stands on command lines and in URLs",
            );
        }
        name
    }

    fn store(&mut self, written: WrittenStore) -> StoreSettings {
        let Located { value, node } = written.url;
        let hint = "write `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`";
        let url = Secret::new(value.as_str());
        let lease = self.lease(written.lease);
        let mut settings = StoreSettings { url: url.clone(), ca_file: written.ca_file, lease };
        self.beside_the_file(&mut settings.ca_file);
        match DatabaseUrl::parse(&url) {
            Ok(DatabaseUrl::File(file)) => settings.url = self.database_file(&file),
            Ok(DatabaseUrl::Memory) => {
                self.problem(node, "a store in memory forgets all links when the program ends", hint);
            }
            Ok(DatabaseUrl::Postgres(_)) => {
                if let Err(cause) = url::Url::parse(&value) {
                    let encode = "percent-encode the special characters of user name and password";
                    self.problem(node, format!("this is no URL: {cause}"), encode);
                }
            }
            Err(_) => self.problem(node, "this is no URL of a store", hint),
        }
        settings
    }

    fn lease(&mut self, written: Option<Located<WrittenDuration>>) -> Duration {
        let (shortest, longest) = LEASE_BOUNDS.into_inner();
        let node = written.as_ref().map(|written| written.node);
        let lease = self.at_least(written, shortest, DEFAULT_LEASE);
        if let Some(node) = node.filter(|_| lease > longest) {
            let what = format!("`{}` is too long", duration::print(lease));
            self.problem(node, what, format!("write `{}` or less", duration::print(longest)));
        }
        lease
    }

    fn database_file(&self, file: &Path) -> Secret {
        Secret::new(["sqlite:", &self.folder.join(file).to_string_lossy()].concat())
    }

    fn source(&mut self, written: Located<WrittenSource>) -> Option<SourceConfig> {
        let Located { value, node } = written;
        let name = self.name(value.name);
        let connector = match (value.ldap, value.graph) {
            (Some(mut ldap), None) => {
                self.beside_the_file(&mut ldap.ca_file);
                Some(Connector::Ldap(Box::new(ldap)))
            }
            (None, Some(mut graph)) => {
                self.beside_the_file(&mut graph.ca_file);
                Some(Connector::Graph(Box::new(graph)))
            }
            (None, None) if self.faulty_below(node) => None,
            _ => {
                self.problem(
                    node,
                    format!("the source `{name}` needs exactly one connector"),
                    "give it `ldap:` or `graph:`",
                );
                None
            }
        };
        let connector = connector?;
        let vocabulary = match (&connector, value.vocabulary) {
            (Connector::Graph(_), None) => Vocabulary::Graph,
            (Connector::Ldap(_), None) => Vocabulary::Ldap,
            (Connector::Graph(_), Some(Located { value: written, node })) => {
                if written != Vocabulary::Graph {
                    self.problem(node, "Microsoft Graph has names of its own", "leave `vocabulary` out");
                }
                Vocabulary::Graph
            }
            (Connector::Ldap(_), Some(Located { value: Vocabulary::Graph, node })) => {
                self.problem(node, "this directory is read over LDAP", "write `ldap` or `active-directory`");
                Vocabulary::Ldap
            }
            (Connector::Ldap(_), Some(written)) => written.value,
        };
        Some(SourceConfig { name, connector, vocabulary })
    }

    fn application(&mut self, written: Located<WrittenApplication>, sources: &[SourceConfig]) -> Application {
        let Located { value: written, node } = written;
        self.share(node, &["accidental_deletion", "percent"], written.accidental_deletion.percent);
        let WrittenTarget::Scim(mut scim) = written.target;
        scim.resolve_paths(self.folder);
        for problem in scim.problems() {
            self.target_problem(node, problem);
        }
        let jobs: Vec<JobConfig> = written.jobs.into_iter().filter_map(|job| self.job(job, sources)).collect();
        let mapped = jobs.iter().flat_map(|job| &job.schema.rules.mappings).map(|mapping| mapping.target_kind.clone());
        let kinds = mapped.chain(["Users", "Groups"].map(ResourceKind::new)).collect();
        for problem in scim.profile.unknown_endpoints(&kinds) {
            self.target_problem(node, problem);
        }
        scim.profile.template = self.template_profile(node, &jobs);
        Application {
            name: self.name(written.name),
            target: TargetConfig::Scim(scim),
            protected: Protected { user_names: written.protected.user_names, ids: written.protected.ids },
            accidental_deletion: written.accidental_deletion,
            jobs,
        }
    }

    fn target_problem(&mut self, application: NodeId, problem: SettingsProblem) {
        let keys: Vec<&str> = ["target", "scim"].into_iter().chain(problem.at.iter().map(String::as_str)).collect();
        let place = self.place(application, &keys);
        self.problem(place, problem.what, problem.hint);
    }

    fn job(&mut self, written: Located<WrittenJob>, sources: &[SourceConfig]) -> Option<JobConfig> {
        let Located { value: written, node } = written;
        let id = JobId::new(self.name(written.name));
        let source = sources.iter().find(|source| source.name == written.source.value);
        if source.is_none() {
            self.dangling(&written.source);
        }
        let schedule = self.schedule(written.schedule, source.map(|source| &source.connector));
        let guard = &written.accidental_deletion;
        self.share(node, &["accidental_deletion", "percent"], guard.percent);
        self.share(node, &["accidental_deletion", "percent_of_few"], guard.percent_of_few);
        if let Some(day) = &guard.day {
            self.share(node, &["accidental_deletion", "day", "percent"], day.percent);
        }
        let escrow = self.escrow(written.escrow);
        let quarantine = self.quarantine(written.quarantine);
        let template = written.template.as_ref().and_then(|name| self.known_template(name));
        let schema = match (&written.template, &written.schema) {
            (_, Some(file)) => self.schema_file(file, source),
            (Some(name), None) => template.as_deref().and_then(|id| self.template(name.node, id, source?)),
            (None, None) if self.faulty_below(node) => None,
            (None, None) => {
                self.problem(
                    node,
                    format!("the job `{id}` needs a synchronization schema"),
                    "give it `template: NAME` or `schema: FILE`",
                );
                None
            }
        };
        let beside = Beside { source, schema: schema.as_ref(), nested_groups: written.nested_groups };
        let scope = self.scope(node, written.scope, &beside);
        let is_member_of = self.is_member_of(node, written.is_member_of, written.nested_groups);
        let mut schema = schema?;
        self.relink(node, written.relink, &mut schema);
        Some(JobConfig {
            id,
            source: written.source.value,
            template,
            schema,
            scope,
            schedule,
            policy: written.policy,
            accidental_deletion: written.accidental_deletion,
            escrow,
            quarantine,
            nested_groups: written.nested_groups,
            is_member_of,
        })
    }

    fn share(&mut self, node: NodeId, keys: &[&str], percent: u8) {
        if percent > 100 {
            let place = self.place(node, keys);
            self.problem(place, "a share beyond 100 percent", "write a number from 0 to 100");
        }
    }

    fn dangling(&mut self, source: &Located<String>) {
        let names: Vec<&str> = list(&self.document.root, "sources")
            .iter()
            .filter_map(|source| source.get("name").and_then(Node::text))
            .collect();
        // A source whose settings are at fault is told elsewhere.
        if !names.contains(&source.value.as_str()) {
            let hint = match names.as_slice() {
                [] => "add it to `sources:`".to_owned(),
                names => format!("the sources are: {}", names.join(", ")),
            };
            self.problem(source.node, format!("there is no source `{}`", source.value), hint);
        }
    }

    pub(super) fn at_least(
        &mut self,
        written: Option<Located<WrittenDuration>>,
        shortest: Duration,
        default: Duration,
    ) -> Duration {
        let Some(Located { value: WrittenDuration(duration), node }) = written else { return default };
        if duration < shortest {
            let what = format!("`{}` is too short", duration::print(duration));
            self.problem(node, what, format!("write `{}` or more", duration::print(shortest)));
        }
        duration
    }

    pub(super) fn beside_the_file(&self, path: &mut Option<PathBuf>) {
        if let Some(path) = path {
            *path = self.folder.join(&path);
        }
    }

    fn schema_file(&mut self, written: &Located<String>, source: Option<&SourceConfig>) -> Option<JobSchema> {
        let file: PathBuf = self.folder.join(&written.value);
        match read_schema(&file) {
            Ok(document) => self.compiled(written.node, SchemaOrigin::File(file), document, source),
            Err(error) => {
                let (cause, hint) = match &error {
                    SchemaFileError::Unreadable { cause, .. } => {
                        (cause.to_string(), "give the path of a JSON file, relative to this one")
                    }
                    SchemaFileError::Malformed { cause, .. } => {
                        (cause.to_string(), "give a synchronizationSchema of the synchronization API, in JSON")
                    }
                };
                self.problem(written.node, format!("{error}: {cause}"), hint);
                None
            }
        }
    }

    pub(super) fn compiled(
        &mut self,
        at: NodeId,
        origin: SchemaOrigin,
        document: SynchronizationSchema,
        source: Option<&SourceConfig>,
    ) -> Option<JobSchema> {
        let Compiled { schema, findings, without_default_domain } = compile(&document);
        let source_lacking =
            source.filter(|source| source.lacks_default_domain() && !without_default_domain.is_empty());
        if let Some(SourceConfig { name, .. }) = source_lacking {
            for error in without_default_domain {
                let hint = format!("set `default_domain` of the source `{name}`");
                self.problem(at, format!("in {origin}: {error}"), hint);
            }
        }
        match schema {
            Some(rules) => Some(JobSchema { origin, document, rules, findings }),
            None => {
                for error in findings.iter().filter(|finding| finding.is_error()) {
                    self.problem(at, format!("in {origin}: {error}"), "mend it there");
                }
                None
            }
        }
    }

    pub(super) fn faulty_below(&self, node: NodeId) -> bool {
        find(&self.document.root, node)
            .is_some_and(|inner| self.problems.iter().any(|(at, _)| (inner.id..=inner.last_id()).contains(at)))
    }

    /// The place of a value deep in a node, or of the node when the value is not written.
    pub(super) fn place(&self, node: NodeId, keys: &[&str]) -> NodeId {
        let found = find(&self.document.root, node);
        keys.iter().fold(found, |inner, key| inner.and_then(|inner| inner.get(key))).map_or(node, |inner| inner.id)
    }
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map(Node::elements).unwrap_or_default()
}

/// The node with that number: the one child whose range of numbers holds it, all the way down.
fn find(node: &Node, id: NodeId) -> Option<&Node> {
    if node.id == id {
        return Some(node);
    }
    let within = |child: &&Node| (child.id..=child.last_id()).contains(&id);
    match &node.content {
        super::document::Content::List(nodes) => nodes.iter().find(within),
        super::document::Content::Map(entries) => entries.iter().map(|entry| &entry.value).find(within),
        _ => None,
    }
    .and_then(|child| find(child, id))
}
