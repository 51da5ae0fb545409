//! Attributes that nothing of ours knows, from the directory to the application: by the schema alone.

use serde_json::{Value as Json, json};

use crate::support::provisor::{BIND_PASSWORD, Ended, GraphEmulator, TOKEN, Target, Workplace};
use crate::support::slapd::{READER, Slapd, SlapdOptions};

/// An extension in the form of the standard's own.
const BADGE: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";
/// An extension whose URN ends in no name of a type.
const PLAIN: &str = "urn:x:ext:badge";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// What the extensions of the target hold.
fn attributes() -> Json {
    json!([
        {"name": "number"},
        {"name": "colour"},
        {"name": "level", "type": "integer"},
        {"name": "codes", "multiValued": true},
        {"name": "parking", "type": "complex", "subAttributes": [{"name": "lot"}, {"name": "space"}]},
    ])
}

/// A target whose users have both extensions.
fn target(workplace: &Workplace) -> Target {
    let folder = workplace.path("target");
    std::fs::create_dir(&folder).expect("a folder");
    let extension = |urn: &str| json!({"schema": urn, "required": false});
    for (name, document) in [
        ("badge.json", json!({"id": BADGE, "name": "Badge", "attributes": attributes()})),
        ("plain.json", json!({"id": PLAIN, "name": "Plain", "attributes": attributes()})),
        (
            "user.json",
            json!({"name": "User", "endpoint": "/Users", "schema": USER, "schemaExtensions": [extension(BADGE), extension(PLAIN)]}),
        ),
    ] {
        std::fs::write(folder.join(name), document.to_string()).expect("it is writable");
    }
    Target::start_with(&["--schemas", &folder.to_string_lossy()])
}

/// The schema of a template with mappings of one's own, as a person edits it.
struct Edited(Json);

impl Edited {
    fn new(workplace: &Workplace, source: &str) -> Self {
        let ended = workplace.run(&["schema", "export", "--template", "scim", "--source", source]);
        ended.assert_code(0);
        let mut schema: Json = serde_json::from_str(&ended.stdout).expect("JSON");
        let users = schema.pointer_mut("/synchronizationRules/0/objectMappings").and_then(Json::as_array_mut);
        users.expect("mappings").truncate(1);
        Self(schema)
    }

    fn push(&mut self, pointer: &str, element: Json) {
        self.0.pointer_mut(pointer).and_then(Json::as_array_mut).expect("an array").push(element);
    }

    /// Maps an expression to an attribute of the application.
    fn compute(mut self, expression: &str, to: &str) -> Self {
        self.push("/directories/1/objects/0/attributes", json!({"name": to, "type": "String"}));
        self.push(
            "/synchronizationRules/0/objectMappings/0/attributeMappings",
            json!({"targetAttributeName": to, "source": {"type": "Function", "expression": expression}}),
        );
        self
    }

    /// Maps an attribute of the directory to one of the application, whose definition has these members besides; null
    /// flows.
    fn map(mut self, from: &str, to: &str, definition: Json) -> Self {
        let is_list = definition["multivalued"] == true;
        let source = json!({"name": from, "type": "String", "multivalued": is_list, "flowNullValues": true});
        self.push("/directories/0/objects/0/attributes", source);
        let mut target = json!({"name": to, "type": "String"});
        let members = definition.as_object().cloned().unwrap_or_default();
        target.as_object_mut().expect("an object").extend(members);
        self.push("/directories/1/objects/0/attributes", target);
        self.push(
            "/synchronizationRules/0/objectMappings/0/attributeMappings",
            json!({
                "targetAttributeName": to,
                "source": {"type": "Attribute", "name": from},
                "flowNullValues": true,
            }),
        );
        self
    }
}

/// What `provisor` says of a configuration with this source, this schema and this profile of the target.
struct Job {
    workplace: Workplace,
}

impl Job {
    fn new(workplace: Workplace, source: &str, target: &Target, schema: &Edited, profile: &str) -> Self {
        workplace.write("people.json", schema.0.to_string());
        let (url, source) = (target.url(), source.replace('\n', "\n    "));
        workplace.write(
            "provisor.yaml",
            format!(
                "sources:\n  - name: directory\n    {source}\napplications:\n  - name: app\n    \
                 target: {{ scim: {{ base_url: \"{url}\", auth: {{ bearer: {TOKEN} }}, profile: {{ {profile} }} }} }}\n    \
                 jobs: [{{ name: people, source: directory, schema: people.json }}]\n"
            ),
        );
        Self { workplace }
    }

    #[track_caller]
    fn run(&self) -> Ended {
        let ended = self.workplace.run(&["run", "people"]);
        ended.assert_code(0);
        ended
    }
}

const TENANT: &str = "89df6470-b1b2-53a2-875e-4b8653c9076f";
const ADA: &str = "11111111-1111-4111-8111-111111111111";
const BADGE_OF_GRAPH: &str = "extension_0c5f2d7e91b84a6f8f3e6a1d2b9c4e70_badge";
const CODES_OF_GRAPH: &str = "extension_0c5f2d7e91b84a6f8f3e6a1d2b9c4e70_codes";

