//! One page of the provisioning log as its columns hold it. Pure.
//!
//! What lines have in common stands once: the types of their objects, the lists of attributes that changed, the
//! explanations of a scope.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::{Anchor, ObjectKey, ObjectKind, ObjectMappingId, ResourceId, ResourceKind, TargetPath};
use crate::provisioning_log::{
    Act, Event, Logged, ModifiedProperty, Reason, ReferenceChanges, Status, Subject, Summary,
};

use super::StoreError;
use super::columns::{from_json, to_json};

/// The bytes of one hash.
const HASH: usize = size_of::<u32>();

#[derive(Default, Serialize, Deserialize)]
struct Page {
    types: Vec<Types>,
    paths: Vec<Vec<TargetPath>>,
    scopes: Vec<String>,
    lines: Vec<Line>,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct Types {
    mapping: ObjectMappingId,
    source: ObjectKind,
    target: ResourceKind,
}

/// A line. Its numbers are places in the lists of the page.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(rename = "y")]
    types: usize,
    #[serde(rename = "o")]
    anchor: Anchor,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceId>,
    #[serde(rename = "a")]
    action: Act,
    #[serde(rename = "s")]
    status: Status,
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    scope: Option<usize>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(rename = "p")]
    paths: usize,
    /// The new values, in the order of the paths.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    new: Vec<Json>,
    /// The old ones; none when there was none.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    old: Vec<Json>,
    #[serde(rename = "e", default, skip_serializing_if = "ReferenceChanges::is_empty")]
    references: ReferenceChanges,
    #[serde(rename = "d", default)]
    milliseconds: u64,
}

/// The place of a value in a list, where it is put unless it is there. The lists are short: the objects of a page mostly
/// change alike.
fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    })
}

/// The column `lines`.
pub(super) fn write(lines: &[(&ObjectKey, &Summary)]) -> String {
    let mut page = Page::default();
    for (key, Summary { subject, event }) in lines {
        let types = Types {
            mapping: key.mapping.clone(),
            source: subject.source_kind.clone(),
            target: subject.target_kind.clone(),
        };
        let value = |value: &Option<Json>| value.clone().unwrap_or_default();
        let had_values = event.modified.iter().any(|property| property.old.is_some());
        let old = event.modified.iter().filter(|_| had_values);
        let line = Line {
            types: place(&mut page.types, types),
            anchor: key.anchor.clone(),
            name: subject.name.clone(),
            resource: subject.resource.clone(),
            action: event.action,
            status: event.status,
            adopted: event.adopted,
            scope: subject.scope.clone().map(|scope| place(&mut page.scopes, scope)),
            reason: event.reason.clone(),
            paths: place(&mut page.paths, event.modified.iter().map(|property| property.path.clone()).collect()),
            new: event.modified.iter().map(|property| value(&property.new)).collect(),
            old: old.map(|property| value(&property.old)).collect(),
            references: event.references.clone(),
            milliseconds: u64::try_from(event.duration.as_millis()).unwrap_or(u64::MAX),
        };
        page.lines.push(line);
    }
    to_json(&page)
}

/// What [`write()`] wrote.
pub(super) fn read(text: &str) -> Result<Vec<(ObjectKey, Summary)>, StoreError> {
    let Page { types, paths, scopes, lines } = from_json("lines", text)?;
    let corrupt = || StoreError::Corrupt { column: "lines", cause: None };
    let lines = lines.into_iter().map(|line| {
        let Types { mapping, source, target } = types.get(line.types).ok_or_else(corrupt)?;
        let scope = line.scope.map(|place| scopes.get(place).cloned().ok_or_else(corrupt)).transpose()?;
        let paths = paths.get(line.paths).ok_or_else(corrupt)?;
        let (mut old, mut new) = (line.old.into_iter(), line.new.into_iter());
        let modified = paths.iter().map(|path| ModifiedProperty {
            path: path.clone(),
            old: old.next().filter(|value| !value.is_null()),
            new: new.next().filter(|value| !value.is_null()),
        });
        let event = Event {
            action: line.action,
            status: line.status,
            adopted: line.adopted,
            reason: line.reason,
            modified: modified.collect(),
            references: line.references,
            duration: Duration::from_millis(line.milliseconds),
        };
        let subject = Subject {
            source_kind: source.clone(),
            target_kind: target.clone(),
            name: line.name,
            resource: line.resource,
            scope,
        };
        Ok((ObjectKey { mapping: mapping.clone(), anchor: line.anchor }, Summary { subject, event }))
    });
    lines.collect()
}

