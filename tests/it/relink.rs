//! A directory that was reloaded: the same people and groups, under new identifiers.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

mod directory;

use provisor::engine::policy::{Deprovisioning, Policy};
use provisor::model::{Claimant, CycleState, NestedGroups, ObjectKind, RemovalState, Value};
use provisor::scim_server::Dialect;
use provisor::store::LogFilter;
use provisor::sync_schema::Schema;
use serde_json::{Value as Json, json};

use self::directory::{Directory, References};
use super::support::gateway::{Gateway, edited_schema, group, join, leave, purge, tenant_of, user_name};

/// The schema of the template, with groups that have no identifier of the source; these attributes of people, and the
/// alias of groups, confirm a relink.
fn schema(confirm_by: &[&str], number: i64, edit: impl FnOnce(&mut Json)) -> (Schema, i64) {
    let (mut schema, number) = edited_schema(number, |document| {
        let mappings = document.pointer_mut("/synchronizationRules/0/objectMappings").unwrap().as_array_mut().unwrap();
        let groups = mappings.iter_mut().find(|mapping| mapping["sourceObjectName"] == "Group").unwrap();
        groups["attributeMappings"].as_array_mut().unwrap().retain(|one| one["targetAttributeName"] != "externalId");
        edit(document);
    });
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    schema.confirm(&ObjectKind::new("User"), &names(confirm_by));
    if !confirm_by.is_empty() {
        schema.confirm(&ObjectKind::new("Group"), &names(&["mailNickname"]));
    }
    (schema, number)
}

async fn gateway_of(directory: &std::sync::Arc<Directory>, policy: Policy, schema: (Schema, i64)) -> Gateway {
    let mut gateway = Gateway::start_of(tenant_of(0), Dialect::STANDARD, policy, schema).await;
    gateway.read_from(directory.clone());
    gateway
}

/// What the target holds, without what the server says of it.
async fn held(gateway: &Gateway) -> Vec<Json> {
    let mut all = gateway.target.users().await;
    all.extend(gateway.target.groups().await);
    for resource in &mut all {
        if let Some(members) = resource["members"].as_array_mut() {
            members.sort_by_key(|member| member["value"].to_string());
        }
    }
    all.sort_by_key(|resource| resource["id"].to_string());
    all
}

async fn nothing_waits(gateway: &Gateway) {
    for state in [RemovalState::Held, RemovalState::Approved, RemovalState::Staged, RemovalState::Released] {
        assert_eq!(gateway.removals(state).await, []);
    }
    assert_eq!(gateway.escrows().await, Vec::<String>::new());
}

async fn claimants(gateway: &Gateway) -> Vec<Claimant> {
    gateway.store.claimants(&gateway.job.id, None, 100).await.unwrap()
}

/// Everybody has the next one for a manager; one group has everybody, and another has that and one person.
fn company(directory: &Directory, people: usize, epoch: usize) {
    for number in 1..=people {
        directory.person(epoch, number, &format!("user{number}"), &[("employeeId", &number.to_string())]);
        directory.manager(epoch, number, number % people + 1);
    }
    directory.group(epoch, 1, &(1..=people).collect::<Vec<_>>(), &[]);
    directory.group(epoch, 2, &[1], &[1]);
}

