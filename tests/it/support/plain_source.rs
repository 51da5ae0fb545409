//! A source that holds the people a test gives it, and tells of those that were given anew since it was last asked.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use provisor::model::{Anchor, Attributes, Change, Departure, FeedId, Name, ObjectKind, SourceObject};
use provisor::source::{
    Checkpoint, Coverage, Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start,
};
use serde_json::Value;
use tokio::sync::mpsc;

/// People by anchor, with the attributes that they have.
#[derive(Default)]
pub(crate) struct PlainSource {
    people: Mutex<BTreeMap<String, Attributes>>,
    told: Mutex<BTreeMap<String, Attributes>>,
    left: Mutex<BTreeMap<String, Departure>>,
    untold: Mutex<Vec<Change>>,
}

impl PlainSource {
    /// The person has these attributes from now on, and no others. Values as the store writes them: `{"$record": …}`.
    pub(crate) fn give(&self, anchor: &str, attributes: Value) {
        let attributes: Attributes = serde_json::from_value(attributes).unwrap();
        self.left.lock().unwrap().remove(anchor);
        self.people.lock().unwrap().insert(anchor.to_owned(), attributes);
    }

    /// The person is no longer delivered.
    pub(crate) fn depart(&self, anchor: &str, departure: Departure) {
        self.people.lock().unwrap().remove(anchor);
        self.left.lock().unwrap().insert(anchor.to_owned(), departure);
        let (kind, anchor) = (ObjectKind::new("User"), Anchor::new(anchor));
        self.untold.lock().unwrap().push(Change::Departed { kind, anchor, departure });
    }

    fn object(anchor: &str, attributes: &Attributes) -> SourceObject {
        let anchor = Anchor::new(anchor);
        let names = vec![Name::of_anchor(&anchor)];
        let (kind, attributes, references) = (ObjectKind::new("User"), attributes.clone(), BTreeMap::new());
        SourceObject { kind, anchor, names, attributes, references }
    }
}

#[async_trait]
impl Source for PlainSource {
    fn feeds(&self) -> Vec<Feed> {
        vec![Feed { id: FeedId::new("users"), kind: Some(ObjectKind::new("User")) }]
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        Ok(ServerIdentity { directory: "plain".to_owned(), view: "plain".to_owned(), default_domain: None })
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let people = self.people.lock().unwrap().clone();
        let told = std::mem::replace(&mut *self.told.lock().unwrap(), people.clone());
        let is_news =
            |anchor: &str, attributes: &Attributes| start == Start::Full || told.get(anchor) != Some(attributes);
        let departed = std::mem::take(&mut *self.untold.lock().unwrap());
        let departed = departed.into_iter().filter(|_| start != Start::Full);
        let changes: Vec<Change> = people
            .iter()
            .filter(|(anchor, attributes)| is_news(anchor, attributes))
            .map(|(anchor, attributes)| Change::Object(Self::object(anchor, attributes)))
            .chain(departed)
            .collect();
        pages
            .send(Page { changes, checkpoint: None })
            .await
            .map_err(|_| SourceError::Stopped { feed: feed.id.to_string() })?;
        let coverage = if start == Start::Full { Coverage::Everything } else { Coverage::Changes };
        Ok(ReadEnd { coverage, checkpoint: Some(Checkpoint("read".to_owned())) })
    }

    async fn find(&self, _kind: &ObjectKind, text: &str) -> Result<Vec<Anchor>, SourceError> {
        Ok(self.people.lock().unwrap().contains_key(text).then(|| Anchor::new(text)).into_iter().collect())
    }

    async fn fetch(&self, _kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
        let people = self.people.lock().unwrap();
        Ok(match people.get(anchor.as_str()) {
            Some(attributes) => Fetched::Object(Self::object(anchor.as_str(), attributes)),
            None => match self.left.lock().unwrap().get(anchor.as_str()) {
                Some(Departure::SoftDeleted) => Fetched::SoftDeleted,
                Some(Departure::LeftFeed) => Fetched::OutsideFeed,
                _ => Fetched::Gone,
            },
        })
    }
}
