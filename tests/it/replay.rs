//! Recorded and acted on twice, a page of the source leaves store and target as once: whatever it holds, and in whatever
//! order pages come that are about different objects.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provisor::model::{
    Anchor, Attributes, Change, Departure, FeedId, Name, ObjectKind, PartialObject, ReferenceChange, RemovalState,
    SourceObject, Value,
};
use provisor::source::{
    Checkpoint, Coverage, Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start,
};
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::support::gateway::{Gateway, tenant_of};

const PEOPLE: u8 = 5;
const GROUPS: u8 = 2;

/// A directory that says what it is told to say, once.
#[derive(Default)]
struct Scripted(Mutex<Vec<Change>>);

#[async_trait]
impl Source for Scripted {
    fn feeds(&self) -> Vec<Feed> {
        [("users", "User"), ("groups", "Group")]
            .map(|(id, kind)| Feed { id: FeedId::new(id), kind: Some(ObjectKind::new(kind)) })
            .to_vec()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        Ok(ServerIdentity { directory: "scripted".to_owned(), view: "scripted".to_owned(), default_domain: None })
    }

    async fn changes(&self, feed: &Feed, _: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let kind = feed.kind.clone().unwrap();
        let changes = self.0.lock().unwrap().extract_if(.., |change| kind_of(change) == &kind).collect();
        let page = Page { changes, checkpoint: None };
        pages.send(page).await.map_err(|_| SourceError::Stopped { feed: feed.id.to_string() })?;
        // Nothing follows from silence.
        Ok(ReadEnd { coverage: Coverage::Changes, checkpoint: Some(Checkpoint("read".to_owned())) })
    }

    async fn fetch(&self, _: &ObjectKind, _: &Anchor) -> Result<Fetched, SourceError> {
        Ok(Fetched::Gone)
    }
}

fn kind_of(change: &Change) -> &ObjectKind {
    match change {
        Change::Object(object) => &object.kind,
        Change::Partial(partial) => &partial.kind,
        Change::Departed { kind, .. } => kind,
        Change::Present(_) | Change::Container { .. } => panic!("neither is generated"),
    }
}

fn person(number: u8) -> Anchor {
    Anchor::new(format!("00000000-0000-4000-8000-{number:012}"))
}

fn group(number: u8) -> Anchor {
    Anchor::new(format!("00000000-0000-4000-9000-{number:012}"))
}

/// A person as the directory has it: a title, whether the account is enabled, and a manager.
fn present(number: u8, title: u8, enabled: bool, manager: Option<u8>) -> Change {
    let attributes = Attributes::from_iter([
        ("userPrincipalName", Value::text(format!("user{number}@example.org"))),
        ("displayName", Value::text(format!("User {number}"))),
        ("mailNickname", Value::text(format!("user{number}"))),
        ("jobTitle", Value::text(format!("title {title}"))),
        ("accountEnabled", Value::Boolean(enabled)),
    ]);
    let manager = manager.map(|manager| Name::of_anchor(&person(manager))).into_iter().collect();
    object("User", person(number), attributes, ("manager", manager))
}

fn crew(number: u8, members: &[u8]) -> Change {
    let attributes = Attributes::from_iter([
        ("displayName", Value::text(format!("Group {number}"))),
        ("mailNickname", Value::text(format!("group{number}"))),
    ]);
    let members = members.iter().map(|member| Name::of_anchor(&person(*member))).collect();
    object("Group", group(number), attributes, ("members", members))
}

fn object(kind: &str, anchor: Anchor, attributes: Attributes, (reference, to): (&str, Vec<Name>)) -> Change {
    let names = vec![Name::of_anchor(&anchor)];
    let references = BTreeMap::from([(reference.to_owned(), to)]);
    Change::Object(SourceObject { kind: ObjectKind::new(kind), anchor, names, attributes, references })
}

fn number(most: u8) -> impl Strategy<Value = u8> + Clone {
    1..=most
}