#[tokio::test]
async fn a_reload_moves_every_link_and_sends_nothing() {
    const PEOPLE: usize = 230;
    for references in [References::ByName, References::ById] {
        for (gone_first, nested) in
            [(false, NestedGroups::Groups), (true, NestedGroups::Flatten), (false, NestedGroups::Flatten)]
        {
            let case = format!("{references:?} {gone_first} {nested:?}");
            let directory = Directory::new(references);
            company(&directory, PEOPLE, 1);
            let policy = Policy { nested_groups: nested, ..Policy::default() };
            let gateway = gateway_of(&directory, policy, schema(&["employeeId"], 1, |_| {})).await;
            assert_eq!(gateway.cycle().await.state, CycleState::Succeeded, "{case}");
            let before = held(&gateway).await;
            assert_eq!(before.len(), PEOPLE + 2, "{case}");

            directory.forget();
            company(&directory, PEOPLE, 2);
            directory.tell_the_gone_first(gone_first);
            let report = gateway.cycle().await;
            let counters = report.counters;
            assert_eq!((counters.relinked, counters.writes), (PEOPLE as u64 + 2, 0), "{case}: {counters:?}");
            assert_eq!((report.state, counters.staged, counters.escrowed), (CycleState::Succeeded, 0, 0), "{case}");
            nothing_waits(&gateway).await;
            let idle = gateway.cycle().await.counters;
            assert_eq!((idle.writes, idle.relinked), (0, 0), "{case}");

            // What is known is true: a full read finds nothing to do, a change is one request.
            directory.forget_what_was_told();
            assert_eq!(gateway.cycle().await.counters.writes, 0, "{case}");
            directory.group(2, 2, &[1, 3], &[1]);
            let writes = if nested == NestedGroups::Flatten { 0 } else { 1 };
            assert_eq!(gateway.cycle().await.counters.writes, writes, "{case}");
            directory.group(2, 2, &[1], &[1]);
            gateway.cycle().await;
            let strip = |mut all: Vec<Json>| {
                all.iter_mut().for_each(|resource| drop(resource.as_object_mut().unwrap().remove("meta")));
                all
            };
            assert_eq!(strip(held(&gateway).await), strip(before), "{case}");
        }
    }
}

#[tokio::test]
async fn a_group_of_two_thousand_is_reloaded_without_a_request() {
    const MEMBERS: usize = 2_000;
    let directory = Directory::new(References::ById);
    for number in 1..=MEMBERS {
        directory.person(1, number, &format!("user{number}"), &[("employeeId", &number.to_string())]);
    }
    directory.group_of(1, 1, (1..=MEMBERS).map(|number| (1, number)));
    let gateway = gateway_of(&directory, Policy::default(), schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let before = gateway.target.members("Group 1").await;
    assert_eq!(before.len(), MEMBERS);
    directory.forget_groups();
    directory.group_of(2, 1, (1..=MEMBERS).map(|number| (1, number)));
    let report = gateway.cycle().await;
    let counters = report.counters;
    assert_eq!((report.state, counters.relinked, counters.writes), (CycleState::Succeeded, 1, 0), "{counters:?}");
    assert_eq!(gateway.target.members("Group 1").await, before);
    // Who leaves afterwards is taken out, and nobody else.
    directory.group_of(2, 1, (2..=MEMBERS).map(|number| (1, number)));
    assert_eq!(gateway.cycle().await.counters.writes, 1);
    assert_eq!(gateway.target.members("Group 1").await.len(), MEMBERS - 1);
}

#[tokio::test]
async fn anything_but_one_equal_value_is_left_to_a_person() {
    let directory = Directory::new(References::ByName);
    let number = |number: usize| number.to_string();
    for one in 1..=10 {
        let of_one = number(one);
        let given: &[(&str, &str)] = if one == 3 { &[] } else { &[("employeeId", &of_one)] };
        directory.person(1, one, &format!("user{one}"), given);
    }
    // Nothing is deleted, so who is gone keeps a resource that others match.
    let policy = Policy { deleted: Deprovisioning::Nothing, ..Policy::default() };
    let gateway = gateway_of(&directory, policy, schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    directory.forget();
    for one in 1..=10 {
        let of_one = if one == 1 { "another".to_owned() } else { number(one) };
        let given: &[(&str, &str)] = if one == 2 { &[] } else { &[("employeeId", &of_one)] };
        directory.person(2, one, &format!("user{one}"), given);
    }
    // Somebody else says to be the fourth.
    directory.person(2, 11, "user11", &[("employeeId", "4")]);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.created, counters.escrowed), (6, 1, 4), "{counters:?}");
    let idle = gateway.cycle().await.counters;
    assert_eq!((idle.relinked, idle.requests), (0, 0), "who asks costs nothing");

    let asking = claimants(&gateway).await;
    let anchors: Vec<&str> = asking.iter().map(|claimant| claimant.key.anchor.as_str()).collect();
    assert_eq!(anchors, [1, 2, 3, 4].map(|number| Directory::person_anchor(2, number).to_string()));
    // What was not shown is not confirmed.
    let other = Claimant { resource: "other".into(), ..asking[0].clone() };
    assert_eq!(gateway.store.confirm_claimants(&gateway.job.id, vec![other]).await.unwrap(), []);
    let confirmed = gateway.store.confirm_claimants(&gateway.job.id, asking[..3].to_vec()).await.unwrap();
    assert_eq!(confirmed.len(), 3);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.escrowed), (3, 1), "{counters:?}");
    assert_eq!(claimants(&gateway).await.len(), 1);

    // Nobody else has the number of the fourth any more: as she changes, it is known who she is.
    directory.person(2, 11, "user11", &[("employeeId", "11")]);
    directory.person(2, 4, "user4", &[("employeeId", "4"), ("jobTitle", "Chief")]);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.escrowed, counters.updated), (1, 0, 2), "{counters:?}");
    let after = held(&gateway).await;
    for resource in before {
        assert!(after.iter().any(|now| now["id"] == resource["id"] && now["userName"] == resource["userName"]));
    }
    let lines = gateway.store.provisioning_log(&gateway.job.id, &LogFilter::default(), None, 1_000).await.unwrap();
    let relinked =
        lines.iter().filter(|line| line.summary.event.reason.as_ref().is_some_and(|why| why.code == "Relinked"));
    assert_eq!(relinked.count(), 2 * 10, "one line for either");
}

