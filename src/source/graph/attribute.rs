//! The attributes of a synchronization schema in terms of Graph: which property holds each, and how it is read.
//!
//! The schema uses older names of the directory; both spellings are accepted, and a value is delivered under the name
//! it was asked for.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::model::Value;

/// The properties of one object, as the service sent them.
pub(super) type Properties = Map<String, Json>;

/// One attribute of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// As the schema spells it.
    pub(super) name: String,
    reading: Reading,
}

/// How an attribute is read from the properties of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// The property as it is.
    Whole(String),
    /// The first value of a list.
    First(&'static str),
    /// A member of a complex property.
    Member { property: String, member: String },
    /// The list of `skuId` of the licences.
    Licences,
    /// The first `sip:` address, else the first instant-messaging address.
    SipAddress,
    /// The sign-in name; for a guest the home address instead of the form with `#EXT#`.
    HomeName,
}

/// Attributes that the engine computes: no property holds them.
const COMPUTED: [&str; 2] = ["IsSoftDeleted", "appRoleAssignments"];

impl Attribute {
    /// The attribute that the schema calls `name`; `None` when it is computed elsewhere.
    pub(super) fn of_schema(name: &str) -> Option<Self> {
        let whole = |property: &str| Reading::Whole(property.to_owned());
        let reading = match name {
            computed if COMPUTED.contains(&computed) => return None,
            "objectId" => whole("id"),
            "mobile" => whole("mobilePhone"),
            "telephoneNumber" => Reading::First("businessPhones"),
            "physicalDeliveryOfficeName" => whole("officeLocation"),
            "facsimileTelephoneNumber" => whole("faxNumber"),
            "dirSyncEnabled" => whole("onPremisesSyncEnabled"),
            "immutableId" => whole("onPremisesImmutableId"),
            "assignedLicenses" => Reading::Licences,
            "sipProxyAddress" => Reading::SipAddress,
            "userPrincipalName" => Reading::HomeName,
            "originalUserPrincipalName" => whole("userPrincipalName"),
            name if is_extension_slot(name) => {
                Reading::Member { property: "onPremisesExtensionAttributes".into(), member: name.to_owned() }
            }
            name => match name.split_once('.') {
                Some((property, member)) => Reading::Member { property: property.into(), member: member.into() },
                None => whole(name),
            },
        };
        Some(Self { name: name.to_owned(), reading })
    }

    /// The properties to select for it.
    pub(super) fn properties(&self) -> Vec<&str> {
        match &self.reading {
            Reading::Whole(property) | Reading::Member { property, .. } => vec![property],
            Reading::First(property) => vec![property],
            Reading::Licences => vec!["assignedLicenses"],
            Reading::SipAddress => vec!["proxyAddresses", "imAddresses"],
            Reading::HomeName => vec!["userPrincipalName"],
        }
    }

    /// `None` when the object says nothing of the attribute, `Some(None)` when it has no value.
    pub(super) fn read(&self, object: &Properties) -> Option<Option<Value>> {
        let is_told = self.properties().iter().any(|property| object.contains_key(*property));
        is_told.then(|| self.value(object))
    }

    fn value(&self, object: &Properties) -> Option<Value> {
        match &self.reading {
            Reading::Whole(property) => object.get(property).and_then(value),
            Reading::First(property) => list(object, property).first().and_then(value),
            Reading::Member { property, member } => object.get(property)?.get(member).and_then(value),
            Reading::Licences => {
                Some(Value::List(list(object, "assignedLicenses").iter().filter_map(|l| value(&l["skuId"])).collect()))
            }
            Reading::SipAddress => sip_address(object),
            Reading::HomeName => object.get("userPrincipalName").and_then(Json::as_str).map(home_name).map(Value::Text),
        }
    }
}

/// True when `name` may stand in `$select`; anything else could change the meaning of the request.
pub(super) fn is_selectable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// What to select for `attributes`, each property once.
pub(super) fn selected(attributes: &[Attribute]) -> BTreeSet<&str> {
    attributes.iter().flat_map(Attribute::properties).collect()
}

/// A JSON value as a source value. Null is none; a date stays the text it came as.
fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Null => None,
        Json::Bool(flag) => Some(Value::Boolean(*flag)),
        Json::Number(number) => Some(number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Integer)),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Array(values) => Some(Value::List(values.iter().filter_map(value).collect())),
        Json::Object(members) => {
            let parts = members.iter().filter(|(name, _)| !name.contains('@'));
            Some(Value::Record(parts.filter_map(|(name, part)| Some((name.clone(), value(part)?))).collect()))
        }
    }
}