fn tenant() -> Json {
    json!({"tenantId": TENANT, "displayName": "T", "verifiedDomains": ["t.example"], "users": [{
        "id": ADA, "userPrincipalName": "ada@t.example", "displayName": "Ada", "accountEnabled": true,
        BADGE_OF_GRAPH: "B-7", CODES_OF_GRAPH: ["a", "b"],
        "onPremisesExtensionAttributes": {"extensionAttribute3": "north", "extensionAttribute4": "P2"},
    }]})
}

/// From a Graph extension, and from the fifteen attributes of an on-premises directory, to a target that is changed in
/// the way that its profile says.
fn graph_extensions_flow(profile: &str) {
    let workplace = Workplace::new();
    workplace.write("tenant.json", tenant().to_string());
    let emulator = GraphEmulator::start_with(&["--directory", &workplace.path("tenant.json").to_string_lossy()]);
    let target = target(&workplace);
    let schema = Edited::new(&workplace, "graph")
        .map(BADGE_OF_GRAPH, &[BADGE, ":number"].concat(), json!({}))
        .map(CODES_OF_GRAPH, &[BADGE, ":codes"].concat(), json!({"multivalued": true}))
        .map("onPremisesExtensionAttributes.extensionAttribute3", &[PLAIN, ":colour"].concat(), json!({}))
        .map("extensionAttribute4", &[PLAIN, ":parking.lot"].concat(), json!({}));
    let (url, tenant, secret) = (emulator.url(), emulator.tenant(), emulator.secret());
    let source = format!(
        "graph: {{ tenant: {tenant}, client_id: provisor, client_secret: {secret}, root_url: \"{url}\", authority_url: \"{url}\" }}"
    );
    let job = Job::new(workplace, &source, &target, &schema, profile);
    job.run();
    let created = target.user("ada@t.example");
    let id = created["id"].as_str().expect("an id").to_owned();
    assert_eq!(created[BADGE], json!({"number": "B-7", "codes": ["a", "b"]}));
    assert_eq!(created[PLAIN], json!({"colour": "north", "parking": {"lot": "P2"}}));

    // What the application itself puts beside it stays.
    let (level, space) = ([BADGE, ":level"].concat(), [PLAIN, ":parking.space"].concat());
    target.patch(
        "/Users",
        &id,
        &json!([{"op": "add", "path": level, "value": 3}, {"op": "add", "path": space, "value": "12"}]),
    );
    emulator.update(ADA, &json!({BADGE_OF_GRAPH: "B-8", CODES_OF_GRAPH: ["b", "c"]}));
    job.run();
    let changed = target.user("ada@t.example");
    assert_eq!(changed[BADGE], json!({"number": "B-8", "codes": ["b", "c"], "level": 3}));
    assert_eq!(changed[PLAIN], json!({"colour": "north", "parking": {"lot": "P2", "space": "12"}}));

    emulator.update(
        ADA,
        &json!({BADGE_OF_GRAPH: null, "onPremisesExtensionAttributes": {"extensionAttribute3": null, "extensionAttribute4": null}}),
    );
    job.run();
    let cleared = target.user("ada@t.example");
    assert_eq!(cleared[BADGE], json!({"codes": ["b", "c"], "level": 3}));
    assert_eq!(cleared[PLAIN], json!({"parking": {"space": "12"}}));
    let written = cleared["meta"]["lastModified"].clone();
    job.run();
    assert_eq!(target.user("ada@t.example")["meta"]["lastModified"], written, "nothing changed, so nothing is written");
}

#[test]
fn graph_extensions_flow_by_patch() {
    graph_extensions_flow("");
}

#[test]
fn graph_extensions_flow_by_put() {
    graph_extensions_flow("patch: false");
}

#[test]
fn graph_extensions_flow_without_bulk() {
    graph_extensions_flow("bulk: false");
}

fn people_of(slapd: &Slapd) -> String {
    slapd.set(READER, "userPassword", BIND_PASSWORD);
    format!(
        "ldap:\n  urls: [\"{}\"]\n  bind_dn: {READER}\n  password: {BIND_PASSWORD}\n  security: plain\n  \
         users: {{ kind: User, base: \"ou=people,dc=example,dc=org\", filter: \"(uid=ada)\" }}",
        slapd.url()
    )
}

const ADA_OF_LDAP: &str = "uid=ada,ou=engineering,ou=people,dc=example,dc=org";

