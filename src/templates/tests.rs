//! Every template is sound for every kind of source, and says what it is meant to say.

use serde_json::{Value, json};

use super::*;
use crate::expression::Expression;
use crate::model::ObjectKind;
use crate::sync_schema::wire::AttributeMappingSource;
use crate::sync_schema::{Schema, compile};

fn schema(id: &str, source: Vocabulary) -> SynchronizationSchema {
    Templates::built_in().named(id).unwrap().schema(source).unwrap_or_else(|faults| panic!("{id}: {faults:?}"))
}

fn compiled(id: &str, source: Vocabulary) -> Schema {
    let compiled = compile(&schema(id, source));
    assert_eq!(compiled.findings, [], "{id}, {source:?}");
    compiled.schema.unwrap()
}

fn every_schema() -> impl Iterator<Item = (&'static Template, Vocabulary, SynchronizationSchema)> {
    Templates::built_in().all().flat_map(|template| {
        Vocabulary::ALL.into_iter().map(move |source| (template, source, schema(&template.id, source)))
    })
}

#[test]
fn every_template_compiles_for_every_source_and_survives_a_round_trip() {
    for (template, source, schema) in every_schema() {
        let written = serde_json::to_value(&schema).unwrap();
        let read: SynchronizationSchema = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), written, "{} {source:?}", template.id);
        let compiled = compiled(&template.id, source);
        let kinds: Vec<&str> = compiled.mappings.iter().map(|mapping| mapping.target_kind.as_str()).collect();
        let expected: &[&str] = if template.id == "gitlab" { &["Users"] } else { &["Users", "Groups"] };
        assert_eq!(kinds, expected, "{}", template.id);
        assert!(!template.documentation.is_empty() && !template.description.is_empty(), "{}", template.id);
    }
}

#[test]
fn every_tree_of_a_template_is_the_tree_of_its_text() {
    for (template, _, schema) in every_schema() {
        let mappings = schema.synchronization_rules.items().flat_map(|(_, rule)| rule.object_mappings.items());
        for (_, mapping) in mappings.flat_map(|(_, mapping)| mapping.attribute_mappings.items()) {
            let source = mapping.source.get().unwrap();
            let expression = Expression::parse(source.expression.text().unwrap()).unwrap();
            assert_eq!(AttributeMappingSource::of(&expression), *source, "{}", template.id);
        }
    }
}

/// A source whose words miss something would provision less than another, and nobody would be told.
#[test]
fn every_source_fills_the_same_attributes() {
    for template in Templates::built_in().all() {
        let filled = |source| {
            let schema = compiled(&template.id, source);
            let paths = schema.mappings.iter().flat_map(|mapping| {
                let attributes = mapping.attributes.iter().map(|attribute| attribute.path.clone());
                attributes.chain(mapping.references.iter().map(|reference| reference.path.clone())).collect::<Vec<_>>()
            });
            paths.collect::<Vec<_>>()
        };
        for source in Vocabulary::ALL {
            assert_eq!(filled(source), filled(Vocabulary::Graph), "{} {source:?}", template.id);
        }
    }
}

#[test]
fn ids_are_the_same_every_time_and_differ_between_templates_and_sources() {
    let mut seen = std::collections::BTreeSet::new();
    for (template, source, document) in every_schema() {
        let ids = |document: &SynchronizationSchema| {
            let document = serde_json::to_value(document).unwrap();
            ["/synchronizationRules/0/id", "/directories/1/id"]
                .map(|pointer| document.pointer(pointer).and_then(Value::as_str).unwrap().to_owned())
        };
        assert_eq!(ids(&document), ids(&schema(&template.id, source)));
        for id in ids(&document) {
            uuid::Uuid::parse_str(&id).unwrap();
            assert!(seen.insert(id), "{}", template.id);
        }
    }
}

/// What the documents of the applications ask for.
#[test]
fn what_an_application_requires_is_mapped_and_required() {
    let work = "emails[type eq \"work\"].value";
    for (id, required) in [
        ("slack", &["userName", work][..]),
        ("github-emu", &["externalId", "userName", "displayName", "name.givenName", "name.familyName", work]),
        ("aws-iam-identity-center", &["userName", "displayName", "name.givenName", "name.familyName"]),
        ("atlassian", &["userName", work]),
        ("zoom", &["userName"]),
        ("databricks", &["userName"]),
        ("gitlab", &["externalId", "userName", work, "name.familyName"]),
        ("salesforce", &["userName", work, "name.familyName"]),
        ("snowflake", &["userName"]),
        ("servicenow", &["userName"]),
    ] {
        let users = compiled(id, Vocabulary::Ldap).mappings.remove(0);
        let mut found: Vec<&str> =
            users.attributes.iter().filter(|attribute| attribute.required).map(|a| a.path.as_str()).collect();
        let mut required = required.to_vec();
        found.sort_unstable();
        required.sort_unstable();
        assert_eq!(found, required, "{id}");
        assert!(users.matching().next().is_some());
    }
}

