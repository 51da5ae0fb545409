//! What a page of changes makes of the connector space.

use provisor::model::{
    Anchor, Change, Departure, FeedId, Lifecycle, Name, ObjectKey, ObjectKind, ObjectMappingId, Round, Value, Watermark,
};
use provisor::store::{Effect, Outcome, RecordedMapping, Store};

use super::world::{
    World, departed, dn, failure, group, group_key, groups, partial, user, user_key, user_named, users,
};

pub(super) async fn a_new_object_is_due_and_an_equal_one_is_not(store: Store) {
    let mut world = World::new(store).await;
    let recorded = world.record(vec![user("ada", "ada@example.org")]).await;
    assert_eq!((recorded.due, recorded.unchanged), (vec![user_key("ada")], 0));
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    world.generation = 2;
    let recorded = world.record(vec![user("ada", "ada@example.org")]).await;
    assert_eq!((recorded.due, recorded.unchanged), (Vec::new(), 1));
    assert_eq!(world.known(&user_key("ada")).await.revision, 1);
    let unseen = world.store.sweep_candidates(&world.job, &ObjectKind::new("User"), 2, None, 10).await.unwrap();
    assert_eq!(unseen, Vec::new(), "an equal object is seen all the same");
}

pub(super) async fn a_changed_object_is_due_under_a_new_revision(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "ada@example.org")]).await;
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    let recorded = world.record(vec![user("ada", "countess@example.org")]).await;
    assert_eq!(recorded.due, [user_key("ada")]);
    let known = world.known(&user_key("ada")).await;
    assert_eq!(known.revision, 2);
    assert_eq!(known.attributes.get("mail"), Some(&Value::text("countess@example.org")));
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 10).await.unwrap(), [user_key("ada")]);
    let after = Some(Anchor::new("ada"));
    assert_eq!(world.store.due_objects(&world.job, &users(), after, 10).await.unwrap(), []);
}

pub(super) async fn a_new_schema_version_makes_delivered_objects_due(store: Store) {
    let mut world = World::new(store).await;
    world.record(vec![user("ada", "ada@example.org")]).await;
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    world.schema_version = 2;
    assert_eq!(world.record(vec![user("ada", "ada@example.org")]).await.due, [user_key("ada")]);
}

pub(super) async fn an_object_in_escrow_is_due_when_it_is_delivered(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "ada@example.org")]).await;
    world.conclude(&user_key("ada"), Effect::Failed(failure(), None)).await;
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 10).await.unwrap(), []);
    assert_eq!(world.record(vec![user("ada", "ada@example.org")]).await.due, [user_key("ada")]);
}

pub(super) async fn an_object_with_an_open_intent_is_not_handed_out(store: Store) {
    let world = World::new(store).await;
    world.record(vec![user("ada", "ada@example.org"), user("bob", "bob@example.org")]).await;
    let intent = world.create(&user_key("ada"), "ada", Vec::new());
    world.open_all(vec![intent]).await;
    let recorded = world.record(vec![user("ada", "countess@example.org"), user("bob", "bob@example.com")]).await;
    assert_eq!(recorded.due, [user_key("bob")]);
    assert_eq!(world.store.due_objects(&world.job, &users(), None, 10).await.unwrap(), [user_key("bob")]);
}

pub(super) async fn an_object_of_two_mappings_is_kept_under_both(store: Store) {
    let world = World::new(store).await;
    let mut page = world.page(vec![user("ada", "ada@example.org")]);
    let other = ObjectMappingId::new("rule/User→Agents");
    page.mappings.push(RecordedMapping {
        id: other.clone(),
        kind: ObjectKind::new("User"),
        references: Vec::new(),
        acts_at_once: false,
    });
    let recorded = world.store.record_page(page).await.unwrap();
    let agent = ObjectKey { mapping: other, anchor: Anchor::new("ada") };
    assert_eq!(recorded.due, [user_key("ada"), agent.clone()]);
    world.record(vec![departed("ada", Departure::LeftFeed)]).await;
    assert_eq!(world.known(&agent).await.lifecycle, Lifecycle::LeftFeed);
    assert_eq!(world.known(&user_key("ada")).await.lifecycle, Lifecycle::LeftFeed);
}