fn any_person() -> impl Strategy<Value = Change> {
    (number(PEOPLE), 0..3u8, prop::bool::weighted(0.8), prop::option::of(number(PEOPLE)))
        .prop_map(|(number, title, enabled, manager)| present(number, title, enabled, manager))
}

fn any_group() -> impl Strategy<Value = Change> {
    let members = prop::collection::vec(number(PEOPLE), 0..4);
    (number(GROUPS), members).prop_map(|(number, members)| crew(number, &members))
}

fn any_change() -> impl Strategy<Value = Change> {
    let departures = [Departure::SoftDeleted, Departure::LeftFeed, Departure::Deleted];
    prop_oneof![
        4 => any_person(),
        2 => any_group(),
        2 => (number(GROUPS), prop::collection::vec((number(PEOPLE), any::<bool>()), 1..3)).prop_map(|(of, members)| {
            let references = members.into_iter().map(|(member, present)| {
                let to = Name::of_anchor(&person(member));
                ReferenceChange { attribute: "members".to_owned(), to, present }
            });
            Change::Partial(PartialObject {
                kind: ObjectKind::new("Group"),
                anchor: group(of),
                names: vec![Name::of_anchor(&group(of))],
                attributes: [("displayName".to_owned(), Some(Value::text(format!("Group {of}"))))].into(),
                references: references.collect(),
            })
        }),
        1 => (number(PEOPLE), prop::sample::select(departures.to_vec())).prop_map(|(number, departure)| {
            Change::Departed { kind: ObjectKind::new("User"), anchor: person(number), departure }
        }),
    ]
}

/// A gateway between a scripted directory and an application.
struct World {
    gateway: Gateway,
    source: Arc<Scripted>,
}

impl World {
    async fn start() -> Self {
        let mut gateway = Gateway::start(tenant_of(0)).await;
        let source = Arc::new(Scripted::default());
        gateway.read_from(Arc::clone(&source) as Arc<dyn Source>);
        Self { gateway, source }
    }

    /// The page comes, and is acted on. Returns how many requests changed the target.
    async fn take(&self, page: &[Change]) -> u64 {
        *self.source.0.lock().unwrap() = page.to_vec();
        self.gateway.cycle().await.counters.writes
    }

    /// What target and store hold, by names that are the same in every world.
    async fn state(&self) -> (Vec<String>, Vec<String>) {
        let (users, groups) = (self.gateway.target.users().await, self.gateway.target.groups().await);
        let called: BTreeMap<&str, &str> =
            users.iter().map(|user| (user["id"].as_str().unwrap(), user["userName"].as_str().unwrap())).collect();
        let name = |id: &Json| id.as_str().and_then(|id| called.get(id)).map(|name| (*name).to_owned());
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut target: Vec<String> = users
            .iter()
            .map(|user| {
                let manager = name(&user[extension]["manager"]["value"]);
                format!("{} {} {} {manager:?}", user["userName"], user["title"], user["active"])
            })
            .chain(groups.iter().map(|group| {
                let members = group["members"].as_array().into_iter().flatten();
                let mut members: Vec<Option<String>> = members.map(|member| name(&member["value"])).collect();
                members.sort();
                format!("{} {members:?}", group["displayName"])
            }))
            .collect();
        target.sort();
        (target, self.stored(&called).await)
    }

    async fn stored(&self, called: &BTreeMap<&str, &str>) -> Vec<String> {
        let (store, job) = (&self.gateway.store, &self.gateway.job);
        let mut stored = Vec::new();
        for mapping in &job.schema.mappings {
            let anchors = (1..=PEOPLE).map(person).chain((1..=GROUPS).map(group));
            let keys: Vec<_> =
                anchors.map(|anchor| provisor::model::ObjectKey { mapping: mapping.id.clone(), anchor }).collect();
            for known in store.known(&job.id, &keys).await.unwrap() {
                let link = known.link.map(|link| (called.get(link.resource.as_str()).copied(), link.exported.len()));
                let edges: Vec<_> = known.edges.iter().map(|edge| (edge.key(), edge.wanted, edge.export)).collect();
                let removals: Vec<_> =
                    known.removals.iter().map(|removal| (&removal.effect, removal.state, &removal.reason)).collect();
                let failure = known.escrow.map(|escrow| escrow.failure.code);
                stored.push(format!(
                    "{} {:?} {:?} {link:?} {edges:?} {removals:?} {failure:?}",
                    known.key.anchor, known.lifecycle, known.attributes
                ));
            }
        }
        let counts = store.counts(&job.id).await.unwrap();
        stored.push(format!("{} linked, {} due, {} staged", counts.linked, counts.due, counts.staged));
        assert_eq!(store.open_intents_of(&job.id).await.unwrap(), []);
        assert_eq!(self.gateway.removals(RemovalState::Held).await, []);
        stored
    }
}

