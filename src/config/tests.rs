//! The messages a person gets, and what a sound file means.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::JobId;
use crate::secret::Secret;
use crate::sync_schema::wire::SynchronizationSchema;
use crate::target::profile::DeleteMeans;
use crate::target::{Auth, Protected, ScimTarget};

mod hostile;
mod scope;

pub(super) const SOUND: &str = r#"
store: { url: "postgres://app:${env:DB_PASSWORD}@db/provisor" }
sources:
  - name: corp-ldap
    ldap:
      urls: [ldaps://ldap.example.com]
      bind_dn: cn=reader,dc=example,dc=com
      password: ${env:LDAP_PASSWORD}
      users: { kind: User, base: "ou=people,dc=example,dc=com", filter: (objectClass=inetOrgPerson) }
  - name: entra
    graph: { tenant: contoso, client_id: app, client_secret: "${env:GRAPH_SECRET}" }
applications:
  - name: crm
    target: { scim: { base_url: "https://crm.example.com/scim/v2", auth: { bearer: "${env:CRM_TOKEN}" } } }
    protected: { user_names: [break-glass], ids: [2819c223] }
    jobs:
      - name: hr
        source: corp-ldap
        template: scim-ldap
        schedule: { interval: 30s }
        policy: { adopt: link_only, out_of_scope: delete }
        accidental_deletion: { percent: 20 }
      - { name: cloud, source: entra, template: scim-graph }
"#;

fn environment(name: &str) -> Option<String> {
    ["DB_PASSWORD", "LDAP_PASSWORD", "GRAPH_SECRET", "CRM_TOKEN"].contains(&name).then(|| "hunter2".to_owned())
}

pub(super) fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, Path::new("/etc/provisor/provisor.yaml"), &environment)
}

#[test]
fn a_sound_file_is_completed_with_defaults_and_secrets() {
    let config = parse(SOUND).expect("it is sound");
    assert_eq!(config.store.url.expose(), "postgres://app:hunter2@db/provisor");
    let hr = config.job(&JobId::new("hr")).expect("it is there");
    assert_eq!((hr.application.name.as_str(), hr.source.name.as_str()), ("crm", "corp-ldap"));
    assert_eq!(
        hr.job.schedule,
        Schedule { interval: Duration::from_secs(30), jitter: Duration::from_secs(3), full_read: Schedule::FULL_READ }
    );
    assert_eq!((hr.job.policy.adopt, hr.job.policy.out_of_scope), (Adopt::LinkOnly, Leaving::Delete));
    assert_eq!((hr.job.policy.soft_deleted, hr.job.policy.deleted), (Leaving::Disable, Leaving::Delete));
    assert_eq!(hr.job.accidental_deletion, GuardSettings { percent: 20, ..GuardSettings::default() });
    let cloud = config.job(&JobId::new("cloud")).expect("it is there");
    assert_eq!(cloud.job.schedule.interval, Schedule::GRAPH_INTERVAL);
    assert_eq!((config.keep_log, hr.keep_log), (Config::KEEP_LOG, Config::KEEP_LOG));
    assert!(hr.application.protected.user_names.contains("break-glass"));
    assert!(!format!("{config:?}").contains("hunter2"), "a secret prints itself");
}

#[test]
fn the_store_is_a_file_beside_the_configuration_unless_it_says_otherwise() {
    for (store, file) in [
        ("", "/etc/provisor/provisor.db"),
        ("store: { url: 'sqlite://state/a b.db' }", "/etc/provisor/state/a b.db"),
        ("log: { keep: 7d }\nstore: { url: 'sqlite:///var/lib/p.db' }", "/var/lib/p.db"),
    ] {
        let config = parse(&format!("{store}\nsources: []\n")).expect(store);
        let (url, lease) = (Secret::new(format!("sqlite:{file}")), Duration::from_secs(30));
        assert_eq!(config.store, StoreSettings { url, ca_file: None, lease });
    }
}