fn is_extension_slot(name: &str) -> bool {
    let number = name.strip_prefix("extensionAttribute").filter(|digits| !digits.starts_with(['0', '+']));
    number.and_then(|digits| digits.parse::<u8>().ok()).is_some_and(|number| (1..=15).contains(&number))
}

fn list<'a>(object: &'a Properties, property: &str) -> &'a [Json] {
    object.get(property).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn sip_address(object: &Properties) -> Option<Value> {
    let proxies = list(object, "proxyAddresses").iter().filter_map(Json::as_str);
    let sip =
        proxies.into_iter().find(|address| address.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:")));
    sip.map(Value::text).or_else(|| list(object, "imAddresses").first().and_then(value))
}

/// `ada_home.example#EXT#@tenant.example` is `ada@home.example` at home.
fn home_name(name: &str) -> String {
    let guest = name.split_once("#EXT#@").and_then(|(guest, _)| guest.rsplit_once('_'));
    guest.map_or_else(|| name.to_owned(), |(login, domain)| [login, "@", domain].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(name: &str, object: Json) -> Option<Option<Value>> {
        Attribute::of_schema(name).unwrap().read(object.as_object().unwrap())
    }

    #[test]
    fn schema_names_find_their_properties() {
        let text = |text: &str| Some(Some(Value::text(text)));
        let cases = [
            ("objectId", json!({ "id": "7" }), text("7")),
            ("id", json!({ "id": "7" }), text("7")),
            ("mobile", json!({ "mobilePhone": "1" }), text("1")),
            ("telephoneNumber", json!({ "businessPhones": ["1", "2"] }), text("1")),
            ("telephoneNumber", json!({ "businessPhones": [] }), Some(None)),
            ("physicalDeliveryOfficeName", json!({ "officeLocation": null }), Some(None)),
            (
                "extensionAttribute7",
                json!({ "onPremisesExtensionAttributes": { "extensionAttribute7": "x" } }),
                text("x"),
            ),
            ("extensionAttribute7", json!({ "onPremisesExtensionAttributes": null }), Some(None)),
            ("employeeOrgData.costCenter", json!({ "employeeOrgData": { "costCenter": "9" } }), text("9")),
            ("sipProxyAddress", json!({ "proxyAddresses": ["SMTP:a@b", "SIP:c@d"] }), text("SIP:c@d")),
            ("sipProxyAddress", json!({ "proxyAddresses": ["é"], "imAddresses": ["e@f"] }), text("e@f")),
            ("assignedLicenses", json!({ "assignedLicenses": [{ "skuId": "s" }] }), Some(Some(Value::texts(["s"])))),
            (
                "userPrincipalName",
                json!({ "userPrincipalName": "a_b_h.example#EXT#@t.example" }),
                text("a_b@h.example"),
            ),
            ("userPrincipalName", json!({ "userPrincipalName": "a_b@t.example" }), text("a_b@t.example")),
            ("originalUserPrincipalName", json!({ "userPrincipalName": "a_h#EXT#@t" }), text("a_h#EXT#@t")),
            ("department", json!({ "displayName": "x" }), None),
        ];
        for (name, object, expected) in cases {
            assert_eq!(read(name, object), expected, "{name}");
        }
    }

    #[test]
    fn computed_attributes_have_no_property() {
        assert!(COMPUTED.iter().all(|name| Attribute::of_schema(name).is_none()));
    }

    #[test]
    fn complex_values_lose_their_annotations_and_nulls() {
        let object = json!({ "x": { "@odata.type": "t", "a": 1, "b": null, "c@odata.type": "t", "d": [true, null] } });
        let parts = [("a".to_owned(), Value::Integer(1)), ("d".to_owned(), Value::List(vec![Value::Boolean(true)]))];
        assert_eq!(read("x", object), Some(Some(Value::Record(parts.into()))));
        assert_eq!(read("x", json!({ "x": 1.5 })), Some(Some(Value::text("1.5"))));
    }

    #[test]
    fn only_names_may_stand_in_a_selection() {
        assert!(is_selectable("extension_0c5f_cost"));
        for name in ["", "a,b", "a&b", "a b", "urn:x", "a.b", "ü"] {
            assert!(!is_selectable(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_or_value_can_break_the_reader(name in ".*", text in ".*") {
            if let Some(attribute) = Attribute::of_schema(&name) {
                let properties = attribute.properties().into_iter().map(|name| (name.to_owned(), json!(text)));
                let _ = attribute.read(&properties.collect());
            }
        }
    }
}