#[tokio::test]
async fn the_few_whom_nothing_confirms_are_part_of_the_same_accident() {
    let directory = Directory::new(References::ByName);
    let reloaded = |epoch: usize| {
        for one in 1..=108 {
            let number = one.to_string();
            let given: &[(&str, &str)] = if one <= 8 { &[] } else { &[("employeeId", &number)] };
            directory.person(epoch, one, &format!("user{one}"), given);
        }
    };
    reloaded(1);
    let gateway = gateway_of(&directory, Policy::default(), schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    directory.forget();
    reloaded(2);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.deleted, counters.staged), (100, 0, 8), "{counters:?}");
    assert_eq!(held(&gateway).await, before, "eight of a hundred and eight would pass by themselves");
}

#[tokio::test]
async fn names_that_are_swapped_in_the_reload_are_nobodys_proof() {
    let directory = Directory::new(References::ByName);
    let everybody = |epoch: usize, name: &dyn Fn(usize) -> usize| {
        for number in 1..=20 {
            directory.person(epoch, number, &format!("user{}", name(number)), &[("employeeId", &number.to_string())]);
        }
    };
    everybody(1, &|number| number);
    let policy = Policy { deleted: Deprovisioning::Nothing, ..Policy::default() };
    let gateway = gateway_of(&directory, policy, schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    directory.forget();
    everybody(2, &|number| if number <= 2 { 3 - number } else { number });
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.writes, counters.escrowed), (18, 0, 2), "{counters:?}");
    assert_eq!(held(&gateway).await, before);
}

#[tokio::test]
async fn who_comes_back_gets_the_former_account_and_a_joiner_does_not() {
    let directory = Directory::new(References::ByName);
    for number in 1..=6 {
        directory.person(1, number, &format!("user{number}"), &[("employeeId", &number.to_string())]);
    }
    let policy = Policy { deleted: Deprovisioning::Disable, ..Policy::default() };
    let gateway = gateway_of(&directory, policy, schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let [first, second] = [1, 2].map(|number| format!("user{number}@example.org"));
    let (hers, his) = (gateway.target.id_of(&first).await, gateway.target.id_of(&second).await);
    directory.remove(1, 1);
    directory.remove(1, 2);
    assert_eq!(gateway.cycle().await.counters.disabled, 2);

    directory.person(2, 1, "user1", &[("employeeId", "1"), ("jobTitle", "Chief")]);
    directory.person(2, 2, "user2", &[("employeeId", "7")]);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.updated, counters.escrowed), (1, 1, 1), "{counters:?}");
    let user = gateway.target.user(&first).await.unwrap();
    assert_eq!((&user["id"], &user["active"], &user["title"]), (&json!(hers), &json!(true), &json!("Chief")));
    let user = gateway.target.user(&second).await.unwrap();
    assert_eq!((&user["id"], &user["active"]), (&json!(his), &json!(false)), "a joiner gets no leaver's account");

    // Whoever is only disabled is not gone, whatever else is equal.
    directory.set(1, 3, "accountEnabled", Value::Boolean(false));
    gateway.cycle().await;
    directory.person(2, 3, "user3", &[("employeeId", "3")]);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.created, counters.escrowed), (0, 0, 2), "{counters:?}");
    assert!(claimants(&gateway).await.iter().all(|claimant| claimant.former != Directory::person_anchor(1, 3)));
    // As soon as she is, it is looked at again, before her account is touched.
    directory.remove(1, 3);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.deleted, counters.escrowed), (1, 0, 1), "{counters:?}");
}