#[test]
fn a_schema_of_ones_own_is_read_from_beside_the_file_and_checked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("provisor.yaml");
    let text = SOUND.replace("template: scim-ldap", "schema: own.json");
    let read = |schema: &str| {
        std::fs::write(folder.path().join("own.json"), schema).expect("it is writable");
        match Config::parse(&text, &file, &environment) {
            Ok(config) => Ok(config.job(&JobId::new("hr")).expect("it is there").job.schema.origin.clone()),
            Err(error) => Err(error.to_string().replace(&folder.path().display().to_string(), "FOLDER")),
        }
    };
    let template = crate::templates::Templates::built_in().named("scim").expect("it is there");
    let schema = template.schema(crate::templates::Vocabulary::Ldap).expect("it is sound");
    let sound = serde_json::to_string(&schema).expect("it is JSON");
    assert_eq!(read(&sound), Ok(SchemaOrigin::File(folder.path().join("own.json"))));
    let broken = sound.replacen("Switch(", "Swich(", 1);
    let told: Vec<String> = ["{", "[]", &broken].into_iter().filter_map(|schema| read(schema).err()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_template_is_composed_for_the_source_of_its_job() {
    let directories = |text: &str| -> Vec<String> {
        let config = parse(text).expect("it is sound");
        let first = |document: &SynchronizationSchema| {
            let (_, directory) = document.directories.items().next().expect("a directory");
            directory.name.text().unwrap_or_default().to_owned()
        };
        config.jobs().map(|wiring| first(&wiring.job.schema.document)).collect()
    };
    assert_eq!(directories(SOUND), ["LDAP", "Azure Active Directory"]);
    let now = SOUND.replace("scim-ldap", "slack").replace("scim-graph", "scim");
    assert_eq!(directories(&now), ["LDAP", "Azure Active Directory"]);
    let active_directory = SOUND.replace("  - name: entra", "    vocabulary: active-directory\n  - name: entra");
    assert_eq!(directories(&active_directory), ["Active Directory", "Azure Active Directory"]);
}

#[test]
fn the_profile_of_a_template_lies_between_preset_and_operator() {
    let profile = |text: &str| {
        let config = parse(text).expect("it is sound");
        let TargetConfig::Scim(scim) = &config.applications[0].target;
        ScimTarget::new(scim.as_ref().clone(), Protected::default()).expect("it works").profile()
    };
    let slack = SOUND.replace("scim-ldap", "slack");
    assert_eq!(profile(&slack).delete, DeleteMeans::Disable);
    assert_eq!(profile(&slack).max_page_size, 1000);
    let with = |settings: &str| {
        slack.replace("crm.example.com/scim/v2\",", &format!("crm.example.com/scim/v2\", {settings},"))
    };
    assert_eq!(profile(&with("profile: { preset: sentry }")).max_page_size, 1000);
    assert_eq!(profile(&with("profile: { delete: delete }")).delete, DeleteMeans::Delete);
    let two = slack.replace("scim-graph", "zoom");
    let told = parse(&two).expect_err("two applications").to_string();
    assert!(told.contains("`slack` and `zoom` are for different applications"), "{told}");
}

#[test]
fn templates_of_ones_own_lie_in_a_folder_beside_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("ours")).expect("it is writable");
    let text = ["templates: ours", &SOUND.replace("template: scim-ldap", "template: desk")].concat();
    let parse = || Config::parse(&text, &folder.path().join("provisor.yaml"), &environment);
    let told = parse().expect_err("there is none").to_string();
    assert!(told.contains("there is no template `desk`"), "{told}");
    let schema = crate::templates::Templates::built_in().named("slack").expect("it is there");
    let schema = schema.schema(crate::templates::Vocabulary::Ldap).expect("it is sound");
    let schema = serde_json::to_string(&schema).expect("it is JSON");
    std::fs::write(folder.path().join("ours/desk.json"), &schema).expect("it is writable");
    let config = parse().expect("it is sound");
    let origin = &config.job(&JobId::new("hr")).expect("it is there").job.schema.origin;
    assert_eq!(*origin, SchemaOrigin::Template("desk".to_owned()));
    let mixed = text.replace("template: desk", "template: zoom\n        schema: ours/desk.json");
    let config = Config::parse(&mixed, &folder.path().join("provisor.yaml"), &environment).expect("it is sound");
    let job = config.job(&JobId::new("hr")).expect("it is there");
    assert_eq!(job.job.schema.origin, SchemaOrigin::File(folder.path().join("ours/desk.json")));
    let TargetConfig::Scim(scim) = &job.application.target;
    let zoom = &crate::templates::Templates::built_in().named("zoom").expect("it is there").profile;
    assert_eq!(scim.profile.template.as_deref(), Some(zoom), "a mapping of its own, and the application's ways");
    std::fs::write(folder.path().join("ours/desk.json"), schema.replacen("Switch(", "Swich(", 1)).expect("writable");
    let told = parse().expect_err("it is broken").to_string();
    assert!(
        told.contains("provisor.yaml:1:12") && told.contains("desk.json") && told.contains("/expression"),
        "{told}"
    );
}

