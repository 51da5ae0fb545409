//! A directory whose people and groups are given by number and by the epoch that their anchors are of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use provisor::model::{Anchor, Attributes, Change, Departure, FeedId, Name, ObjectKind, SourceObject, Value};
use provisor::source::{
    Checkpoint, Coverage, Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start,
};
use tokio::sync::mpsc;

/// How objects refer to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum References {
    /// By names that a reload keeps, as LDAP does.
    ByName,
    /// By the anchors, as Graph does.
    ById,
}

type Objects = BTreeMap<Anchor, SourceObject>;

#[derive(Default)]
struct State {
    objects: Objects,
    told: Objects,
    gone_first: bool,
}

pub(super) struct Directory {
    references: References,
    state: Mutex<State>,
}

impl Directory {
    pub(super) fn new(references: References) -> Arc<Self> {
        Arc::new(Self { references, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn person_anchor(epoch: usize, number: usize) -> Anchor {
        Anchor::new(format!("{epoch:08}-0000-4000-8000-{number:012}"))
    }

    fn group_anchor(epoch: usize, number: usize) -> Anchor {
        Anchor::new(format!("{epoch:08}-0000-4000-9000-{number:012}"))
    }

    fn person_name(&self, epoch: usize, number: usize) -> Name {
        match self.references {
            References::ByName => Name::of_path(["dc=org", "ou=people", &format!("uid={number}")]),
            References::ById => Name::of_anchor(&Self::person_anchor(epoch, number)),
        }
    }

    fn group_name(&self, epoch: usize, number: usize) -> Name {
        match self.references {
            References::ByName => Name::of_path(["dc=org", "ou=groups", &format!("cn={number}")]),
            References::ById => Name::of_anchor(&Self::group_anchor(epoch, number)),
        }
    }

    /// There is such a person, with these attributes beside the usual ones.
    pub(super) fn person(&self, epoch: usize, number: usize, name: &str, given: &[(&str, &str)]) {
        let mut attributes = Attributes::from_iter([
            ("userPrincipalName", Value::text(format!("{name}@example.org"))),
            ("displayName", Value::text(name)),
            ("mailNickname", Value::text(name)),
            ("accountEnabled", Value::Boolean(true)),
        ]);
        for (name, value) in given {
            attributes.set(*name, Value::text(*value));
        }
        let (kind, anchor) = (ObjectKind::new("User"), Self::person_anchor(epoch, number));
        let references = BTreeMap::from([("manager".to_owned(), Vec::new())]);
        let names = vec![self.person_name(epoch, number)];
        let object = SourceObject { kind, anchor: anchor.clone(), names, attributes, references };
        self.state().objects.insert(anchor, object);
    }

    pub(super) fn manager(&self, epoch: usize, number: usize, manager: usize) {
        let manager = self.person_name(epoch, manager);
        let mut state = self.state();
        let object = state.objects.get_mut(&Self::person_anchor(epoch, number)).unwrap();
        object.references.insert("manager".to_owned(), vec![manager]);
    }

    /// The person has this value now.
    pub(super) fn set(&self, epoch: usize, number: usize, name: &str, value: Value) {
        let mut state = self.state();
        state.objects.get_mut(&Self::person_anchor(epoch, number)).unwrap().attributes.set(name, value);
    }

    /// There is such a group, with these people and groups in it.
    pub(super) fn group(&self, epoch: usize, number: usize, people: &[usize], groups: &[usize]) {
        let people = people.iter().map(|person| self.person_name(epoch, *person));
        let members = people.chain(groups.iter().map(|group| self.group_name(epoch, *group))).collect();
        self.group_with(epoch, number, members);
    }

    /// The same, with people of several epochs.
    pub(super) fn group_of(&self, epoch: usize, number: usize, people: impl Iterator<Item = (usize, usize)>) {
        self.group_with(epoch, number, people.map(|(epoch, number)| self.person_name(epoch, number)).collect());
    }

    fn group_with(&self, epoch: usize, number: usize, members: Vec<Name>) {
        let attributes = Attributes::from_iter([
            ("displayName", Value::text(format!("Group {number}"))),
            ("mailNickname", Value::text(format!("group{number}"))),
        ]);
        let (kind, anchor) = (ObjectKind::new("Group"), Self::group_anchor(epoch, number));
        let references = BTreeMap::from([("members".to_owned(), members)]);
        let names = vec![self.group_name(epoch, number)];
        let object = SourceObject { kind, anchor: anchor.clone(), names, attributes, references };
        self.state().objects.insert(anchor, object);
    }

    pub(super) fn remove(&self, epoch: usize, number: usize) {
        self.state().objects.remove(&Self::person_anchor(epoch, number));
    }

    /// Nobody is there any more.
    pub(super) fn forget(&self) {
        self.state().objects.clear();
    }

    pub(super) fn forget_groups(&self) {
        self.state().objects.retain(|_, object| object.kind.as_str() != "Group");
    }

    /// All that there is is news again.
    pub(super) fn forget_what_was_told(&self) {
        self.state().told.clear();
    }

    /// Whether changes begin with who is gone.
    pub(super) fn tell_the_gone_first(&self, first: bool) {
        self.state().gone_first = first;
    }

    fn news(&self, kind: &ObjectKind, all: bool) -> Vec<Change> {
        let State { objects, told, gone_first } = &mut *self.state();
        let of_kind = |object: &SourceObject| object.kind == *kind;
        let is_news = |object: &SourceObject| all || told.get(&object.anchor) != Some(object);
        let news = objects.values().filter(|object| of_kind(object) && is_news(object)).cloned().map(Change::Object);
        let news: Vec<Change> = news.collect();
        let gone = told.values().filter(|object| of_kind(object) && !objects.contains_key(&object.anchor));
        let gone = gone.filter(|_| !all).map(|object| Change::Departed {
            kind: kind.clone(),
            anchor: object.anchor.clone(),
            departure: Departure::Deleted,
        });
        let gone: Vec<Change> = gone.collect();
        told.retain(|_, object| !of_kind(object));
        told.extend(
            objects.iter().filter(|(_, object)| of_kind(object)).map(|(key, object)| (key.clone(), object.clone())),
        );
        if *gone_first { [gone, news].concat() } else { [news, gone].concat() }
    }
}

#[async_trait]
impl Source for Directory {
    fn feeds(&self) -> Vec<Feed> {
        let feeds = [("users", "User"), ("groups", "Group")];
        feeds.map(|(id, kind)| Feed { id: FeedId::new(id), kind: Some(ObjectKind::new(kind)) }).to_vec()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        Ok(ServerIdentity { directory: "numbered".to_owned(), view: "numbered".to_owned(), default_domain: None })
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let all = start == Start::Full;
        let changes = self.news(feed.kind.as_ref().unwrap(), all);
        // Small, so that a reload has several.
        for changes in changes.chunks(100) {
            let page = Page { changes: changes.to_vec(), checkpoint: None };
            pages.send(page).await.map_err(|_| SourceError::Stopped { feed: feed.id.to_string() })?;
        }
        let coverage = if all { Coverage::Everything } else { Coverage::Changes };
        Ok(ReadEnd { coverage, checkpoint: Some(Checkpoint("read".to_owned())) })
    }

    async fn fetch(&self, _: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
        Ok(self.state().objects.get(anchor).map_or(Fetched::Gone, |object| Fetched::Object(object.clone())))
    }
}
