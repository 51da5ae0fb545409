//! The list of assignments: whole or an error.

use super::*;
use crate::graph_emulator::{AppRoleAssignmentRecord, AppRoleRecord, ServicePrincipalRecord, Staged};
use crate::model::{AssignedRole, Assignment, PrincipalKind};

const APPLICATION: &str = "dddddddd-0000-4000-8000-000000000001";
const APP_ID: &str = "dddddddd-0000-4000-8000-000000000002";
const ROLE: &str = "dddddddd-0000-4000-8000-000000000003";
const PLAIN: &str = "00000000-0000-0000-0000-000000000000";

/// The fixture, with everybody assigned to an application with one role.
fn tenant() -> Tenant {
    let mut tenant = Tenant::fixture().unwrap();
    let users = tenant.users.iter().map(|user| user.id.clone());
    let assigned = |principal_id: String| AppRoleAssignmentRecord { principal_id, app_role_id: ROLE.to_owned() };
    let mut assigned: Vec<_> = users.map(assigned).collect();
    let group = tenant.groups[0].id.clone();
    assigned.push(AppRoleAssignmentRecord { principal_id: group, app_role_id: PLAIN.to_owned() });
    tenant.service_principals = vec![ServicePrincipalRecord {
        id: APPLICATION.to_owned(),
        app_id: APP_ID.to_owned(),
        display_name: "Desk".to_owned(),
        app_roles: vec![role(true, "User")],
        app_role_assigned_to: assigned,
    }];
    tenant
}

fn role(is_enabled: bool, made_for: &str) -> AppRoleRecord {
    AppRoleRecord {
        id: ROLE.to_owned(),
        value: Some("rw".to_owned()),
        display_name: "Editor".to_owned(),
        is_enabled,
        allowed_member_types: vec![made_for.to_owned()],
    }
}

fn assigned_to(bench: &Bench, application: ServicePrincipal) -> GraphSource {
    let settings = settings(&bench.emulator.root_url(), &bench.tenant.tenant_id);
    GraphSource::new(&settings, &everything()).unwrap().with_assigned(application)
}

#[tokio::test]
async fn every_page_of_the_list_is_read_with_the_names_of_the_roles() {
    let bench = Bench::start(tenant(), 4);
    for application in [ServicePrincipal::ObjectId(APPLICATION.to_owned()), ServicePrincipal::AppId(APP_ID.to_owned())]
    {
        let source = assigned_to(&bench, application);
        source.probe().await.unwrap();
        let mut list = source.assignments().await.unwrap().unwrap();
        list.sort();
        assert_eq!(list.len(), bench.tenant.users.len() + 1);
        let editor = AssignedRole {
            id: ROLE.to_owned(),
            value: Some("rw".to_owned()),
            display_name: Some("Editor".to_owned()),
            provisionable: true,
        };
        let plain = AssignedRole { id: PLAIN.to_owned(), value: None, display_name: None, provisionable: true };
        let everybody = bench.tenant.users.iter().map(|user| (user.id.as_str(), PrincipalKind::Person, &editor));
        let mut expected: Vec<Assignment> = everybody
            .chain([(bench.tenant.groups[0].id.as_str(), PrincipalKind::Group, &plain)])
            .map(|(principal, kind, role)| Assignment {
                principal: principal.into(),
                kind,
                role: Arc::new(role.clone()),
            })
            .collect();
        expected.sort();
        assert_eq!(list, expected);
    }
    // A role that is switched off, one for other applications, and one that is not there any more.
    let source = assigned_to(&bench, ServicePrincipal::AppId(APP_ID.to_owned()));
    for roles in [vec![role(false, "User")], vec![role(true, "Application")], Vec::new()] {
        let change = Staged::SetRoles { application: APPLICATION.to_owned(), roles };
        bench.emulator.stage(vec![change]).unwrap();
        let list = source.assignments().await.unwrap().unwrap();
        assert_eq!(list.iter().filter(|assignment| assignment.role.provisionable).count(), 1, "plain access is left");
    }
    assert_eq!(bench.source.assignments().await.unwrap(), None, "nobody asked");
    bench.emulator.stop().await;
}

#[tokio::test]
async fn an_application_that_is_not_there_is_a_mistake_of_the_configuration() {
    let bench = Bench::start(tenant(), 4);
    let source = assigned_to(&bench, ServicePrincipal::AppId(ROLE.to_owned()));
    for error in [source.probe().await.unwrap_err(), source.assignments().await.unwrap_err()] {
        assert_eq!(error.class(), FailureClass::Configuration);
        assert!(error.to_string().contains("`app_id`"), "{error}");
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn a_list_that_is_not_what_it_should_be_is_no_list() {
    let entry = |change: &[(&str, Json)]| {
        let mut entry = json!({
            "appRoleId": PLAIN, "principalId": ROLE, "principalType": "User", "resourceId": APPLICATION,
        });
        change.iter().for_each(|(name, value)| entry[*name] = value.clone());
        json!({ "value": [entry] })
    };
    let cases = [
        ("no list", json!({ "value": 7 }), "not what it should be"),
        ("no value", json!({}), "not what it should be"),
        ("no principal", json!({ "value": [{ "appRoleId": PLAIN }] }), "not what it should be"),
        ("another application", entry(&[("resourceId", json!(APP_ID))]), "another application"),
        ("an id that is none", entry(&[("principalId", json!("a/b"))]), "no valid `principalId`"),
        ("somebody unknown", entry(&[("principalType", json!("Robot"))]), "`principalType`"),
        ("other host", json!({ "value": [], "@odata.nextLink": "https://evil.example/x" }), "another server"),
        (
            "itself",
            json!({ "value": [], "@odata.nextLink": format!("{{0}}/v1.0/servicePrincipals/{APPLICATION}/appRoleAssignedTo?$top=999") }),
            "again and again",
        ),
    ];
    for (name, answer, expected) in cases {
        let (_server, source) = fake(move |request| {
            let is_list = request.target.contains("/appRoleAssignedTo");
            let application = json!({ "id": APPLICATION, "appRoles": [] });
            Reply::json(200, if is_list { answer.clone() } else { application })
        })
        .await;
        let source = source.with_assigned(ServicePrincipal::ObjectId(APPLICATION.to_owned()));
        let error = source.assignments().await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient, "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_in_the_middle_is_no_list() {
    for status in [403, 404, 500] {
        let (_server, source) = fake(move |request| {
            let page = json!({
                "value": [{ "appRoleId": PLAIN, "principalId": ROLE, "principalType": "User", "resourceId": APPLICATION }],
                "@odata.nextLink": "{0}/v1.0/next",
            });
            match request.target.as_str() {
                target if target.contains("/next") => Reply::empty(status).with("retry-after", "0"),
                target if target.contains("/appRoleAssignedTo") => Reply::json(200, page),
                _ => Reply::json(200, json!({ "id": APPLICATION, "appRoles": [] })),
            }
        })
        .await;
        let source = source.with_assigned(ServicePrincipal::ObjectId(APPLICATION.to_owned()));
        let error = source.assignments().await.unwrap_err();
        assert_ne!(error.class(), FailureClass::Resync, "{status}");
        assert!(status != 403 || error.to_string().contains("`Application.Read.All`"), "{error}");
    }
}
