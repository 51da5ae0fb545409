//! Every statement that a cycle sends to its store goes through what it is about, never through a whole directory.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use provisor::engine::policy::{Guard, Limits, Policy};
use provisor::graph_emulator::{ServicePrincipalRecord, Staged};
use provisor::model::{CycleState, JobScope, NestedGroups, ObjectKind, Reach, RemovalState};
use provisor::scim_server::Dialect;
use serde_json::json;

use super::support::gateway::{
    APPLICATION, Gateway, edited_schema, group, group_id, join, leave, purge, tenant_of, update, user_id, user_name,
};
use super::support::repository;

/// The statements that were prepared, by any store of this process.
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds:").next().unwrap_or_default().trim();
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
        }
    }))
}

/// Tables with as many rows as the directory has objects or references.
const GROWING: [&str; 7] = ["objects", "object_names", "links", "edges", "nestings", "assignments", "matching_index"];
/// Columns that narrow nothing down: a job may have the whole directory.
const WIDE: [&str; 8] = ["job", "target", "mapping", "kind", "resource_kind", "path", "attribute", "lifecycle"];
/// Indexes that hold only what needs work, or only the few groups in groups.
const OF_WORK: [&str; 6] =
    ["objects_due", "objects_waits_for", "edges_to_add", "edges_to_remove", "edges_nested", "nestings_unscanned"];

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What is wrong with a step of a plan; `None` where nothing is.
fn complaint(statement: &str, step: &str) -> Option<String> {
    let mut words = step.split(' ');
    let (verb, table) = (words.next()?, words.next()?);
    // An alias stands for its table.
    let is_growing = GROWING.contains(&table)
        || GROWING.iter().any(|growing| statement.contains(&format!("`{growing}` AS `{table}`")));
    if !is_growing || OF_WORK.iter().any(|index| step.contains(index)) {
        return None;
    }
    let conditions = step.rsplit_once(" (").map_or("", |(_, conditions)| conditions.trim_end_matches(')'));
    let columns = conditions.split(" AND ").map(|condition| condition.trim_end_matches(['=', '<', '>', '?']));
    let is_narrow = columns.clone().any(|column| !column.is_empty() && !WIDE.contains(&column));
    (verb == "SCAN" || !is_narrow).then(|| format!("{statement}\n    {step}"))
}

/// Counting goes through what it counts, and looking whether there is anything stops at the first. A full read and
/// another schema concern everything, and what was listed of a target goes as a whole.
fn may_be_wide(statement: &str) -> bool {
    const PARTS: [&str; 6] = [
        "COUNT(",
        "SELECT EXISTS",
        "`edges`.`generation` < ?",
        "`evaluated_schema` != ?",
        "DELETE FROM `matching_index`",
        // Everybody is provisioned from now on.
        "DELETE FROM `assignments` WHERE (`assignments`.`job` = ?)",
    ];
    PARTS.iter().any(|part| statement.contains(part))
}

#[tokio::test]
async fn no_statement_of_a_cycle_goes_through_a_directory() {
    set_default_instrumentation(record).unwrap();
    // More news of one group than a page holds, when they come and when they go.
    let members = 5_300;
    let mut tenant = tenant_of(members);
    tenant.users[1].manager = Some(user_id(3));
    tenant.groups = vec![group(1, 1..=members), group(2, 1..=20), group(3, [7])];
    tenant.groups[2].members.push(group_id(2));
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, ..Guard::default() };
    let gateway = Gateway::start_with(
        tenant,
        Dialect::STANDARD,
        Policy { guard, nested_groups: NestedGroups::Flatten, ..Policy::default() },
    )
    .await;
    let report = gateway.cycle().await;
    assert_eq!((report.state, report.counters.created), (CycleState::Succeeded, members as u64 + 3));
    assert_eq!(gateway.target.members("Group 1").await.len(), members);
    let remove = |number| Staged::RemoveMember { group: group_id(1), member: user_id(number) };
    gateway.stage((1..=5_200).map(remove).collect());
    gateway.stage(vec![
        Staged::RemoveMember { group: group_id(2), member: user_id(4) },
        Staged::AddMember { group: group_id(2), member: group_id(1) },
        update(7, json!({ "jobTitle": "Chief", "accountEnabled": false })),
        Staged::SetManager { user: user_id(2), manager: Some(user_id(5)) },
        leave(9),
        leave(11),
        purge(11),
    ]);
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Succeeded);
    assert!(report.counters.references_removed >= 5_200, "{:?}", report.counters);
    assert_eq!(gateway.target.members("Group 1").await.len(), 100);
    gateway.source.expire_delta_tokens();
    gateway.cycle().await;
    assert_eq!(gateway.cycle().await.counters.writes, 0);

    assigned().await;
    members_of_groups().await;
    reloaded().await;

    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    let migrations = FileBasedMigrations::from_path(repository("migrations/sqlite")).unwrap();
    connection.run_pending_migrations(migrations).unwrap();
    let statements = STATEMENTS.lock().unwrap().clone();
    let (mut looked_at, mut complaints) = (0, Vec::new());
    for statement in statements.iter().filter(|statement| !may_be_wide(statement)) {
        // Those of the target's own database name other tables.
        let explained = format!("EXPLAIN QUERY PLAN {statement}");
        let Ok(plan) = diesel::sql_query(explained).load::<Plan>(&mut connection) else { continue };
        looked_at += 1;
        complaints.extend(plan.iter().filter_map(|step| complaint(statement, &step.detail)));
    }
    assert!(looked_at > 40, "{looked_at} statements were looked at");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The same with people who are assigned, by themselves and through groups, directly and through groups in these.
