use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::Strictness::*;
use crate::scim::resource::is_primary;
use crate::scim::urn;

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn ada() -> Resource {
    serde_json::from_value(json!({
        "schemas": [urn::USER],
        "id": "1",
        "userName": "ada",
        "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [
            {"type": "work", "value": "w", "primary": true},
            {"type": "home", "value": "h"},
        ],
    }))
    .unwrap()
}

fn patched(resource: &Resource, operations: Value) -> Result<Value, ScimError> {
    let patch = PatchOp::from_json(&json!({"Operations": operations}), Lenient)?;
    apply(&patch, resource, ResourceSchema::user(), Lenient).map(Value::from)
}

/// Applies the operation to Ada and compares one place of the outcome.
fn check(operation: Value, pointer: &str, expected: Value) {
    let outcome = patched(&ada(), json!([operation.clone()])).unwrap_or_else(|error| panic!("{operation}: {error}"));
    assert_eq!(outcome.pointer(pointer).cloned().unwrap_or(Value::Null), expected, "{operation}");
}

#[test]
fn add_puts_values_where_they_belong() {
    for (path, value, pointer, expected) in [
        ("title", json!("T"), "/title", json!("T")),
        ("USERNAME", json!("eve"), "/userName", json!("eve")),
        ("name", json!({"GivenName": "Eve"}), "/name", json!({"givenName": "Eve", "familyName": "L"})),
        ("name.middleName", json!("M"), "/name/middleName", json!("M")),
        ("nickName", json!(null), "/nickName", json!(null)),
        ("emails", json!([{"value": "x"}]), "/emails/2", json!({"value": "x"})),
        ("emails", json!({"value": "x"}), "/emails/2", json!({"value": "x"})),
        ("emails", json!([{"value": "w", "type": "work"}]), "/emails/2", json!(null)),
        ("emails", json!([{"value": "x", "primary": true}]), "/emails/0/primary", json!(false)),
        ("emails[type eq \"work\"]", json!({"display": "D"}), "/emails/0/display", json!("D")),
        ("emails[type eq \"other\"].value", json!("o"), "/emails/2", json!({"type": "other", "value": "o"})),
        ("emails.display", json!("D"), "/emails/1/display", json!("D")),
        (DEPARTMENT, json!("X"), "/schemas/1", json!(urn::ENTERPRISE_USER)),
        (urn::ENTERPRISE_USER, json!({"department": "X"}), "/schemas/1", json!(urn::ENTERPRISE_USER)),
    ] {
        check(json!({"op": "add", "path": path, "value": value}), pointer, expected);
    }
}

#[test]
fn replace_sets_what_is_named_and_leaves_the_rest() {
    for (path, value, pointer, expected) in [
        ("userName", json!("eve"), "/userName", json!("eve")),
        ("name", json!({"givenName": "Eve"}), "/name", json!({"givenName": "Eve", "familyName": "L"})),
        ("name", json!({"givenName": null}), "/name", json!({"familyName": "L"})),
        ("name", json!(null), "/name", json!(null)),
        ("emails", json!([{"value": "x"}]), "/emails", json!([{"value": "x"}])),
        ("emails", json!([]), "/emails", json!(null)),
        ("emails[type eq \"home\"]", json!({"value": "x"}), "/emails/1", json!({"type": "home", "value": "x"})),
        ("emails[type eq \"home\"].value", json!("x"), "/emails/1/value", json!("x")),
        ("emails[type eq \"home\"].primary", json!("True"), "/emails/0/primary", json!(false)),
        ("emails[type eq \"home\"]", json!({"primary": true}), "/emails/0/primary", json!(false)),
        ("emails[type eq \"home\"]", json!({"display": null}), "/emails/1", json!({"type": "home", "value": "h"})),
        ("emails[type eq \"home\"]", json!({"type": null}), "/emails/1", json!({"value": "h"})),
        ("emails[type eq \"home\"]", json!(null), "/emails/1", json!(null)),
        ("emails[type eq \"none\"]", json!([]), "/emails/1/value", json!("h")),
        ("emails.primary", json!(true), "/emails/0/primary", json!(false)),
    ] {
        check(json!({"op": "replace", "path": path, "value": value}), pointer, expected);
    }
}

