use serde_json::{Value, json};
use url::Url;

use super::*;

fn base() -> Url {
    Url::parse("https://app.example/scim/v2/").unwrap()
}

fn from_config(config: Value) -> Profile {
    Profile::default().discovered(&Discovered { config, ..Discovered::default() }, &base())
}

#[test]
fn what_the_target_says_of_itself_refines_the_preset() {
    let preset = Profile::default();
    let no_patch = || Profile { patch: false, ..Profile::default() };
    let bulk = |max_operations, max_bytes| Profile {
        bulk: Some(BulkLimits { max_operations, max_bytes }),
        ..Profile::default()
    };
    let cursor = || Profile { paging: Paging::Cursor, ..Profile::default() };
    let cases = [
        (json!({}), preset.clone()),
        (json!(null), preset.clone()),
        (json!("<html>"), preset.clone()),
        (json!([]), preset.clone()),
        (json!({ "patch": true, "filter": { "supported": 1, "maxResults": -1 } }), preset.clone()),
        (json!({ "filter": { "supported": true, "maxResults": 0 } }), preset.clone()),
        (json!({ "filter": { "supported": true, "maxResults": 100_000 } }), preset.clone()),
        (json!({ "patch": { "supported": false } }), no_patch()),
        (json!([{ "Patch": { "Supported": "False" } }]), no_patch()),
        (
            json!({ "Resources": [{ "filter": { "supported": false, "maxResults": 20 } }] }),
            Profile { filter: false, max_page_size: 20, ..preset.clone() },
        ),
        (
            json!({ "etag": { "supported": true }, "sort": { "supported": true } }),
            Profile { etag: true, sort: true, ..preset.clone() },
        ),
        (json!({ "bulk": { "supported": true, "maxOperations": 7, "maxPayloadSize": 900 } }), bulk(7, 900)),
        (json!({ "bulk": { "supported": true, "maxOperations": 0 } }), bulk(100, 1 << 20)),
        (json!({ "bulk": { "supported": false, "maxOperations": 7 } }), preset.clone()),
        (json!({ "pagination": { "cursor": true, "index": true } }), cursor()),
        (json!({ "pagination": { "cursor": true, "maxPageSize": 25 } }), Profile { max_page_size: 25, ..cursor() }),
        (json!({ "pagination": { "cursor": false, "index": true } }), preset.clone()),
    ];
    for (config, expected) in cases {
        assert_eq!(from_config(config.clone()), expected, "{config}");
    }
}

#[test]
fn the_operator_has_the_last_word() {
    let discovered = from_config(json!({ "patch": { "supported": false }, "bulk": { "supported": true } }));
    let overrides: ProfileOverrides =
        serde_json::from_value(json!({ "patch": true, "bulk": false, "members_per_patch": 1, "match_lag_seconds": 5 }))
            .unwrap();
    let expected = Profile { members_per_patch: 1, match_lag: Duration::from_secs(5), ..Profile::default() };
    assert_eq!(discovered.with(&overrides), expected);
    for wrong in [json!({ "ptach": true }), json!({ "preset": "unknown" }), json!({ "filter_attributes": ["a b"] })] {
        assert!(serde_json::from_value::<ProfileOverrides>(wrong).is_err());
    }
}

#[test]
fn a_preset_is_a_name() {
    for (name, preset) in
        [("sentry", Preset::Sentry), ("entra-legacy", Preset::EntraLegacy), ("okta-style", Preset::OktaStyle)]
    {
        let overrides: ProfileOverrides = serde_json::from_value(json!({ "preset": name })).unwrap();
        assert_eq!(overrides.preset, Some(preset));
        assert_ne!(Profile::default().with(&preset.overrides()), Profile::default(), "{name} says something");
    }
}

