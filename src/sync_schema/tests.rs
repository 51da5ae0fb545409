//! A whole document there and back, every problem with its place, and filters case by case.

use serde_json::{Value as Json, json};

use super::wire::{AttributeMappingSource, SynchronizationSchema};
use super::*;
use crate::expression::Expression;
use crate::model::{Attributes, ObjectKind, Value};

const GOLDEN: &str = include_str!("../../fixtures/schema-graph.json");

const USER: &str = "/synchronizationRules/0/objectMappings/0";

fn golden() -> Json {
    serde_json::from_str(GOLDEN).unwrap()
}

fn read(json: Json) -> SynchronizationSchema {
    serde_json::from_value(json).unwrap()
}

/// The golden document with another value at a pointer.
fn with(pointer: &str, value: Json) -> Json {
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
fn a_whole_document_survives_a_round_trip() {
    assert_eq!(serde_json::to_value(read(golden())).unwrap(), golden());
}

#[test]
fn missing_null_and_oddly_spelled_members_are_read() {
    let terse = read(json!({
        "synchronizationRules": [{
            "name": "R", "metadata": null,
            "objectMappings": [
                {"flowTypes": "Add,Update,Sideways", "enabled": null, "x": 1, "attributeMappings": [
                    {"targetAttributeName": "a", "flowType": "objectaddonly", "flowBehavior": "later", "source": null},
                    {"source": {"type": "CONSTANT", "name": "n"}, "flowNullValues": true}
                ]},
                {"flowTypes": "None", "enabled": false}
            ]
        }],
        "directories": [{"objects": [{"attributes": [{"name": "n", "type": "string", "mutability": "READONLY"}]}]}]
    }));
    let written = serde_json::to_value(&terse).unwrap();
    let rule = &written["synchronizationRules"][0];
    let mapping = &rule["objectMappings"][0];
    assert_eq!(rule["priority"], json!(0));
    assert_eq!(mapping["flowTypes"], json!("Add, Update, Sideways"));
    assert_eq!((&mapping["enabled"], &mapping["x"], &mapping["scope"]), (&json!(true), &json!(1), &Json::Null));
    assert_eq!(rule["objectMappings"][1]["flowTypes"], json!("None"));
    let first = &mapping["attributeMappings"][0];
    assert_eq!((&first["flowType"], &first["flowBehavior"]), (&json!("ObjectAddOnly"), &json!("later")));
    assert_eq!(first.get("flowNullValues"), None);
    assert_eq!(mapping["attributeMappings"][1]["source"]["type"], json!("Constant"));
    assert_eq!(mapping["attributeMappings"][1]["flowNullValues"], json!(true));
    let attribute = &written["directories"][0]["objects"][0]["attributes"][0];
    assert_eq!((&attribute["type"], &attribute["mutability"]), (&json!("String"), &json!("ReadOnly")));
    assert_eq!(read(written), terse);
}

#[test]
fn the_golden_document_compiles_to_what_it_says() {
    let schema = compile(&read(golden())).unwrap();
    assert_eq!(schema.version, "Date:2026-03-01T08:00:00Z, Revision:2");
    let [users, groups] = &schema.mappings[..] else { panic!("two mappings") };
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert!(users.id.as_str().starts_with("Users-") && groups.id.as_str().starts_with("Groups-"));
    let renamed = serde_json::to_string(&golden()).unwrap().replace("USERGROUP_OUTBOUND_USERGROUP", "another rule");
    let renamed = compile(&read(serde_json::from_str(&renamed).unwrap())).unwrap();
    assert_ne!(renamed.mappings[0].id, users.id, "the rule is part of what tells mappings apart");
    assert_eq!(compile(&read(golden())).unwrap().mappings[0].id, users.id);
    assert_eq!((users.target_kind.as_str(), groups.target_kind.as_str()), ("Users", "Groups"));
    assert_eq!(users.schemas, ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise]);
    assert_eq!(groups.schemas, ["urn:ietf:params:scim:schemas:core:2.0:Group"]);
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
    let compiled = compile(&read(document)).unwrap();
    let kinds: Vec<&str> = compiled.mappings.iter().map(|mapping| mapping.target_kind.as_str()).collect();
    assert_eq!(kinds, ["Groups", "Groups"]);
    let original = &compile(&read(golden())).unwrap().mappings[1];
    assert_eq!(compiled.mappings[1].id, original.id, "the rule of the higher number runs last");
    assert_ne!(compiled.mappings[0].id, original.id);
    let unsynchronized = with(&format!("{USER}/metadata"), json!([{"key": "unsynchronized", "value": "true"}]));
    assert_eq!(compile(&read(unsynchronized)).unwrap().mappings.len(), 1);
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
            "/scope/groups/0/clauses/0/operatorName",
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
            source("ToLower([manager])"),
            "/attributeMappings/2/source/expression",
            Some(8),
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
        let problems = compile(&read(document)).expect_err(&format!("{pointer} = {value}"));
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
        let problems = compile(&read(with(pointer, value))).unwrap_err();
        let found: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(found, expected, "{pointer}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_read_well() {
    let mut document = with(&format!("{USER}/attributeMappings/2/targetAttributeName"), json!("displayNam"));
    document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][3]["source"]["expression"] =
        json!("Append([givenName], )");
    let problems: Vec<String> = compile(&read(document)).unwrap_err().iter().map(ToString::to_string).collect();
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
        let compiled = compile(&read(document)).unwrap();
        let display_name = compiled.mappings[0].attributes.iter().find(|m| m.path.as_str() == "displayName").unwrap();
        assert_eq!(display_name.flow_nulls, mapping_gate && source_gate);
    }
}

