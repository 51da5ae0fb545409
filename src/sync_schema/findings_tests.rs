//! Every finding that keeps nothing from running, and every check of its own, at its place.

use serde_json::{Value as Json, json};

use super::tests::{USER, golden, read, with};
use super::*;

/// What is said of a document: severity, pointer, offset, suggestion.
fn said(document: Json) -> Vec<String> {
    let line = |finding: &Finding| {
        let Finding { severity, pointer, offset, suggestion, .. } = finding;
        let offset = offset.map(|offset| format!(" at {offset}")).unwrap_or_default();
        let suggestion = suggestion.as_ref().map(|name| format!(" ({name}?)")).unwrap_or_default();
        format!("{} {}{offset}{suggestion}", severity.name(), pointer.replace(USER, "USER"))
    };
    compile(&read(document)).findings.iter().map(line).collect()
}

#[test]
fn there_is_nothing_to_say_of_the_golden_document() {
    assert_eq!(said(golden()), [""; 0]);
}

#[test]
fn every_finding_of_a_mapping_says_where() {
    let function = |text: &str| json!({"type": "Function", "expression": text});
    let mapping = |target: &str, text: &str| json!({"targetAttributeName": target, "source": function(text)});
    let unique = |target: &str, differences: Json| {
        let mut mapping = mapping(target, "SelectUniqueValue([mail], \"x\")");
        mapping["flowType"] = json!("ObjectAddOnly");
        mapping.as_object_mut().unwrap().extend(differences.as_object().unwrap().clone());
        mapping
    };
    let clause = |attribute: &str, operator: &str, values: Json| {
        json!({"groups": [{"clauses": [
            {"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": values}}]}]})
    };
    let third = "/attributeMappings/2";
    // What is put where in the user mapping, and what is said of it.
    let table: Vec<(&str, Json, &[&str])> = vec![
        (
            third,
            json!({"targetAttributeName": "title", "source": {"type": "Attribute", "name": "mail", "expression": "[displayName]"}}),
            &["hint USER/attributeMappings/2/source"],
        ),
        ("/attributeMappings/2/source/name", json!("mail"), &["hint USER/attributeMappings/2/source"]),
        ("/attributeMappings/2/source/parameters", json!([{"key": "source"}]), &[]),
        (
            "/attributeMappings/2/source",
            json!({"type": "Function", "name": "ToUpper", "expression": "ToLower([displayName])"}),
            &["hint USER/attributeMappings/2/source"],
        ),
        (
            third,
            mapping("displayName", "IIF([department] = \"x\", IgnoreObjectFlow, \"\")"),
            &["error USER/attributeMappings/2/source/expression at 24"],
        ),
        (third, mapping("displayName", "Guid()"), &["hint USER/attributeMappings/2/source/expression at 0"]),
        (
            third,
            json!({"targetAttributeName": "displayName", "flowType": "ObjectAddOnly", "source": function("Guid()")}),
            &[],
        ),
        (third, unique("displayName", json!({})), &[]),
        (
            third,
            unique("displayName", json!({"flowType": "Always"})),
            &["error USER/attributeMappings/2/source/expression at 0"],
        ),
        (
            third,
            unique("displayName", json!({"matchingPriority": 7})),
            &["error USER/attributeMappings/2/source/expression at 0"],
        ),
        (third, unique("objectFilter", json!({})), &["error USER/attributeMappings/2/source/expression at 0"]),
        ("/attributeMappings/1", unique("active", json!({})), &["error USER/attributeMappings/1/targetAttributeName"]),
        (
            third,
            mapping("displayName", "ToLower(SelectUniqueValue([mail], \"x\"))"),
            &["error USER/attributeMappings/2/source/expression at 8"],
        ),
        (
            "/attributeMappings/2/targetAttributeName",
            json!("active"),
            &["error USER/attributeMappings/2/targetAttributeName"],
        ),
        ("/attributeMappings/1/matchingPriority", json!(7), &["error USER/attributeMappings/1/targetAttributeName"]),
        ("/attributeMappings/1/defaultValue", json!("perhaps"), &["error USER/attributeMappings/1/defaultValue"]),
        ("/attributeMappings/1/defaultValue", json!(false), &[]),
        (
            "/attributeMappings/2/exportMissingReferences",
            json!(true),
            &["unsupported USER/attributeMappings/2/exportMissingReferences"],
        ),
        ("/attributeMappings/2/matchingPriority", json!("1"), &["error USER/attributeMappings/2/matchingPriority"]),
        ("/attributeMappings/2", json!(7), &["error USER/attributeMappings/2"]),
        ("/scope", clause("employeeId", "IS TRUE", json!([])), &["hint USER/scope/groups/0/clauses/0/operatorName"]),
        (
            "/scope",
            clause("department", "IsMemberOf", json!(["x"])),
            &["error USER/scope/groups/0/clauses/0/sourceOperandName"],
        ),
        ("/scope", clause("ismemberof", "isMemberOf", json!(["x", "y"])), &[]),
        ("/scope", clause("", "IsMemberOf", json!(["x"])), &[]),
        ("/scope", clause("User", "IsMemberOf", json!(["x"])), &[]),
        ("/scope", clause("", "IsMemberOf", json!([])), &["error USER/scope/groups/0/clauses/0/targetOperand/values"]),
        (
            "/scope",
            clause("", "IsMemberOf", json!(["x", ""])),
            &["error USER/scope/groups/0/clauses/0/targetOperand/values"],
        ),
        (
            "/scope",
            clause("employeeId", "Greater_Than", json!([5])),
            &["hint USER/scope/groups/0/clauses/0/operatorName"],
        ),
        ("/name", json!(7), &["unsupported USER/name"]),
        ("/metadata", json!([{"key": "Disposition", "value": "\"Escrow\""}]), &["unsupported USER/metadata/0/value"]),
        (
            "/metadata",
            json!([{"key": "disposition", "value": "Normal"}, {"key": "Dispositon", "value": "x"}, {"key": "Mood"}, {"key": 6}]),
            &["hint USER/metadata/1/key (Disposition?)", "hint USER/metadata/2/key"],
        ),
    ];
    for (pointer, value, expected) in table {
        assert_eq!(said(with(&format!("{USER}{pointer}"), value.clone())), expected, "{pointer} = {value}");
    }
}

