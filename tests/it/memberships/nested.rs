//! The same where filters reach into groups in groups.

use provisor::engine::policy::{Guard, Limits, Policy};
use provisor::graph_emulator::{Staged, Tenant};
use provisor::model::{CycleState, NestedGroups, Reach, RemovalState};
use provisor::scim_server::Dialect;
use provisor::store::Store;
use provisor::templates::Vocabulary;
use serde_json::json;

use super::{Gateway, Groups, active, directory, document, join, leave, member_of, rename, schema};
use crate::support::directory::{NOBODY, group as group_entry, person};
use crate::support::gateway::{group, group_id, tenant_of, update, user_id, user_name};
use crate::support::postgres::Postgres;
use crate::support::program::{self, Target};
use crate::support::slapd::{SUFFIX, Slapd, SlapdOptions};

/// Groups by number, each with the people and the groups in it.
type Listed<'a> = [(usize, &'a [usize], &'a [usize])];

fn tenant(users: usize, groups: &Listed<'_>) -> Tenant {
    let groups = groups.iter().map(|(number, people, inner)| {
        let mut group = group(*number, people.iter().copied());
        group.members.extend(inner.iter().copied().map(group_id));
        group
    });
    Tenant { groups: groups.collect(), ..tenant_of(users) }
}

fn nest(outer: usize, inner: usize) -> Staged {
    Staged::AddMember { group: group_id(outer), member: group_id(inner) }
}

fn unnest(outer: usize, inner: usize) -> Staged {
    Staged::RemoveMember { group: group_id(outer), member: group_id(inner) }
}

fn policy(reach: Reach) -> Policy {
    let open = Limits { percent: 100, at_least: 10_000, more_than: 10_000 };
    let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
    Policy { guard, nested_groups: NestedGroups::Flatten, is_member_of: reach, ..Policy::default() }
}

/// Whoever is in `Group 1`, however deep, is provisioned.
async fn start(tenant: Tenant, groups: Groups) -> Gateway {
    let schema = schema(groups, &[&[member_of(&["Group 1"])]], 1);
    Gateway::start_of(tenant, Dialect::STANDARD, policy(Reach::Nested), schema).await
}

/// Everything that can change who is in a group through others does so in the cycle that reads it, and a cycle after
/// it, a full read as well, changes nothing.
async fn groups_in_groups_decide(store: Option<Store>, groups: Groups) {
    let listed: &Listed<'_> =
        &[(1, &[1], &[2, 3]), (2, &[2], &[4]), (3, &[2, 3], &[]), (4, &[4], &[1]), (5, &[5], &[])];
    let mut gateway = start(tenant(7, listed), groups).await;
    gateway.store = store.unwrap_or(gateway.store);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 7).await, [1, 2, 3, 4]);
    let steps: &[(&str, Vec<Staged>, &[usize])] = &[
        ("one of two paths ends", vec![leave(3, 2)], &[1, 2, 3, 4]),
        ("and the other", vec![leave(2, 2), join(4, 6)], &[1, 3, 4, 6]),
        ("a group comes along", vec![nest(4, 5)], &[1, 3, 4, 5, 6]),
        ("from deep within to the top", vec![leave(4, 4), join(1, 4)], &[1, 3, 4, 5, 6]),
        ("a group in between goes", vec![unnest(1, 2)], &[1, 3, 4]),
        ("and comes back elsewhere", vec![nest(3, 2), leave(5, 5), join(5, 7)], &[1, 3, 4, 6, 7]),
        ("an inner group is deleted", vec![Staged::DeleteGroup { group: group_id(4) }], &[1, 3, 4]),
        ("another group has the name", vec![rename(1, "Former"), rename(2, "Group 1"), join(2, 2)], &[2]),
        ("with groups in it", vec![nest(2, 5)], &[2, 7]),
        ("the name returns", vec![rename(2, "Group 2"), rename(1, "Group 1")], &[1, 2, 3, 4, 7]),
    ];
    for (what, changes, expected) in steps {
        gateway.stage(changes.clone());
        let mut report = gateway.cycle().await;
        // So many leave a few people within the day that a person has to agree.
        if report.counters.staged > 0 {
            gateway.judge_staged(RemovalState::Released).await;
            report = gateway.cycle().await;
        }
        assert_eq!((report.state, active(&gateway, 7).await.as_slice()), (CycleState::Succeeded, *expected), "{what}");
        gateway.source.expire_delta_tokens();
        let again = gateway.cycle().await;
        assert_eq!((again.state, again.counters.writes), (CycleState::Succeeded, 0), "{what}, read again");
    }
}

