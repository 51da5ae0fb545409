//! A schema as a service exports it: imported with a report, run, exported equal, compared.

use std::collections::BTreeSet;

use provisor::engine::policy::Policy;
use provisor::graph_emulator::Tenant;
use provisor::scim_server::Dialect;
use provisor::sync_schema::compile;
use serde_json::{Value as Json, json};

use crate::scim_vocabulary::fuzz_bodies::mapping_schema;
use crate::support::gateway::Gateway;
use crate::support::provisor::Workplace;
use crate::support::seeded;

const EXPORTED: &str = include_str!("../../fixtures/schema-exported.json");

/// The mapping of its users.
const USERS: &str = "/synchronizationRules/1/objectMappings/0";

fn exported() -> Json {
    serde_json::from_str(EXPORTED).expect("a JSON document")
}

fn read(workplace: &Workplace, name: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(workplace.path(name)).expect("it was written")).expect("JSON")
}

#[test]
fn an_export_is_taken_over_as_it_is_with_a_report_of_what_is_not_acted_on() {
    let workplace = Workplace::new();
    workplace.write("exported.json", EXPORTED);
    let ended = workplace.run(&["schema", "import", "exported.json", "--to", "own.json"]);
    ended.assert_code(0);
    insta::assert_snapshot!("import_of_an_export", ended.stdout);
    assert_eq!(read(&workplace, "own.json"), exported());
    let ended = workplace.run(&["schema", "import", "exported.json", "--to", "own.json"]);
    ended.assert_refused(2, &["own.json", "--force"]);
    workplace.run(&["schema", "import", "exported.json", "--to", "own.json", "--force"]).assert_code(0);
}

#[test]
fn what_a_job_runs_is_exported_equal_and_differs_by_what_was_edited() {
    let workplace = Workplace::new();
    workplace.write("own.json", EXPORTED);
    workplace.write(
        "provisor.yaml",
        r#"
sources: [{ name: graph, graph: { tenant: 89df6470-b1b2-53a2-875e-4b8653c9076f, client_id: gateway, client_secret: x } }]
applications:
  - { name: desk, target: { scim: { base_url: "https://desk.example/scim", auth: { bearer: x } } }, jobs: [{ name: people, source: graph, schema: own.json }] }
"#,
    );
    workplace.run(&["schema", "export", "people", "--output", "exported.json"]).assert_code(0);
    assert_eq!(read(&workplace, "exported.json"), exported());
    let ended = workplace.run(&["schema", "diff", "job:people", "exported.json", "--detailed-exitcode"]);
    ended.assert_code(0);
    assert_eq!(ended.stdout, "no difference\n");
    let complete = workplace.run(&["schema", "export", "people", "--complete"]);
    complete.assert_code(0);
    let complete: Json = serde_json::from_str(&complete.stdout).expect("JSON");
    assert_eq!(
        complete.pointer("/synchronizationRules/1/objectMappings/1/attributeMappings/1/defaultValue"),
        Some(&json!(null))
    );
    workplace.write("complete.json", complete.to_string());
    assert_eq!(workplace.run(&["schema", "diff", "own.json", "complete.json"]).stdout, "no difference\n");

    let mut edited = exported();
    let source = edited.pointer_mut(&format!("{USERS}/attributeMappings/2/source")).expect("a source");
    *source = json!({"type": "Function", "expression": "ToUpper([displayName])"});
    workplace.write("edited.json", edited.to_string());
    let ended = workplace.run(&["schema", "diff", "job:people", "edited.json", "--detailed-exitcode"]);
    ended.assert_code(10);
    insta::assert_snapshot!("diff_of_an_edit", ended.stdout);
    let ended = workplace.run(&["schema", "diff", "job:people", "edited.json", "--output", "json"]);
    ended.assert_code(0);
    let told: Json = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(told[0]["pointer"], json!(format!("{USERS}/attributeMappings/2/source/expression")));
    assert_eq!((&told[0]["was"], &told[0]["is"]), (&json!("[displayName]"), &json!("ToUpper([displayName])")));
    assert_eq!(told.as_array().map(Vec::len), Some(1));
}

#[test]
fn a_schema_with_errors_is_kept_only_when_told_so() {
    let workplace = Workplace::new();
    let mut broken = exported();
    broken.pointer_mut(USERS).expect("a mapping")["attributeMappings"][0]["source"]["expression"] = json!("Swich([x])");
    broken.pointer_mut(USERS).expect("a mapping")["flowTypes"] = json!({});
    workplace.write("broken.json", broken.to_string());
    let ended = workplace.run(&["schema", "import", "broken.json", "--to", "own.json"]);
    ended.assert_code(1);
    for words in
        ["/attributeMappings/0/source/expression` (position 0)", "did you mean `Switch`?", "/flowTypes`", "2 errors"]
    {
        assert!(ended.stdout.contains(words), "{words} is missing in\n{}", ended.stdout);
    }
    assert!(!workplace.path("own.json").exists());
    workplace.run(&["schema", "import", "broken.json", "--to", "own.json", "--force"]).assert_code(1);
    assert_eq!(read(&workplace, "own.json"), broken);
}

