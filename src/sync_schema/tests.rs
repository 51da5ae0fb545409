//! What a document compiles to, and every problem with its place.

use serde_json::{Value as Json, json};

use super::wire::SynchronizationSchema;
use super::*;
use crate::model::{Attributes, ObjectKind, Value};

const GOLDEN: &str = include_str!("../../fixtures/schema-graph.json");

pub(super) const USER: &str = "/synchronizationRules/0/objectMappings/0";

pub(super) fn golden() -> Json {
    serde_json::from_str(GOLDEN).unwrap()
}

pub(super) fn read(json: Json) -> SynchronizationSchema {
    serde_json::from_value(json).unwrap()
}

/// The rules of a document without errors.
fn runs(json: Json) -> Schema {
    compile(&read(json)).runnable().unwrap()
}

/// What keeps a document from running.
fn errors(json: Json) -> Vec<Finding> {
    compile(&read(json)).runnable().err().unwrap_or_default()
}

/// The golden document with another value at a pointer.
pub(super) fn with(pointer: &str, value: Json) -> Json {
    let mut document = golden();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Json::Object(members) => drop(members.insert(name.to_owned(), value)),
        Json::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("nothing below {other}"),
    }
    document
}

#[test]
fn the_golden_document_compiles_to_what_it_says() {
    let schema = runs(golden());
    assert_eq!(schema.version, "Date:2026-03-01T08:00:00Z, Revision:2");
    let [users, groups] = &schema.mappings[..] else { panic!("two mappings") };
    assert!(users.id.as_str().starts_with("Users-") && groups.id.as_str().starts_with("Groups-"));
    let renamed = serde_json::to_string(&golden()).unwrap().replace("USERGROUP_OUTBOUND_USERGROUP", "another rule");
    let renamed = runs(serde_json::from_str(&renamed).unwrap());
    assert_ne!(renamed.mappings[0].id, users.id, "the rule is part of what tells mappings apart");
    assert_eq!(runs(golden()).mappings[0].id, users.id);
    assert_eq!((users.target_kind.as_str(), groups.target_kind.as_str()), ("Users", "Groups"));
    assert_eq!(users.schema, "urn:ietf:params:scim:schemas:core:2.0:User");
    assert_eq!(groups.schema, "urn:ietf:params:scim:schemas:core:2.0:Group");
    assert_eq!(users.flow, ObjectFlow { add: true, update: true, delete: true });
    assert_eq!(
        users.matching().map(|mapping| mapping.path.as_str()).collect::<Vec<_>>(),
        ["userName", r#"emails[type eq "work"].value"#]
    );
    assert_eq!(
        (users.account_enabled.as_deref(), users.soft_deleted.as_str()),
        (Some("accountEnabled"), "IsSoftDeleted")
    );
    let nick_name = users.attributes.iter().find(|mapping| mapping.path.as_str() == "nickName").unwrap();
    assert_eq!(nick_name.flow_type, AttributeFlowType::ObjectAddOnly);
    assert_eq!(nick_name.expression.as_ref().unwrap().to_string(), "Mid([mailNickname], \"1\", \"8\")");
    let family_name = users.attributes.iter().find(|mapping| mapping.path.as_str() == "name.familyName").unwrap();
    assert_eq!(family_name.default, Some(Value::text("unknown")));
    let references: Vec<_> = groups.references.iter().map(|r| (r.path.as_str(), r.multivalued)).collect();
    assert_eq!(references, [("members", true)]);
    let selection = schema.selection();
    let user = &selection[&ObjectKind::from("User")];
    let names = ["accountEnabled", "department", "displayName", "givenName", "mail", "mailNickname", "objectId"];
    let names = names.into_iter().chain(["surname", "userPrincipalName"]);
    assert_eq!(user.attributes, names.map(str::to_owned).collect());
    assert_eq!(user.references, ["manager".to_owned()].into());
}

#[test]
fn disabled_mappings_are_left_out_and_rules_run_by_priority() {
    let mut document = with(&format!("{USER}/enabled"), json!(false));
    let mut second = document["synchronizationRules"][0].clone();
    second["priority"] = json!(0);
    second["name"] = json!("FIRST");
    document["synchronizationRules"].as_array_mut().unwrap().push(second);
    let compiled = runs(document);
    let kinds: Vec<&str> = compiled.mappings.iter().map(|mapping| mapping.target_kind.as_str()).collect();
    assert_eq!(kinds, ["Groups", "Groups"]);
    let original = &runs(golden()).mappings[1];
    assert_eq!(compiled.mappings[1].id, original.id, "the rule of the higher number runs last");
    assert_ne!(compiled.mappings[0].id, original.id);
    let unsynchronized = with(&format!("{USER}/metadata"), json!([{"key": "unsynchronized", "value": "true"}]));
    assert_eq!(runs(unsynchronized).mappings.len(), 1);
}

#[test]
fn every_problem_says_where_and_what_was_meant() {
    let clause = |attribute: &str, operator: &str, values: Json| {
        json!({"groups": [{"clauses": [
            {"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": values}}]}]})
    };
    let source = |text: &str| json!({"type": "Function", "expression": text});
    // What is put where in the user mapping; where the problem is, at which byte, and what is suggested.
    type Row = (&'static str, Json, &'static str, Option<usize>, Option<&'static str>);
    let table: Vec<Row> = vec![
        (
            "/scope",
            clause("departmnt", "EQUALS", json!(["x"])),
            "/scope/groups/0/clauses/0/sourceOperandName",
            None,
            Some("department"),
        ),
        (
            "/scope",
            clause("department", "EQUAL", json!(["x"])),
            "/scope/groups/0/clauses/0/operatorName",
            None,
            Some("EQUALS"),
        ),
        (
            "/scope",
            clause("department", "IsMemberOf", json!(["x"])),
            "/scope/groups/0/clauses/0/sourceOperandName",
            None,
            None,
        ),
        (
            "/scope",
            clause("accountEnabled", "EQUALS", json!(["True"])),
            "/scope/groups/0/clauses/0/operatorName",
            None,
            None,
        ),
        ("/scope", clause("manager", "IS NULL", json!([])), "/scope/groups/0/clauses/0/sourceOperandName", None, None),
        (
            "/scope",
            clause("IsSoftDeleted", "IS TRUE", json!([])),
            "/scope/groups/0/clauses/0/sourceOperandName",
            None,
            None,
        ),
        (
            "/scope",
            clause("department", "EQUALS", json!([])),
            "/scope/groups/0/clauses/0/targetOperand/values",
            None,
            None,
        ),
        (
            "/scope",
            clause("department", "REGEX MATCH", json!(["("])),
            "/scope/groups/0/clauses/0/targetOperand/values/0",
            None,
            None,
        ),
        (
            "/scope",
            clause("employeeId", "Greater_Than", json!(["-1"])),
            "/scope/groups/0/clauses/0/targetOperand/values/0",
            None,
            None,
        ),
        ("/scope", json!({"inputFilterGroups": [{}]}), "/scope/inputFilterGroups", None, None),
        ("/flowTypes", json!("Add, Updat"), "/flowTypes", None, Some("Update")),
        ("/sourceObjectName", json!("user"), "/sourceObjectName", None, Some("User")),
        ("/targetObjectName", json!("Person"), "/targetObjectName", None, None),
        (
            "/attributeMappings/2/targetAttributeName",
            json!("displayNam"),
            "/attributeMappings/2/targetAttributeName",
            None,
            Some("displayName"),
        ),
        (
            "/attributeMappings/2/targetAttributeName",
            json!("emails["),
            "/attributeMappings/2/targetAttributeName",
            Some(7),
            None,
        ),
        (
            "/attributeMappings/2/targetAttributeName",
            json!(null),
            "/attributeMappings/2/targetAttributeName",
            Some(0),
            None,
        ),
        (
            "/attributeMappings/2/targetAttributeName",
            json!("id"),
            "/attributeMappings/2/targetAttributeName",
            None,
            None,
        ),
        (
            "/attributeMappings/2/targetAttributeName",
            json!("USERNAME"),
            "/attributeMappings/2/targetAttributeName",
            None,
            None,
        ),
        ("/attributeMappings/2/flowType", json!("Alway"), "/attributeMappings/2/flowType", None, Some("Always")),
        ("/attributeMappings/2/matchingPriority", json!(1), "/attributeMappings/2/matchingPriority", None, None),
        ("/attributeMappings/2/matchingPriority", json!(-1), "/attributeMappings/2/matchingPriority", None, None),
        ("/attributeMappings/10/matchingPriority", json!(3), "/attributeMappings/10/matchingPriority", None, None),
        ("/attributeMappings", json!([]), "/attributeMappings", None, None),
        (
            "/attributeMappings/2/source",
            source("ToLower([displayname])"),
            "/attributeMappings/2/source/expression",
            Some(8),
            Some("displayName"),
        ),
        (
            "/attributeMappings/2/source",
            source("tolower([displayName])"),
            "/attributeMappings/2/source/expression",
            Some(0),
            Some("ToLower"),
        ),
        (
            "/attributeMappings/2/source",
            source(r#"Switch([manager], "none", "k", "v")"#),
            "/attributeMappings/2/source/expression",
            Some(7),
            None,
        ),
        (
            "/attributeMappings/2/source",
            json!({"type": "Function", "name": "Tolower"}),
            "/attributeMappings/2/source/name",
            Some(0),
            Some("ToLower"),
        ),
        (
            "/attributeMappings/2/source",
            json!({"name": "displayname"}),
            "/attributeMappings/2/source/name",
            Some(0),
            Some("displayName"),
        ),
        (
            "/attributeMappings/2/source",
            json!({"type": "Functional", "name": "mail"}),
            "/attributeMappings/2/source/type",
            None,
            Some("Function"),
        ),
    ];
    for (pointer, value, expected, offset, suggestion) in table {
        let document = with(&format!("{USER}{pointer}"), value.clone());
        let problems = errors(document);
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.pointer.as_str(), problem.offset, problem.suggestion.as_deref()))
            .collect();
        assert_eq!(found, [(format!("{USER}{expected}").as_str(), offset, suggestion)], "{pointer} = {value}");
    }
}