#[test]
fn what_is_switched_off_is_not_judged() {
    let mut document = with(&format!("{USER}/enabled"), json!(false));
    let broken = json!([{"targetAttributeName": 7, "source": "[x]", "exportMissingReferences": true}]);
    document.pointer_mut(USER).unwrap()["attributeMappings"] = broken;
    assert_eq!(said(document), [""; 0]);
    let mut none = golden();
    for mapping in none["synchronizationRules"][0]["objectMappings"].as_array_mut().unwrap() {
        mapping["enabled"] = json!(false);
    }
    assert_eq!(said(none), ["hint /synchronizationRules"]);
    assert_eq!(said(json!({})), ["hint /synchronizationRules"]);
}

/// The golden document with a second rule, which leads back and has this name and priority.
fn with_rule_back(name: &str, priority: i32) -> Json {
    let mut document = golden();
    let mapping = json!({"sourceObjectName": "x", "attributeMappings": [7]});
    let back = json!({"name": name, "priority": priority, "sourceDirectoryName": "customappsso",
        "targetDirectoryName": "Azure Active Directory", "objectMappings": [mapping]});
    document["synchronizationRules"].as_array_mut().unwrap().insert(0, back);
    document
}

#[test]
fn a_rule_in_the_other_direction_is_left_out_whatever_its_priority() {
    for priority in [-1, 0, 1, 2] {
        let document = with_rule_back("BACK", priority);
        assert_eq!(said(document.clone()), ["unsupported /synchronizationRules/0"]);
        assert_eq!(compile(&read(document)).schema.unwrap().mappings.len(), 2);
    }
}