#[test]
fn a_template_reads_what_its_mappings_need_in_the_words_of_the_source() {
    let graph = compiled("scim", Vocabulary::Graph);
    let selection = graph.selection();
    let users = &selection[&ObjectKind::from("User")];
    assert!(users.attributes.contains("accountEnabled") && users.attributes.contains("businessPhones"));
    assert!(!users.attributes.contains("IsSoftDeleted") && !users.attributes.contains("manager"));
    assert_eq!(users.references.iter().collect::<Vec<_>>(), ["manager"]);
    assert_eq!(graph.mappings[0].attributes.len() + graph.mappings[0].references.len(), 22);
    let ldap = compiled("scim", Vocabulary::Ldap);
    assert_eq!(ldap.selection()[&ObjectKind::from("Group")].references.iter().collect::<Vec<_>>(), ["members"]);
    assert_eq!(ldap.mappings[0].matching().map(|mapping| mapping.path.as_str()).collect::<Vec<_>>(), ["userName"]);
    let expression = |source: Vocabulary, path: &str| {
        let users = compiled("scim", source).mappings.remove(0);
        let attribute = users.attributes.into_iter().find(|attribute| attribute.path.as_str() == path).unwrap();
        attribute.expression.unwrap().to_string()
    };
    assert_eq!(expression(Vocabulary::Ldap, "name.formatted"), r#"Join(" ", [givenName], [sn])"#);
    assert_eq!(expression(Vocabulary::Ldap, "displayName"), "Coalesce([displayName], [cn])");
    assert_eq!(expression(Vocabulary::Graph, "externalId"), "[mailNickname]");
    assert_eq!(expression(Vocabulary::ActiveDirectory, "externalId"), "[objectGUID]");
}

#[test]
fn a_template_has_one_id_and_scim_its_former_names() {
    let templates = Templates::built_in();
    for name in ["scim", "scim-graph", "scim-ldap"] {
        assert_eq!(templates.named(name).unwrap().id, "scim");
    }
    assert!(templates.named("SCIM").is_none());
}

fn table() -> Value {
    json!({
        "id": "desk", "name": "Desk", "description": "people of the desk",
        "profile": { "max_page_size": 7 },
        "objects": [{
            "name": "People", "source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User",
            "endpoint": "Users",
            "attributes": [
                { "name": "userName", "from": "[mail]", "matching": 1, "required": true },
                { "name": "title", "from": "ToUpper([jobTitle])", "default": "staff" },
            ],
        }],
    })
}

#[test]
fn a_folder_adds_templates_and_replaces_those_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, document: &Value| std::fs::write(folder.path().join(name), document.to_string()).unwrap();
    write("desk.json", &table());
    let mut slack = table();
    slack["id"] = json!("slack");
    write("ours.json", &slack);
    write("whole.json", &serde_json::to_value(schema("scim", Vocabulary::Ldap)).unwrap());
    write("wrapped.json", &json!({ "id": "wrapped-one", "schema": schema("zoom", Vocabulary::Graph) }));
    std::fs::write(folder.path().join("notes.txt"), "no template").unwrap();
    let templates = Templates::with_folder(folder.path()).unwrap();
    assert_eq!(templates.all().count(), Templates::built_in().all().count() + 3);
    assert_eq!(templates.named("slack").unwrap().name, "Desk");
    assert_eq!(templates.named("desk").unwrap().profile.max_page_size, Some(7));
    assert!(templates.named("wrapped-one").is_some());
    assert_eq!(templates.named("whole").unwrap().schema(Vocabulary::Graph).unwrap(), schema("scim", Vocabulary::Ldap));
}

#[test]
fn what_is_wrong_in_a_folder_is_told_with_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let with = |pointer: &str, value: Value| {
        let mut table = table();
        *table.pointer_mut(pointer).unwrap() = value;
        table.to_string()
    };
    let row = "/objects/0/attributes/1";
    for (text, told) in [
        ("{".to_owned(), "line 1"),
        ("[]".to_owned(), "line 1"),
        (with("/profile", json!({ "max_page": 1 })), "max_page"),
        (with("/profile", json!({ "max_page_size": 0 })), "at `/profile/max_page_size`"),
        (with("/id", json!("")), "at `/id`"),
        (with(&format!("{row}/from"), json!("[jobTitel]")), "at `/objects/0/attributes/1/from`"),
        (with(&format!("{row}/from"), json!("Upper([jobTitle])")), "at `/objects/0/attributes/1/from`"),
        (with(&format!("{row}/name"), json!("a b")), "/attributeMappings/1/targetAttributeName"),
        (with(row, json!({ "name": "manager", "references": ["Group"] })), "at `/objects/0/attributes/1/references`"),
        (with("/objects/0/attributes/0/matching", json!(0)), "matchingPriority"),
        (json!({ "synchronizationRules": [{ "name": "" }] }).to_string(), "/synchronizationRules/0/name"),
    ] {
        std::fs::write(folder.path().join("wrong.json"), &text).unwrap();
        let problems = Templates::with_folder(folder.path()).unwrap_err();
        let said = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(said.contains("wrong.json") && said.contains(told), "{text}: {said}");
    }
    std::fs::write(folder.path().join("wrong.json"), table().to_string()).unwrap();
    std::fs::write(folder.path().join("zwei.json"), table().to_string()).unwrap();
    let problems = Templates::with_folder(folder.path()).unwrap_err();
    assert!(problems[0].file.ends_with("zwei.json") && problems[0].what.contains("`desk`"), "{problems:?}");
    assert!(Templates::with_folder(&folder.path().join("nowhere")).is_err());
}