#[test]
fn remove_takes_what_is_named() {
    for (path, value, pointer, expected) in [
        ("name.givenName", json!(null), "/name", json!({"familyName": "L"})),
        ("name", json!(null), "/name", json!(null)),
        ("emails", json!(null), "/emails", json!(null)),
        ("emails", json!([{"value": "w"}]), "/emails", json!([{"type": "home", "value": "h"}])),
        ("emails", json!(["W"]), "/emails", json!([{"type": "home", "value": "h"}])),
        ("emails", json!([]), "/emails/1/value", json!("h")),
        ("emails", json!([{}]), "/emails/1/value", json!("h")),
        ("emails", json!({}), "/emails/1/value", json!("h")),
        ("emails[type eq \"work\"]", json!(null), "/emails", json!([{"type": "home", "value": "h"}])),
        ("emails[type eq \"home\"].value", json!(null), "/emails/1", json!({"type": "home"})),
        ("emails[type eq \"none\"]", json!(null), "/emails/1/value", json!("h")),
        ("emails.type", json!(null), "/emails/1", json!({"value": "h"})),
        (DEPARTMENT, json!(null), "/schemas", json!([urn::USER])),
        (urn::ENTERPRISE_USER, json!(null), "/schemas", json!([urn::USER])),
    ] {
        check(json!({"op": "remove", "path": path, "value": value}), pointer, expected);
    }
}

#[test]
fn what_entra_id_and_older_clients_send_is_understood() {
    let older = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager";
    for (operation, pointer, expected) in [
        (json!({"op": "Replace", "path": "active", "value": "False"}), "/active", json!(false)),
        (
            json!({"op": "Replace", "path": "emails[type eq \"other\"].value", "value": "o"}),
            "/emails/2",
            json!({"type": "other", "value": "o"}),
        ),
        (json!({"op": "Add", "value": {"name.givenName": "Eve", DEPARTMENT: "X"}}), "/name/givenName", json!("Eve")),
        (
            json!({"op": "Add", "value": {"name.givenName": "Eve", DEPARTMENT: "X"}}),
            "/schemas/1",
            json!(urn::ENTERPRISE_USER),
        ),
        (
            json!({"op": "Add", "path": MANAGER, "value": "7"}),
            &format!("/{}/manager", urn::ENTERPRISE_USER),
            json!({"value": "7"}),
        ),
        (
            json!({"op": "Add", "path": older, "value": "7"}),
            &format!("/{}/manager", urn::ENTERPRISE_USER),
            json!({"value": "7"}),
        ),
        (
            json!({"op": "Add", "path": "emails[primary eq \"True\"].value", "value": "x"}),
            "/emails/0/value",
            json!("x"),
        ),
        (
            json!({"op": "replace", "value": {"id": "1", "schemas": [], "meta": {}, "active": false}}),
            "/active",
            json!(false),
        ),
        (json!({"op": "update", "value": {"unknown": 1, "title": "T"}}), "/title", json!("T")),
    ] {
        check(operation, pointer, expected);
    }
}

#[test]
fn a_refused_operation_says_why() {
    for (operation, scim_type) in [
        (json!({"op": "remove"}), ScimType::NoTarget),
        (json!({"op": "add"}), ScimType::InvalidValue),
        (json!({"op": "add", "value": 1}), ScimType::InvalidValue),
        (json!({"op": "add", "path": "title"}), ScimType::InvalidValue),
        (json!({"op": "add", "path": "title", "value": 1}), ScimType::InvalidValue),
        (json!({"op": "add", "path": "nothing", "value": 1}), ScimType::InvalidPath),
        (json!({"op": "add", "path": "title[x eq 1]", "value": "x"}), ScimType::InvalidPath),
        (json!({"op": "remove", "path": format!("{}[manager pr]", urn::ENTERPRISE_USER)}), ScimType::InvalidPath),
        (json!({"op": "replace", "path": "id", "value": "2"}), ScimType::Mutability),
        (json!({"op": "replace", "path": "meta.version", "value": "2"}), ScimType::Mutability),
        (json!({"op": "add", "path": format!("{MANAGER}.displayName"), "value": "M"}), ScimType::Mutability),
        (json!({"op": "remove", "path": "userName"}), ScimType::Mutability),
        (json!({"op": "replace", "path": "userName", "value": null}), ScimType::Mutability),
        (json!({"op": "replace", "path": "emails[type eq \"none\"]", "value": {"value": "x"}}), ScimType::NoTarget),
        (json!({"op": "replace", "path": "emails[type co \"none\"].value", "value": "x"}), ScimType::NoTarget),
        (
            json!({"op": "add", "path": "emails[type eq \"a\" and type eq \"b\"].value", "value": "x"}),
            ScimType::NoTarget,
        ),
    ] {
        let error = patched(&ada(), json!([operation.clone()])).unwrap_err();
        assert_eq!(error.scim_type, Some(scim_type), "{operation}: {error}");
    }
}

