//! The program itself, as a person runs it: processes, a configuration, exit codes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::repository;
use super::slapd::{ADMIN, ADMIN_PASSWORD, SUFFIX, Slapd};

/// The bearer token of every target started here.
pub(crate) const TOKEN: &str = "test-token";

/// The program, ready for its arguments.
pub(crate) fn provisor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provisor"));
    command.stdin(Stdio::null());
    command
}

/// `provisor target` in a process of its own, stopped when dropped.
pub(crate) struct Target {
    process: Child,
    pub(crate) base_url: String,
}

impl Target {
    pub(crate) fn start(dialect: &str) -> Self {
        let mut process = provisor()
            .args(["target", "--listen", "127.0.0.1:0", "--token", TOKEN, "--dialect", dialect])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a target");
        let output = process.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("the line that says where it serves");
        let base_url = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Self { process, base_url }
    }

    /// A server of others in its process.
    pub(crate) fn foreign(process: Child, base_url: String) -> Self {
        Self { process, base_url }
    }

    /// An administrative request: what tests ask of the target, and no client of the protocol can.
    pub(crate) async fn admin(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let root = self.base_url.trim_end_matches("/scim/v2");
        self.ask(method, &format!("{root}/admin/{path}"), body).await
    }

    /// What a client of the protocol reads at this path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(reqwest::Method::GET, &format!("{}{path}", self.base_url), None).await
    }

    async fn ask(&self, method: reqwest::Method, url: &str, body: Option<Value>) -> Value {
        provisor::net::install_crypto_provider();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = client.request(method, url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        assert!(response.status().is_success(), "{url}: {}", response.status());
        let text = response.text().await.expect("a body");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    /// Makes the `nth` write below this path, from now on, hang after it was committed.
    pub(crate) async fn hang_after_commit(&self, path: &str, nth: u64) {
        let rule = json!({ "path": path, "nth": nth, "moment": "after_commit", "do": { "hang": true } });
        self.set_faults(json!([rule])).await;
    }

    pub(crate) async fn set_faults(&self, rules: Value) {
        self.admin(reqwest::Method::POST, "faults", Some(rules)).await;
    }

    /// True once a fault rule has struck.
    pub(crate) async fn fault_fired(&self) -> bool {
        let rules = self.admin(reqwest::Method::GET, "faults", None).await;
        let rules = rules.as_array().cloned().unwrap_or_default();
        rules.iter().any(|rule| rule["fired"].as_u64().unwrap_or_default() > 0)
    }

    pub(crate) async fn clear_faults(&self) {
        self.admin(reqwest::Method::DELETE, "faults", None).await;
    }

    /// How many writes below this path have been asked for.
    pub(crate) async fn writes_to(&self, path: &str) -> u64 {
        let (mut last, mut count) = (0, 0);
        loop {
            let page = self.admin(reqwest::Method::GET, &format!("journal?since={last}"), None).await;
            let entries = page.as_array().cloned().unwrap_or_default();
            count +=
                entries.iter().filter(|entry| entry["path"].as_str().is_some_and(|to| to.starts_with(path))).count();
            match entries.last().and_then(|entry| entry["sequence"].as_u64()) {
                Some(sequence) if sequence > last => last = sequence,
                _ => return count as u64,
            }
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder with a `provisor.yaml` for the job `hr`.
pub(crate) struct Gateway {
    pub(crate) folder: TempDir,
}

impl Gateway {
    /// A gateway from this directory to this target. `store` is its URL; a SQLite file in the folder when there is none.
    pub(crate) fn new(slapd: &Slapd, target: &Target, store: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("store.db");
        let store = store.map_or_else(|| format!("sqlite://{}", file.display()), str::to_owned);
        let configuration = json!({
            // Who is killed is followed soon.
            "store": { "url": store, "lease": "2s" },
            "sources": [{ "name": "corp", "ldap": {
                "urls": [slapd.url()], "security": "plain", "bind_dn": ADMIN, "password": ADMIN_PASSWORD,
                "users": { "kind": "User", "base": format!("ou=people,{SUFFIX}"), "filter": "(objectClass=inetOrgPerson)" },
                "groups": { "kind": "Group", "base": format!("ou=groups,{SUFFIX}"),
                    "filter": "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))" },
            } }],
            "applications": [{
                "name": "crm",
                // One request a resource: tests count requests, and let faults strike the nth.
                "target": { "scim": { "base_url": target.base_url, "auth": { "bearer": TOKEN }, "profile": { "bulk": false } } },
                // Tests play many days within a minute: what a day may take away would soon be used up.
                "accidental_deletion": { "at_least": 1000, "more_than": 1000 },
                "jobs": [{ "name": "hr", "source": "corp", "template": "scim",
                    "accidental_deletion": { "day": { "at_least": 1000, "more_than": 1000 } } }],
            }],
        });
        std::fs::write(folder.path().join("provisor.yaml"), configuration.to_string()).expect("the configuration");
        Self { folder }
    }

    /// What the configuration says of the target.
    pub(crate) fn set_profile(&self, profile: &Value) {
        let file = self.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        configuration["applications"][0]["target"]["scim"]["profile"] = profile.clone();
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    /// Half of a few people may leave in a day.
    pub(crate) fn let_half_of_few_leave(&self) {
        let file = self.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        configuration["applications"][0]["jobs"][0]["accidental_deletion"]["percent_of_few"] = json!(100);
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    /// Whom the job provisions.
    pub(crate) fn set_scope(&self, scope: &Value) {
        self.set("scope", scope);
    }

    /// One setting of the job.
    pub(crate) fn set(&self, key: &str, value: &Value) {
        let file = self.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        configuration["applications"][0]["jobs"][0][key] = value.clone();
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    /// The job runs this schema instead of its template.
    pub(crate) fn set_schema(&self, document: &Value) {
        std::fs::write(self.path("schema.json"), document.to_string()).expect("the schema");
        let file = self.path("provisor.yaml");
        let text = std::fs::read(&file).expect("the configuration");
        let mut configuration: Value = serde_json::from_slice(&text).expect("JSON, which is YAML");
        let job = configuration["applications"][0]["jobs"][0].as_object_mut().expect("a job");
        job.remove("template");
        job.insert("schema".to_owned(), "schema.json".into());
        std::fs::write(file, configuration.to_string()).expect("the configuration");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `provisor run`, not started.
    pub(crate) fn command(&self) -> Command {
        let mut command = provisor();
        command.args(["run", "hr", "--output", "json", "-c"]).arg(self.path("provisor.yaml"));
        command.env_remove("RUST_LOG");
        command
    }

    /// One cycle that has to end well; its report.
    pub(crate) fn run(&self) -> Value {
        let output = self.command().output().expect("the program");
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
        serde_json::from_slice(&output.stdout).expect("a report")
    }
}

/// What a process said.
pub(crate) fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The judge, which shares no code with the program: `tests/expectation/expect.py`.
pub(crate) struct Expectation<'a> {
    pub(crate) slapd: &'a Slapd,
    pub(crate) target: &'a Target,
    pub(crate) folder: &'a Path,
}

impl Expectation<'_> {
    /// Computes what the target should hold for the directory as it is now, carried over from `before`.
    pub(crate) fn of_directory(&self, name: &str, before: Option<&str>) {
        let url = self.slapd.url();
        let mut arguments = vec![
            "directory",
            "--uri",
            &url,
            "--bind-dn",
            ADMIN,
            "--password",
            ADMIN_PASSWORD,
            "--suffix",
            SUFFIX,
            "--out",
            name,
        ];
        if let Some(before) = before {
            arguments.extend(["--before", before]);
        }
        self.ask(&arguments);
    }

    /// The target holds exactly what `name` says.
    pub(crate) fn compare(&self, name: &str) {
        self.ask(&["compare", "--expected", name, "--target", &self.target.base_url, "--token", TOKEN]);
    }

    /// The same, but for members that lead nowhere: some servers keep the ids of who was deleted, in groups of which the
    /// directory goes on to say that they are members.
    pub(crate) fn compare_living(&self, name: &str) {
        let target = self.target.base_url.as_str();
        self.ask(&["compare", "--living-members", "--expected", name, "--target", target, "--token", TOKEN]);
    }

    /// Remembers the target as it is, to count writes from.
    pub(crate) fn snapshot(&self, name: &str) {
        self.ask(&["snapshot", "--out", name, "--target", &self.target.base_url, "--token", TOKEN]);
    }

    /// The target got exactly the writes that lead from `before` to `after`.
    pub(crate) fn writes(&self, before: &str, after: &str, snapshot: &str) {
        let target = self.target.base_url.as_str();
        self.ask(&[
            "writes",
            "--before",
            before,
            "--after",
            after,
            "--snapshot",
            snapshot,
            "--target",
            target,
            "--token",
            TOKEN,
        ]);
    }

    fn ask(&self, arguments: &[&str]) {
        let output = Command::new("python3")
            .arg(repository("tests/expectation/expect.py"))
            .args(arguments)
            .current_dir(self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("python3");
        assert!(output.status.success(), "{}: {}", arguments[0], text_of(&output));
    }
}

/// A directory of this size, and changes to it, in `base.ldif` and `changes.ldif`.
pub(crate) fn generate_directory(folder: &Path, users: u32, groups: u32, seed: u64) {
    let output = Command::new("python3")
        .arg(repository("tests/expectation/generate.py"))
        .args(["--users", &users.to_string(), "--groups", &groups.to_string(), "--seed", &seed.to_string()])
        .args(["--suffix", SUFFIX, "--out"])
        .arg(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", text_of(&output));
}

/// True when everything is to be proved at its full scale.
pub(crate) fn full_scale() -> bool {
    std::env::var("PROVISOR_TEST_SCALE").is_ok_and(|scale| scale == "full")
}