#[test]
fn the_configuration_of_the_containers_is_sound() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/provisor.yaml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    let config = Config::parse(&text, &file, &|_| Some("secret".to_owned())).expect("it is sound");
    assert_eq!(config.jobs().count(), 1);
}

#[test]
fn the_configuration_that_the_readme_shows_is_sound() {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("```yaml\n").expect("it shows one");
    let (text, _) = after.split_once("```").expect("it ends");
    let config = Config::parse(text, Path::new("provisor.yaml"), &|_| Some("secret".to_owned())).expect("it is sound");
    assert!(config.job(&JobId::new("hr")).is_some());
}

#[test]
fn the_settings_of_a_target_that_the_readme_shows_are_sound() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("```yaml\n").nth(2).and_then(|after| after.split("```").next()).expect("it shows them");
    let target = shown.replace('\n', "\n        ");
    let text = format!("applications:\n- name: crm\n  jobs: []\n  target:\n      scim:\n        {target}");
    let config = Config::parse(&text, Path::new("provisor.yaml"), &|_| Some("secret".to_owned())).expect("it is sound");
    let TargetConfig::Scim(scim) = &config.applications[0].target;
    ScimTarget::new(scim.as_ref().clone(), Protected::default()).expect("it works");
}

#[test]
fn an_unreadable_file_says_so() {
    let error = Config::load(Path::new("/nowhere/provisor.yaml")).expect_err("it is not there");
    insta::assert_snapshot!(error, @"the configuration `/nowhere/provisor.yaml` cannot be read; name another file with `-c FILE`");
}

/// Everything but the outermost shape, to put one mistake into.
pub(super) fn with_job(lines: &str) -> String {
    SOUND.replace("template: scim-ldap", &format!("template: scim-ldap\n        {lines}"))
}

fn with_auth(auth: &str) -> String {
    SOUND.replace("{ bearer: \"${env:CRM_TOKEN}\" }", auth)
}

fn with_target(lines: &str) -> String {
    SOUND.replace("auth: { bearer: \"${env:CRM_TOKEN}\" }", &format!("auth: {{ bearer: x }}, {lines}"))
}

