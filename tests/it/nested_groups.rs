//! Groups that are members of groups: sent as such, flattened to the people in them, or left out.

use provisor::engine::policy::{Guard, Limits, Policy};
use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::{CycleState, NestedGroups, RemovalState};
use provisor::provisioning_log::explanation;
use provisor::scim_server::Dialect;
use provisor::store::LogFilter;
use serde_json::json;

use super::support::gateway::{Gateway, edited_schema, group, group_id, tenant_of, user_id, user_name};

/// So many users, and groups by number, each with the users and the groups in it.
fn directory(users: usize, groups: &[(usize, &[usize], &[usize])]) -> Tenant {
    let groups = groups.iter().map(|(number, people, inner)| {
        let mut group = group(*number, people.iter().copied());
        group.members.extend(inner.iter().copied().map(group_id));
        group
    });
    Tenant { groups: groups.collect(), ..tenant_of(users) }
}

fn policy(nested_groups: NestedGroups) -> Policy {
    Policy { nested_groups, ..Policy::default() }
}

/// With a guard that lets everything through but a group that loses everybody.
fn open(nested_groups: NestedGroups) -> Policy {
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
    Policy { guard, ..policy(nested_groups) }
}

async fn start(tenant: Tenant, policy: Policy) -> Gateway {
    Gateway::start_with(tenant, Dialect::STANDARD, policy).await
}

fn join(group: usize, user: usize) -> Staged {
    Staged::AddMember { group: group_id(group), member: user_id(user) }
}

fn leave(group: usize, user: usize) -> Staged {
    Staged::RemoveMember { group: group_id(group), member: user_id(user) }
}

fn nest(outer: usize, inner: usize) -> Staged {
    Staged::AddMember { group: group_id(outer), member: group_id(inner) }
}

fn unnest(outer: usize, inner: usize) -> Staged {
    Staged::RemoveMember { group: group_id(outer), member: group_id(inner) }
}

/// Who is in the group at the target: users by number, groups by `Group` and number.
async fn members(gateway: &Gateway, number: usize) -> Vec<String> {
    let (users, groups) = (gateway.target.users().await, gateway.target.groups().await);
    let called = |id: &String| {
        let user = users.iter().find(|user| user["id"] == id.as_str()).and_then(|user| user["userName"].as_str());
        let group = groups.iter().find(|group| group["id"] == id.as_str());
        let name =
            user.or_else(|| group.and_then(|group| group["displayName"].as_str())).expect("a member is somebody");
        (1..100).find(|number| name == user_name(*number)).map_or_else(|| name.to_owned(), |number| number.to_string())
    };
    let mut members: Vec<String> =
        gateway.target.members(&format!("Group {number}")).await.iter().map(called).collect();
    members.sort();
    members
}

/// The reasons that the log gives for what was left out of groups, with the names of these.
async fn reasons(gateway: &Gateway) -> Vec<(String, String)> {
    let log =
        gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 1000).await.expect("the log");
    let reasons = log.into_iter().filter_map(|line| {
        let reason = line.summary.event.reason.filter(|reason| reason.code.starts_with("Nest"))?;
        assert!(explanation(&reason.code).is_some());
        Some((reason.code, line.summary.subject.name?))
    });
    reasons.collect()
}

fn told(code: &str, group: usize) -> (String, String) {
    (code.to_owned(), format!("Group {group}"))
}

#[tokio::test]
async fn a_group_in_a_group_is_a_member_where_nothing_else_is_said() {
    let gateway = start(directory(3, &[(1, &[1], &[2]), (2, &[2, 3], &[])]), Policy::default()).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(members(&gateway, 1).await, ["1", "Group 2"]);
    assert_eq!(reasons(&gateway).await, [], "who is a member is not left out");
    gateway.target.writes().await;
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}

#[tokio::test]
async fn a_group_without_a_resource_is_told() {
    let schema = edited_schema(1, |document| {
        let scope = json!({ "groups": [{ "clauses": [{
            "sourceOperandName": "displayName", "operatorName": "NOT EQUALS", "targetOperand": { "values": ["Group 2"] },
        }] }] });
        document["synchronizationRules"][0]["objectMappings"][1]["scope"] = scope;
    });
    let tenant = || directory(3, &[(1, &[1], &[2]), (2, &[2, 3], &[])]);
    let gateway = Gateway::start_of(tenant(), Dialect::STANDARD, Policy::default(), schema.clone()).await;
    gateway.cycle().await;
    assert_eq!(members(&gateway, 1).await, ["1"]);
    assert_eq!(reasons(&gateway).await, [told("NestedGroupNotProvisioned", 1)]);
    gateway.cycle().await;
    assert_eq!(reasons(&gateway).await.len(), 1, "what nobody looked at again is not told again");
    // Out of scope, it still is a way to the people in it.
    let gateway = Gateway::start_of(tenant(), Dialect::STANDARD, policy(NestedGroups::Flatten), schema).await;
    gateway.cycle().await;
    assert_eq!(
        (members(&gateway, 1).await, reasons(&gateway).await),
        (["1", "2", "3"].map(str::to_owned).to_vec(), vec![])
    );
}

