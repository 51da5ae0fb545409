//! The provisioning log: its order, what is found in it, and what is forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use provisor::model::{CycleId, ObjectKey, ResourceId, TargetPath};
use provisor::provisioning_log::{Act, Event, LogId, Logged, ModifiedProperty, Reason, Status, Summary};
use provisor::store::{CommitPage, Effect, LogFilter, Store};
use serde_json::json;

use super::world::{World, now, summary, target, user, user_key};

const ALL: LogFilter = LogFilter { object: None, status: None, since: None };

async fn people(store: Store) -> World {
    let world = World::new(store).await;
    world.record(["ada", "bob", "eve"].map(|name| user(name, name)).into()).await;
    world
}

impl World {
    /// One page of the log.
    async fn log(&self, at: DateTime<Utc>, lines: Vec<(ObjectKey, Summary)>) {
        let mut outcomes = Vec::new();
        for (key, line) in lines {
            let mut outcome = self.outcome(&key, Effect::Unchanged).await;
            outcome.log = Some(line);
            outcomes.push(outcome);
        }
        let (job, cycle) = (self.job.clone(), CycleId::new("cycle"));
        let page = CommitPage { job, target: target(), cycle, intents: None, outcomes, now: at };
        self.store.commit_page(page).await.unwrap();
    }

    async fn found(&self, filter: &LogFilter, before: Option<LogId>, limit: usize) -> Vec<Logged> {
        self.store.provisioning_log(&self.job, filter, before, limit).await.unwrap()
    }

    async fn anchors(&self, filter: &LogFilter) -> Vec<String> {
        let found = self.found(filter, None, 100).await;
        found.iter().map(|line| line.key.anchor.to_string()).collect()
    }
}

fn named(name: &str, resource: &str, event: Event) -> Summary {
    let mut line = summary(event);
    line.subject.name = Some(name.to_owned());
    line.subject.resource = Some(ResourceId::new(resource));
    line
}

fn object(object: &str) -> LogFilter {
    LogFilter { object: Some(object.to_owned()), ..ALL }
}

pub(super) async fn it_holds_one_line_an_outcome(store: Store) {
    let world = people(store).await;
    let property = ModifiedProperty {
        path: TargetPath::new("title"),
        old: Some(json!("Zoë \u{0} \" ' 日本")),
        new: Some(json!({ "a": [1, null] })),
    };
    let updated = Event { modified: vec![property], ..Event::of(Act::Update, Status::Success) };
    let lines = [user_key("ada"), user_key("bob")].map(|key| (key, summary(updated.clone())));
    world.log(now(), lines.to_vec()).await;
    let log = world.found(&ALL, None, 10).await;
    assert_eq!(log.iter().map(|line| &line.key).collect::<Vec<_>>(), [&user_key("bob"), &user_key("ada")]);
    assert_eq!((&log[0].summary, log[0].at, log[0].cycle.as_str()), (&lines[1].1, now(), "cycle"));
    let id = |line: usize| Some(log[line].id.to_string().parse::<LogId>().unwrap());
    assert_eq!(world.found(&ALL, id(0), 10).await, log[1..]);
    assert_eq!(world.found(&ALL, id(1), 10).await, []);
    world.conclude_with_log(&user_key("eve"), Act::Create).await;
    let newer = world.found(&ALL, None, 10).await;
    assert_eq!((newer[0].summary.event.action, &newer[1..]), (Act::Create, &log[..]), "pages follow each other");
    assert_eq!(world.found(&ALL, None, 2).await, newer[..2]);
    assert_eq!(world.found(&ALL, None, 0).await, []);
    assert_eq!(world.found(&ALL, Some(newer[0].id.clone()), 1).await, log[..1]);
}