#[test]
fn strictly_only_the_letter_counts() {
    let strict = |operation: Value| {
        let patch = PatchOp::from_json(&json!({"schemas": [urn::PATCH_OP], "Operations": [operation]}), Strict)?;
        apply(&patch, &ada(), ResourceSchema::user(), Strict)
    };
    for (operation, scim_type) in [
        (json!({"op": "replace", "path": "active", "value": "False"}), ScimType::InvalidValue),
        (json!({"op": "replace", "path": "emails[type eq \"other\"].value", "value": "o"}), ScimType::NoTarget),
        (json!({"op": "add", "path": MANAGER, "value": "7"}), ScimType::InvalidValue),
        (json!({"op": "add", "value": {"name.givenName": "Eve"}}), ScimType::InvalidPath),
        (json!({"op": "add", "value": {"unknown": 1}}), ScimType::InvalidPath),
        (json!({"op": "add", "path": "name", "value": {"unknown": 1}}), ScimType::InvalidSyntax),
        (json!({"op": "add", "path": urn::ENTERPRISE_USER, "value": {"unknown": 1}}), ScimType::InvalidPath),
        (json!({"op": "remove", "path": "emails[odd eq 1]"}), ScimType::InvalidFilter),
        (json!({"op": "remove", "path": "emails[type eq work]"}), ScimType::InvalidFilter),
    ] {
        assert_eq!(strict(operation.clone()).unwrap_err().scim_type, Some(scim_type), "{operation}");
        // What a client obviously means is understood, or at least does no harm.
        assert!(patched(&ada(), json!([operation.clone()])).is_ok(), "{operation}");
    }
    for operation in [
        json!({"op": "REPLACE", "path": "USERNAME", "value": "eve"}),
        json!({"op": "add", "path": "emails", "value": {"value": "x"}}),
        json!({"op": "add", "path": "emails[type eq \"other\"].value", "value": "o"}),
        json!({"op": "replace", "value": {"id": "1", "meta": {}, "schemas": [], "title": "T"}}),
        json!({"op": "remove", "path": "emails", "value": [{"value": "w"}]}),
    ] {
        assert!(strict(operation.clone()).is_ok(), "{operation}");
    }
}

#[test]
fn an_operation_on_schemas_is_checked_and_has_no_effect_of_its_own() {
    for (operation, outcome) in [
        (json!({"op": "add", "path": "schemas", "value": [urn::ENTERPRISE_USER]}), None),
        (json!({"op": "replace", "path": "schemas", "value": urn::USER}), None),
        (json!({"op": "replace", "path": "schemas", "value": ["urn:x"]}), Some(ScimType::InvalidValue)),
        (json!({"op": "remove", "path": "schemas"}), Some(ScimType::Mutability)),
        (json!({"op": "replace", "path": "schemas", "value": null}), Some(ScimType::Mutability)),
        (json!({"op": "add", "path": "schemas"}), Some(ScimType::InvalidValue)),
    ] {
        match patched(&ada(), json!([operation.clone()])) {
            Ok(patched) => assert_eq!((&patched["schemas"], None), (&json!([urn::USER]), outcome), "{operation}"),
            Err(error) => assert_eq!(error.scim_type, outcome, "{operation}"),
        }
    }
}