#[tokio::test]
async fn a_reload_in_two_steps_is_taken_back_from_the_guard() {
    let directory = Directory::new(References::ByName);
    let people = |epoch: usize, numbers: std::ops::RangeInclusive<usize>| {
        for number in numbers {
            directory.person(epoch, number, &format!("user{number}"), &[("employeeId", &number.to_string())]);
        }
    };
    people(1, 1..=20);
    directory.group(1, 1, &(1..=20).collect::<Vec<_>>(), &[]);
    let gateway = gateway_of(&directory, Policy::default(), schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    (1..=20).for_each(|number| directory.remove(1, number));
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.staged, counters.writes), (21, 0), "{counters:?}");
    directory.forget();
    people(2, 1..=20);
    directory.group(2, 1, &(1..=20).collect::<Vec<_>>(), &[]);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.staged, counters.writes), (21, 0, 0), "{counters:?}");
    nothing_waits(&gateway).await;
    assert_eq!(held(&gateway).await, before);
}

#[tokio::test]
async fn what_is_to_be_confirmed_is_looked_at_again_when_the_job_says_by_what() {
    let directory = Directory::new(References::ById);
    let people = |epoch: usize| {
        for number in 1..=20 {
            directory.person(epoch, number, &format!("user{number}"), &[("employeeId", &number.to_string())]);
            directory.manager(epoch, number, number % 20 + 1);
        }
    };
    people(1);
    let mut gateway = gateway_of(&directory, Policy::default(), schema(&[], 1, |_| {})).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    directory.forget();
    people(2);
    for _ in 0..2 {
        let counters = gateway.cycle().await.counters;
        assert!(counters.staged >= 20 && counters.relinked == 0, "{counters:?}");
    }
    assert_eq!(held(&gateway).await, before);
    assert_eq!(claimants(&gateway).await.len(), 20);
    gateway.set_schema(schema(&["employeeId"], 2, |_| {}));
    gateway.read_from(directory.clone());
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.staged, counters.writes), (20, 0, 0), "{counters:?}");
    nothing_waits(&gateway).await;
    assert_eq!(held(&gateway).await, before);
}

#[tokio::test]
async fn a_cycle_that_breaks_off_after_a_relink_is_gone_on_with() {
    let directory = Directory::new(References::ByName);
    company(&directory, 12, 1);
    let gateway = gateway_of(&directory, Policy::default(), schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    directory.forget();
    company(&directory, 12, 2);
    for number in 1..=12 {
        directory.set(2, number, "jobTitle", Value::text("Chief"));
    }
    // The target is there and takes no change: the links have moved, and nothing else has happened.
    gateway.target.set_faults(json!([{ "method": "PATCH", "moment": "before_commit", "do": { "status": 401 } }])).await;
    assert!(gateway.try_cycle().await.is_err());
    gateway.target.clear_faults().await;
    gateway.target.writes().await;
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.updated, counters.writes), (0, 12, 12), "{counters:?}");
    assert_eq!((counters.staged, counters.deleted, counters.created), (0, 0, 0), "{counters:?}");
    nothing_waits(&gateway).await;
}

