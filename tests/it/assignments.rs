//! Only whoever is assigned to the application is provisioned: people themselves, and through groups.

mod directory;
mod faults;

use provisor::engine::policy::{Deprovisioning, Guard, Limits, Policy};
use provisor::graph_emulator::{AppRoleAssignmentRecord, AppRoleRecord, ServicePrincipalRecord, Staged, Tenant};
use provisor::model::{CycleState, JobScope, NestedGroups, Reach, RemovalState};
use provisor::scim_server::Dialect;
use provisor::sync_schema::Schema;
use serde_json::{Value, json};

use super::support::gateway::{
    APPLICATION, Gateway, edited_schema, group, group_id, mapping_of, tenant_of, update, user_id, user_name,
};

/// Plain access, and two roles.
const PLAIN: &str = "00000000-0000-0000-0000-000000000000";
const VIEWER: &str = "00000000-0000-4000-a000-0000000000a1";
const EDITOR: &str = "00000000-0000-4000-a000-0000000000a2";

fn roles() -> Vec<AppRoleRecord> {
    let role = |id: &str, value: &str, display_name: &str| AppRoleRecord {
        id: id.to_owned(),
        value: Some(value.to_owned()),
        display_name: display_name.to_owned(),
        is_enabled: true,
        allowed_member_types: vec!["User".to_owned()],
    };
    vec![role(VIEWER, "ro", "Viewer"), role(EDITOR, "rw", "Editor")]
}

/// So many users, these groups by number with their people, and an application with these principals and roles.
fn directory(users: usize, groups: &[(usize, &[usize])], assigned: &[(String, &str)]) -> Tenant {
    let assigned_to = assigned.iter().map(|(principal, role)| AppRoleAssignmentRecord {
        principal_id: principal.clone(),
        app_role_id: (*role).to_owned(),
    });
    let application = ServicePrincipalRecord {
        id: APPLICATION.to_owned(),
        app_id: "00000000-0000-4000-a000-0000000000ff".to_owned(),
        display_name: "Desk".to_owned(),
        app_roles: roles(),
        app_role_assigned_to: assigned_to.collect(),
    };
    let groups = groups.iter().map(|(number, people)| group(*number, people.iter().copied()));
    Tenant { groups: groups.collect(), service_principals: vec![application], ..tenant_of(users) }
}

/// The schema of the template, with the names of the roles as titles.
fn schema(number: i64, edit: impl FnOnce(&mut Value)) -> (Schema, i64) {
    edited_schema(number, |document| {
        mapping_of(document, "title")["source"] = json!({
            "type": "Function", "name": "Join", "expression": "Join(\", \", AppRoleAssignments([appRoleAssignments]))",
        });
        for directory in document["directories"].as_array_mut().expect("directories") {
            for object in directory["objects"].as_array_mut().expect("objects") {
                if object["name"] == "User" {
                    let attributes = object["attributes"].as_array_mut().expect("attributes");
                    attributes.push(json!({ "name": "appRoleAssignments", "type": "String", "multivalued": true }));
                }
            }
        }
        edit(document);
    })
}

/// With a guard that lets everything through.
fn open(reach: Reach) -> Policy {
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
    Policy { guard, ..guarded(reach) }
}

fn guarded(reach: Reach) -> Policy {
    Policy { scope: JobScope::Assigned(reach), ..Policy::default() }
}

async fn start(tenant: Tenant, policy: Policy) -> Gateway {
    let mut gateway = Gateway::start_of(tenant, Dialect::STANDARD, policy, schema(1, |_| {})).await;
    gateway.ask_who_is_assigned();
    gateway
}

fn assign(principal: String, role: &str) -> Staged {
    Staged::Assign { application: APPLICATION.to_owned(), principal, role: role.to_owned() }
}

fn unassign(principal: String, role: &str) -> Staged {
    Staged::Unassign { application: APPLICATION.to_owned(), principal, role: role.to_owned() }
}

fn join(group: usize, user: usize) -> Staged {
    Staged::AddMember { group: group_id(group), member: user_id(user) }
}

fn leave(group: usize, user: usize) -> Staged {
    Staged::RemoveMember { group: group_id(group), member: user_id(user) }
}

/// Who has access, each with the names of the roles behind the number.
async fn active(gateway: &Gateway) -> Vec<String> {
    let users = gateway.target.users().await;
    let active = users.iter().filter(|user| user["active"] == true);
    let mut shown: Vec<String> = active
        .map(|user| {
            let number = (1..100).find(|number| user["userName"] == user_name(*number)).expect("one of ours");
            match user["title"].as_str() {
                Some(title) => format!("{number} {title}"),
                None => number.to_string(),
            }
        })
        .collect();
    shown.sort();
    shown
}

