//! Applications, their roles, and who is assigned to them, as the service shows them.

use super::*;

const DESK: &str = "dddddddd-0000-4000-8000-000000000001";
const APP: &str = "dddddddd-0000-4000-8000-000000000002";
const EDITOR: &str = "dddddddd-0000-4000-8000-000000000003";
const PLAIN: &str = "00000000-0000-0000-0000-000000000000";

fn bench() -> Bench {
    let mut tenant = small_tenant();
    let application = json!({
        "id": DESK, "appId": APP, "displayName": "Desk",
        "appRoles": [{ "id": EDITOR, "value": "rw", "displayName": "Editor" }],
        "appRoleAssignedTo": [
            { "principalId": ADA, "appRoleId": EDITOR }, { "principalId": BOB }, { "principalId": LAB },
        ],
    });
    tenant.service_principals = vec![serde_json::from_value(application).unwrap()];
    Bench::serving(tenant, 2)
}

#[tokio::test]
async fn an_application_is_found_by_both_of_its_ids() {
    let bench = bench();
    for path in [DESK.to_owned(), format!("(appId='{APP}')"), format!("%28appId%3D%27{APP}%27%29")] {
        let slash = if path.starts_with(['(', '%']) { "" } else { "/" };
        let shown =
            bench.get(&format!("/v1.0/servicePrincipals{slash}{path}?$select=id,appId,displayName,appRoles")).await;
        assert_eq!((&shown["id"], &shown["appId"]), (&json!(DESK), &json!(APP)), "{path}");
        assert_eq!(shown["appRoles"][0]["allowedMemberTypes"], json!(["User"]));
        assert!(shown.get("accountEnabled").is_none(), "it was not selected");
    }
    for path in ["/v1.0/servicePrincipals/nobody", "/v1.0/servicePrincipals(appId='nobody')/appRoleAssignedTo"] {
        let (status, answer) = bench.send(Method::GET, path, None).await;
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (404, &json!("Request_ResourceNotFound")), "{path}");
    }
    bench.emulator.stop().await;
}

#[tokio::test]
async fn assignments_are_listed_in_pages_and_follow_what_is_written() {
    let bench = bench();
    let path = format!("/v1.0/servicePrincipals/{DESK}/appRoleAssignedTo");
    let first = bench.get(&[&path, "?$top=999"].concat()).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 2, "a page may be smaller than what was asked for");
    let listed = async || -> Vec<(String, String, String)> {
        let all = bench.all(&path).await;
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let mut all: Vec<_> = all
            .iter()
            .map(|one| (text(&one["principalId"]), text(&one["principalType"]), text(&one["appRoleId"])))
            .collect();
        all.sort();
        all
    };
    let row = |principal: &str, kind: &str, role: &str| (principal.to_owned(), kind.to_owned(), role.to_owned());
    let begins = [row(ADA, "User", EDITOR), row(BOB, "User", PLAIN), row(LAB, "Group", PLAIN)];
    assert_eq!(listed().await, begins);
    let wanted = json!({ "principalId": EVE, "resourceId": DESK, "appRoleId": EDITOR });
    let made = bench.write(Method::POST, &path, wanted.clone()).await;
    assert_eq!((&made["principalId"], &made["resourceId"]), (&json!(EVE), &json!(DESK)));
    assert_eq!(listed().await.len(), 4);
    for refused in [
        wanted.clone(),
        json!({ "principalId": EVE, "resourceId": DESK, "appRoleId": ADA }),
        json!({ "principalId": EVE, "resourceId": APP, "appRoleId": PLAIN }),
        json!({ "principalId": EVE }),
    ] {
        let (status, _) = bench.send(Method::POST, &path, Some(refused.clone())).await;
        assert_eq!(status.as_u16(), 400, "{refused}");
    }
    let id = made["id"].as_str().unwrap();
    bench.delete(&format!("{path}/{id}")).await;
    let (status, _) = bench.send(Method::DELETE, &format!("{path}/{id}"), None).await;
    assert_eq!(status.as_u16(), 404);
    assert_eq!(listed().await, begins);
    // Who leaves the directory is not listed, and is again when they come back.
    bench.delete(&format!("/v1.0/users/{BOB}")).await;
    assert_eq!(listed().await.len(), 2);
    bench.emulator.stop().await;
}