/// What a page tells of new objects is what a look into the store would tell.
pub(super) async fn new_objects_come_with_all_that_is_known_of_them(store: Store) {
    let world = World::new(store).await;
    let at_once = async |changes: Vec<Change>| {
        let mut page = world.page(changes);
        page.mappings[0].acts_at_once = true;
        world.store.record_page(page).await.unwrap()
    };
    world.record(vec![user("bob", "bob@example.org")]).await;
    world.link(&user_key("bob"), "7").await;
    let led = |anchor: &str, manager: &str| {
        let Change::Object(mut object) = user(anchor, &format!("{anchor}@example.org")) else { unreachable!() };
        object.references.insert("manager".to_owned(), vec![dn(manager)]);
        Change::Object(object)
    };
    let recorded = at_once(vec![
        led("ada", "bob"),
        led("cid", "nobody"),
        user("dan", "dan@example.org"),
        user("dan", "daniel@example.org"),
        user("eve", "eve@example.org"),
        departed("eve", Departure::Deleted),
        user("bob", "robert@example.org"),
        group("staff", &[dn("ada")]),
    ])
    .await;
    let new: Vec<ObjectKey> = recorded.new.iter().map(|known| known.key.clone()).collect();
    assert_eq!(new, [user_key("ada"), user_key("cid"), user_key("dan")]);
    assert_eq!(recorded.due, [user_key("eve"), user_key("bob"), group_key("staff")], "known before, or acted on later");
    assert_eq!(recorded.new, world.store.known(&world.job, &new).await.unwrap());
    assert_eq!(recorded.new[0].edges[0].resource.as_ref().map(|id| id.as_str()), Some("7"));
    let again = at_once(vec![led("ada", "bob")]).await;
    assert_eq!((again.new, again.due), (Vec::new(), vec![user_key("ada")]), "still due, and known by now");
}

pub(super) async fn a_partial_object_merges_into_what_is_stored(store: Store) {
    let world = World::new(store).await;
    let mut change = partial("User", "ada", &[]);
    change.attributes.insert("mail".to_owned(), Some(Value::text("ada@example.org")));
    change.attributes.insert("title".to_owned(), Some(Value::text("Countess")));
    assert_eq!(world.record(vec![Change::Partial(change.clone())]).await.due, [user_key("ada")]);
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    assert_eq!(world.record(vec![Change::Partial(change)]).await.due, [], "the same part again is no news");
    let mut change = partial("User", "ada", &[]);
    change.attributes.insert("title".to_owned(), None);
    assert_eq!(world.record(vec![Change::Partial(change)]).await.due, [user_key("ada")]);
    let known = world.known(&user_key("ada")).await;
    assert_eq!(known.attributes.get("title"), None);
    assert_eq!(known.attributes.get("mail"), Some(&Value::text("ada@example.org")));
}

pub(super) async fn a_departure_keeps_its_kind_and_ignores_strangers(store: Store) {
    let world = World::new(store).await;
    for (departure, lifecycle) in [
        (Departure::SoftDeleted, Lifecycle::SoftDeleted),
        (Departure::LeftFeed, Lifecycle::LeftFeed),
        (Departure::Deleted, Lifecycle::Deleted),
    ] {
        world.record(vec![user("ada", "ada@example.org")]).await;
        world.conclude(&user_key("ada"), Effect::Unchanged).await;
        let recorded = world.record(vec![departed("stranger", departure), departed("ada", departure)]).await;
        assert_eq!(recorded.due, [user_key("ada")], "{departure:?}");
        assert_eq!(world.known(&user_key("ada")).await.lifecycle, lifecycle);
        world.conclude(&user_key("ada"), Effect::Unchanged).await;
        assert_eq!(world.record(vec![departed("ada", departure)]).await.due, [], "{departure:?} again");
    }
    assert_eq!(world.store.known(&world.job, &[user_key("stranger")]).await.unwrap(), []);
    assert_eq!(world.record(vec![user("ada", "ada@example.org")]).await.due, [user_key("ada")], "it came back");
    assert_eq!(world.known(&user_key("ada")).await.lifecycle, Lifecycle::Present);
}

pub(super) async fn objects_come_due_in_arrival_order_and_once(store: Store) {
    let world = World::new(store).await;
    let changes = vec![
        user("zoe", "1"),
        user("ada", "1"),
        user("zoe", "2"),
        departed("ada", Departure::Deleted),
        user("bob", "1"),
        user("ada", "2"),
    ];
    let recorded = world.record(changes).await;
    assert_eq!(recorded.due, [user_key("zoe"), user_key("ada"), user_key("bob")]);
    assert_eq!(world.known(&user_key("zoe")).await.attributes.get("mail"), Some(&Value::text("2")));
    assert_eq!(world.known(&user_key("ada")).await.lifecycle, Lifecycle::Present);
    let keys = [user_key("bob"), user_key("nobody"), user_key("zoe")];
    let known = world.store.known(&world.job, &keys).await.unwrap();
    assert_eq!(known.into_iter().map(|known| known.key).collect::<Vec<_>>(), [user_key("bob"), user_key("zoe")]);
}