/// Immutable and required values, at every place where one may stand.
#[test]
fn what_is_immutable_is_set_once_and_what_is_required_stays() {
    let attributes = json!([
        {"name": "serial", "mutability": "immutable"},
        {"name": "tags", "multiValued": true, "mutability": "immutable"},
        {"name": "owner", "type": "complex", "subAttributes": [
            {"name": "value", "required": true}, {"name": "since", "mutability": "immutable"}]},
        {"name": "doors", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "required": true}, {"name": "key", "mutability": "immutable"}]},
    ]);
    let base = json!({"id": "urn:x:Badge", "attributes": attributes});
    let schema = ResourceSchema {
        base: serde_json::from_value(base).unwrap(),
        extensions: vec![crate::scim::Extension {
            schema: serde_json::from_value(json!({"id": "urn:x:Site", "attributes": attributes})).unwrap(),
            required: false,
        }],
    };
    let values = json!({"serial": "S", "tags": ["a"], "owner": {"value": "1", "since": "May"}, "doors": [{"value": "1", "key": "K"}]});
    let mut badge = values.clone();
    badge["schemas"] = json!(["urn:x:Badge", "urn:x:Site"]);
    badge["urn:x:Site"] = values;
    let badge: Resource = serde_json::from_value(badge).unwrap();
    let bare: Resource = serde_json::from_value(json!({"schemas": ["urn:x:Badge"]})).unwrap();
    let change = |to: &Resource, operation: &Value| {
        let patch = PatchOp::from_json(&json!({"Operations": [operation]}), Lenient).unwrap();
        apply(&patch, to, &schema, Lenient).map_err(|error| error.scim_type.unwrap())
    };
    for prefix in ["", "urn:x:Site:"] {
        let at = |path: &str| [prefix, path].concat();
        for (op, path, value, allowed) in [
            ("add", at("serial"), json!("S"), true),
            ("replace", at("serial"), json!("T"), false),
            ("remove", at("serial"), json!(null), false),
            ("add", at("tags"), json!(["a"]), true),
            ("add", at("tags"), json!(["b"]), false),
            ("remove", at("tags[value eq \"a\"]"), json!(null), false),
            ("replace", at("owner"), json!({"value": "2"}), true),
            ("replace", at("owner"), json!({"value": "2", "since": "June"}), false),
            ("add", at("owner"), json!({"since": null}), false),
            ("remove", at("owner"), json!(null), false),
            ("remove", at("owner.since"), json!(null), false),
            ("remove", at("owner.value"), json!(null), false),
            ("add", at("doors"), json!([{"value": "1", "key": "L"}]), false),
            ("add", at("doors"), json!([{"value": "2", "key": "L"}]), true),
            ("replace", at("doors"), json!([{"value": "1", "key": "L"}]), true),
            ("remove", at("doors[value eq \"1\"]"), json!(null), true),
            ("replace", at("doors[value eq \"1\"].key"), json!("L"), false),
            ("remove", at("doors.value"), json!(null), false),
        ] {
            let operation = json!({"op": op, "path": path, "value": value});
            let outcome = change(&badge, &operation);
            assert_eq!(outcome.is_ok(), allowed, "{operation}");
            assert!(allowed || outcome == Err(ScimType::Mutability), "{operation}");
        }
        let first = json!({"op": "add", "path": at("serial"), "value": "T"});
        assert!(change(&bare, &first).is_ok(), "what is not set may be set");
    }
    assert_eq!(change(&badge, &json!({"op": "remove", "path": "urn:x:Site"})), Err(ScimType::Mutability));
    assert_eq!(change(&bare, &json!({"op": "remove", "path": "urn:x:Site"})), Ok(bare.clone()));
}

#[test]
fn an_extension_goes_but_for_what_only_the_server_writes() {
    let extension = |attributes: Value| ResourceSchema {
        base: serde_json::from_value(json!({"id": "urn:x:Badge", "attributes": [{"name": "label"}]})).unwrap(),
        extensions: vec![crate::scim::Extension {
            // Not every URN ends like an attribute.
            schema: serde_json::from_value(json!({"id": "urn:x:site:1.0", "attributes": attributes})).unwrap(),
            required: false,
        }],
    };
    let badge = |site: Value| -> Resource {
        serde_json::from_value(json!({"schemas": ["urn:x:Badge", "urn:x:site:1.0"], "urn:x:site:1.0": site})).unwrap()
    };
    let cleared = |schema: &ResourceSchema, site: Value| {
        let operations = json!([{"op": "replace", "value": {"URN:x:site:1.0": null}}]);
        let patch = PatchOp::from_json(&json!({"Operations": operations}), Lenient).unwrap();
        apply(&patch, &badge(site), schema, Lenient).map_err(|error| error.scim_type.unwrap())
    };
    let schema = extension(json!([
        {"name": "door", "required": true},
        {"name": "printed", "mutability": "readOnly"},
        {"name": "owner", "type": "complex", "subAttributes": [
            {"name": "value"}, {"name": "since", "mutability": "immutable"}]},
    ]));
    let bare: Resource = serde_json::from_value(json!({"schemas": ["urn:x:Badge"]})).unwrap();
    assert_eq!(cleared(&schema, json!({"door": "1", "owner": {"value": "1"}})), Ok(bare));
    assert_eq!(cleared(&schema, json!({"door": "1", "owner": {"since": "May"}})), Err(ScimType::Mutability));
    // What the server wrote stays, and with it the extension that must be whole.
    assert_eq!(cleared(&schema, json!({"door": "1", "printed": "today"})), Err(ScimType::Mutability));
    let schema = extension(json!([{"name": "door"}, {"name": "printed", "mutability": "readOnly"}]));
    let printed = json!({"printed": "today"});
    assert_eq!(cleared(&schema, json!({"door": "1", "printed": "today"})), Ok(badge(printed)));
}