/// The groups of the target, by number.
async fn groups(gateway: &Gateway) -> Vec<String> {
    let groups = gateway.target.groups().await;
    let mut names: Vec<String> = groups
        .iter()
        .filter_map(|group| group["displayName"].as_str()?.strip_prefix("Group ").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// A cycle that misses somebody, and one that believes it.
async fn two_cycles(gateway: &Gateway) {
    gateway.cycle().await;
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Succeeded, "{:?}", gateway.escrows().await);
}

#[tokio::test]
async fn whoever_is_assigned_is_provisioned_and_nobody_else() {
    let assigned = [(user_id(1), EDITOR), (user_id(1), VIEWER), (user_id(2), PLAIN), (group_id(1), VIEWER)];
    let tenant = directory(9, &[(1, &[2, 3, 4]), (2, &[5, 6])], &assigned);
    let gateway = start(tenant, open(Reach::Direct)).await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.failed), (CycleState::Succeeded, 0));
    assert_eq!((report.counters.entitled, report.counters.in_scope), (5, 5), "four people and a group");
    assert_eq!((report.counters.changes, report.counters.reference_changes), (11, 2), "groups have members");
    assert_eq!(active(&gateway).await, ["1 Viewer, Editor", "2 Viewer", "3 Viewer", "4 Viewer"]);
    assert_eq!(groups(&gateway).await, ["1"], "a group that is not assigned is not provisioned");
    assert_eq!(gateway.target.members("Group 1").await.len(), 3);
    gateway.target.writes().await;
    let idle = gateway.cycle().await;
    assert_eq!((idle.counters.writes, idle.counters.changes), (0, 0));
    gateway.source.expire_delta_tokens();
    assert_eq!(gateway.cycle().await.counters.writes, 0, "a full read changes nothing");
}

