use serde_json::json;

use super::*;
use crate::{
    expression::Expression,
    model::{TargetPath, Value},
    sync_schema::AttributeType,
};

fn key() -> HashKey {
    HashKey::from([7; 32])
}

fn mapping() -> AttributeMapping {
    AttributeMapping {
        target: "nickName".parse().unwrap(),
        path: TargetPath::new("nickName"),
        expression: Some(Expression::attribute("mailNickname")),
        default: None,
        matching_priority: None,
        flow_type: AttributeFlowType::Always,
        always: false,
        redacted: false,
        attribute_type: AttributeType::String,
        multivalued: false,
        case_exact: false,
        required: false,
        mutability: Mutability::ReadWrite,
        flow_nulls: false,
    }
}

/// A change in one line: `=`, `+` and `-` are set, add and clear.
fn shown(changes: &[AttributeChange]) -> String {
    match changes {
        [] => "nothing".to_owned(),
        [AttributeChange { change: ValueChange::Set(value), .. }] => ["=", &value.to_string()].concat(),
        [AttributeChange { change: ValueChange::Add(values), .. }] => ["+", &json!(values).to_string()].concat(),
        [AttributeChange { change: ValueChange::Clear, .. }] => "-".to_owned(),
        more => panic!("{more:?}"),
    }
}

fn updated(mapping: &AttributeMapping, value: &DesiredValue, former: Option<ExportedValue>) -> String {
    let desired = [DesiredAttribute { mapping, value: value.clone() }];
    let exported: Exported = former.into_iter().map(|former| (mapping.path.clone(), former)).collect();
    let shown = shown(&for_update(&desired, &exported, &key()));
    if needs_present(&desired, &exported) { ["read, ", &shown].concat() } else { shown }
}

fn created(mapping: &AttributeMapping, value: &DesiredValue) -> String {
    shown(&for_create(&[DesiredAttribute { mapping, value: value.clone() }]))
}

fn known(value: Json) -> Option<ExportedValue> {
    Some(ExportedValue::Known(value))
}

#[test]
fn a_single_value_flows_as_its_mapping_says() {
    use AttributeFlowType::{Always, AttributeAddOnly, MultiValueAddOnly, ObjectAddOnly, ValueAddOnly};
    let unknown = || Some(ExportedValue::Unknown);
    let set = |text: &str| DesiredValue::Set(json!(text));
    let rows: &[(AttributeFlowType, DesiredValue, Option<ExportedValue>, &str)] = &[
        (Always, set("b"), None, "=\"b\""),
        (Always, set("b"), known(json!("a")), "=\"b\""),
        (Always, set("B"), known(json!("b")), "nothing"),
        (Always, set("b"), unknown(), "=\"b\""),
        (Always, set(""), None, "nothing"),
        (Always, set(""), known(json!("a")), "=\"\""),
        (Always, DesiredValue::Null, known(json!("a")), "nothing"),
        (Always, DesiredValue::Null, unknown(), "nothing"),
        (Always, DesiredValue::Ignored, known(json!("a")), "nothing"),
        (ObjectAddOnly, set("b"), known(json!("a")), "nothing"),
        (ObjectAddOnly, set("b"), None, "nothing"),
    ];
    for (flow_type, value, former, expected) in rows {
        let mapping = AttributeMapping { flow_type: *flow_type, ..mapping() };
        assert_eq!(updated(&mapping, value, former.clone()), *expected, "{flow_type:?} {value:?} {former:?}");
    }
    for flow_type in [AttributeAddOnly, MultiValueAddOnly, ValueAddOnly] {
        let mapping = AttributeMapping { flow_type, ..mapping() };
        for (value, former, expected) in [
            (set("b"), known(json!("a")), "nothing"),
            (set("b"), known(json!(null)), "=\"b\""),
            (set("b"), None, "read, nothing"),
            (set("b"), unknown(), "read, nothing"),
            (set(""), None, "nothing"),
            (DesiredValue::Null, known(json!("a")), "nothing"),
            (DesiredValue::Null, None, "nothing"),
        ] {
            assert_eq!(updated(&mapping, &value, former.clone()), expected, "{flow_type:?} {value:?} {former:?}");
        }
        let hidden = AttributeMapping { mutability: Mutability::WriteOnly, ..mapping };
        assert_eq!(updated(&hidden, &set("b"), None), "nothing", "nobody can see whether there is one");
    }
}