#[test]
fn what_cannot_be_found_or_read_is_said() {
    let workplace = Workplace::new();
    workplace.write("list.json", "[]");
    workplace.run(&["schema", "diff", "nowhere.json", "list.json"]).assert_refused(2, &["nowhere.json"]);
    workplace.run(&["schema", "import", "list.json", "--to", "x"]).assert_refused(2, &["list.json", "a JSON object"]);
    let unknown = ["schema", "export", "--template", "slak", "--source", "ldap"];
    workplace.run(&unknown).assert_refused(2, &["`slak`", "`slack`"]);
    let template = workplace.run(&["schema", "export", "--template", "scim", "--source", "graph"]);
    template.assert_code(0);
    workplace.write("own.json", template.stdout);
    let same = workplace.run(&["schema", "diff", "template:scim/graph", "own.json", "--detailed-exitcode"]);
    same.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_runs() {
    let document = serde_json::from_str(EXPORTED).expect("a schema");
    let schema = compile(&document).runnable().expect("no errors");
    let gateway =
        Gateway::start_of(Tenant::fixture().expect("the fixture"), Dialect::STANDARD, Policy::default(), (schema, 1))
            .await;
    gateway.cycle().await;
    assert_eq!(gateway.escrows().await, [""; 0]);
    let found = gateway.target.users().await;
    let names: BTreeSet<String> = found.iter().filter_map(|user| Some(user["userName"].as_str()?.to_owned())).collect();
    assert_eq!(names, in_scope(), "engineers, and who has a number above 1002");
    assert_eq!(gateway.target.groups().await.len(), 0, "the mapping of groups is switched off");
    let jose = gateway.target.user("jose.nunez@meridian.example").await.expect("an engineer");
    assert_eq!(jose["name"], json!({"givenName": "José", "familyName": "Núñez", "formatted": "José Núñez"}));
    assert_eq!((&jose["active"], &jose["externalId"]), (&json!(true), &json!("jose.nunez")));
}

/// Whom the two groups of clauses let through, told from the tenant itself.
fn in_scope() -> BTreeSet<String> {
    let tenant: Json = serde_json::from_str(include_str!("../../fixtures/tenant.json")).expect("a tenant");
    let users = tenant["users"].as_array().cloned().unwrap_or_default();
    let text = |user: &Json, name: &str| user[name].as_str().unwrap_or_default().to_owned();
    let passes = |user: &Json| {
        let engineer = text(user, "department") == "Engineering" && user["accountEnabled"] == json!(true);
        let number = text(user, "employeeId").parse().is_ok_and(|number: u64| number > 1002);
        engineer || number && text(user, "userPrincipalName").ends_with("@meridian.example")
    };
    // Who is disabled is never created.
    let is_enabled = |user: &Json| user["accountEnabled"] == json!(true);
    users.iter().filter(|user| passes(user) && is_enabled(user)).map(|user| text(user, "userPrincipalName")).collect()
}

/// A small schema of every part, and a terse one in odd forms.
const SAMPLES: &[&str] = &[
    r#"{"id":"x","version":null,"synchronizationRules":[{"name":"R","priority":1,"sourceDirectoryName":"S","targetDirectoryName":"T","containerFilter":{"includedContainers":["c"]},"metadata":[{"key":"k","value":"v"}],"objectMappings":[{"enabled":true,"flowTypes":"Add, Update","sourceObjectName":"User","targetObjectName":"urn:User","metadata":[{"key":"Disposition","value":"\"Normal\""}],"scope":{"groups":[{"name":"g","clauses":[{"sourceOperandName":"a","operatorName":"REGEX MATCH","targetOperand":{"values":["^b"]}}]}]},"attributeMappings":[{"targetAttributeName":"userName","matchingPriority":1,"source":{"type":"Attribute","name":"a","expression":"[a]"}},{"targetAttributeName":"title","defaultValue":"x","source":{"type":"Function","name":"Append","expression":"Append([a], \"b\")","parameters":[{"key":"source","value":{"name":"a"}},{"key":"suffix","value":{"type":1,"name":"b"}}]}}]}]}],"directories":[{"name":"S","objects":[{"name":"User","attributes":[{"name":"id","anchor":true},{"name":"a","type":"String"}]}]},{"name":"T","discoverabilities":"AttributeNames","objects":[{"name":"urn:User","supportedApis":["Users"],"attributes":[{"name":"id","anchor":true},{"name":"userName","required":true},{"name":"title","metadata":[{"key":"MaximumLength","value":64}]}]}]}]}"#,
    r#"{"synchronizationRules":[{"name":"R","sourceDirectoryName":"S","targetDirectoryName":"S","objectMappings":[{"flowTypes":["Add","delete"],"enabled":null,"attributeMappings":[{"flowType":2,"flowBehavior":9,"source":{"type":0}},null,7]},{"flowTypes":5},{"metadata":[{"key":"Unsynchronized","value":true}]}]},[]],"directories":[{"name":"S","x":1.5,"objects":null}]}"#,
];

const WORDS: &[&str] = &[
    "null",
    "true",
    "0",
    "5",
    "-1",
    "1e9",
    "[]",
    "{}",
    "[null]",
    "\"\"",
    "{\"key\":\"Disposition\",\"value\":\"Escrow\"}",
    "Add",
    "None",
    "Unsynchronized",
    "enabled",
    "name",
    "expression",
    "parameters",
    "Switch([a], , \\\"b\\\", \\\"c\\\")",
    "[a]",
    "User",
    "S",
    "T",
    "Reference",
    "type",
    "flowTypes",
    "objectFilter",
    "emails[type eq \\\"work\\\"].value",
    "IS NULL",
    "IsMemberOf",
    "@odata.type",
];

#[test]
fn whatever_is_put_in_is_written_as_it_was_read() {
    seeded::run(SAMPLES, WORDS, mapping_schema::schema);
    mapping_schema::schema(EXPORTED.as_bytes());
}

#[test]
fn a_template_of_the_configurations_folder_is_exported_whatever_else_the_configuration_lacks() {
    let workplace = Workplace::new();
    std::fs::create_dir(workplace.path("ours")).expect("a folder");
    workplace.write("ours/desk.json", EXPORTED);
    workplace.write("provisor.yaml", "templates: ours\napplications: [{ jobs: [{ schema: not-there-yet.json }] }]\n");
    let arguments = ["schema", "export", "--template", "desk", "--source", "graph", "--output", "out.json"];
    workplace.run(&arguments).assert_code(0);
    assert_eq!(read(&workplace, "out.json"), exported());
    workplace.run(&["schema", "diff", "template:desk/graph", "out.json", "--detailed-exitcode"]).assert_code(0);
    workplace.write("elsewhere.yaml", "sources: []");
    let ended = workplace.run(&[&arguments, &["-c", "elsewhere.yaml"][..]].concat());
    ended.assert_refused(2, &["no template `desk`", "`slack`"]);
    workplace.run(&["schema", "export", "-c", "nowhere.yaml", "--template", "scim", "--source", "ldap"]).assert_code(0);
    workplace.write("ours/desk.json", "[");
    workplace.run(&arguments).assert_refused(2, &["provisor.yaml:1:12", "desk.json"]);
}

#[test]
fn a_scope_is_explained_test_by_test() {
    let workplace = Workplace::new();
    workplace
        .run(&["schema", "export", "--template", "scim", "--source", "graph", "--output", "plain.json"])
        .assert_code(0);
    let mut document = read(&workplace, "plain.json");
    let clause = |attribute: &str, operator: &str, values: &[&str]| json!({ "sourceOperandName": attribute, "operatorName": operator, "targetOperand": { "values": values } });
    document["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({ "groups": [
        { "name": "Deck", "clauses": [clause("department", "EQUALS", &["Deck"]), clause("city", "NOT EQUALS", &["Oslo"])] },
        { "clauses": [clause("", "IsMemberOf", &["Staff", "Guests"])] },
        { "clauses": [clause("jobTitle", "NOT REGEX MATCH", &["(?=(a+)+$)(a|aa)+\\1b"])] },
    ] });
    workplace.write("people.json", document.to_string());
    workplace.write("ada.json", r#"{"department": "Deck", "city": null, "secret": "hush"}"#);
    let ask =
        |more: &[&str]| workplace.run(&[&["schema", "scope", "people.json", "--object", "ada.json"], more].concat());
    let out = ask(&[]);
    out.assert_code(10);
    assert_eq!(
        out.stdout,
        "User → Users: out of scope\n  Deck: no\n    [department] EQUALS \"Deck\": yes\n    \
         [city] NOT EQUALS \"Oslo\": no, it has no value\n  group: no\n    IsMemberOf \"Staff\" or \"Guests\": no\n  \
         group: no\n    [jobTitle] NOT REGEX MATCH \"(?=(a+)+$)(a|aa)+\\\\1b\": no, it has no value\n"
    );
    let inside = ask(&["--member-of", "Guests", "--output", "json"]);
    inside.assert_code(0);
    let inside: Json = serde_json::from_str(&inside.stdout).expect("JSON");
    assert_eq!((&inside[0]["result"], &inside[0]["groups"][0]["result"]), (&json!("pass"), &json!("fail")));
    assert_eq!(
        inside[0]["groups"][1]["clauses"][0],
        json!({ "attribute": "", "operator": "IsMemberOf", "values": ["Staff", "Guests"], "result": "pass", "why": null })
    );
    assert_eq!(inside[0]["groups"][0]["clauses"][1]["result"], "noValue");
    workplace.write("ada.json", json!({ "jobTitle": "a".repeat(5_000) }).to_string());
    let undecided = ask(&["--output", "json"]);
    undecided.assert_code(11);
    assert!(undecided.stdout.contains("too many steps"), "{}", undecided.stdout);
    ask(&["--kind", "Group"]).assert_code(0);
    ask(&["--kind", "Printer"]).assert_refused(2, &["`Printer`", "`User`", "`Group`"]);
}
