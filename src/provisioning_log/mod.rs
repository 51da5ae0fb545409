//! The provisioning log: what is said of an object each time it was acted on.
//!
//! A [`Summary`] holds facts. The steps (`steps`), the advice (`advice`) and the documents that people and programs
//! read (`document`, `csv`) follow from them, so none of that is stored.

mod advice;
mod csv;
mod document;
mod steps;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::model::{CycleId, EdgeKey, JobId, ObjectKey, ObjectKind, ResourceId, ResourceKind, SentEdge, TargetPath};

pub use advice::{explanation, recommended_action};
pub use csv::{COLUMNS, header, row};
pub use document::{document, property};
pub use steps::{Step, StepType, steps};

/// Stands for a value that a mapping redacts, or that the target never shows.
pub const REDACTED: &str = "[Redact]";

/// Names of references that a summary keeps; the number is always whole.
const REFERENCES_NAMED: usize = 5;

/// The longest value that is kept, in characters; the rest of a photo or a certificate tells nobody anything.
const LONGEST_VALUE: usize = 1000;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word of the wire contract.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}
use words;

words! {
    /// What was done, or tried.
    Act {
        Create = "create",
        Update = "update",
        Disable = "disable",
        Delete = "delete",
        /// An existing resource was adopted and nothing was sent. An addition of this product: the wire contract has
        /// `other` for it.
        Link = "link",
        /// Nothing was sent for it.
        Other = "other",
    }
}

words! {
    /// How it ended.
    Status {
        Success = "success",
        Failure = "failure",
        Skipped = "skipped",
        Warning = "warning",
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub subject: Subject,
    pub event: Event,
}

/// Whom a summary is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What the source calls it.
    pub source_kind: ObjectKind,
    /// The endpoint of the target.
    pub target_kind: ResourceKind,
    /// Its user name, else its display name, as the mapping has it; `None` where it has neither or redacts it.
    pub name: Option<String>,
    pub resource: Option<ResourceId>,
    /// Why it is not in scope, test by test; never a value of it.
    pub scope: Option<String>,
}

/// What happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub action: Act,
    pub status: Status,
    /// True when a resource that was there before was found by matching.
    pub adopted: bool,
    pub reason: Option<Reason>,
    pub modified: Vec<ModifiedProperty>,
    pub references: ReferenceChanges,
    /// How long its requests took.
    pub duration: Duration,
}

impl Event {
    /// Nothing was sent for it.
    pub fn other(status: Status, reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::of(Act::Other, status) }
    }

    /// An event of which no more is to be said.
    pub fn of(action: Act, status: Status) -> Self {
        Self {
            action,
            status,
            adopted: false,
            reason: None,
            modified: Vec::new(),
            references: ReferenceChanges::default(),
            duration: Duration::ZERO,
        }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// An error code of the wire contract, or the name of why something was skipped.
    #[serde(rename = "c")]
    pub code: String,
    /// What there is to say beside what [`explanation`] says of the code.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub request: Option<FailedRequest>,
}

impl Reason {
    /// A reason that its code says all about.
    pub fn code(code: impl Into<String>) -> Self {
        Self { code: code.into(), text: None, request: None }
    }
}

/// A request that was not confirmed, with the answer: no header, no body, no credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRequest {
    /// Method and route: `PATCH /Users/{id}`.
    pub request: String,
    /// `None` when no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<String>,
    /// The `detail` of the SCIM error (RFC 7644 section 3.12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// One target attribute with its value before and after; `None` is no value, or one that nobody knows.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifiedProperty {
    pub path: TargetPath,
    pub old: Option<Json>,
    pub new: Option<Json>,
}

/// `1 line`, `2 lines`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// A value as the log keeps it: cut where it is very long.
pub fn shown(value: &Json) -> Json {
    let long = |text: &str| text.len() > LONGEST_VALUE;
    match value {
        Json::String(text) if long(text) => Json::String(cut(text)),
        Json::Array(_) | Json::Object(_) => {
            let text = value.to_string();
            if long(&text) { Json::String(cut(&text)) } else { value.clone() }
        }
        value => value.clone(),
    }
}

fn cut(text: &str) -> String {
    let mut kept: String = text.chars().take(LONGEST_VALUE).collect();
    kept.push('…');
    kept
}

/// References that were sent: how many, and the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceChanges {
    pub added: u64,
    pub removed: u64,
    pub first: Vec<ReferenceChange>,
}

/// One reference that was added or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceChange {
    /// The reference attribute of the source.
    pub attribute: String,
    /// The resource it leads to.
    pub resource: ResourceId,
    pub added: bool,
}

impl ReferenceChanges {
    /// What is said of these references.
    pub fn of(sent: &[SentEdge]) -> Self {
        let added = sent.iter().filter(|edge| edge.added).count() as u64;
        let first = sent.iter().take(REFERENCES_NAMED).map(|SentEdge { key, resource, added }| {
            let EdgeKey { attribute, .. } = key;
            ReferenceChange { attribute: attribute.clone(), resource: resource.clone(), added: *added }
        });
        Self { added, removed: sent.len() as u64 - added, first: first.collect() }
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.added + self.removed == 0
    }
}

/// Which line of the log; later lines have greater ids. Written `page.line`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId {
    /// A UUID version 7, which sorts by time.
    pub page: Uuid,
    /// Its place within the page.
    pub line: usize,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.page, self.line)
    }
}

/// A text that is no id of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a line of the provisioning log: `page.line`, as the log shows it")]
pub struct NotALogId;

impl std::str::FromStr for LogId {
    type Err = NotALogId;

    fn from_str(text: &str) -> Result<Self, NotALogId> {
        let (page, line) = text.split_once('.').ok_or(NotALogId)?;
        Ok(Self { page: page.parse().map_err(|_| NotALogId)?, line: line.parse().map_err(|_| NotALogId)? })
    }
}

/// A line with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    pub id: LogId,
    pub job: JobId,
    pub cycle: CycleId,
    pub key: ObjectKey,
    pub at: DateTime<Utc>,
    pub summary: Summary,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Name;

    #[test]
    fn long_values_are_cut_and_others_kept() {
        for value in [json!(null), json!(true), json!("Zürich"), json!([1, 2]), json!("é".repeat(400))] {
            assert_eq!(shown(&value), value);
        }
        let long = shown(&json!("é".repeat(5000)));
        assert_eq!(long.as_str().map(|text| text.chars().count()), Some(LONGEST_VALUE + 1));
        assert!(shown(&json!(["x".repeat(5000)])).is_string());
    }

    #[test]
    fn references_are_counted_whole_and_named_in_part() {
        let edge = |number: u32, added| SentEdge {
            key: EdgeKey { attribute: "members".to_owned(), reference: Name::of_login(&number.to_string()) },
            resource: ResourceId::new(number.to_string()),
            added,
        };
        let sent: Vec<SentEdge> = (0..9).map(|number| edge(number, number % 3 != 0)).collect();
        let changes = ReferenceChanges::of(&sent);
        assert_eq!((changes.added, changes.removed, changes.first.len()), (6, 3, REFERENCES_NAMED));
        assert!(ReferenceChanges::of(&[]).is_empty());
    }

    #[test]
    fn ids_read_back_and_nothing_else_is_one() {
        let id = LogId { page: Uuid::now_v7(), line: 7 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", ".", "x.1", "0.0.0"] {
            assert!(text.parse::<LogId>().is_err(), "{text}");
        }
    }
}