#[test]
fn everything_about_a_target_can_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = rcgen::KeyPair::generate().expect("a key");
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("it is writable");
    let text = with_auth(
        "{ jwt_bearer: { token_url: 'https://login.example/t', issuer: x, subject: s, audience: a, scope: b,
            key_file: key.pem, algorithm: ES256, key_id: k } },
          headers: { X-Api-Key: '${env:CRM_TOKEN}' }, user_agent: gateway/1, timeout_seconds: 5, proxy: none,
          concurrency: 4,
          profile: { preset: okta-style, filter: true, filter_attributes: [userName], filter_types: [Users],
            max_page_size: 50, paging: cursor, sort: true, match_lag_seconds: 1, patch: true, put: false,
            patch_form: object, value_paths: false, operations_per_patch: 1, member_removal: values,
            text_booleans: true, etag: true, delete: disable, members_per_patch: 10, members_on_create: false,
            members_readable: false, bulk: true, bulk_max_operations: 5, bulk_max_bytes: 1000, media_type: json,
            endpoints: { Users: /People } }",
    );
    let config = Config::parse(&text, &folder.path().join("provisor.yaml"), &environment).expect("it is sound");
    assert!(!format!("{config:?}").contains("hunter2"), "a secret prints itself");
    let TargetConfig::Scim(scim) = &config.applications[0].target;
    assert_eq!(scim.headers["X-Api-Key"].expose(), "hunter2");
    assert!(matches!(&scim.auth, Auth::JwtBearer { key_file, .. } if *key_file == folder.path().join("key.pem")));
    ScimTarget::new(scim.as_ref().clone(), Protected::default()).expect("it works");
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let cases = [
        ("no YAML", "sources: [\nstore: }".to_owned()),
        ("tab indentation", "sources:\n\t- name: x".to_owned()),
        ("a repeated key", "sources: []\nsources: []".to_owned()),
        ("two documents", "sources: []\n---\nsources: []".to_owned()),
        ("an empty file", String::new()),
        ("a list at the top", "- a".to_owned()),
        ("a misspelt key at the top", SOUND.replace("\nsources:", "\nsource:")),
        ("a misspelt key inside", SOUND.replace("bind_dn:", "binddn:")),
        ("a misspelt choice", SOUND.replace("link_only", "linkonly")),
        ("a text for a number", SOUND.replace("percent: 20", "percent: many")),
        ("a number out of range", SOUND.replace("percent: 20", "percent: 300")),
        ("retries that come faster", with_job("escrow: { first_retry: 2h, longest_pause: 1h }")),
        ("a quarantine beyond everything", with_job("quarantine: { percent: 101 }")),
        ("pauses that shrink", with_job("quarantine: { first_pause: 2h, longest_pause: 1h }")),
        ("a webhook in the open", ["notifications: { webhook: { url: 'http://x.example/hunter2' } }", SOUND].concat()),
        (
            "an empty token of a webhook",
            ["notifications: { webhook: { url: 'https://x', bearer: '' } }", SOUND].concat(),
        ),
        (
            "mail in the open",
            ["notifications: { mail: { host: mx, tls: none, from: a@b.c, to: [a@b.c] } }", SOUND].concat(),
        ),
        (
            "a recipient that is none",
            ["notifications: { mail: { host: mx, from: a@b.c, to: [a@b.c, ops] } }", SOUND].concat(),
        ),
        ("more than everything", SOUND.replace("percent: 20", "percent: 101")),
        ("a list for a text", SOUND.replace("template: scim-ldap", "template: [a]")),
        ("a missing secret", SOUND.replace("CRM_TOKEN", "CRM_TOKN")),
        ("a missing secret file", SOUND.replace("${env:CRM_TOKEN}", "${file:/nowhere/token}")),
        ("a wrong reference", SOUND.replace("${env:CRM_TOKEN}", "${vault:token}")),
        ("a dangling source", SOUND.replace("source: corp-ldap", "source: corp")),
        ("the same source twice", SOUND.replace("name: entra", "name: corp-ldap")),
        ("the same job twice", SOUND.replace("name: cloud", "name: hr")),
        ("a bad name", SOUND.replace("name: hr", "name: 'h r'")),
        ("too short an interval", SOUND.replace("interval: 30s", "interval: 1s")),
        ("a jitter beyond the interval", SOUND.replace("interval: 30s", "interval: 30s, jitter: 31s")),
        ("no cycle at all", ["scheduler: { cycles_at_once: 0 }", SOUND].concat()),
        ("a log that nobody could read", format!("log: {{ keep: 5m }}\n{SOUND}")),
        ("an interval without unit", SOUND.replace("interval: 30s", "interval: 30")),
        (
            "no connector",
            SOUND.replace(
                "graph: { tenant: contoso, client_id: app, client_secret: \"${env:GRAPH_SECRET}\" }",
                "graph:",
            ),
        ),
        ("an unknown template", SOUND.replace("template: scim-ldap", "template: scim-ldab")),
        ("a schema that is not there", SOUND.replace("template: scim-ldap", "schema: nowhere.json")),
        ("a template that is not there beside a schema", with_job("schema: x.json").replace("scim-ldap", "slak")),
        ("no schema at all", SOUND.replace("template: scim-ldap", "# none")),
        ("words of LDAP for Graph", SOUND.replace("graph: { tenant", "vocabulary: ldap\n    graph: { tenant")),
        ("words that are none", SOUND.replace("graph: { tenant", "vocabulary: entra\n    graph: { tenant")),
        ("a folder of templates that is not there", ["templates: nowhere", SOUND].concat()),
        ("an unknown store", SOUND.replace("postgres://", "mysql://")),
        ("a store in memory", SOUND.replace("postgres://app:${env:DB_PASSWORD}@db/provisor", "sqlite::memory:")),
        ("a bad store URL", SOUND.replace("@db/", "@:x/")),
        ("a lease that is lost at once", SOUND.replace("@db/provisor\"", "@db/provisor\", lease: 999ms")),
        ("a lease that nobody waits for", SOUND.replace("@db/provisor\"", "@db/provisor\", lease: 11m")),
        ("no target URL", SOUND.replace("https://crm.example.com/scim/v2", "crm.example.com")),
        ("no target kind", SOUND.replace("scim: {", "sim: {")),
        ("a target URL with a query", SOUND.replace("/scim/v2\"", "/scim/v2?x=1\"")),
        ("an empty token", SOUND.replace("${env:CRM_TOKEN}", "")),
        ("a way to authenticate that is none", SOUND.replace("auth: { bearer:", "auth: { token:")),
        (
            "a key file that is not there",
            with_auth("{ jwt_bearer: { token_url: 'https://login.example/t', issuer: x, key_file: nowhere.pem } }"),
        ),
        ("a user name with a colon", with_auth("{ basic: { username: 'a:b', password: hunter2 } }")),
        (
            "an algorithm that is none",
            with_auth(
                "{ jwt_bearer: { token_url: 'https://login.example/t', issuer: x, key_file: k, algorithm: HS256 } }",
            ),
        ),
        ("a header that is none", with_target("headers: { 'X Key': hunter2 }")),
        ("a header of ours", with_target("headers: { Content-Type: text/plain, authorization: hunter2 }")),
        ("a header on two lines", with_target("headers: { X-Key: \"hunter2\\nhunter2\" }")),
        (
            "a certificate that is not there",
            with_target("client_certificate: { certificate_file: nowhere.pem, key_file: nowhere.key }"),
        ),
        ("authorities that are not there", with_target("ca_file: nowhere.pem")),
        ("an unknown preset", with_target("profile: { preset: slak }")),
        ("a misspelt part of the profile", with_target("profile: { members_per_path: 5 }")),
        ("a filter attribute that is no path", with_target("profile: { filter_attributes: [userName, 'a b'] }")),
        (
            "all at once",
            SOUND
                .replace("LDAP_PASSWORD", "LDAP_PASSWD")
                .replace("client_id:", "client_ib:")
                .replace("source: corp-ldap", "source: corp")
                .replace("30s", "1s")
                .replace("link_only", "maybe")
                .replace("name: cloud", "name: hr"),
        ),
    ];
    let mut told = String::new();
    for (case, text) in cases {
        let error = parse(&text).err().map_or_else(|| "(no problem)".to_owned(), |error| error.to_string());
        assert!(!error.contains("hunter2"), "{case} shows a secret");
        told.push_str(&format!("# {case}\n{error}\n"));
    }
    insta::assert_snapshot!(told);
}
