//! A source that says what a test tells it to: one person and one group, in the words of a kind of directory.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use async_trait::async_trait;
use provisor::model::{Anchor, Attributes, Change, Departure, FeedId, Name, ObjectKind, SourceObject};
use provisor::source::{
    Checkpoint, Coverage, Feed, Fetched, Page, ReadEnd, Selection, ServerIdentity, Source, SourceError, Start,
};
use provisor::templates::Vocabulary;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::repository;

const PERSON: &str = "3f6f8f0e-8d5b-4c53-9a57-0c7f4be5a001";
const GROUP: &str = "3f6f8f0e-8d5b-4c53-9a57-0c7f4be5b001";

/// What the directory holds, before and after.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct People {
    person: Map<String, Value>,
    /// What is different once the person has changed.
    changed: Map<String, Value>,
    /// What is different once the account is disabled.
    disabled: Map<String, Value>,
    group: Map<String, Value>,
    renamed: Map<String, Value>,
}

/// What happens in the directory, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Created,
    Changed,
    LeftGroup,
    Disabled,
    PersonDeleted,
    GroupDeleted,
}

impl Event {
    pub(crate) const ALL: [Self; 6] =
        [Self::Created, Self::Changed, Self::LeftGroup, Self::Disabled, Self::PersonDeleted, Self::GroupDeleted];

    /// As the transcripts call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::LeftGroup => "left group",
            Self::Disabled => "disabled",
            Self::PersonDeleted => "person deleted",
            Self::GroupDeleted => "group deleted",
        }
    }
}

pub(crate) struct FixtureSource {
    people: People,
    kinds: Vec<ObjectKind>,
    now: Mutex<Event>,
}

impl FixtureSource {
    /// Only what the schema selects is delivered.
    pub(crate) fn new(vocabulary: Vocabulary, selection: &Selection) -> Self {
        let file = match vocabulary {
            Vocabulary::Graph => "fixtures/templates/people-graph.json",
            Vocabulary::Ldap => "fixtures/templates/people-ldap.json",
            Vocabulary::ActiveDirectory => "fixtures/templates/people-active-directory.json",
        };
        let people = serde_json::from_slice(&fs::read(repository(file)).unwrap()).unwrap();
        Self { people, kinds: selection.keys().cloned().collect(), now: Mutex::new(Event::Created) }
    }

    pub(crate) fn happens(&self, event: Event) {
        *self.now.lock().unwrap() = event;
    }

    fn person(&self, differences: &[&Map<String, Value>]) -> Change {
        object("User", PERSON, &self.people.person, differences, [("manager", Vec::new())])
    }

    fn group(&self, differences: &[&Map<String, Value>], members: &[&str]) -> Change {
        let members = members.iter().map(|anchor| Name::of_anchor(&Anchor::new(*anchor))).collect();
        object("Group", GROUP, &self.people.group, differences, [("members", members)])
    }

    fn news(&self, of: &str) -> Vec<Change> {
        let People { changed, disabled, renamed, .. } = &self.people;
        match (*self.now.lock().unwrap(), of) {
            (Event::Created, "users") => vec![self.person(&[])],
            (Event::Created, _) => vec![self.group(&[], &[PERSON])],
            (Event::Changed, "users") => vec![self.person(&[changed])],
            (Event::Changed, _) => vec![self.group(&[renamed], &[PERSON])],
            (Event::LeftGroup, "groups") => vec![self.group(&[renamed], &[])],
            (Event::Disabled, "users") => vec![self.person(&[changed, disabled])],
            (Event::PersonDeleted, "users") => vec![gone("User", PERSON)],
            (Event::GroupDeleted, "groups") => vec![gone("Group", GROUP)],
            _ => Vec::new(),
        }
    }
}

fn object(
    kind: &str,
    anchor: &str,
    attributes: &Map<String, Value>,
    differences: &[&Map<String, Value>],
    references: impl IntoIterator<Item = (&'static str, Vec<Name>)>,
) -> Change {
    let mut attributes = attributes.clone();
    for difference in differences {
        attributes.extend((*difference).clone());
    }
    let attributes: Attributes = serde_json::from_value(Value::Object(attributes)).unwrap();
    let anchor = Anchor::new(anchor);
    let references: BTreeMap<String, Vec<Name>> =
        references.into_iter().map(|(attribute, names)| (attribute.to_owned(), names)).collect();
    let names = vec![Name::of_anchor(&anchor)];
    Change::Object(SourceObject { kind: ObjectKind::new(kind), anchor, names, attributes, references })
}

fn gone(kind: &str, anchor: &str) -> Change {
    Change::Departed { kind: ObjectKind::new(kind), anchor: Anchor::new(anchor), departure: Departure::Deleted }
}

#[async_trait]
impl Source for FixtureSource {
    fn feeds(&self) -> Vec<Feed> {
        let all = [("users", "User"), ("groups", "Group")].map(|(id, kind)| (FeedId::new(id), ObjectKind::new(kind)));
        let selected = all.into_iter().filter(|(_, kind)| self.kinds.contains(kind));
        selected.map(|(id, kind)| Feed { id, kind: Some(kind) }).collect()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        Ok(ServerIdentity { directory: "fixture".to_owned(), view: "fixture".to_owned(), default_domain: None })
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let page = Page { changes: self.news(feed.id.as_str()), checkpoint: None };
        pages.send(page).await.map_err(|_| SourceError::Stopped { feed: feed.id.to_string() })?;
        let coverage = if start == Start::Full { Coverage::Everything } else { Coverage::Changes };
        Ok(ReadEnd { coverage, checkpoint: Some(Checkpoint("read".to_owned())) })
    }

    async fn fetch(&self, _kind: &ObjectKind, _anchor: &Anchor) -> Result<Fetched, SourceError> {
        Ok(Fetched::Gone)
    }
}