#[tokio::test]
async fn whoever_is_in_a_group_through_others_is_provisioned_on_sqlite() {
    groups_in_groups_decide(None, Groups::OnlyRead).await;
    groups_in_groups_decide(None, Groups::Provisioned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_a_group_through_others_is_provisioned_on_postgresql() {
    let postgres = Postgres::start();
    let url = postgres.create_database("nested").await;
    groups_in_groups_decide(Some(Store::open(&url, None).await.expect("the store")), Groups::OnlyRead).await;
}

/// Nobody is read again for it.
#[tokio::test]
async fn another_reach_is_followed_from_what_is_stored() {
    let mut gateway = start(tenant(3, &[(1, &[1], &[2]), (2, &[2], &[])]), Groups::OnlyRead).await;
    for (nested_groups, reach, expected) in [
        (NestedGroups::Flatten, Reach::Nested, [1, 2].as_slice()),
        (NestedGroups::Flatten, Reach::Direct, &[1]),
        (NestedGroups::Flatten, Reach::Nested, &[1, 2]),
        (NestedGroups::Ignore, Reach::Direct, &[1]),
        (NestedGroups::Flatten, Reach::Nested, &[1, 2]),
    ] {
        gateway.job.policy.nested_groups = nested_groups;
        gateway.job.policy.is_member_of = reach;
        gateway.cycle().await;
        assert_eq!(active(&gateway, 3).await, expected, "{nested_groups:?} {reach:?}");
        assert_eq!(gateway.cycle().await.counters.writes, 0, "{nested_groups:?} {reach:?}");
    }
}

/// On demand, no groups are read: a membership counts, and that there is none is left to the next cycle.
#[tokio::test]
async fn on_demand_a_path_counts_and_its_absence_waits_for_a_cycle() {
    let gateway = start(tenant(4, &[(1, &[1], &[2]), (2, &[2, 3], &[])]), Groups::OnlyRead).await;
    gateway.cycle().await;
    gateway.stage(vec![update(2, json!({ "jobTitle": "Keeper" }))]);
    assert!(gateway.provision(&user_id(2), &[]).await.remove(0).is_done());
    let keeper = gateway.target.user(&user_name(2)).await.expect("is known to be in the group");
    assert_eq!((&keeper["title"], &keeper["active"]), (&json!("Keeper"), &json!(true)));
    gateway.stage(vec![leave(2, 3), join(2, 4)]);
    for user in [3, 4] {
        let report = gateway.provision(&user_id(user), &[]).await.remove(0);
        assert_eq!(report.is_done(), user == 3, "{report:?}");
    }
    assert_eq!((active(&gateway, 4).await, gateway.escrows().await), (vec![1, 2, 3], Vec::new()), "nothing failed");
    gateway.cycle().await;
    assert_eq!(active(&gateway, 4).await, [1, 2, 4]);
}

/// Whoever is known to be in a group with others too deep in it is provisioned; about all others nothing is decided.
#[tokio::test]
async fn below_a_chain_that_is_too_long_nobody_is_judged() {
    let mut chain: Vec<_> = (1..=70).map(|number| group(number, [number])).collect();
    (0..68).for_each(|index| chain[index].members.push(group_id(index + 2)));
    let gateway = start(Tenant { groups: chain, ..tenant_of(71) }, Groups::OnlyRead).await;
    let report = gateway.cycle().await;
    assert_eq!(report.state, CycleState::Partial);
    assert_eq!(active(&gateway, 71).await, (1..=65).collect::<Vec<_>>());
    assert_eq!(gateway.escrows().await.len(), 6, "66 to 71: they may be in the group");
    gateway.stage(vec![leave(20, 20)]);
    gateway.cycle().await;
    assert_eq!(active(&gateway, 71).await.len(), 65, "nobody is removed on what nobody can tell");
    gateway.stage(vec![unnest(10, 11)]);
    let report = gateway.cycle().await;
    assert_eq!((report.state, gateway.escrows().await.len()), (CycleState::Succeeded, 0));
    assert_eq!(active(&gateway, 71).await, (1..=10).collect::<Vec<_>>());
}

/// What was recorded before the cycle died is followed by the next one, which reads nothing new.
#[tokio::test]
async fn a_cycle_that_breaks_off_after_reading_loses_nobody() {
    let gateway = start(tenant(5, &[(1, &[1], &[2]), (2, &[2, 3], &[])]), Groups::OnlyRead).await;
    gateway.cycle().await;
    gateway.stage(vec![join(2, 5), leave(2, 3)]);
    let revoked =
        |method| json!([{ "method": method, "every": 1, "moment": "before_commit", "do": { "status": 401 } }]);
    for method in ["POST", "PATCH"] {
        gateway.target.set_faults(revoked(method)).await;
        gateway.try_cycle().await.expect_err("the target takes nothing");
    }
    gateway.target.clear_faults().await;
    gateway.cycle().await;
    assert_eq!(active(&gateway, 5).await, [1, 2, 5]);
}

/// A filter of groups may ask as well: a group is in another through groups in between.
#[tokio::test]
async fn groups_are_members_through_groups_too() {
    let mut document = document(Vocabulary::Graph, Groups::Provisioned, &[]);
    document["synchronizationRules"][0]["objectMappings"][1]["scope"] =
        json!({ "groups": [{ "clauses": [member_of(&["Group 1"])] }] });
    let document = serde_json::from_value(document).expect("a document");
    let schema = (provisor::sync_schema::compile(&document).runnable().expect("it runs"), 1);
    let listed: &Listed<'_> = &[(1, &[1], &[2]), (2, &[2], &[3]), (3, &[3], &[]), (4, &[1], &[])];
    let gateway = Gateway::start_of(tenant(3, listed), Dialect::STANDARD, policy(Reach::Nested), schema).await;
    let groups = async || {
        let groups = gateway.target.groups().await;
        let mut names: Vec<String> =
            groups.iter().filter_map(|group| group["displayName"].as_str().map(str::to_owned)).collect();
        names.sort();
        names
    };
    gateway.cycle().await;
    assert_eq!(groups().await, ["Group 2", "Group 3"]);
    gateway.stage(vec![nest(3, 4)]);
    gateway.cycle().await;
    assert_eq!(groups().await, ["Group 2", "Group 3", "Group 4"]);
    gateway.stage(vec![unnest(2, 3)]);
    gateway.cycle().await;
    assert_eq!(groups().await, ["Group 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_in_groups_of_a_directory_decide() {
    let people: String = ["ada", "bob", "cyd", "dot"].map(person).concat();
    let nested = |cn: &str, member: &str, inner: &str| {
        let entry = group_entry(cn, &[member]);
        format!("{}member: cn={inner},ou=groups,{SUFFIX}\n\n", entry.trim_end_matches('\n').to_owned() + "\n")
    };
    let groups = [nested("staff", "ada", "crew"), nested("crew", "bob", "cooks"), group_entry("cooks", &["cyd"])];
    let slapd = Slapd::start_with(&SlapdOptions::default(), &[NOBODY, &people, &groups.concat()].concat());
    let target = Target::start("standard");
    let gateway = program::Gateway::new(&slapd, &target, None);
    gateway.let_half_of_few_leave();
    gateway.set_schema(&document(Vocabulary::Ldap, Groups::OnlyRead, &[&[member_of(&["staff"])]]));
    gateway.set("is_member_of", &json!("nested"));
    let refused = gateway.command().output().expect("the program");
    assert_eq!(refused.status.code(), Some(2));
    assert!(program::text_of(&refused).contains("`nested_groups: flatten`"), "{}", program::text_of(&refused));
    gateway.set("nested_groups", &json!("flatten"));
    gateway.run();
    assert_eq!(directory::active(&target).await, ["ada", "bob", "cyd"]);
    slapd.modify(&directory::change("cooks", "add", "dot"));
    slapd.modify(&directory::change("cooks", "delete", "cyd"));
    gateway.run();
    assert_eq!(directory::active(&target).await, ["ada", "bob", "dot"]);
    slapd.rename(&format!("cn=cooks,ou=groups,{SUFFIX}"), "cn=chefs", None);
    gateway.run();
    assert_eq!(directory::active(&target).await, ["ada", "bob", "dot"], "what it is called does not matter");
    let idle = gateway.run();
    assert_eq!(idle["counters"]["writes"], 0, "{idle}");
}