#[test]
fn problems_of_the_directories_are_told_too() {
    let attributes = "/directories/0/objects/0/attributes";
    let table = [
        (
            "/directories/0/name",
            json!(null),
            vec!["/directories/0/name", "/synchronizationRules/0/sourceDirectoryName"],
        ),
        (
            "/directories/1/name",
            json!("Azure Active Directory"),
            vec!["/directories/1/name", "/synchronizationRules/0/targetDirectoryName"],
        ),
        ("/directories/0/objects/0/attributes/0/anchor", json!(false), vec![attributes]),
        ("/directories/0/objects/0/attributes/4/anchor", json!(true), vec![attributes]),
        (
            "/directories/0/objects/0/attributes/4/type",
            json!("Text"),
            vec!["/directories/0/objects/0/attributes/4/type"],
        ),
        ("/synchronizationRules/0/name", json!(""), vec!["/synchronizationRules/0/name"]),
    ];
    for (pointer, value, expected) in table {
        let problems = errors(with(pointer, value));
        let found: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(found, expected, "{pointer}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_read_well() {
    let mut document = with(&format!("{USER}/attributeMappings/2/targetAttributeName"), json!("displayNam"));
    document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][3]["source"]["expression"] =
        json!("Append([givenName], )");
    let problems: Vec<String> = errors(document).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "expected an attribute of the target object at `/synchronizationRules/0/objectMappings/0/attributeMappings/2/targetAttributeName`, found `displayNam`; did you mean `displayName`?",
            "expected the argument `suffix` of `Append` at `/synchronizationRules/0/objectMappings/0/attributeMappings/3/source/expression` (position 20), found nothing",
        ]
    );
}