#[test]
fn values_are_only_added_where_the_mapping_only_adds() {
    let roles = |names: &[&str]| json!(names);
    for flow_type in [AttributeFlowType::MultiValueAddOnly, AttributeFlowType::ValueAddOnly] {
        let adds = AttributeMapping { flow_type, multivalued: true, ..mapping() };
        for (value, former, expected) in [
            (roles(&["a", "b"]), None, r#"+["a","b"]"#),
            (roles(&["a", "b"]), known(roles(&["A"])), r#"+["b"]"#),
            (roles(&["a", "b"]), Some(ExportedValue::Unknown), r#"+["a","b"]"#),
            (roles(&["b", "b"]), known(roles(&["a"])), r#"+["b"]"#),
            (roles(&["a"]), known(roles(&["a", "b"])), "nothing"),
            (roles(&[]), known(roles(&["a"])), "nothing"),
        ] {
            assert_eq!(
                updated(&adds, &DesiredValue::Set(value.clone()), former.clone()),
                expected,
                "{value} {former:?}"
            );
        }
        assert_eq!(updated(&adds, &DesiredValue::Null, known(roles(&["a"]))), "nothing");
        assert_eq!(created(&adds, &DesiredValue::Set(roles(&["a"]))), r#"=["a"]"#);
    }
}

#[test]
fn a_default_fills_and_never_replaces() {
    let default = Some(Value::text("none"));
    let source_and_default = AttributeMapping { default: default.clone(), ..mapping() };
    let default_alone = AttributeMapping { expression: None, default, ..mapping() };
    for (former, of_source, of_none) in [
        (None, "nothing", "read, nothing"),
        (Some(ExportedValue::Unknown), "nothing", "read, nothing"),
        (known(json!(null)), "nothing", "=\"none\""),
        (known(json!("")), "nothing", "=\"none\""),
        (known(json!("a")), "nothing", "nothing"),
    ] {
        assert_eq!(updated(&source_and_default, &DesiredValue::Null, former.clone()), of_source, "{former:?}");
        assert_eq!(updated(&default_alone, &DesiredValue::Null, former.clone()), of_none, "{former:?}");
    }
    for mapping in [source_and_default, default_alone] {
        assert_eq!(created(&mapping, &DesiredValue::Null), "=\"none\"");
        assert_eq!(created(&mapping, &DesiredValue::Ignored), "nothing");
        assert_eq!(created(&mapping, &DesiredValue::Set(json!(""))), "nothing");
    }
}

#[test]
fn a_null_clears_behind_both_gates_where_something_may_be() {
    let gates = AttributeMapping { flow_nulls: true, ..mapping() };
    for value in [DesiredValue::Null, DesiredValue::Set(json!(""))] {
        for (former, expected) in [
            (None, "nothing"),
            (known(json!(null)), "nothing"),
            (known(json!("a")), "-"),
            (Some(ExportedValue::Unknown), "-"),
            (Some(ExportedValue::Hashed(key().hash(&gates.path, b"a"))), "-"),
        ] {
            assert_eq!(updated(&gates, &value, former.clone()), expected, "{value:?} {former:?}");
        }
    }
    assert_eq!(updated(&gates, &DesiredValue::Ignored, known(json!("a"))), "nothing");
    let several = AttributeMapping { multivalued: true, ..gates };
    assert_eq!(updated(&several, &DesiredValue::Null, known(json!(["a"]))), "-");
}

#[test]
fn what_flows_always_flows_alone() {
    let always = AttributeMapping { always: true, ..mapping() };
    let set = DesiredValue::Set(json!("a"));
    assert_eq!(updated(&always, &set, known(json!("a"))), "=\"a\"");
    assert_eq!(updated(&always, &DesiredValue::Null, known(json!("a"))), "nothing");
    assert_eq!(updated(&always, &DesiredValue::Ignored, known(json!("a"))), "nothing");
    let adding = AttributeMapping { multivalued: true, flow_type: AttributeFlowType::ValueAddOnly, ..always };
    assert_eq!(updated(&adding, &DesiredValue::Set(json!(["a"])), known(json!(["a"]))), r#"+["a"]"#);
}

#[test]
fn a_required_attribute_is_missing_when_the_new_resource_would_not_have_it() {
    let required = AttributeMapping { required: true, ..mapping() };
    let with_default = AttributeMapping { default: Some(Value::text("none")), ..required.clone() };
    for (mapping, value, lacks) in [
        (&required, DesiredValue::Set(json!("a")), false),
        (&required, DesiredValue::Set(json!("")), true),
        (&required, DesiredValue::Null, true),
        (&with_default, DesiredValue::Null, false),
        (&with_default, DesiredValue::Ignored, true),
    ] {
        let desired = [DesiredAttribute { mapping, value: value.clone() }];
        assert_eq!(missing_required(&desired).count() == 1, lacks, "{value:?}");
    }
}

#[test]
fn a_redacted_value_flows_when_it_is_another_one() {
    let redacted = AttributeMapping { redacted: true, ..mapping() };
    let former = || Some(ExportedValue::Hashed(key().hash(&redacted.path, br#"{"Text":"Hush"}"#)));
    assert_eq!(updated(&redacted, &DesiredValue::Set(json!("Hush")), former()), "nothing");
    assert_eq!(updated(&redacted, &DesiredValue::Set(json!("hush")), former()), "=\"hush\"");
}