#[tokio::test]
async fn people_of_inner_groups_are_members_and_change_one_by_one() {
    let groups: &[(usize, &[usize], &[usize])] =
        &[(1, &[1], &[2, 3]), (2, &[2, 4], &[4]), (3, &[3, 4], &[1]), (4, &[5], &[])];
    let gateway = start(directory(9, groups), policy(NestedGroups::Flatten)).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(members(&gateway, 2).await, ["2", "4", "5"]);
    assert_eq!(
        members(&gateway, 3).await,
        ["1", "2", "3", "4", "5"],
        "groups that contain each other have the same people"
    );
    gateway.target.writes().await;
    gateway.stage(vec![join(4, 6), leave(2, 4)]);
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3", "4", "5", "6"], "one path is left");
    assert_eq!(members(&gateway, 2).await, ["2", "5", "6"]);
    let mut writes = gateway.target.writes().await;
    writes.retain(|write| write == "PATCH /Groups");
    assert_eq!(writes.len(), 5, "each group is told who is new, and one who left");
    gateway.stage(vec![leave(3, 4)]);
    gateway.cycle().await;
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3", "5", "6"]);
    gateway.target.writes().await;
    gateway.stage(vec![join(1, 5)]);
    assert_eq!(gateway.cycle().await.counters.writes, 0, "who was a member through a group is one by itself now");
    gateway.source.expire_delta_tokens();
    assert_eq!(gateway.cycle().await.counters.writes, 0, "a full read changes nothing");
}

#[tokio::test]
async fn a_large_group_that_is_taken_out_waits_for_a_person() {
    let groups: &[(usize, &[usize], &[usize])] =
        &[(1, &[1], &[2]), (2, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], &[])];
    let gateway = start(directory(14, groups), policy(NestedGroups::Flatten)).await;
    gateway.cycle().await;
    assert_eq!(members(&gateway, 1).await.len(), 14);
    gateway.stage(vec![unnest(1, 2)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.staged), (CycleState::Partial, 1));
    assert_eq!(members(&gateway, 1).await.len(), 14);
    assert_eq!(gateway.removals(RemovalState::Staged).await[0].references, 13);
    gateway.judge_staged(RemovalState::Released).await;
    gateway.cycle().await;
    assert_eq!(members(&gateway, 1).await, ["1"]);
}

/// A round that breaks off between the group that somebody left and the one that they joined takes nothing away.
#[tokio::test]
async fn what_was_not_read_to_the_end_removes_nobody() {
    let groups: &[(usize, &[usize], &[usize])] = &[(1, &[1], &[2, 3]), (2, &[2, 4], &[]), (3, &[3], &[])];
    let mut gateway = start(directory(4, groups), open(NestedGroups::Flatten)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(2, 4), join(3, 4)]);
    let whole = gateway.reader();
    gateway.read_from(std::sync::Arc::new(cut::Cut::after_removals(whole.clone())));
    gateway.try_cycle().await.expect_err("the read breaks off");
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3", "4"]);
    gateway.target.writes().await;
    gateway.read_from(whole);
    gateway.cycle().await;
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3", "4"]);
    assert_eq!(members(&gateway, 3).await, ["3", "4"]);
    assert_eq!(gateway.target.writes().await.len(), 2, "the outer group is not told of it");
}

/// Every word for groups in groups follows every other, from what is stored.
#[tokio::test]
async fn another_word_changes_what_is_there_without_a_read() {
    use NestedGroups::{Flatten, Groups, Ignore};
    let groups: &[(usize, &[usize], &[usize])] = &[(1, &[1, 2], &[2]), (2, &[2, 3, 4], &[])];
    let mut gateway = start(directory(4, groups), open(Groups)).await;
    gateway.cycle().await;
    for (mode, expected) in [
        (Flatten, ["1", "2", "3", "4"].as_slice()),
        (Ignore, &["1", "2"]),
        (Groups, &["1", "2", "Group 2"]),
        (Ignore, &["1", "2"]),
        (Flatten, &["1", "2", "3", "4"]),
        (Groups, &["1", "2", "Group 2"]),
    ] {
        gateway.job.policy.nested_groups = mode;
        let report = gateway.cycle().await;
        assert_eq!((report.state, report.counters.changes), (CycleState::Succeeded, 0), "{mode:?}");
        assert_eq!(members(&gateway, 1).await, expected, "{mode:?}");
        assert_eq!(gateway.cycle().await.counters.writes, 0, "{mode:?}");
    }
    assert_eq!(reasons(&gateway).await, [told("NestedGroupIgnored", 1), told("NestedGroupIgnored", 1)]);
}