fn check<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, test: impl AsyncFn(T) -> Result<(), TestCaseError>) {
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner.run(&strategy, |value| runtime.block_on(test(value))).unwrap();
}

#[tokio::test]
async fn who_is_deleted_and_comes_back_in_one_page_is_still_found() {
    let world = World::start().await;
    world.take(&[present(1, 0, true, Some(2)), present(2, 0, true, None)]).await;
    let before = world.state().await;
    let gone = Change::Departed { kind: ObjectKind::new("User"), anchor: person(2), departure: Departure::Deleted };
    assert_eq!(world.take(&[present(1, 0, true, Some(2)), gone, present(2, 0, true, None)]).await, 0);
    assert_eq!(world.state().await, before);
    world.take(&[present(3, 0, true, Some(2))]).await;
    let (target, _) = world.state().await;
    assert!(target[2].contains("user3@") && target[2].contains("user2@"), "{target:?}");
}

#[test]
fn a_page_that_comes_again_changes_nothing() {
    let pages = prop::collection::vec(prop::collection::vec(any_change(), 1..6), 1..4);
    check(pages, async |pages| {
        let (once, twice) = (World::start().await, World::start().await);
        for page in &pages {
            let writes = once.take(page).await;
            prop_assert_eq!(twice.take(page).await, writes);
            prop_assert_eq!(twice.take(page).await, 0, "the same page again");
            prop_assert_eq!(once.state().await, twice.state().await);
        }
        Ok(())
    });
}

/// Everybody and every group once, dealt out to pages, and an order of these pages in which some come again.
fn dealt() -> impl Strategy<Value = (Vec<Vec<Change>>, Vec<usize>)> {
    let people: Vec<_> = (1..=PEOPLE)
        .map(|number| {
            (0..3u8, prop::bool::weighted(0.8), prop::option::of(self::number(PEOPLE)))
                .prop_map(move |(title, enabled, manager)| present(number, title, enabled, manager))
        })
        .collect();
    let groups: Vec<_> = (1..=GROUPS)
        .map(|number| prop::collection::vec(self::number(PEOPLE), 0..4).prop_map(move |members| crew(number, &members)))
        .collect();
    let places = prop::collection::vec(0..3usize, usize::from(PEOPLE + GROUPS));
    let order = (prop::collection::vec(0..3usize, 0..4), Just(vec![0, 1, 2]).prop_shuffle());
    (people, groups, places, order).prop_map(|(people, groups, places, (early, all))| {
        let mut pages = vec![Vec::new(); 3];
        for (change, place) in people.into_iter().chain(groups).zip(places) {
            pages[place].push(change);
        }
        let late = early.clone();
        (pages, early.into_iter().chain(all).chain(late).collect())
    })
}

#[test]
fn pages_in_any_order_and_number_leave_what_one_round_leaves() {
    check(dealt(), async |(pages, order)| {
        let (once, often) = (World::start().await, World::start().await);
        for page in &pages {
            once.take(page).await;
        }
        for place in order {
            often.take(&pages[place]).await;
        }
        prop_assert_eq!(often.take(&[]).await, 0, "nothing is left to do");
        prop_assert_eq!(once.take(&[]).await, 0, "nothing is left to do");
        prop_assert_eq!(once.state().await, often.state().await);
        Ok(())
    });
}
