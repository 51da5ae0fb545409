//! A job with users and groups, and a method for each thing that happens to them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use provisor::model::{
    Action, Anchor, Attributes, Change, CycleId, Departure, Edge, EdgeKey, Exported, Failure, FailureClass, Intent,
    JobId, KnownObject, MatchingValue, Name, ObjectKey, ObjectKind, ObjectMappingId, PageId, PartialObject,
    ReferenceChange, ResourceId, ResourceKind, SentEdge, SourceObject, TargetIdentity, TargetPath, Value,
};
use provisor::provisioning_log::{Act, Event, Status, Subject, Summary};
use provisor::store::{
    CommitPage, Committed, Effect, Holds, NamedGroups, Opened, Outcome, RecordPage, Recorded, RecordedMapping,
    RecordedReference, Settled, Settling, Store,
};

/// One job. Time stands still, and the generation is what the test says.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) job: JobId,
    pub(super) generation: i64,
    pub(super) schema_version: i64,
    pub(super) full_round: bool,
    /// The groups that filters name.
    pub(super) groups: Option<NamedGroups>,
}

pub(super) fn target() -> TargetIdentity {
    TargetIdentity::new("https://app.example/scim/v2")
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap()
}

pub(super) fn users() -> ObjectMappingId {
    ObjectMappingId::new("rule/User→Users")
}

pub(super) fn groups() -> ObjectMappingId {
    ObjectMappingId::new("rule/Group→Groups")
}

pub(super) fn user_key(anchor: &str) -> ObjectKey {
    ObjectKey { mapping: users(), anchor: Anchor::new(anchor) }
}

pub(super) fn group_key(anchor: &str) -> ObjectKey {
    ObjectKey { mapping: groups(), anchor: Anchor::new(anchor) }
}

/// The name of an object in the container `people`.
pub(super) fn dn(rdn: &str) -> Name {
    Name::of_path(["dc=org", "ou=people", rdn])
}

pub(super) fn user(anchor: &str, mail: &str) -> Change {
    user_named(anchor, mail, dn(anchor))
}

pub(super) fn user_named(anchor: &str, mail: &str, name: Name) -> Change {
    Change::Object(SourceObject {
        kind: ObjectKind::new("User"),
        anchor: Anchor::new(anchor),
        names: vec![name],
        attributes: Attributes::from_iter([("mail", Value::text(mail))]),
        references: [("manager".to_owned(), Vec::new())].into(),
    })
}

pub(super) fn group(anchor: &str, members: &[Name]) -> Change {
    Change::Object(SourceObject {
        kind: ObjectKind::new("Group"),
        anchor: Anchor::new(anchor),
        names: vec![Name::of_path(["dc=org", "ou=groups", anchor])],
        attributes: Attributes::from_iter([("cn", Value::text(anchor))]),
        references: [("members".to_owned(), members.to_vec())].into(),
    })
}

pub(super) fn partial(kind: &str, anchor: &str, references: &[(&str, Name, bool)]) -> PartialObject {
    let references = references.iter().map(|(attribute, to, present)| ReferenceChange {
        attribute: (*attribute).to_owned(),
        to: to.clone(),
        present: *present,
    });
    PartialObject {
        kind: ObjectKind::new(kind),
        anchor: Anchor::new(anchor),
        names: vec![dn(anchor)],
        attributes: Default::default(),
        references: references.collect(),
    }
}

pub(super) fn departed(anchor: &str, departure: Departure) -> Change {
    Change::Departed { kind: ObjectKind::new("User"), anchor: Anchor::new(anchor), departure }
}

pub(super) fn failure() -> Failure {
    Failure { class: FailureClass::Object, code: "InvalidValue".to_owned(), message: "no `userName`".to_owned() }
}

/// A line about somebody without a name.
pub(super) fn summary(event: Event) -> Summary {
    let (source_kind, target_kind) = (ObjectKind::new("User"), ResourceKind::new("Users"));
    Summary { subject: Subject { source_kind, target_kind, name: None, resource: None, scope: None }, event }
}

impl World {
    pub(super) async fn new(store: Store) -> Self {
        Self::with_job(store, "hr").await
    }

    pub(super) async fn with_job(store: Store, job: &str) -> Self {
        let job = JobId::new(job);
        store.ensure_job(&job, "app", &target()).await.unwrap();
        Self { store, job, generation: 1, schema_version: 1, full_round: false, groups: None }
    }

    pub(super) fn page(&self, changes: Vec<Change>) -> RecordPage {
        let reference = |attribute: &str, holds| RecordedReference { attribute: attribute.to_owned(), holds };
        RecordPage {
            job: self.job.clone(),
            generation: self.generation,
            schema_version: self.schema_version,
            mappings: vec![
                RecordedMapping {
                    id: users(),
                    kind: ObjectKind::new("User"),
                    references: vec![reference("manager", Holds::One)],
                    acts_at_once: false,
                },
                RecordedMapping {
                    id: groups(),
                    kind: ObjectKind::new("Group"),
                    references: vec![reference("members", Holds::Members)],
                    acts_at_once: false,
                },
            ],
            groups: self.groups.clone(),
            changes,
            full_round: self.full_round,
            watermark: None,
        }
    }