#[test]
fn nulls_flow_only_through_both_gates() {
    let mapping = format!("{USER}/attributeMappings/2/flowNullValues");
    let gate = "/directories/0/objects/0/attributes/4/flowNullValues";
    for (mapping_gate, source_gate) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut document = with(&mapping, json!(mapping_gate));
        *document.pointer_mut(gate).unwrap() = json!(source_gate);
        let compiled = runs(document);
        let display_name = compiled.mappings[0].attributes.iter().find(|m| m.path.as_str() == "displayName").unwrap();
        assert_eq!(display_name.flow_nulls, mapping_gate && source_gate);
    }
}

#[test]
fn an_object_filter_is_no_attribute() {
    let mapping = json!({"targetAttributeName": "objectFilter", "source": {"type": "Function",
        "expression": "IIF([department] = \"Deck\", IgnoreObjectFlow, \"\")"}});
    let compiled = runs(with(&format!("{USER}/attributeMappings/2"), mapping));
    assert!(compiled.mappings[0].object_filter.is_some());
    assert!(compiled.mappings[0].attributes.iter().all(|mapping| mapping.path.as_str() != "objectFilter"));
}

#[test]
fn several_values_of_a_single_valued_attribute_become_one() {
    let compiled = runs(golden());
    let attributes: Attributes =
        [("mail", Value::texts(["b", "a"])), ("surname", Value::List(vec![])), ("other", Value::texts(["d", "c"]))]
            .into_iter()
            .collect();
    let inputs = compiled.mappings[0].inputs(&attributes);
    assert_eq!(inputs.get("mail"), Some(&Value::text("a")));
    assert_eq!(inputs.get("surname"), None);
    assert_eq!(inputs.get("other"), Some(&Value::texts(["d", "c"])));
}