pub(super) async fn present_objects_are_only_seen(store: Store) {
    let mut world = World::new(store).await;
    world.record(vec![user("ada", "1"), user("bob", "1")]).await;
    world.conclude(&user_key("ada"), Effect::Unchanged).await;
    world.generation = 2;
    let recorded = world.record(vec![Change::Present(vec![Anchor::new("ada"), Anchor::new("stranger")])]).await;
    assert_eq!(recorded.due, []);
    let kind = ObjectKind::new("User");
    let unseen = world.store.sweep_candidates(&world.job, &kind, 2, None, 10).await.unwrap();
    assert_eq!(unseen, [Anchor::new("bob")]);
}

pub(super) async fn any_text_is_kept_as_it_is(store: Store) {
    let world = World::new(store).await;
    let text = "Åda O'Brien \"quoted\" %_\\ \u{1f}\u{10ffff} ;--\nДа 𝔘 \u{0}";
    let anchor = "ünï'\"--%\\";
    let name = Name::of_path(["dc=org", "ou=People's \"A\"", "cn=Åda; DROP TABLE objects"]);
    world.record(vec![user_named(anchor, text, name.clone()), group("g%'", &[name])]).await;
    let known = world.known(&user_key(anchor)).await;
    assert_eq!(known.attributes.get("mail"), Some(&Value::text(text)));
    world.link(&user_key(anchor), "r'1\"").await;
    let edges = world.open_edges(&group_key("g%'")).await;
    assert_eq!(edges[0].to, Some(Anchor::new(anchor)));
    assert_eq!(edges[0].resource.as_ref().map(|resource| resource.as_str()), Some("r'1\""));
}

pub(super) async fn a_page_larger_than_a_batch_is_recorded_whole(store: Store) {
    let world = World::new(store).await;
    let people: Vec<String> = (0..1_201).map(|number| format!("u{number:04}")).collect();
    let members: Vec<Name> = people.iter().map(|anchor| dn(anchor)).collect();
    let mut changes: Vec<Change> = people.iter().map(|anchor| user(anchor, "x")).collect();
    changes.push(group("all", &members));
    let recorded = world.record(changes.clone()).await;
    assert_eq!(recorded.due.len(), 1_202);
    assert_eq!(world.known(&group_key("all")).await.edges.len(), 1_201);
    let template = world.outcome(&user_key("u0000"), Effect::Unchanged).await;
    let outcomes = recorded.due.iter().map(|key| Outcome { key: key.clone(), ..template.clone() }).collect();
    world.commit(outcomes).await;
    let recorded = world.record(changes).await;
    assert_eq!((recorded.due, recorded.unchanged), (Vec::new(), 1_202));
    assert_eq!(world.store.due_objects(&world.job, &groups(), None, 10).await.unwrap(), []);
}

pub(super) async fn the_watermark_is_stored_with_its_page(store: Store) {
    let world = World::new(store).await;
    let watermark = Watermark {
        feed: FeedId::new("users"),
        directory: "d".to_owned(),
        view: "v".to_owned(),
        checkpoint: "c".to_owned(),
        round: Round::Full,
        generation: 7,
    };
    assert_eq!(world.store.watermark(&world.job, &watermark.feed).await.unwrap(), None);
    let mut page = world.page(vec![user("ada", "1")]);
    page.watermark = Some(watermark.clone());
    world.store.record_page(page).await.unwrap();
    assert_eq!(world.store.watermark(&world.job, &watermark.feed).await.unwrap(), Some(watermark.clone()));
    let moved = Watermark { checkpoint: "c2".to_owned(), round: Round::Changes, ..watermark };
    world.store.save_watermark(&world.job, moved.clone()).await.unwrap();
    assert_eq!(world.store.watermarks(&world.job).await.unwrap(), [moved]);
    world.store.clear_watermarks(&world.job).await.unwrap();
    assert_eq!(world.store.watermarks(&world.job).await.unwrap(), []);
}