#[test]
fn a_rule_that_leads_back_is_told_by_its_objects_or_its_name() {
    // Without objects of SCIM on one side, the names of the rules are all there is.
    let plain = |mut document: Json| {
        for object in document.pointer_mut("/directories/1/objects").unwrap().as_array_mut().unwrap() {
            object["name"] = json!(object["name"].as_str().unwrap().rsplit(':').next().unwrap());
        }
        for mapping in document.pointer_mut("/synchronizationRules/1/objectMappings").unwrap().as_array_mut().unwrap() {
            let name = mapping["targetObjectName"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
            mapping["targetObjectName"] = json!(name);
        }
        document
    };
    let left_out = |document: Json| {
        let said = said(document);
        said.into_iter().filter(|line| line.matches('/').count() == 2).collect::<Vec<_>>()
    };
    assert_eq!(left_out(plain(with_rule_back("USERGROUP_INBOUND", 0))), ["unsupported /synchronizationRules/0"]);
    assert_eq!(left_out(plain(with_rule_back("BACK", 0))), ["unsupported /synchronizationRules/0"]);
    let mut unnamed = plain(with_rule_back("BACK", 0));
    unnamed["synchronizationRules"][1]["name"] = json!("FORTH");
    assert_eq!(
        left_out(unnamed.clone()),
        ["error /synchronizationRules/0", "error /synchronizationRules/1"],
        "neither runs"
    );
    unnamed["synchronizationRules"][0]["objectMappings"][0]["enabled"] = json!(false);
    assert_eq!(left_out(unnamed.clone()), ["unsupported /synchronizationRules/0"]);
    assert_eq!(compile(&read(unnamed)).schema.unwrap().mappings.len(), 2);
}

#[test]
fn a_reference_needs_a_place_for_references() {
    let target = "/directories/1/objects/0/attributes";
    let attributes = golden().pointer(target).unwrap().as_array().unwrap().clone();
    let manager = attributes.iter().position(|attribute| attribute["type"] == "Reference").unwrap();
    let document = with(&format!("{target}/{manager}/type"), json!("String"));
    assert_eq!(said(document), ["error USER/attributeMappings/10/targetAttributeName"]);
    let document = with(&format!("{target}/{manager}/referencedObjects"), json!([{"referencedObjectName": "user"}]));
    assert_eq!(said(document), [format!("hint {target}/{manager}/referencedObjects/0/referencedObjectName")]);
}

#[test]
fn two_mappings_for_one_place_undo_each_other() {
    let names = "/directories/1/objects/0/attributes";
    let attributes = golden().pointer(names).unwrap().as_array().unwrap().clone();
    let title = attributes.iter().position(|attribute| attribute["name"] == "title").unwrap();
    for (target, expected) in [
        (
            "name",
            vec![
                "error USER/attributeMappings/3/targetAttributeName",
                "error USER/attributeMappings/4/targetAttributeName",
            ],
        ),
        ("emails", vec!["error USER/attributeMappings/5/targetAttributeName"]),
        (r#"emails[type eq "work"]"#, vec!["error USER/attributeMappings/5/targetAttributeName"]),
        (r#"emails[type eq "home"]"#, vec![]),
        ("emails.value", vec![]),
        ("NAME.middleName", vec![]),
    ] {
        let mut document = with(&format!("{USER}/attributeMappings/2/targetAttributeName"), json!(target));
        *document.pointer_mut(&format!("{names}/{title}/name")).unwrap() = json!(target);
        assert_eq!(said(document), expected, "{target}");
    }
}

#[test]
fn several_places_of_one_kind_are_one_line() {
    let mut document = golden();
    for index in [3, 4, 5] {
        let pointer = format!("/directories/0/objects/0/attributes/{index}/metadata");
        *document.pointer_mut(&pointer).unwrap() = json!([{"key": "MaximumLength", "value": "64"}]);
    }
    assert_eq!(
        Finding::lines(&compile(&read(document)).findings),
        [
            "not acted on: `64` at `/directories/0/objects/0/attributes/3/metadata/0/value`; longer values are sent as they are; shorten them with `Left` (and in 2 other places)"
        ]
    );
}

#[test]
fn filters_by_membership_need_a_mapping_that_reads_the_members() {
    let members =
        json!({"groups": [{"clauses": [{"operatorName": "IsMemberOf", "targetOperand": {"values": ["Crew"]}}]}]});
    let mut document = with(&format!("{USER}/scope"), members);
    let groups = "/synchronizationRules/0/objectMappings/1";
    let set = |document: &mut Json, name: &str, value: Json| document.pointer_mut(groups).unwrap()[name] = value;
    set(&mut document, "flowTypes", json!("None"));
    let schema = compile(&read(document.clone())).runnable().unwrap();
    let source = schema.groups.clone().unwrap();
    assert_eq!((source.mapping, source.members.as_str()), (schema.mappings[1].id.clone(), "members"));
    assert_eq!(source.display_name.as_deref(), Some("displayName"));
    assert!(schema.mappings[1].flow.is_none(), "it is read although nothing is provisioned");
    assert!(schema.selection()[&source.kind].attributes.contains("displayName"));
    let missing = ["error USER/scope/groups/0/clauses/0/operatorName"];
    let attributes = document.pointer(groups).unwrap()["attributeMappings"].as_array().unwrap().clone();
    let is_members = |mapping: &Json| mapping["targetAttributeName"] == "members";
    assert!(attributes.iter().any(is_members));
    set(
        &mut document,
        "attributeMappings",
        attributes.iter().filter(|mapping| !is_members(mapping)).cloned().collect(),
    );
    assert_eq!(said(document.clone()), missing);
    set(&mut document, "attributeMappings", Json::from(attributes));
    assert_eq!(said(document.clone()), [""; 0]);
    set(&mut document, "enabled", json!(false));
    assert_eq!(said(document.clone()), missing);
    let finding = compile(&read(document)).findings.remove(0).to_string();
    assert!(finding.contains("with `members` mapped") && finding.contains("`flowTypes` may be `None`"), "{finding}");
}