pub(super) async fn lines_are_found_by_object_status_and_time(store: Store) {
    let world = people(store).await;
    let other = World::with_job(world.store.clone(), "other").await;
    other.record(vec![user("ada", "ada")]).await;
    let line =
        |key: &str, name: &str, resource: &str, event: &Event| (user_key(key), named(name, resource, event.clone()));
    let failed = Event::other(Status::Failure, Reason::code("Timeout"));
    let skipped = Event::other(Status::Skipped, Reason::code("KeptByPolicy"));
    let created = Event::of(Act::Create, Status::Success);
    let at = |hours| now() + TimeDelta::hours(hours);
    world.log(at(0), vec![line("ada", "Ada@Example.org", "r1", &created)]).await;
    world.log(at(1), vec![line("bob", "ÉVA 日本", "R2", &failed), line("eve", "eve", "r3", &skipped)]).await;
    world.log(at(2), vec![line("ada", "ada.l@example.org", "r1", &failed)]).await;
    other.log(at(0), vec![line("ada", "ada@example.org", "r1", &created)]).await;

    for (asked, expected) in [
        ("ada", ["ada", "ada"].as_slice()),
        ("ADA", &["ada", "ada"]),
        ("ada@example.ORG", &["ada"]),
        ("ada.l@example.org", &["ada"]),
        ("r1", &["ada", "ada"]),
        ("r2", &["bob"]),
        ("éva 日本", &["bob"]),
        ("ad", &[]),
        ("", &[]),
        ("%", &[]),
    ] {
        assert_eq!(world.anchors(&object(asked)).await, expected, "{asked}");
    }
    for (status, expected) in [
        (Status::Success, ["ada"].as_slice()),
        (Status::Failure, &["ada", "bob"]),
        (Status::Skipped, &["eve"]),
        (Status::Warning, &[]),
    ] {
        assert_eq!(world.anchors(&LogFilter { status: Some(status), ..ALL }).await, expected, "{status}");
    }
    for (hours, expected) in [(0, 4), (1, 3), (2, 1), (3, 0)] {
        let found = world.found(&LogFilter { since: Some(at(hours)), ..ALL }, None, 100).await;
        assert_eq!(found.len(), expected, "since {hours} h");
    }
    let narrow = LogFilter { status: Some(Status::Failure), since: Some(at(1)), ..object("bob") };
    assert_eq!(world.anchors(&narrow).await, ["bob"]);
    assert_eq!(other.anchors(&ALL).await, ["ada"], "jobs have logs of their own");
}

pub(super) async fn a_search_goes_on_past_what_it_reads_at_a_time(store: Store) {
    let world = people(store).await;
    let created = || Event::of(Act::Create, Status::Success);
    world.log(now(), vec![(user_key("ada"), named("first", "r1", created()))]).await;
    for _ in 0..205 {
        world.log(now(), vec![(user_key("bob"), named("bob", "r2", created()))]).await;
    }
    assert_eq!(world.anchors(&object("first")).await, ["ada"]);
    let (mut seen, mut before) = (0, None);
    loop {
        let page = world.found(&object("bob"), before.clone(), 50).await;
        let Some(last) = page.last() else { break };
        before = Some(last.id.clone());
        seen += page.len();
    }
    assert_eq!(seen, 205, "every line comes once, page by page");
}

pub(super) async fn old_lines_are_pruned_in_steps_and_of_their_job_alone(store: Store) {
    let world = people(store).await;
    let other = World::with_job(world.store.clone(), "other").await;
    other.record(vec![user("ada", "ada")]).await;
    let line = || vec![(user_key("ada"), summary(Event::of(Act::Update, Status::Success)))];
    other.log(now(), line()).await;
    for day in 0..5 {
        world.log(now() + TimeDelta::days(day), line()).await;
    }
    let before = now() + TimeDelta::days(3);
    for (pruned, left) in [(2, 3), (1, 2), (0, 2)] {
        assert_eq!(world.store.prune_log(&world.job, before, 2).await.unwrap(), pruned);
        assert_eq!(world.found(&ALL, None, 9).await.len(), left, "what is young stays");
    }
    assert_eq!(other.found(&ALL, None, 9).await.len(), 1);
}