/// What a search needs of these lines: the columns `statuses` and `objects`.
pub(super) fn head(lines: &[(&ObjectKey, &Summary)]) -> (i64, Vec<u8>) {
    let statuses = lines.iter().fold(0, |statuses, (_, summary)| statuses | bit(summary.event.status));
    let words = lines.iter().flat_map(|(key, summary)| words(key, &summary.subject));
    let hashes = words.flat_map(|word| hash(&folded(word)).to_le_bytes());
    (statuses, hashes.collect())
}

/// The bit of a status.
pub(super) fn bit(status: Status) -> i64 {
    1 << status as u8
}

/// What an object is found by.
fn words<'a>(key: &'a ObjectKey, subject: &'a Subject) -> impl Iterator<Item = &'a str> {
    let resource = subject.resource.as_ref().map(ResourceId::as_str);
    [Some(key.anchor.as_str()), subject.name.as_deref(), resource].into_iter().flatten()
}

/// A word in the form that two equal ones share.
pub(super) fn folded(word: &str) -> String {
    word.to_lowercase()
}

/// False when no line of the page with these hashes is about the object.
pub(super) fn may_hold(hashes: &[u8], folded: &str) -> bool {
    let wanted = hash(folded).to_le_bytes();
    hashes.chunks_exact(HASH).any(|hash| *hash == wanted)
}

/// True when the line is about the object.
pub(super) fn is_about(line: &Logged, object: &str) -> bool {
    words(&line.key, &line.summary.subject).any(|word| folded(word) == object)
}

/// FNV-1a: it is stored, so it has to be the same in every version of the program.
fn hash(word: &str) -> u32 {
    word.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(name: &str, modified: &[(&str, Json, Json)]) -> Summary {
        let some = |value: &Json| Some(value.clone()).filter(|value| !value.is_null());
        let modified = modified.iter().map(|(path, old, new)| ModifiedProperty {
            path: TargetPath::new(*path),
            old: some(old),
            new: some(new),
        });
        Summary {
            subject: Subject {
                source_kind: ObjectKind::new("User"),
                target_kind: ResourceKind::new("Users"),
                name: Some(name.to_owned()),
                resource: Some(ResourceId::new(["r-", name].concat())),
                scope: (name == "bob").then(|| "out of scope".to_owned()),
            },
            event: Event { modified: modified.collect(), ..Event::of(Act::Create, Status::Success) },
        }
    }

    fn key(anchor: &str) -> ObjectKey {
        ObjectKey { mapping: ObjectMappingId::new("m"), anchor: Anchor::new(anchor) }
    }

    #[test]
    fn a_page_reads_back_equal_and_repeats_no_attribute() {
        let (ada, bob) = (key("1"), key("2"));
        let created =
            |name| summary(name, &[("displayName", Json::Null, json!(name)), ("active", Json::Null, json!(true))]);
        let mut failed = summary("bob", &[("title", json!("a"), Json::Null), ("x", Json::Null, json!({ "y": [1] }))]);
        failed.event.reason = Some(Reason { text: Some("no".to_owned()), ..Reason::code("Timeout") });
        failed.event.duration = Duration::from_millis(7);
        let lines = [(&ada, &created("ada")), (&bob, &created("zoë")), (&bob, &failed)].map(|(k, s)| (k, s.clone()));
        let borrowed: Vec<_> = lines.iter().map(|(key, summary)| (*key, summary)).collect();
        let text = write(&borrowed);
        assert_eq!(text.matches("displayName").count(), 1, "{text}");
        let read: Vec<_> = read(&text).unwrap();
        assert_eq!(read, lines.map(|(key, summary)| (key.clone(), summary)));
    }

    #[test]
    fn a_head_tells_who_may_be_in_the_page() {
        let (ada, line) = (key("Anchor-1"), summary("Zoë@Example.org", &[]));
        let (statuses, hashes) = head(&[(&ada, &line)]);
        assert_eq!((statuses, hashes.len()), (bit(Status::Success), 3 * HASH));
        for (word, held) in [("anchor-1", true), ("zoë@example.org", true), ("r-zoë@example.org", true), ("ada", false)]
        {
            assert_eq!(may_hold(&hashes, word), held, "{word}");
        }
        assert_eq!(hash(""), 0x811c_9dc5);
        assert_eq!(hash("foobar"), 0xbf9c_f968, "as the authors of FNV-1a publish it");
    }

    #[test]
    fn what_is_no_page_is_an_error() {
        for text in [
            "",
            "[]",
            r#"{"types":[],"paths":[],"scopes":[],"lines":[{"y":0,"o":"a","a":"create","s":"success","p":0}]}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