    pub(super) async fn record(&self, changes: Vec<Change>) -> Recorded {
        self.store.record_page(self.page(changes)).await.unwrap()
    }

    pub(super) async fn known(&self, key: &ObjectKey) -> KnownObject {
        self.store.known(&self.job, std::slice::from_ref(key)).await.unwrap().pop().expect("the object is known")
    }

    /// The edges of an object that need work, as `reference → (wanted, export, exported_as, resource)` would print.
    pub(super) async fn open_edges(&self, key: &ObjectKey) -> Vec<Edge> {
        self.known(key).await.edges
    }

    pub(super) async fn outcome(&self, key: &ObjectKey, effect: Effect) -> Outcome {
        let kind = if key.mapping == users() { "Users" } else { "Groups" };
        Outcome {
            key: key.clone(),
            kind: ResourceKind::new(kind),
            revision: self.known(key).await.revision,
            effect,
            held: Vec::new(),
            cancel_removals: false,
            done_removals: Vec::new(),
            claims: None,
            log: None,
            evaluated_schema: self.schema_version,
        }
    }

    pub(super) async fn commit(&self, outcomes: Vec<Outcome>) -> Committed {
        self.commit_page(None, outcomes).await
    }

    pub(super) async fn commit_page(&self, intents: Option<PageId>, outcomes: Vec<Outcome>) -> Committed {
        let (job, cycle) = (self.job.clone(), CycleId::new("cycle"));
        let page = CommitPage { job, target: target(), cycle, intents, outcomes, now: now() };
        self.store.commit_page(page).await.unwrap()
    }

    pub(super) async fn settle(&self, settled: Vec<Settled>) -> Committed {
        let settling = Settling { job: self.job.clone(), cycle: CycleId::new("cycle"), settled, now: now() };
        self.store.settle(settling).await.unwrap()
    }

    pub(super) async fn conclude(&self, key: &ObjectKey, effect: Effect) -> Committed {
        let outcome = self.outcome(key, effect).await;
        self.commit(vec![outcome]).await
    }

    pub(super) async fn conclude_with_log(&self, key: &ObjectKey, action: Act) {
        let mut outcome = self.outcome(key, Effect::Unchanged).await;
        outcome.log = Some(summary(Event::of(action, Status::Success)));
        self.commit(vec![outcome]).await;
    }

    /// Links an object to a resource, as after a create without references.
    pub(super) async fn link(&self, key: &ObjectKey, resource: &str) {
        let effect =
            Effect::Linked { resource: ResourceId::new(resource), exported: Exported::new(), sent: Vec::new() };
        assert_eq!(self.conclude(key, effect).await, Committed::default());
    }

    /// Sends every open edge of a linked object whose far end is linked, and has the target confirm it.
    pub(super) async fn send_edges(&self, key: &ObjectKey) -> Vec<SentEdge> {
        let sent = sendable(&self.open_edges(key).await);
        self.conclude(key, Effect::Updated { exported: Exported::new(), sent: sent.clone() }).await;
        sent
    }

    pub(super) fn create(&self, key: &ObjectKey, user_name: &str, edges: Vec<SentEdge>) -> Intent {
        self.intent(key, Action::Create { attributes: Vec::new(), edges }, user_name)
    }

    pub(super) fn intent(&self, key: &ObjectKey, action: Action, user_name: &str) -> Intent {
        Intent {
            key: key.clone(),
            kind: ResourceKind::new(if key.mapping == users() { "Users" } else { "Groups" }),
            revision: 1,
            action,
            matching: vec![MatchingValue {
                path: TargetPath::new("userName"),
                value: user_name.to_owned(),
                case_exact: false,
            }],
            drawn: Vec::new(),
        }
    }

    pub(super) async fn open(&self, intents: Vec<Intent>) -> Opened {
        let intents = intents.into_iter().map(Arc::new).collect();
        self.store.open_intents(&self.job, &target(), intents).await.unwrap()
    }

    /// Opens intents of which none may be refused.
    pub(super) async fn open_all(&self, intents: Vec<Intent>) -> PageId {
        let opened = self.open(intents).await;
        assert_eq!(opened.refused, []);
        opened.page.expect("a page of intents that are not refused")
    }

    pub(super) async fn open_intents(&self) -> Vec<Intent> {
        let pages = self.store.open_intents_of(&self.job).await.unwrap();
        pages.into_iter().flat_map(|page| page.intents).collect()
    }
}

/// What the requests for these edges would name.
pub(super) fn sendable(edges: &[Edge]) -> Vec<SentEdge> {
    let sent = edges.iter().filter_map(|edge| {
        let resource = if edge.wanted { edge.resource.clone()? } else { edge.exported_as.clone()? };
        Some(SentEdge { key: edge.key(), resource, added: edge.wanted })
    });
    sent.collect()
}

pub(super) fn sent(reference: Name, resource: &str, added: bool) -> SentEdge {
    SentEdge { key: EdgeKey { attribute: "members".to_owned(), reference }, resource: ResourceId::new(resource), added }
}