async fn assigned() {
    const PLAIN: &str = "00000000-0000-0000-0000-000000000000";
    let application: ServicePrincipalRecord = serde_json::from_value(json!({
        "id": APPLICATION, "appId": user_id(999), "displayName": "Desk",
        "appRoleAssignedTo": [{ "principalId": user_id(1) }, { "principalId": group_id(1) }],
    }))
    .expect("it is a service principal");
    let mut tenant = tenant_of(12);
    tenant.groups = vec![group(1, 2..=5), group(2, 6..=8)];
    tenant.groups[0].members.push(group_id(2));
    tenant.service_principals = vec![application];
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
    let policy = Policy { guard, nested_groups: NestedGroups::Flatten, ..Policy::default() };
    let mut gateway = Gateway::start_with(tenant, Dialect::STANDARD, policy).await;
    gateway.ask_who_is_assigned();
    for (scope, active) in
        [(JobScope::Assigned(Reach::Direct), 5), (JobScope::Assigned(Reach::Nested), 8), (JobScope::All, 12)]
    {
        gateway.job.policy.scope = scope;
        gateway.cycle().await;
        assert_eq!(gateway.target.users().await.iter().filter(|user| user["active"] == true).count(), active);
    }
    gateway.job.policy.scope = JobScope::Assigned(Reach::Nested);
    gateway.cycle().await;
    let principal = group_id(1);
    gateway.stage(vec![
        Staged::RemoveMember { group: group_id(2), member: user_id(7) },
        Staged::AddMember { group: group_id(1), member: user_id(9) },
        Staged::Unassign { application: APPLICATION.to_owned(), principal, role: PLAIN.to_owned() },
        Staged::Assign { application: APPLICATION.to_owned(), principal: user_id(3), role: PLAIN.to_owned() },
    ]);
    gateway.cycle().await;
    gateway.cycle().await;
    // So many leave in one day that a person is asked.
    gateway.judge_staged(RemovalState::Released).await;
    gateway.cycle().await;
    assert_eq!(gateway.target.users().await.iter().filter(|user| user["active"] == true).count(), 2);
}

/// The same with people who are in a group that a filter names, directly and through groups in it.
async fn members_of_groups() {
    let schema = edited_schema(1, |document| {
        let members = json!({ "sourceOperandName": "IsMemberOf", "operatorName": "IsMemberOf",
            "targetOperand": { "values": ["Group 1"] } });
        let mappings = document.pointer_mut("/synchronizationRules/0/objectMappings").expect("mappings");
        let mappings = mappings.as_array_mut().expect("a list");
        let users = mappings.iter_mut().find(|mapping| mapping["sourceObjectName"] == "User").expect("users");
        users["scope"] = json!({ "groups": [{ "clauses": [members] }] });
    });
    let mut tenant = tenant_of(6);
    tenant.groups = vec![group(1, [1]), group(2, [2, 3]), group(3, [4])];
    tenant.groups[0].members.push(group_id(2));
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
    let policy =
        Policy { guard, nested_groups: NestedGroups::Flatten, is_member_of: Reach::Nested, ..Policy::default() };
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, policy, schema).await;
    let active = async || gateway.target.users().await.iter().filter(|user| user["active"] == true).count();
    gateway.cycle().await;
    assert_eq!(active().await, 3);
    gateway.stage(vec![
        Staged::AddMember { group: group_id(2), member: group_id(3) },
        Staged::RemoveMember { group: group_id(2), member: user_id(2) },
    ]);
    gateway.cycle().await;
    assert_eq!(active().await, 3);
    let named = |name: &str| json!({ "displayName": name }).as_object().cloned().unwrap_or_default();
    for name in ["Former", "Group 1"] {
        gateway.stage(vec![Staged::UpdateGroup { group: group_id(1), properties: named(name) }]);
        gateway.cycle().await;
    }
    assert_eq!(active().await, 3);
}

/// The same with somebody who comes back under another identifier.
async fn reloaded() {
    let (mut schema, number) = edited_schema(1, |_| {});
    schema.confirm(&ObjectKind::new("User"), &["employeeId".to_owned()]);
    let mut tenant = tenant_of(3);
    for (number, user) in (1..).zip(&mut tenant.users) {
        user.properties.insert("employeeId".to_owned(), json!(format!("{number}")));
    }
    tenant.groups = vec![group(1, 1..=3)];
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), (schema, number)).await;
    gateway.cycle().await;
    let Staged::Join { mut properties, .. } = join(&user_name(1)) else { panic!("it joins nobody") };
    properties.insert("employeeId".to_owned(), json!("1"));
    gateway.stage(vec![leave(1), purge(1), Staged::Join { properties, groups: vec![group_id(1)] }]);
    assert_eq!(gateway.cycle().await.counters.relinked, 1);
}
