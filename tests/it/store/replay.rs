//! Recording is idempotent: any pages applied twice leave what one application leaves.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use provisor::model::{
    Anchor, Attributes, Change, Departure, Name, ObjectKey, ObjectKind, PartialObject, ReferenceChange, SourceObject,
    Value,
};
use provisor::secret::Secret;
use provisor::store::Store;

use super::world::{World, group_key, user_key};

const ANCHORS: [&str; 4] = ["a", "b", "c", "d"];

fn anchor() -> impl Strategy<Value = &'static str> {
    prop::sample::select(ANCHORS.as_slice())
}

fn name() -> impl Strategy<Value = Name> {
    let rdn = prop::sample::select(["u", "v", "w", "x"].as_slice());
    let container = prop::sample::select([["o", "p"], ["o", "q"]].as_slice());
    (container, rdn).prop_map(|([root, inner], rdn)| Name::of_path([root, inner, rdn]))
}

fn change() -> impl Strategy<Value = Change> {
    let kind = prop::sample::select([("User", "manager"), ("Group", "members")].as_slice());
    let names = || prop::collection::vec(name(), 0..3);
    prop_oneof![
            3 => (kind.clone(), anchor(), names(), names(), 0..3i64).prop_map(|((kind, attribute), anchor, names, to, mail)| {
                Change::Object(SourceObject {
                    kind: ObjectKind::new(kind),
                    anchor: Anchor::new(format!("{kind}-{anchor}")),
                    names,
                    attributes: Attributes::from_iter([("mail", Value::Integer(mail))]),
                    references: [(attribute.to_owned(), to)].into(),
                })
            }),
            2 => (kind, anchor(), names(), prop::collection::vec((name(), any::<bool>()), 0..3)).prop_map(
                |((kind, attribute), anchor, names, references)| {
                    let references = references.into_iter();
                    Change::Partial(PartialObject {
                        kind: ObjectKind::new(kind),
                        anchor: Anchor::new(format!("{kind}-{anchor}")),
                        names,
                        attributes: [("mail".to_owned(), None)].into(),
                        references: references
                            .map(|(to, present)| ReferenceChange { attribute: attribute.to_owned(), to, present })
                            .collect(),
                    })
                }
            ),
            1 => (anchor(), prop::sample::select(
                [Departure::SoftDeleted, Departure::LeftFeed, Departure::Deleted].as_slice(),
            ))
                .prop_map(|(anchor, departure)| Change::Departed {
    kind: ObjectKind::new("User"), anchor: Anchor::new(format!("User-{anchor}")), departure }),
            1 => prop::collection::vec(anchor(), 0..3).prop_map(|anchors| {
                Change::Present(anchors.into_iter().map(|anchor| Anchor::new(format!("User-{anchor}"))).collect())
            }),
        ]
}

/// A page: containers first, each once, as a source delivers them; then objects.
fn page() -> impl Strategy<Value = Vec<Change>> {
    let container = (anchor(), prop::sample::select(["p", "q", "r"].as_slice())).prop_map(|(anchor, inner)| {
        let anchor = Anchor::new(format!("container-{anchor}"));
        Change::Container { anchor, name: Name::of_path(["o", inner]) }
    });
    (prop::option::of(container), prop::collection::vec(change(), 0..8))
        .prop_map(|(container, changes)| container.into_iter().chain(changes).collect())
}

/// What the source side of the store holds: everything but counters.
async fn state(world: &World) -> Vec<String> {
    let keys: Vec<ObjectKey> = ANCHORS
        .iter()
        .flat_map(|anchor| [user_key(&format!("User-{anchor}")), group_key(&format!("Group-{anchor}"))])
        .collect();
    let known = world.store.known(&world.job, &keys).await.unwrap();
    let unseen = world.store.sweep_candidates(&world.job, &ObjectKind::new("User"), 2, None, 100).await.unwrap();
    known
        .into_iter()
        .map(|known| format!("{:?} {:?} {:?} {:?}", known.key, known.lifecycle, known.attributes, known.edges))
        .chain(unseen.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn pages_applied_twice_leave_what_one_application_leaves() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&Secret::new("sqlite::memory:"), None)).unwrap();
    let pages = prop::collection::vec(page(), 1..4);
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&pages, |pages| {
        let (once, twice) = runtime.block_on(async {
            let case = uuid::Uuid::now_v7();
            let once = World::with_job(store.clone(), &format!("once {case}")).await;
            let twice = World::with_job(store.clone(), &format!("twice {case}")).await;
            for page in pages {
                once.record(page.clone()).await;
                twice.record(page.clone()).await;
                twice.record(page).await;
            }
            (state(&once).await, state(&twice).await)
        });
        prop_assert_eq!(once, twice);
        Ok(())
    });
    outcome.unwrap();
}