#[test]
fn any_ldap_attribute_flows() {
    let workplace = Workplace::new();
    let slapd = Slapd::start(&SlapdOptions::default());
    let target = target(&workplace);
    let change = |ldif: &str| slapd.modify(&[&format!("dn: {ADA_OF_LDAP}\nchangetype: modify\n"), ldif].concat());
    change(
        "add: roomNumber\nroomNumber: 12\n-\nadd: carLicense\ncarLicense: AB 1\ncarLicense: CD 2\n-\nadd: pager\npager: P3\n",
    );
    let schema = Edited::new(&workplace, "ldap")
        .map("roomNumber", &[BADGE, ":level"].concat(), json!({"type": "Integer"}))
        .map("carLicense", &[PLAIN, ":codes"].concat(), json!({"multivalued": true}))
        .map("pager", &[BADGE, ":parking.space"].concat(), json!({}))
        // A reference to an entry is its name as it is written there.
        .compute("Replace(CStr([manager]), , \",.*$\", , \"\", , )", &[BADGE, ":colour"].concat());
    let job = Job::new(workplace, &people_of(&slapd), &target, &schema, "");
    job.run();
    let created = target.user("ada");
    assert_eq!(created[BADGE], json!({"level": 12, "parking": {"space": "P3"}}));
    let codes = |user: &Json| {
        let mut codes: Vec<String> = serde_json::from_value(user[PLAIN]["codes"].clone()).expect("texts");
        codes.sort();
        codes
    };
    assert_eq!(codes(&created), ["AB 1", "CD 2"]);

    change(
        "replace: roomNumber\nroomNumber: 14\n-\ndelete: carLicense\ncarLicense: AB 1\n-\nreplace: pager\npager: P4\n-\n\
         replace: manager\nmanager: uid=bob,ou=people,dc=example,dc=org\n",
    );
    job.run();
    let changed = target.user("ada");
    assert_eq!(changed[BADGE], json!({"level": 14, "parking": {"space": "P4"}, "colour": "uid=bob"}));
    assert_eq!(codes(&changed), ["CD 2"]);

    change("delete: roomNumber\n-\ndelete: pager\n");
    job.run();
    let cleared = target.user("ada");
    assert_eq!(cleared[BADGE], json!({"colour": "uid=bob"}), "nothing else is left of the extension");
    assert_eq!(codes(&cleared), ["CD 2"]);
}

#[test]
fn a_number_finds_the_resource_that_has_it() {
    let workplace = Workplace::new();
    let slapd = Slapd::start(&SlapdOptions::default());
    let target = target(&workplace);
    slapd.modify(&format!("dn: {ADA_OF_LDAP}\nchangetype: modify\nadd: roomNumber\nroomNumber: 12\n"));
    let level = [BADGE, ":level"].concat();
    let mut schema = Edited::new(&workplace, "ldap").map("roomNumber", &level, json!({"type": "Integer"}));
    let mappings = schema.0.pointer_mut("/synchronizationRules/0/objectMappings/0/attributeMappings");
    for mapping in mappings.and_then(Json::as_array_mut).expect("mappings") {
        if mapping["targetAttributeName"] == json!(level) {
            mapping["matchingPriority"] = json!(1);
        } else if mapping["matchingPriority"] == 1 {
            mapping["matchingPriority"] = json!(2);
        }
    }
    let person = |name: &str, level: i64| json!({"schemas": [USER, BADGE], "userName": name, BADGE: {"level": level}});
    let id = target.create("/Users", &person("ada.before", 12))["id"].clone();
    target.create("/Users", &person("nobody", 112));
    let job = Job::new(workplace, &people_of(&slapd), &target, &schema, "");
    job.run();
    assert_eq!(target.user("ada")["id"], id, "adopted, not created a second time");
    assert_eq!(target.count("/Users"), 2);
}

#[test]
fn what_the_target_does_not_have_is_left_out_and_told() {
    let workplace = Workplace::new();
    let slapd = Slapd::start(&SlapdOptions::default());
    let target = target(&workplace);
    slapd.modify(&format!(
        "dn: {ADA_OF_LDAP}\nchangetype: modify\nadd: roomNumber\nroomNumber: 12\n-\nadd: pager\npager: P3\n-\n\
         add: carLicense\ncarLicense: AB 1\n-\nadd: labeledURI\nlabeledURI: https://a.example\n"
    ));
    let schema = Edited::new(&workplace, "ldap")
        .map("roomNumber", &[BADGE, ":number"].concat(), json!({}))
        .map("pager", &[BADGE, ":pager"].concat(), json!({}))
        .map("carLicense", &[PLAIN, ":parking.plate"].concat(), json!({}))
        // The URN of an extension is no attribute.
        .map("labeledURI", PLAIN, json!({}));
    let job = Job::new(workplace, &people_of(&slapd), &target, &schema, "");
    let left_out = [[BADGE, ":pager"].concat(), [PLAIN, ":parking.plate"].concat(), PLAIN.to_owned()];
    let told = |said: &str| -> Vec<String> {
        let attribute = |line: &str| {
            line.split_once("does not have `")
                .and_then(|(_, rest)| rest.split_once('`'))
                .map(|(path, _)| path.to_owned())
        };
        said.lines().filter_map(attribute).collect()
    };
    let checked = job.workplace.run(&["check"]);
    checked.assert_code(0);
    assert_eq!(told(&checked.stdout), left_out);
    assert_eq!(told(&job.run().stderr), left_out, "the first cycle says so");
    let user = target.user("ada");
    assert_eq!((&user[BADGE], user.get(PLAIN)), (&json!({"number": "12"}), None));
    assert_eq!(told(&job.run().stderr), [""; 0], "the next one does not repeat it");
}