/// Whoever is like nobody who is gone is looked for where it is decided about alone.
#[tokio::test]
async fn only_who_is_like_somebody_who_is_gone_is_looked_for_once_more() {
    let directory = Directory::new(References::ByName);
    for one in 1..=5 {
        directory.person(1, one, &format!("user{one}"), &[("employeeId", &one.to_string())]);
    }
    let policy = Policy { deleted: Deprovisioning::Nothing, ..Policy::default() };
    let gateway = gateway_of(&directory, policy, schema(&["employeeId"], 1, |_| {})).await;
    gateway.cycle().await;
    directory.remove(1, 1);
    gateway.cycle().await;
    // Others have resources that these match, so they are postponed while the source is read, and decided afterwards.
    for one in 2..=5 {
        directory.person(2, one, &format!("user{one}"), &[("employeeId", &format!("9{one}"))]);
    }
    let requests = gateway.cycle().await.counters.requests;
    let probes = 1;
    assert_eq!(requests - probes, 4 * 3, "while the source is read, when it was read, and after the removals");
    directory.person(2, 1, "user1", &[("employeeId", "1")]);
    assert_eq!(gateway.cycle().await.counters.relinked, 1);
}

#[tokio::test]
async fn members_of_a_group_that_filters_name_keep_their_accounts() {
    let directory = Directory::new(References::ByName);
    company(&directory, 12, 1);
    let only_crew = |document: &mut Json| {
        let mappings = document.pointer_mut("/synchronizationRules/0/objectMappings").unwrap().as_array_mut().unwrap();
        let users = mappings.iter_mut().find(|mapping| mapping["sourceObjectName"] == "User").unwrap();
        let clause = json!({
            "sourceOperandName": "IsMemberOf", "operatorName": "IsMemberOf",
            "targetOperand": { "values": ["Group 1"] },
        });
        users["scope"] = json!({ "groups": [{ "clauses": [clause] }] });
    };
    let gateway = gateway_of(&directory, Policy::default(), schema(&["employeeId"], 1, only_crew)).await;
    gateway.cycle().await;
    let before = held(&gateway).await;
    assert_eq!(before.len(), 14);
    directory.forget();
    company(&directory, 12, 2);
    let counters = gateway.cycle().await.counters;
    assert_eq!((counters.relinked, counters.staged, counters.writes), (14, 0, 0), "{counters:?}");
    assert_eq!(held(&gateway).await, before);
}

#[tokio::test]
async fn a_tenant_whose_people_were_made_anew_keeps_its_accounts() {
    const PEOPLE: usize = 12;
    let mut tenant = tenant_of(PEOPLE);
    for (number, user) in (1..).zip(&mut tenant.users) {
        user.properties.insert("employeeId".to_owned(), json!(format!("{number}")));
    }
    tenant.groups = vec![group(1, 1..=PEOPLE)];
    let schema = schema(&["employeeId"], 1, |_| {});
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), schema).await;
    gateway.cycle().await;
    let (ids, members) = (gateway.target.id_of(&user_name(1)).await, gateway.target.members("Group 1").await);
    for number in 1..=PEOPLE {
        let provisor::graph_emulator::Staged::Join { mut properties, .. } = join(&user_name(number)) else { panic!() };
        for (name, value) in [
            ("employeeId", json!(format!("{number}"))),
            ("displayName", json!(format!("User {number}"))),
            ("jobTitle", json!("Engineer")),
            ("mailNickname", json!(format!("user{number}"))),
        ] {
            properties.insert(name.to_owned(), value);
        }
        let groups = vec![super::support::gateway::group_id(1)];
        gateway.stage(vec![
            leave(number),
            purge(number),
            provisor::graph_emulator::Staged::Join { properties, groups },
        ]);
    }
    let report = gateway.cycle().await;
    let counters = report.counters;
    assert_eq!((report.state, counters.relinked, counters.writes), (CycleState::Succeeded, 12, 0), "{counters:?}");
    assert_eq!(gateway.target.id_of(&user_name(1)).await, ids);
    assert_eq!(gateway.target.members("Group 1").await, members);
}