#[test]
fn an_object_filter_is_no_attribute() {
    let mapping = json!({"targetAttributeName": "objectFilter", "source": {"type": "Function",
        "expression": "IIF([department] = \"Deck\", IgnoreObjectFlow, \"\")"}});
    let compiled = compile(&read(with(&format!("{USER}/attributeMappings/2"), mapping))).unwrap();
    assert!(compiled.mappings[0].object_filter.is_some());
    assert!(compiled.mappings[0].attributes.iter().all(|mapping| mapping.path.as_str() != "objectFilter"));
}

#[test]
fn several_values_of_a_single_valued_attribute_become_one() {
    let compiled = compile(&read(golden())).unwrap();
    let attributes: Attributes =
        [("mail", Value::texts(["b", "a"])), ("surname", Value::List(vec![])), ("other", Value::texts(["d", "c"]))]
            .into_iter()
            .collect();
    let inputs = compiled.mappings[0].inputs(&attributes);
    assert_eq!(inputs.get("mail"), Some(&Value::text("a")));
    assert_eq!(inputs.get("surname"), None);
    assert_eq!(inputs.get("other"), Some(&Value::texts(["d", "c"])));
}

#[test]
fn a_tree_without_text_is_written_out() {
    for text in [
        r#"Replace([a], "x", , , "y", , )"#,
        r#"Switch([a], , "1", "one", "2", Join(" ", [b], [c]))"#,
        r#"IIF([a] = "x", IgnoreAttributeFlow, InStr([b], "c", "1", vbTextCompare))"#,
        r#""a \"constant\"""#,
        "[emails[type eq \"work\"].value]",
    ] {
        let expression = Expression::parse(text).unwrap();
        let mut source = AttributeMappingSource::of(&expression);
        assert_eq!(source.expression.as_deref(), Some(text));
        source.expression = None;
        assert_eq!(Expression::parse(&source.text().unwrap()).unwrap(), expression, "{text}");
    }
    let source = AttributeMappingSource::of(&Expression::parse("Mid([a], 1, 2)").unwrap());
    assert_eq!(source.expression.as_deref(), Some("Mid([a], 1, 2)"));
    let length = source.parameters[2].value.as_ref().unwrap();
    assert_eq!((source.parameters[2].key.as_deref(), length.expression.as_deref()), (Some("length"), Some("\"2\"")));
}

/// A filter of one clause, against the person below.
fn verdict(attribute: &str, operator: &str, operand: &str) -> bool {
    scope(&[&[(attribute, operator, operand)]]).explain(&person()).is_in_scope()
}

fn person() -> Attributes {
    [
        ("unit", Value::text("Rigging")),
        ("number", Value::text("2004417")),
        ("badge", Value::Integer(6)),
        ("empty", Value::text("")),
        ("nothing", Value::List(vec![])),
        ("active", Value::Boolean(true)),
        ("retired", Value::text("FALSE")),
        ("mails", Value::texts(["a@sail.example", "b@sail.example"])),
    ]
    .into_iter()
    .collect()
}

/// Groups of (attribute, operator, operand).
type Clauses<'a> = &'a [&'a [(&'a str, &'a str, &'a str)]];