#[test]
fn endpoints_are_found_however_they_are_written() {
    let resource_type = |schema: &str, endpoint: &str| json!({ "name": "x", "schema": schema, "endpoint": endpoint });
    let endpoint = |resource_types: Value| {
        let said = Discovered { resource_types, ..Discovered::default() };
        Profile::default().discovered(&said, &base()).endpoint(&ResourceKind::new("Users")).to_owned()
    };
    for (written, expected) in [
        ("/Users", "Users"),
        ("Users", "Users"),
        ("/People/", "People"),
        ("/scim/v2/People", "People"),
        ("https://app.example/scim/v2/a/People", "a/People"),
        ("https://elsewhere.example/scim/v2/People", "Users"),
        ("../../admin", "Users"),
        ("/a?b", "Users"),
        ("", "Users"),
    ] {
        assert_eq!(endpoint(json!([resource_type(urn::USER, written)])), expected, "{written}");
    }
    assert_eq!(endpoint(json!({ "Resources": [{ "id": "User", "endpoint": "/Members" }] })), "Members");
    assert_eq!(endpoint(json!([resource_type("urn:x:Device", "/Devices"), 7, null])), "Users");
}

#[test]
fn what_a_published_schema_does_not_have_is_lacking() {
    let attribute = |name: &str, mutability: &str| json!({ "name": name, "mutability": mutability });
    let schemas = json!({ "Resources": [
        { "id": urn::USER, "attributes": [attribute("userName", "readWrite"), attribute("groups", "readOnly"), 1] },
        { "id": urn::ENTERPRISE_USER, "attributes": [{ "name": "department" }, { "name": "Parking", "subAttributes": [
            attribute("Lot", "readWrite"), attribute("since", "readOnly")] }] },
        { "id": urn::GROUP, "attributes": [] },
        { "attributes": [attribute("x", "readWrite")] },
    ] });
    let profile = Profile::default().discovered(&Discovered { schemas, ..Discovered::default() }, &base());
    let lacks = |kind: &str, path: &str| profile.lacks(&ResourceKind::new(kind), &path.parse().unwrap());
    let enterprise = |name: &str| format!("{}:{name}", urn::ENTERPRISE_USER);
    for (path, lacking) in [
        ("USERNAME", false),
        ("groups", true),
        ("title", true),
        ("externalId", false),
        ("emails[type eq \"work\"].value", true),
        (&enterprise("department"), false),
        (&enterprise("manager"), true),
        (&enterprise("parking"), false),
        (&enterprise("parking.lot"), false),
        (&enterprise("parking.since"), true),
        (&enterprise("parking.floor"), true),
        (&enterprise("department.code"), false),
        (urn::ENTERPRISE_USER, true),
        (urn::USER, true),
        ("urn:x:Y:anything", false),
        (&format!("{}:userName", urn::USER), false),
    ] {
        assert_eq!(lacks("Users", path), lacking, "{path}");
    }
    assert!(!lacks("Groups", "members"), "an empty document says nothing");
    assert!(!lacks("Devices", "anything"));
    assert_eq!(profile.members_readable, None, "a schema that promises members proves nothing");
}

#[test]
fn a_schema_says_whether_groups_show_their_members() {
    let schemas = json!([{ "id": urn::GROUP, "attributes": [{ "name": "members", "returned": "never" }] }]);
    let profile = Profile::default().discovered(&Discovered { schemas, ..Discovered::default() }, &base());
    assert_eq!(profile.members_readable, Some(false));
}

#[test]
fn filters_may_be_limited_to_attributes_and_endpoints() {
    let overrides: ProfileOverrides =
        serde_json::from_value(json!({ "filter_attributes": ["userName"], "filter_types": ["Users"] })).unwrap();
    let profile = Profile::default().with(&overrides);
    let finds = |kind: &str, path: &str| profile.finds(&ResourceKind::new(kind), &path.parse().unwrap());
    assert!(finds("Users", "username"));
    assert!(!finds("Users", "externalId"));
    assert!(!finds("Groups", "userName"));
    assert!(Profile::default().finds(&ResourceKind::new("Groups"), &AttributePath::new("displayName")));
}
