//! The program as a person runs it: a folder with a configuration, commands in it, and the embedded target beside it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use provisor::net;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::slapd::{READER, Slapd, SlapdOptions};

/// What the reader of the directory logs in with, and what the target asks for.
pub(crate) const BIND_PASSWORD: &str = "correct-horse-bind";
pub(crate) const TOKEN: &str = "correct-horse-bearer";

/// The people and groups of the fixture directory that a job provisions.
pub(crate) const PEOPLE: usize = 4;
pub(crate) const GROUPS: usize = 4;

/// Long enough for a slow machine; what is waited for is there much sooner.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Everything the command said.
    pub(crate) fn said(&self) -> String {
        [self.stdout.as_str(), self.stderr.as_str()].concat()
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.said());
    }

    /// It failed with one message that has these words, shows no secret and says nothing twice.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: i32, words: &[&str]) {
        self.assert_code(code);
        assert_eq!(self.stderr.matches("error: ").count(), 1, "one message:\n{}", self.said());
        assert!(self.stderr.starts_with("error: "), "nothing before the message:\n{}", self.said());
        assert!(self.stdout.is_empty(), "results although it failed:\n{}", self.said());
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in:\n{}", self.said());
        }
        for line in self.stderr.lines().map(|line| line.trim_start_matches(" ").trim_start_matches("caused by: ")) {
            assert_eq!(self.stderr.matches(line).count(), 1, "said twice: {line}\n{}", self.said());
        }
        for secret in [BIND_PASSWORD, TOKEN] {
            assert!(!self.said().contains(secret), "it tells a secret:\n{}", self.said());
        }
    }
}

/// A folder that commands run in.
pub(crate) struct Workplace {
    folder: TempDir,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("it is writable");
    }

    /// Runs `provisor` with these arguments to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended()
    }

    /// The same, with log lines of every kind.
    pub(crate) fn run_traced(&self, arguments: &[&str]) -> Ended {
        self.start_traced(arguments).ended()
    }

    /// Starts `provisor` with these arguments, and has it log lines of every kind.
    pub(crate) fn start_traced(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments).env("RUST_LOG", "trace"))
    }

    /// The same, with this text on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        self.write("input", input);
        let input = fs::File::open(self.path("input")).expect("it was written");
        Running::start(self.command(arguments).stdin(input)).ended()
    }

    /// Starts `provisor` with these arguments.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provisor"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_remove("RUST_LOG")
            .env_remove("PROVISOR_TARGET_TOKEN");
        command
    }
}