#[tokio::test]
async fn groups_that_lie_too_deep_are_left_alone_with_a_reason() {
    let mut chain: Vec<_> = (1..=70).map(|number| group(number, [1])).collect();
    (0..69).for_each(|index| chain[index].members.push(group_id(index + 2)));
    chain[69] = group(70, [1, 2]);
    let tenant = Tenant { groups: chain, ..tenant_of(3) };
    let gateway = start(tenant, open(NestedGroups::Flatten)).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Partial);
    assert_eq!(gateway.escrows().await, ["NestingTooDeep"; 5], "64 groups deep is not too deep");
    assert_eq!(members(&gateway, 6).await, ["1", "2"]);
    gateway.stage(vec![unnest(40, 41)]);
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(members(&gateway, 1).await, ["1"]);
    assert_eq!(members(&gateway, 41).await, ["1", "2"]);
}

/// A cycle that dies between reading and acting, or while it acts, leaves nothing undone.
#[tokio::test]
async fn a_cycle_that_breaks_off_loses_nobody() {
    let groups: &[(usize, &[usize], &[usize])] = &[(1, &[1], &[2]), (2, &[2, 3], &[]), (3, &[4], &[])];
    let gateway = start(directory(5, groups), open(NestedGroups::Flatten)).await;
    gateway.cycle().await;
    gateway.stage(vec![nest(2, 3), leave(2, 3), join(2, 5)]);
    let refused = json!([{ "method": "PATCH", "every": 1, "moment": "before_commit", "do": { "status": 401 } }]);
    gateway.target.set_faults(refused).await;
    gateway.try_cycle().await.expect_err("the target takes nothing");
    gateway.target.clear_faults().await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.changes), (CycleState::Succeeded, 0));
    assert_eq!(members(&gateway, 1).await, ["1", "2", "4", "5"]);
}

/// A member that is chosen on demand and has another path stays a member.
#[tokio::test]
async fn on_demand_a_member_with_another_path_stays() {
    let groups: &[(usize, &[usize], &[usize])] = &[(1, &[1, 2], &[2]), (2, &[2, 3], &[])];
    let gateway = start(directory(3, groups), open(NestedGroups::Flatten)).await;
    gateway.cycle().await;
    gateway.stage(vec![leave(1, 2)]);
    gateway.target.writes().await;
    gateway.provision(&group_id(1), &[&user_name(2)]).await;
    assert_eq!(members(&gateway, 1).await, ["1", "2", "3"]);
    assert_eq!(gateway.target.writes().await, [""; 0]);
}

mod cut {
    //! A source whose read of groups breaks off before anybody joins one.

    use std::sync::Arc;

    use async_trait::async_trait;
    use provisor::model::{Anchor, Change, ObjectKind};
    use provisor::source::{Feed, Fetched, Page, ReadEnd, ServerIdentity, Source, SourceError, Start};
    use tokio::sync::mpsc;

    pub(super) struct Cut(Arc<dyn Source>);

    impl Cut {
        pub(super) fn after_removals(whole: Arc<dyn Source>) -> Self {
            Self(whole)
        }
    }

    #[async_trait]
    impl Source for Cut {
        fn feeds(&self) -> Vec<Feed> {
            self.0.feeds()
        }

        async fn probe(&self) -> Result<ServerIdentity, SourceError> {
            self.0.probe().await
        }

        async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
            let (sender, mut whole) = mpsc::channel(8);
            let end = self.0.changes(feed, start, sender).await?;
            let is_groups = feed.kind.as_ref().is_some_and(|kind| kind.as_str() == "Group");
            while let Some(mut page) = whole.recv().await {
                if is_groups {
                    page.changes.retain(|change| match change {
                        Change::Partial(partial) => partial.references.iter().all(|reference| !reference.present),
                        _ => true,
                    });
                    page.checkpoint = None;
                }
                pages.send(page).await.map_err(|_| SourceError::Stopped { feed: feed.id.to_string() })?;
            }
            if is_groups { Err(SourceError::Stopped { feed: feed.id.to_string() }) } else { Ok(end) }
        }

        async fn fetch(&self, kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
            self.0.fetch(kind, anchor).await
        }
    }
}
