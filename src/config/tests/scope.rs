//! Whom a job provisions, and what the scope has to go with.

use super::*;
use crate::config::{AssignedBy, ScopeSettings};
use crate::model::{JobScope, Reach};
use crate::source::graph::ServicePrincipal;

const APP: &str = "11111111-2222-4333-8444-555555555555";

/// The sound file, with more of its jobs.
fn with(hr: &str, cloud: &str) -> Result<Config, ConfigErrors> {
    let text = SOUND.replace("        source: corp-ldap\n", &format!("        source: corp-ldap\n{hr}"));
    parse(&text.replace("template: scim-graph }", &format!("template: scim-graph{cloud} }}")))
}

#[test]
fn filters_reach_into_groups_where_the_job_says_so() {
    let reach = |config: Result<Config, ConfigErrors>| {
        config
            .unwrap_or_else(|problems| panic!("{problems}"))
            .job(&JobId::new("hr"))
            .expect("it is there")
            .job
            .is_member_of
    };
    let flatten = "        nested_groups: flatten\n";
    assert_eq!(reach(with("", "")), Reach::Direct);
    assert_eq!(reach(with(flatten, "")), Reach::Direct);
    assert_eq!(reach(with(&format!("{flatten}        is_member_of: nested\n"), "")), Reach::Nested);
    assert_eq!(reach(with("        is_member_of: direct\n", "")), Reach::Direct);
}

fn scope_of(config: &Config, job: &str) -> ScopeSettings {
    config.job(&JobId::new(job)).expect("it is there").job.scope.clone()
}

#[test]
fn the_scope_is_read_for_both_kinds_of_source() {
    let config = parse(SOUND).expect("it is sound");
    assert_eq!(scope_of(&config, "hr").scope(), JobScope::All);
    assert_eq!(scope_of(&with("        scope: all\n", "").expect("it is sound"), "hr"), ScopeSettings::All);
    let groups = "        nested_groups: flatten\n        scope:\n          assigned:\n            members: nested\n            \
                  groups:\n              - dn: cn=a,dc=example,dc=com\n              - { dn: 'cn=b,dc=example,dc=com', role: { value: rw } }\n";
    let config = with(groups, &format!(", scope: {{ assigned: {{ service_principal: {{ app_id: {APP} }} }} }}"));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let ScopeSettings::Assigned { by: AssignedBy::Groups(groups), reach } = scope_of(&config, "hr") else {
        panic!("groups are assigned")
    };
    assert_eq!((groups.len(), reach), (2, Reach::Nested));
    assert_eq!(groups[1].role.as_ref().map(|role| role.value.as_str()), Some("rw"));
    let by = AssignedBy::ServicePrincipal(ServicePrincipal::AppId(APP.to_owned()));
    assert_eq!(scope_of(&config, "cloud"), ScopeSettings::Assigned { by, reach: Reach::Direct });
}

#[test]
fn what_the_scope_cannot_go_with_is_told_at_its_place() {
    let by_group = |more: &str| format!("        scope: {{ assigned: {{ groups: [{more}] }} }}\n");
    for (hr, cloud, expected) in [
        (by_group(""), String::new(), "no group is assigned"),
        (by_group("{ dn: staff }"), String::new(), "`staff` is not a distinguished name"),
        (by_group("{ dn: 'cn=a,dc=b', role: { value: '' } }"), String::new(), "no `value`"),
        (by_group("{ name: a }"), String::new(), "name"),
        ("        scope: { assigned: {} }\n".to_owned(), String::new(), "nothing says who is assigned"),
        ("        scope: some\n".to_owned(), String::new(), "none of the choices"),
        ("        scope: assigned\n".to_owned(), String::new(), "write `assigned: { … }`"),
        (
            format!("        scope: {{ assigned: {{ service_principal: {{ app_id: {APP} }} }} }}\n"),
            String::new(),
            "has no applications",
        ),
        (
            "        scope: { assigned: { members: nested, groups: [{ dn: 'cn=a,dc=b' }] } }\n".to_owned(),
            String::new(),
            "set `nested_groups: flatten`",
        ),
        (
            "        nested_groups: ignore\n        is_member_of: nested\n".to_owned(),
            String::new(),
            "set `nested_groups: flatten` beside `is_member_of`",
        ),
        (String::new(), ", scope: { assigned: {} }".to_owned(), "service_principal"),
        (String::new(), ", scope: { assigned: { service_principal: { app_id: desk } } }".to_owned(), "`desk` is no id"),
        (String::new(), ", scope: { assigned: { groups: [{ dn: 'cn=a,dc=b' }] } }".to_owned(), "a tenant says itself"),
    ] {
        let problems = with(&hr, &cloud).expect_err(expected).to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}

#[test]
fn what_is_written_wrong_is_told_once() {
    let problems =
        with("", ", scope: { assigned: { service_principal: desk } }").expect_err("it cannot work").to_string();
    assert!(problems.contains("`app_id`") && !problems.contains("nothing says who"), "{problems}");
}