/// A command under way, killed when dropped.
pub(crate) struct Running {
    process: Child,
    /// Reads standard error, so that the process never waits for a reader.
    stderr: Option<thread::JoinHandle<String>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = process.stderr.take().map(|pipe| thread::spawn(move || text(pipe)));
        Self { process, stderr }
    }

    /// The first line of its standard output that `find` takes something from.
    pub(crate) fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let stdout = self.process.stdout.as_mut().expect("its output");
        let found = BufReader::new(stdout).lines().map_while(Result::ok).find_map(|line| find(&line));
        found.unwrap_or_else(|| panic!("it ended without the line"))
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the process takes the signal");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("its state").is_none()
    }

    /// Waits for its end, for a while.
    pub(crate) fn ended(mut self) -> Ended {
        let stdout = self.process.stdout.take().map(|pipe| thread::spawn(move || text(pipe)));
        let status: ExitStatus = wait_for("the end of the command", || self.process.try_wait().expect("its state"));
        let read = |reader: Option<thread::JoinHandle<String>>| {
            reader.map(|reader| reader.join().expect("text")).unwrap_or_default()
        };
        Ended { code: status.code(), stdout: read(stdout), stderr: read(self.stderr.take()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).expect("readable output");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask() {
            return answer;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{what} does not come");
}

/// `provisor target` as a process.
pub(crate) struct Target {
    /// Kept because its end ends the server.
    _process: Running,
    /// The SCIM base.
    url: String,
}

impl Target {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A target with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let arguments = [&["target", "--listen", "127.0.0.1:0", "--token", TOKEN], arguments].concat();
        let mut process = Workplace::new().start(&arguments);
        let url = process.line(|line| line.strip_prefix("serving SCIM 2.0 at ").map(str::to_owned));
        Self { _process: process, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many resources there are below `/Users` or `/Groups`.
    pub(crate) fn count(&self, endpoint: &str) -> usize {
        let list = get(&[&self.url, endpoint, "?count=0"].concat(), TOKEN);
        list["totalResults"].as_u64().and_then(|total| usize::try_from(total).ok()).expect("a list")
    }

    /// Creates a resource and answers it as it was told.
    pub(crate) fn create(&self, endpoint: &str, resource: &Json) -> Json {
        let url = [&self.url, endpoint].concat();
        let (status, answer) = exchange(|client| client.post(&url).bearer_auth(TOKEN).json(resource));
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// The resource with this id.
    pub(crate) fn resource(&self, endpoint: &str, id: &str) -> Json {
        get(&[&self.url, endpoint, "/", id].concat(), TOKEN)
    }

    /// Changes a resource behind the gateway's back.
    pub(crate) fn patch(&self, endpoint: &str, id: &str, operations: &Json) {
        let url = [&self.url, endpoint, "/", id].concat();
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        let (status, answer) = exchange(|client| client.patch(&url).bearer_auth(TOKEN).json(&body));
        assert_eq!(status, 200, "{answer}");
    }

    /// The user of this name.
    pub(crate) fn user(&self, name: &str) -> Json {
        let list = get(&[&self.url, "/Users?count=200"].concat(), TOKEN);
        let users = list["Resources"].as_array().cloned().unwrap_or_default();
        let found = users.into_iter().find(|user| user["userName"] == name);
        found.unwrap_or_else(|| panic!("no user {name} in {list}"))
    }

    /// Sets the fault rules; an empty list makes it behave again.
    pub(crate) fn set_faults(&self, rules: &Json) {
        let (status, answer) = exchange(|client| client.post(self.admin("faults")).bearer_auth(TOKEN).json(rules));
        assert_eq!(status, 204, "{answer}");
    }

    /// How many requests the fault rules have met.
    pub(crate) fn faults_met(&self) -> u64 {
        let rules = get(&self.admin("faults"), TOKEN);
        rules.as_array().into_iter().flatten().filter_map(|rule| rule["matched"].as_u64()).sum()
    }

    fn admin(&self, what: &str) -> String {
        [self.url.trim_end_matches("/scim/v2"), "/admin/", what].concat()
    }
}

/// `provisor graph-emulator` as a process.
pub(crate) struct GraphEmulator {
    /// Kept because its end ends the server.
    _process: Running,
    url: String,
    tenant: String,
    secret: String,
}

impl GraphEmulator {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// An emulator with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let arguments = [&["graph-emulator", "--listen", "127.0.0.1:0", "--token", TOKEN], arguments].concat();
        let mut process = Workplace::new().start(&arguments);
        let (url, tenant, secret) = process.line(|line| {
            let (url, rest) = line.strip_prefix("serving Microsoft Graph at ")?.split_once("/v1.0 (tenant ")?;
            let (tenant, rest) = rest.split_once(',')?;
            let (_, secret) = rest.trim_end_matches("`)").rsplit_once('`')?;
            Some((url.to_owned(), tenant.to_owned(), secret.to_owned()))
        });
        Self { _process: process, url, tenant, secret }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Changes properties of a user.
    pub(crate) fn update(&self, user: &str, properties: &Json) {
        let url = [&self.url, "/v1.0/users/", user].concat();
        let (status, answer) = exchange(|client| client.patch(&url).bearer_auth(TOKEN).json(properties));
        assert_eq!(status, 204, "{answer}");
    }
}

/// The JSON at an address that asks for a bearer token.
pub(crate) fn get(url: &str, token: &str) -> Json {
    let (status, answer) = exchange(|client| client.get(url).bearer_auth(token));
    assert_eq!(status, 200, "{url}: {answer}");
    answer
}

/// The status of an answer to a bearer token.
pub(crate) fn status(url: &str, token: &str) -> u16 {
    exchange(|client| client.get(url).bearer_auth(token)).0
}

fn exchange(request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder) -> (u16, Json) {
    net::install_crypto_provider();
    let client = net::client(&net::HttpSettings::default()).expect("a client");
    let request = request(&client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    })
}

/// A directory, a target, and a folder for the job between them.
pub(crate) struct Pipeline {
    pub(crate) slapd: Slapd,
    pub(crate) target: Target,
    pub(crate) workplace: Workplace,
}

impl Pipeline {
    pub(crate) fn start() -> Self {
        Self::with_directory(&SlapdOptions::default())
    }

    pub(crate) fn with_directory(options: &SlapdOptions) -> Self {
        let slapd = Slapd::start(options);
        slapd.set(READER, "userPassword", BIND_PASSWORD);
        Self { slapd, target: Target::start(), workplace: Workplace::new() }
    }

    /// A configuration that works, with one job named `people`.
    pub(crate) fn configuration(&self) -> String {
        CONFIGURATION
            .replace("LDAP_URL", &self.slapd.url())
            .replace("READER", READER)
            .replace("BIND_PASSWORD", BIND_PASSWORD)
            .replace("TARGET_URL", self.target.url())
            .replace("TOKEN", TOKEN)
    }

    /// Runs one cycle with this configuration.
    pub(crate) fn run(&self, configuration: &str) -> Ended {
        self.workplace.write("provisor.yaml", configuration);
        self.workplace.run(&["run", "people"])
    }

    /// Nothing has come into the target, and a sound configuration brings everything there.
    #[track_caller]
    pub(crate) fn assert_unharmed(&self) {
        assert_eq!((self.target.count("/Users"), self.target.count("/Groups")), (0, 0), "something was half written");
        self.run(&self.configuration()).assert_code(0);
        assert_eq!((self.target.count("/Users"), self.target.count("/Groups")), (PEOPLE, GROUPS));
    }
}

const CONFIGURATION: &str = r#"
sources:
  - name: directory
    ldap:
      urls: ["LDAP_URL"]
      bind_dn: READER
      password: BIND_PASSWORD
      security: plain
      users: { kind: User, base: "ou=people,dc=example,dc=org", filter: "(objectClass=inetOrgPerson)" }
      groups:
        kind: Group
        base: ou=groups,dc=example,dc=org
        filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
applications:
  - name: app
    target: { scim: { base_url: "TARGET_URL", auth: { bearer: TOKEN } } }
    jobs:
      - { name: people, source: directory, template: scim, schedule: { interval: 5s } }
"#;