fn scope(groups: Clauses<'_>) -> Scope {
    let clause = |&(attribute, operator, operand): &(&str, &str, &str)| {
        let operator = Operator::named(operator).unwrap();
        let pattern = operator.is_regex().then(|| crate::expression::Pattern::compile(operand).unwrap());
        Clause::new(attribute.to_owned(), operator, operand.to_owned(), pattern)
    };
    let group = |clauses: &&[_]| Group { title: String::new(), clauses: clauses.iter().map(clause).collect() };
    Scope { groups: groups.iter().map(group).collect() }
}

#[test]
fn every_operator_tests_as_documented() {
    let table = [
        ("unit", "EQUALS", "Rigging", true),
        ("unit", "EQUALS", "rigging", false),
        ("unit", "NOT EQUALS", "Deck", true),
        ("unit", "not equals", "Rigging", false),
        ("unit", "Includes", "igg", true),
        ("unit", "Includes", "IGG", false),
        ("unit", "ENDS_WITH", "ing", true),
        ("unit", "ENDS_WITH", "ING", false),
        ("unit", "&", "Rigging,Deck", true),
        ("unit", "&", "Galley,Deck", false),
        ("unit", "!&", "Galley,Deck", true),
        ("unit", "!&", "Rigging,Deck", false),
        ("badge", "&", "2", true),
        ("badge", "&", "9", false),
        ("badge", "!&", "9", true),
        ("badge", "EQUALS", "6", true),
        ("number", "Greater_Than", "2004417", false),
        ("number", "Greater_Than", "2004416", true),
        ("number", "Greater_Than_OR_EQUALS", "2004417", true),
        ("unit", "Greater_Than", "1", false),
        ("number", "REGEX MATCH", "(2[0-9]{6})", true),
        ("number", "REGEX MATCH", "^2[0-9]{3}$", false),
        ("number", "NOT REGEX MATCH", "^3", true),
        ("active", "IS TRUE", "", true),
        ("active", "IS FALSE", "", false),
        ("retired", "IS FALSE", "", true),
        ("unit", "IS NOT NULL", "", true),
        ("unit", "IS NULL", "", false),
        ("mails", "ENDS_WITH", "@sail.example", true),
        ("mails", "Includes", "a@", false),
        ("mails", "IS NOT NULL", "", true),
    ];
    for (attribute, operator, operand, expected) in table {
        assert_eq!(verdict(attribute, operator, operand), expected, "{attribute} {operator} {operand}");
    }
}

#[test]
fn only_is_null_passes_on_a_missing_or_empty_attribute() {
    for attribute in ["missing", "empty", "nothing"] {
        for operator in Operator::ALL {
            assert_eq!(
                verdict(attribute, operator.name(), "1"),
                operator == Operator::IsNull,
                "{attribute} {operator:?}"
            );
        }
    }
}

#[test]
fn clauses_are_joined_by_and_groups_by_or() {
    let (yes, no) = (("unit", "IS NOT NULL", ""), ("unit", "IS NULL", ""));
    let table: [(Clauses<'_>, bool); 6] = [
        (&[], true),
        (&[&[yes, yes]], true),
        (&[&[yes, no]], false),
        (&[&[no], &[yes]], true),
        (&[&[no], &[yes, no]], false),
        (&[&[yes], &[no]], true),
    ];
    for (groups, expected) in table {
        let explained = scope(groups).explain(&person());
        assert_eq!(explained.is_in_scope(), expected, "{groups:?}");
        assert_eq!(explained.groups.len(), groups.len());
    }
    let explained = scope(&[&[yes, no]]).explain(&person());
    let verdicts: Vec<_> = explained.groups[0].clauses.iter().map(|clause| clause.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail]);
}

#[test]
fn a_pattern_that_takes_too_long_leaves_the_object_undecided() {
    let slow = ("text", "NOT REGEX MATCH", r"(?=(a+)+$)(a|aa)+\1b");
    let attributes: Attributes = [("text", Value::text("a".repeat(5_000)))].into_iter().collect();
    assert_eq!(scope(&[&[slow]]).explain(&attributes).verdict, Verdict::Undecided);
    let pass = ("text", "IS NOT NULL", "");
    assert_eq!(scope(&[&[slow], &[pass]]).explain(&attributes).verdict, Verdict::Pass);
    let fail = ("text", "IS NULL", "");
    assert_eq!(scope(&[&[slow, fail]]).explain(&attributes).verdict, Verdict::Fail);
}
