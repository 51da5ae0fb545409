use serde_json::json;

use super::*;
use crate::scim::schema::Extension;
use crate::scim::urn;

fn map(body: Value) -> Map<String, Value> {
    let Value::Object(body) = body else { panic!("a body is an object") };
    body
}

fn user(body: Value) -> Result<Value, ScimError> {
    conform_create(map(body), ResourceSchema::user(), Strictness::Lenient).map(Value::from)
}

/// A type of resource with every kind of mutability, and an extension that it must have.
fn badge() -> ResourceSchema {
    let schema = |value: Value| serde_json::from_value::<Schema>(value).unwrap();
    ResourceSchema {
        base: schema(json!({"id": "urn:example:Badge", "attributes": [
            {"name": "label", "required": true},
            {"name": "serial", "mutability": "immutable"},
            {"name": "colours", "mutability": "immutable", "multiValued": true},
            {"name": "pin", "mutability": "writeOnly"},
            {"name": "printed", "mutability": "readOnly", "required": true},
            {"name": "holder", "type": "complex", "subAttributes": [
                {"name": "value", "required": true}, {"name": "since", "mutability": "immutable"}]},
            {"name": "doors", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "required": true}, {"name": "note"}]},
        ]})),
        extensions: vec![Extension {
            schema: schema(json!({"id": "urn:example:Site", "attributes": [
                {"name": "site", "required": true}, {"name": "key", "mutability": "writeOnly"}]})),
            required: true,
        }],
    }
}

fn stored() -> Resource {
    serde_json::from_value(json!({
        "schemas": ["urn:example:Badge", "urn:example:Site"],
        "label": "L", "serial": "S", "colours": ["red", "blue"], "pin": "hash", "printed": "yesterday",
        "holder": {"value": "1", "since": "May"},
        "urn:example:Site": {"site": "Turin", "key": "hash"},
    }))
    .unwrap()
}

#[test]
fn a_body_is_stored_in_canonical_form() {
    let stored = user(json!({
        "SCHEMAS": [urn::USER],
        "USERNAME": "ada",
        "id": "mine",
        "meta": {"version": "1"},
        "groups": [{"value": "g"}],
        "shoeSize": 41,
        "active": "True",
        "nickName": null,
        "title": "",
        "ims": [],
        "emails": [{"Value": "a", "TYPE": "work"}, {"value": "a", "type": "work"}, {"value": "b", "odd": 1}, {}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:USER": {
            "Department": "X", "manager": {"value": "7", "displayName": "no"},
        },
    }));
    assert_eq!(
        stored,
        Ok(json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "userName": "ada",
            "active": true,
            "emails": [{"value": "a", "type": "work"}, {"value": "b"}],
            urn::ENTERPRISE_USER: {"department": "X", "manager": {"value": "7"}},
        }))
    );
}

#[test]
fn an_empty_extension_is_not_listed() {
    let stored = user(json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER], "userName": "ada", urn::ENTERPRISE_USER: {"department": null},
    }));
    assert_eq!(stored, Ok(json!({"schemas": [urn::USER], "userName": "ada"})));
}

#[test]
fn a_body_that_does_not_fit_is_refused_with_a_reason() {
    let with = |name: &str, value: Value| json!({"schemas": [urn::USER], "userName": "ada", name: value});
    for (body, scim_type) in [
        (json!({"userName": "ada"}), ScimType::InvalidSyntax),
        (json!({"schemas": urn::USER, "userName": "ada"}), ScimType::InvalidSyntax),
        (json!({"schemas": [], "userName": "ada"}), ScimType::InvalidValue),
        (json!({"schemas": [urn::USER, "urn:x"], "userName": "ada"}), ScimType::InvalidValue),
        (json!({"schemas": [urn::ENTERPRISE_USER], "userName": "ada"}), ScimType::InvalidValue),
        (json!({"schemas": [urn::USER]}), ScimType::InvalidValue),
        (json!({"schemas": [urn::USER], "userName": ""}), ScimType::InvalidValue),
        (with("username", json!("eve")), ScimType::InvalidSyntax),
        (with("USERNAME", json!(null)), ScimType::InvalidSyntax),
        (with("name", json!({"givenName": "a", "GIVENNAME": "b"})), ScimType::InvalidSyntax),
        (with(urn::ENTERPRISE_USER, json!({"department": "a", "Department": "a"})), ScimType::InvalidSyntax),
        (with("active", json!("yes")), ScimType::InvalidValue),
        (with("name", json!("Ada")), ScimType::InvalidValue),
        (with(urn::ENTERPRISE_USER, json!("x")), ScimType::InvalidValue),
    ] {
        assert_eq!(user(body.clone()).unwrap_err().scim_type, Some(scim_type), "{body}");
    }
}