#[test]
fn a_members_parts_never_change_in_place() {
    let group =
        serde_json::from_value(json!({"schemas": [urn::GROUP], "displayName": "G", "members": [{"value": "1"}]}));
    let group: Resource = group.unwrap();
    let apply_one = |operation: Value| {
        let patch = PatchOp::from_json(&json!({"Operations": [operation]}), Lenient).unwrap();
        apply(&patch, &group, ResourceSchema::group(), Lenient)
    };
    let error = apply_one(json!({"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"})).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
    assert!(apply_one(json!({"op": "replace", "path": "members[value eq \"1\"].value", "value": "1"})).is_ok());
    assert!(apply_one(json!({"op": "remove", "path": "members[value eq \"1\"]"})).is_ok());
}

#[test]
fn operations_see_what_the_ones_before_did() {
    let outcome = patched(
        &ada(),
        json!([
            {"op": "add", "path": "emails", "value": [{"type": "other", "value": "o"}]},
            {"op": "replace", "path": "emails[type eq \"other\"].value", "value": "p"},
            {"op": "remove", "path": "emails[type eq \"work\"]"},
            {"op": "remove", "path": "emails[type eq \"home\"]"},
        ]),
    );
    assert_eq!(outcome.unwrap()["emails"], json!([{"type": "other", "value": "p"}]));
}

fn operation() -> impl Strategy<Value = Value> {
    let path = proptest::sample::select(vec![
        "title",
        "active",
        "name",
        "name.givenName",
        "emails",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[primary eq true].primary",
        "emails.type",
        DEPARTMENT,
        MANAGER,
        urn::ENTERPRISE_USER,
        "members",
    ]);
    let value = proptest::sample::select(vec![
        json!(null),
        json!("x"),
        json!("true"),
        json!(7),
        json!([]),
        json!({}),
        json!({"value": "x", "type": "work"}),
        json!({"givenName": "x", "department": "y"}),
        json!([{"value": "x", "primary": true}, {"value": "y"}]),
    ]);
    let op = proptest::sample::select(vec!["add", "remove", "replace"]);
    (op, proptest::option::of(path), value).prop_map(|(op, path, value)| match path {
        Some(path) => json!({"op": op, "path": path, "value": value}),
        None => json!({"op": op, "value": value}),
    })
}

proptest! {
    #[test]
    fn any_operations_leave_a_valid_resource_or_an_error(operations in proptest::collection::vec(operation(), 1..5)) {
        if let Ok(outcome) = patched(&ada(), json!(operations)) {
            let emails = outcome.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
            prop_assert!(emails.iter().filter(|email| is_primary(email)).count() <= 1, "{}", outcome);
            prop_assert!(!outcome.as_object().unwrap().values().any(is_empty), "{}", outcome);
            let listed = outcome["schemas"].as_array().unwrap().len() == 2;
            prop_assert_eq!(listed, outcome.get(urn::ENTERPRISE_USER).is_some());
        }
    }

    #[test]
    fn doing_it_twice_changes_nothing_more(operation in operation()) {
        if let Ok(once) = patched(&ada(), json!([operation.clone()])) {
            let again: Resource = serde_json::from_value(once.clone()).unwrap();
            prop_assert_eq!(patched(&again, json!([operation])), Ok(once));
        }
    }
}
