//! From an entry to an object of the engine: attributes in the schema's spelling, references, whether the account is
//! enabled.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::model::{Anchor, Attributes, Change, ObjectKind, SourceObject, Value};
use crate::source::KindSelection;

use super::attribute_names::{canonical, is_binary};
use super::dn::{Dn, fold};
use super::entry::Entry;
use super::membership::{LOGIN, Reference, own_names};
use super::settings::DisabledRule;

/// The attribute that holds the anchor (RFC 4530).
pub(super) const ENTRY_UUID: &str = "entryUUID";

/// Virtual attributes: what the rules say about the account, and the object's DN.
const ACCOUNT_ENABLED: &str = "accountenabled";
const DN: &str = "dn";

/// What an entry becomes.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Container,
    Object(ObjectShape),
}

/// What is taken from an entry of one kind.
#[derive(Clone, Debug)]
pub(super) struct ObjectShape {
    kind: ObjectKind,
    attributes: Vec<Wanted>,
    references: Vec<Reference>,
    /// Canonical name, and the folded value that tells, or `None` for any.
    disabled_when: Vec<(String, Option<String>)>,
    has_logins: bool,
}

/// One attribute that is taken over.
#[derive(Clone, Debug)]
struct Wanted {
    /// As the schema spells it.
    spelling: String,
    canonical: String,
    is_binary: bool,
}

/// Why an entry cannot be an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its name is not a distinguished name")]
pub(super) struct NameProblem;

impl Shape {
    /// The attributes to ask the server for, by name: nothing is read that nobody wants.
    pub(super) fn requested(&self) -> Vec<String> {
        let mut names = vec![ENTRY_UUID.to_owned()];
        if let Self::Object(shape) = self {
            shape.request(&mut names);
        }
        names
    }

    /// What `entry` says about the object `anchor`.
    pub(super) fn change(&self, anchor: Anchor, entry: &Entry) -> Result<Change, NameProblem> {
        let dn = std::str::from_utf8(&entry.dn).ok().and_then(|text| Dn::parse(text).ok()).ok_or(NameProblem)?;
        Ok(match self {
            Self::Container => Change::Container { anchor, name: dn.name() },
            Self::Object(shape) => Change::Object(shape.object(anchor, &dn, entry)),
        })
    }
}

impl ObjectShape {
    pub(super) fn new(
        kind: &ObjectKind,
        selection: &KindSelection,
        disabled_when: &[DisabledRule],
        has_logins: bool,
    ) -> Self {
        let rule =
            |rule: &DisabledRule| (canonical(&rule.attribute), rule.equals.as_deref().map(|text| fold(text.trim())));
        Self {
            kind: kind.clone(),
            attributes: selection.attributes.iter().map(|name| Wanted::new(name)).collect(),
            references: selection.references.iter().map(|name| Reference::new(name)).collect(),
            disabled_when: disabled_when.iter().map(rule).collect(),
            has_logins,
        }
    }

    fn request(&self, names: &mut Vec<String>) {
        let virtual_or_known = |canonical: &str| matches!(canonical, ACCOUNT_ENABLED | DN | "entryuuid");
        let attributes = self.attributes.iter().filter(|wanted| !virtual_or_known(&wanted.canonical));
        names.extend(attributes.map(|wanted| wanted.spelling.clone()));
        names.extend(self.references.iter().flat_map(Reference::requested).map(str::to_owned));
        names.extend(self.disabled_when.iter().map(|(name, _)| name.clone()));
        if self.has_logins {
            names.push(LOGIN.to_owned());
        }
        let mut known = std::collections::BTreeSet::new();
        names.retain(|name| known.insert(canonical(name)));
    }

    fn object(&self, anchor: Anchor, dn: &Dn, entry: &Entry) -> SourceObject {
        let names = own_names(dn, entry, self.has_logins);
        let references: BTreeMap<_, _> = self
            .references
            .iter()
            .map(|reference| (reference.spelling.clone(), reference.names(entry, &names[0], &anchor)))
            .collect();
        let mut attributes = Attributes::default();
        for wanted in &self.attributes {
            let value = match wanted.canonical.as_str() {
                ACCOUNT_ENABLED => Some(Value::Boolean(!self.is_disabled(entry))),
                DN => Some(Value::text(dn.as_str())),
                _ => value(entry, wanted, &anchor),
            };
            if let Some(value) = value {
                attributes.set(wanted.spelling.as_str(), value);
            }
        }
        SourceObject { kind: self.kind.clone(), anchor, names, attributes, references }
    }

    fn is_disabled(&self, entry: &Entry) -> bool {
        self.disabled_when.iter().any(|(attribute, expected)| {
            entry.values(attribute).iter().any(|value| match expected {
                None => true,
                Some(expected) => std::str::from_utf8(value).is_ok_and(|text| fold(text.trim()) == *expected),
            })
        })
    }
}

impl Wanted {
    fn new(spelling: &str) -> Self {
        let canonical = canonical(spelling);
        Self { spelling: spelling.to_owned(), is_binary: is_binary(&canonical), canonical }
    }
}

/// The anchor an entry carries.
pub(super) fn anchor_of(entry: &Entry) -> Option<Anchor> {
    entry.text("entryuuid").and_then(|text| Uuid::parse_str(text.trim()).ok()).map(anchor_from)
}

/// The anchor for the 16 bytes that stand for an entry in synchronization messages.
pub(super) fn anchor_from(uuid: Uuid) -> Anchor {
    Anchor::new(uuid.hyphenated().to_string())
}