#[tokio::test]
async fn assignments_come_and_go_one_by_one() {
    let gateway = start(directory(9, &[(1, &[3, 4]), (2, &[4, 5])], &[(user_id(1), PLAIN)]), open(Reach::Direct)).await;
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1"]);
    gateway.target.writes().await;
    gateway.stage(vec![assign(group_id(1), VIEWER), assign(user_id(2), EDITOR)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1", "2 Editor", "3 Viewer", "4 Viewer"]);
    gateway.stage(vec![join(1, 6), leave(1, 3), assign(group_id(2), EDITOR)]);
    gateway.cycle().await;
    assert_eq!(
        active(&gateway).await,
        ["1", "2 Editor", "4 Viewer, Editor", "5 Editor", "6 Viewer"],
        "who left the group is not assigned any more, and needs no second look: the group was read"
    );
    // A role is taken back, another stays.
    gateway.stage(vec![unassign(group_id(1), VIEWER), assign(user_id(6), EDITOR)]);
    gateway.target.writes().await;
    gateway.cycle().await;
    assert_eq!(groups(&gateway).await, ["1", "2"], "one list alone says nothing about who is missing");
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1", "2 Editor", "4 Editor", "5 Editor", "6 Editor"]);
    assert_eq!(groups(&gateway).await, ["2"]);
    gateway.stage(vec![unassign(user_id(2), EDITOR)]);
    two_cycles(&gateway).await;
    assert_eq!(active(&gateway).await, ["1", "4 Editor", "5 Editor", "6 Editor"]);
    gateway.stage(vec![assign(user_id(2), VIEWER)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1", "2 Viewer", "4 Editor", "5 Editor", "6 Editor"]);
    assert_eq!(gateway.cycle().await.counters.writes, 0);
}

/// A list that lags shows somebody, misses them, and shows them again.
#[tokio::test]
async fn who_is_missing_once_was_not_gone() {
    let gateway =
        start(directory(3, &[(1, &[2])], &[(user_id(1), PLAIN), (group_id(1), PLAIN)]), open(Reach::Direct)).await;
    gateway.cycle().await;
    gateway.target.writes().await;
    for _ in 0..2 {
        gateway.stage(vec![unassign(user_id(1), PLAIN), unassign(group_id(1), PLAIN)]);
        gateway.cycle().await;
        gateway.stage(vec![assign(user_id(1), PLAIN), assign(group_id(1), PLAIN)]);
        gateway.cycle().await;
    }
    assert_eq!(gateway.target.writes().await, [""; 0]);
    assert_eq!(active(&gateway).await, ["1", "2"]);
}

/// Whoever is moved between an assignment of their own and a group keeps access, whichever way.
#[tokio::test]
async fn who_is_moved_keeps_access() {
    let gateway =
        start(directory(3, &[(1, &[2]), (2, &[])], &[(user_id(1), PLAIN), (group_id(1), PLAIN)]), open(Reach::Direct))
            .await;
    gateway.cycle().await;
    gateway.target.writes().await;
    gateway.stage(vec![unassign(user_id(1), PLAIN), join(1, 1), leave(1, 2), assign(user_id(2), PLAIN)]);
    two_cycles(&gateway).await;
    assert_eq!(active(&gateway).await, ["1", "2"]);
    let writes = gateway.target.writes().await;
    assert!(writes.iter().all(|write| write.ends_with("/Groups")), "{writes:?}");
}

#[tokio::test]
async fn a_role_that_entitles_nobody_is_no_access() {
    let gateway = start(
        directory(4, &[(1, &[3])], &[(user_id(1), VIEWER), (user_id(2), PLAIN), (group_id(1), VIEWER)]),
        open(Reach::Direct),
    )
    .await;
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1 Viewer", "2", "3 Viewer"]);
    let mut switched_off = roles();
    switched_off[0].is_enabled = false;
    gateway.stage(vec![Staged::SetRoles { application: APPLICATION.to_owned(), roles: switched_off }]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await.len(), 3, "it counts until a second list says so");
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["2"]);
    gateway.stage(vec![Staged::SetRoles { application: APPLICATION.to_owned(), roles: roles() }]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1 Viewer", "2", "3 Viewer"]);
    // A role that gets another name.
    let mut renamed = roles();
    renamed[0].display_name = "Reader".to_owned();
    gateway.stage(vec![Staged::SetRoles { application: APPLICATION.to_owned(), roles: renamed }]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1 Reader", "2", "3 Reader"]);
}

/// Everybody and the assigned follow each other, from what is stored.
#[tokio::test]
async fn another_scope_is_followed_without_a_read() {
    let mut gateway =
        start(directory(5, &[(1, &[2, 3]), (2, &[4])], &[(group_id(1), PLAIN)]), open(Reach::Direct)).await;
    for (scope, people, listed) in [
        (JobScope::All, ["1", "2", "3", "4", "5"].as_slice(), ["1", "2"].as_slice()),
        (JobScope::Assigned(Reach::Direct), &["2", "3"], &["1"]),
        (JobScope::All, &["1", "2", "3", "4", "5"], &["1", "2"]),
        (JobScope::Assigned(Reach::Direct), &["2", "3"], &["1"]),
    ] {
        gateway.job.policy.scope = scope;
        gateway.cycle().await;
        assert_eq!(
            (active(&gateway).await.as_slice(), groups(&gateway).await.as_slice()),
            (
                people.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().as_slice(),
                listed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().as_slice(),
            ),
            "{scope:?}"
        );
        let idle = gateway.cycle().await;
        assert_eq!((idle.counters.writes, idle.counters.changes), (0, 0), "{scope:?}");
    }
}

#[tokio::test]
async fn groups_that_are_only_read_assign_their_members() {
    let tenant = directory(5, &[(1, &[2, 3])], &[(group_id(1), EDITOR), (user_id(1), PLAIN)]);
    let only_read = schema(2, |document| {
        document["synchronizationRules"][0]["objectMappings"][1]["flowTypes"] = json!("None");
    });
    let mut gateway = Gateway::start_of(tenant, Dialect::STANDARD, open(Reach::Direct), only_read).await;
    gateway.ask_who_is_assigned();
    gateway.cycle().await;
    let people = ["1", "2 Editor", "3 Editor"].map(str::to_owned);
    assert_eq!((active(&gateway).await, groups(&gateway).await), (people.to_vec(), vec![]));
    gateway.stage(vec![leave(1, 2), join(1, 4)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1", "3 Editor", "4 Editor"]);
    gateway.stage(vec![Staged::DeleteGroup { group: group_id(1) }]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1"], "a group that is gone gives nobody anything");
}

/// The assignment of a group reaches those whom it lists, and where the job says so those of groups in it.
#[tokio::test]
async fn nested_groups_are_reached_where_asked_for() {
    for (reach, expected, later) in
        [(Reach::Direct, ["1"].as_slice(), ["1"].as_slice()), (Reach::Nested, &["1", "2", "3"], &["1", "3", "4"])]
    {
        let mut tenant = directory(5, &[(1, &[1]), (2, &[2]), (3, &[3])], &[(group_id(1), PLAIN)]);
        tenant.groups[0].members.push(group_id(2));
        tenant.groups[1].members.push(group_id(3));
        let gateway = start(tenant, Policy { nested_groups: NestedGroups::Flatten, ..open(reach) }).await;
        gateway.cycle().await;
        assert_eq!(active(&gateway).await, expected, "{reach:?}");
        assert_eq!(groups(&gateway).await, ["1"], "a group within is not assigned itself");
        gateway.stage(vec![leave(2, 2), join(3, 4)]);
        gateway.cycle().await;
        assert_eq!(active(&gateway).await, later, "{reach:?}");
        gateway.stage(vec![Staged::RemoveMember { group: group_id(1), member: group_id(2) }]);
        gateway.cycle().await;
        assert_eq!(active(&gateway).await, ["1"], "{reach:?}");
    }
}

#[tokio::test]
async fn on_demand_an_assignment_counts_and_its_absence_waits_for_a_cycle() {
    let gateway =
        start(directory(5, &[(1, &[3])], &[(user_id(1), EDITOR), (group_id(1), PLAIN)]), open(Reach::Direct)).await;
    gateway.provision(&user_id(1), &[]).await;
    assert_eq!(active(&gateway).await, ["1 Editor"]);
    let report = gateway.provision(&user_id(2), &[]).await.remove(0);
    assert!(!report.is_done(), "{report:?}");
    assert_eq!(gateway.escrows().await, [""; 0], "it is no failure");
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["1 Editor", "3"]);
    gateway.stage(vec![assign(user_id(2), VIEWER), unassign(user_id(1), EDITOR)]);
    for number in [1, 2, 1] {
        gateway.provision(&user_id(number), &[]).await;
    }
    assert_eq!(active(&gateway).await, ["1 Editor", "2 Viewer", "3"], "who is missing is missed by cycles");
    two_cycles(&gateway).await;
    assert_eq!(active(&gateway).await, ["2 Viewer", "3"]);
}

#[tokio::test]
async fn on_demand_takes_nothing_from_a_group_by_one_list_and_forgets_none() {
    let assigned = [(group_id(1), PLAIN), (user_id(1), PLAIN)];
    let mut gateway = start(directory(3, &[(1, &[2]), (2, &[3])], &assigned), open(Reach::Direct)).await;
    gateway.job.policy.scope = JobScope::All;
    gateway.cycle().await;
    assert_eq!(groups(&gateway).await, ["1", "2"]);
    // Before any cycle under the new scope, one list is all there is.
    gateway.job.policy.scope = JobScope::Assigned(Reach::Direct);
    gateway.provision(&group_id(2), &[]).await;
    assert_eq!(groups(&gateway).await, ["1", "2"]);
    gateway.cycle().await;
    assert_eq!((groups(&gateway).await, active(&gateway).await), (vec!["1".to_owned()], vec!["1".into(), "2".into()]));
    // Somebody tries the other scope on one person, and goes back. Who was unassigned meanwhile is still missed.
    gateway.job.policy.scope = JobScope::All;
    gateway.provision(&user_id(1), &[]).await;
    gateway.job.policy.scope = JobScope::Assigned(Reach::Direct);
    gateway.stage(vec![unassign(group_id(1), PLAIN)]);
    two_cycles(&gateway).await;
    assert_eq!((groups(&gateway).await, active(&gateway).await), (vec![], vec!["1".into()]));
}

#[tokio::test]
async fn who_is_kept_unassigned_still_loses_access_with_the_account() {
    let policy = Policy { unassigned: Deprovisioning::Nothing, ..open(Reach::Direct) };
    let everybody: Vec<(String, &str)> = (1..=3).map(|number| (user_id(number), PLAIN)).collect();
    let gateway = start(directory(3, &[], &everybody), policy).await;
    gateway.cycle().await;
    gateway.stage(vec![
        update(1, json!({ "accountEnabled": false })),
        unassign(user_id(1), PLAIN),
        unassign(user_id(2), PLAIN),
    ]);
    two_cycles(&gateway).await;
    assert_eq!(active(&gateway).await, ["2", "3"], "she is kept, and her account is not enabled");
    gateway.stage(vec![update(2, json!({ "accountEnabled": false }))]);
    gateway.cycle().await;
    assert_eq!(active(&gateway).await, ["3"], "somebody who was kept before");
}

#[tokio::test]
async fn a_disabled_account_never_waits_for_its_assignment() {
    let gateway = start(directory(2, &[], &[(user_id(1), PLAIN), (user_id(2), PLAIN)]), open(Reach::Direct)).await;
    gateway.cycle().await;
    gateway.stage(vec![update(1, json!({ "accountEnabled": false }))]);
    gateway.provision(&user_id(1), &[]).await;
    assert_eq!(active(&gateway).await, ["2"]);
    assert_eq!(gateway.removals(RemovalState::Staged).await.len(), 0);
}