#[test]
fn strictly_what_is_unknown_is_refused() {
    let strict = |name: &str, value: Value| {
        let body = map(json!({"schemas": [urn::USER, urn::ENTERPRISE_USER], "userName": "ada", name: value}));
        conform_create(body, ResourceSchema::user(), Strictness::Strict).map_err(|error| error.scim_type.unwrap())
    };
    for (name, value, scim_type) in [
        ("shoeSize", json!(41), ScimType::InvalidSyntax),
        ("name", json!({"odd": 1}), ScimType::InvalidSyntax),
        (urn::ENTERPRISE_USER, json!({"odd": 1}), ScimType::InvalidSyntax),
        ("active", json!("True"), ScimType::InvalidValue),
        ("emails", json!({"value": "a"}), ScimType::InvalidValue),
        ("schemas", json!([urn::USER, urn::USER]), ScimType::InvalidValue),
    ] {
        assert_eq!(strict(name, value.clone()), Err(scim_type), "{name}: {value}");
    }
    // What the server itself writes comes back in every echo and is no mistake.
    assert!(strict("meta", json!({"version": "1"})).is_ok());
}

#[test]
fn required_values_are_asked_for_down_to_the_parts_and_never_of_the_server() {
    let full = json!({"schemas": ["urn:example:Badge"], "label": "L", "urn:example:Site": {"site": "Turin"}});
    let create = |change: &dyn Fn(&mut Value)| {
        let mut body = full.clone();
        change(&mut body);
        conform_create(map(body), &badge(), Strictness::Lenient).map(|_| ()).map_err(|error| error.detail.unwrap())
    };
    assert_eq!(create(&|_| {}), Ok(()));
    let missing = |path: &str| Err(format!("`{path}` is required"));
    assert_eq!(create(&|body| body["label"] = json!([])), Err("`label` is a string".to_owned()));
    assert_eq!(create(&|body| body["label"] = json!("")), missing("label"));
    assert_eq!(create(&|body| body["holder"] = json!({"since": "May"})), missing("holder.value"));
    assert_eq!(create(&|body| body["holder"] = json!({"since": null})), Ok(()));
    assert_eq!(create(&|body| body["doors"] = json!([{"value": "1"}, {"note": "n"}])), missing("doors.value"));
    assert_eq!(create(&|body| body["urn:example:Site"] = json!({"key": "k"})), missing("site"));
    assert_eq!(create(&|body| body["urn:example:Site"] = json!(null)), missing("urn:example:Site"));
}

#[test]
fn a_replace_clears_what_it_leaves_out_and_keeps_what_clients_cannot_write() {
    let minimal = json!({"schemas": ["urn:example:Badge"], "label": "M", "urn:example:Site": {"site": "Rome"}});
    let replace = |change: Value| {
        let mut body = map(minimal.clone());
        body.extend(map(change));
        conform_replace(&stored(), body, &badge(), Strictness::Lenient).map(Value::from)
    };
    let mut expected = json!({
        "schemas": ["urn:example:Badge", "urn:example:Site"],
        "label": "M", "serial": "S", "colours": ["red", "blue"], "pin": "hash", "printed": "yesterday",
        "urn:example:Site": {"site": "Rome", "key": "hash"},
    });
    assert_eq!(replace(json!({})), Ok(expected.clone()));
    assert_eq!(replace(json!({"printed": "today", "serial": "S", "colours": ["blue", "red"]})), Ok(expected.clone()));
    expected["holder"] = json!({"value": "2", "since": "May"});
    assert_eq!(replace(json!({"holder": {"value": "2"}})), Ok(expected.clone()));
    // An explicit null is an instruction, silence is none.
    expected.as_object_mut().unwrap().remove("pin");
    assert_eq!(replace(json!({"PIN": null, "holder": {"value": "2"}})), Ok(expected));
    for change in
        [json!({"serial": "T"}), json!({"colours": ["red"]}), json!({"holder": {"value": "1", "since": "June"}})]
    {
        assert_eq!(replace(change.clone()).unwrap_err().scim_type, Some(ScimType::Mutability), "{change}");
    }
}

#[test]
fn an_immutable_value_that_is_not_yet_set_may_be_set() {
    let old: Resource = serde_json::from_value(json!({"label": "L"})).unwrap();
    let body =
        json!({"schemas": ["urn:example:Badge"], "label": "L", "serial": "S", "urn:example:Site": {"site": "R"}});
    let new = conform_replace(&old, map(body), &badge(), Strictness::Strict).unwrap();
    assert_eq!(new.as_map()["serial"], json!("S"));
}