/// The values of an attribute, in an order of our own, because a directory has none: one alone, or a list.
fn value(entry: &Entry, wanted: &Wanted, anchor: &Anchor) -> Option<Value> {
    let raw = entry.values(&wanted.canonical);
    let mut values: Vec<Value> = if wanted.is_binary {
        let mut raw = raw.to_vec();
        raw.sort();
        raw.into_iter().map(Value::Binary).collect()
    } else {
        let mut unreadable = 0;
        let mut texts: Vec<String> = Vec::with_capacity(raw.len());
        for value in raw {
            match std::str::from_utf8(value) {
                Ok(value) => texts.extend(text(value)),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::warn!(object.anchor = %anchor, attribute = wanted.canonical, unreadable, "values that are not UTF-8 are skipped");
        }
        texts.sort();
        texts.dedup();
        texts.into_iter().map(Value::Text).collect()
    };
    if values.len() > 1 { Some(Value::List(values)) } else { values.pop() }
}

/// A value as text: NFC, without blanks around it; `None` when nothing is left.
fn text(value: &str) -> Option<String> {
    let text = value.trim();
    // ASCII is its own normal form.
    let text = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&[u8]])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| value.to_vec()).collect()));
        Entry::new(b"uid=ada,ou=people,dc=org".to_vec(), attributes)
    }

    fn shape(attributes: &[&str], rules: &[(&str, Option<&str>)]) -> Shape {
        let selection = KindSelection {
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            references: ["manager".to_owned()].into(),
        };
        let rules: Vec<_> = rules
            .iter()
            .map(|(attribute, equals)| DisabledRule {
                attribute: (*attribute).to_owned(),
                equals: equals.map(str::to_owned),
            })
            .collect();
        Shape::Object(ObjectShape::new(&ObjectKind::new("User"), &selection, &rules, true))
    }

    fn object(shape: &Shape, entry: &Entry) -> SourceObject {
        match shape.change(Anchor::new("a"), entry) {
            Ok(Change::Object(object)) => object,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn attributes_answer_in_the_schemas_spelling() {
        let entry = entry(&[("GIVENNAME", &[b"Ada"]), ("surname", &[b"Lovelace"]), ("mail", &[b"b@x", b"a@x"])]);
        let object = object(&shape(&["givenName", "sn", "mail", "title"], &[]), &entry);
        assert_eq!(object.attributes.get("givenName"), Some(&Value::text("Ada")));
        assert_eq!(object.attributes.get("sn"), Some(&Value::text("Lovelace")));
        assert_eq!(object.attributes.get("mail"), Some(&Value::texts(["a@x", "b@x"])));
        assert_eq!(object.attributes.get("title"), None);
        assert_eq!(object.references["manager"], []);
    }

    #[test]
    fn bytes_are_decided_by_name_and_bad_text_is_skipped() {
        let entry =
            entry(&[("jpegPhoto", &[b"plain text"]), ("cn", &[b"\xff\xfe", b" Ada\xcc\x81 "]), ("sn", &[b"\xff"])]);
        let object = object(&shape(&["jpegPhoto", "cn", "sn"], &[]), &entry);
        assert_eq!(object.attributes.get("jpegPhoto"), Some(&Value::Binary(b"plain text".to_vec())));
        assert_eq!(object.attributes.get("cn"), Some(&Value::text("Adá")));
        assert_eq!(object.attributes.get("sn"), None);
    }

    #[test]
    fn any_rule_disables() {
        let rules = [("employeeType", Some("Inactive")), ("pwdAccountLockedTime", None)];
        let shape = shape(&["accountEnabled", "dn"], &rules);
        let enabled = |attributes: &[(&str, &[&[u8]])]| {
            object(&shape, &entry(attributes)).attributes.get("accountEnabled").cloned()
        };
        assert_eq!(enabled(&[]), Some(Value::Boolean(true)));
        assert_eq!(enabled(&[("employeeType", &[b"active"])]), Some(Value::Boolean(true)));
        assert_eq!(enabled(&[("employeetype", &[b"active", b"INACTIVE "])]), Some(Value::Boolean(false)));
        assert_eq!(enabled(&[("pwdAccountLockedTime", &[b"000001010000Z"])]), Some(Value::Boolean(false)));
        assert_eq!(object(&shape, &entry(&[])).attributes.get("dn"), Some(&Value::text("uid=ada,ou=people,dc=org")));
    }

    #[test]
    fn only_what_is_wanted_is_requested() {
        let shape = shape(&["accountEnabled", "dn", "mail", "MAIL", "uid"], &[("employeeType", None)]);
        assert_eq!(shape.requested(), ["entryUUID", "MAIL", "uid", "manager", "employeetype"]);
        assert_eq!(Shape::Container.requested(), ["entryUUID"]);
    }

    #[test]
    fn anchors_have_one_text_form() {
        let text = "50706801-A7A5-48f5-9432-838741218298";
        let entry = entry(&[("entryUUID", &[text.as_bytes()])]);
        assert_eq!(anchor_of(&entry), Some(Anchor::new(text.to_lowercase())));
        let bytes = *Uuid::parse_str(text).unwrap().as_bytes();
        assert_eq!(anchor_from(Uuid::from_bytes(bytes)), Anchor::new(text.to_lowercase()));
        assert_eq!(anchor_of(&Entry::new(Vec::new(), [])), None);
    }

    #[test]
    fn an_entry_whose_name_cannot_be_read_is_no_object() {
        for dn in [&b"\xff"[..], b"not a name"] {
            assert_eq!(shape(&[], &[]).change(Anchor::new("a"), &Entry::new(dn.to_vec(), [])), Err(NameProblem));
        }
    }
}
