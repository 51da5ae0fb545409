use serde_json::json;

use super::*;

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap()
}

fn resource(value: Value) -> Resource {
    serde_json::from_value(value).unwrap()
}

#[test]
fn several_paths_make_one_element() {
    let mut user = Resource::new(urn::USER);
    for (at, value) in [
        ("addresses[type eq \"work\"].locality", "Turin"),
        ("Addresses[Type eq \"work\"].country", "IT"),
        ("emails[type eq \"work\"].value", "a@example.org"),
        ("emails[type eq \"home\"].value", "b@example.org"),
        ("name.givenName", "Ada"),
        ("name.familyName", "L"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "X"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:title", "T"),
    ] {
        user.set(&path(at), json!(value));
    }
    assert_eq!(
        Value::from(user),
        json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "addresses": [{"type": "work", "locality": "Turin", "country": "IT", "primary": true}],
            "emails": [
                {"type": "work", "value": "a@example.org", "primary": true},
                {"type": "home", "value": "b@example.org"},
            ],
            "name": {"givenName": "Ada", "familyName": "L"},
            "title": "T",
            urn::ENTERPRISE_USER: {"department": "X"},
        })
    );
}

#[test]
fn values_are_found_in_any_case_and_behind_filters() {
    let user = resource(json!({
        "UserName": "ada",
        "emails": [{"type": "work", "value": "w"}, {"Type": "Home", "Value": "h"}],
        "URN:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"Manager": {"value": "7"}},
        "x": null,
    }));
    for (at, values) in [
        ("username", json!(["ada"])),
        ("emails.value", json!(["w", "h"])),
        ("emails[type eq \"home\"].value", json!(["h"])),
        ("emails[type eq \"other\"].value", json!([])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", json!(["7"])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", json!([{"value": "7"}])),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User[manager pr]", json!([])),
        ("urn:x:manager", json!([])),
        ("nothing.at.all".split_once('.').unwrap().0, json!([])),
        ("x", json!([null])),
    ] {
        assert_eq!(json!(user.values(&path(at))), values, "{at}");
    }
    assert!(user.get(&path("emails")).unwrap().is_array());
    assert_eq!(user.get(&path("emails.value")), Some(&json!("w")));
}

#[test]
fn removing_takes_what_became_empty_along() {
    let full = json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "name": {"givenName": "Ada"},
        "emails": [{"type": "work", "value": "w"}, {"value": "h"}],
        urn::ENTERPRISE_USER: {"department": "X"},
    });
    for (at, pointer, left) in [
        ("name.givenName", "/name", None),
        ("emails[type eq \"work\"]", "/emails", Some(json!([{"value": "h"}]))),
        ("emails.value", "/emails", Some(json!([{"type": "work"}]))),
        ("emails", "/emails", None),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "/schemas", Some(json!([urn::USER]))),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "/schemas", Some(json!([urn::USER]))),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User[department eq \"Y\"]",
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
            Some(json!("X")),
        ),
        ("nothing", "/name", Some(json!({"givenName": "Ada"}))),
    ] {
        let mut user = resource(full.clone());
        user.remove(&path(at));
        assert_eq!(Value::from(user).pointer(pointer), left.as_ref(), "{at}");
    }
}

#[test]
fn a_null_removes() {
    let mut user = resource(json!({"title": "T"}));
    user.set(&path("title"), Value::Null);
    assert_eq!(Value::from(user), json!({}));
}

#[test]
fn a_boolean_in_a_filter_text_describes_a_boolean() {
    let mut user = resource(json!({"roles": [{"value": "a", "primary": true}]}));
    user.set(&path("roles[primary eq \"True\"].value"), json!("b"));
    user.set(&path("roles[primary eq \"False\"].value"), json!("c"));
    assert_eq!(
        Value::from(user),
        json!({"roles": [{"value": "b", "primary": true}, {"value": "c", "primary": false}]})
    );
}
