//! What the API answers, member by member, and how it refuses.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Api, BOOTSTRAP};
use crate::support::provisor::wait_for;

fn members(object: &Json) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_told_with_every_member_of_the_contract() {
    let api = Api::start().await;
    let base = api.synchronization().await;
    let job = format!("{base}/jobs/people");
    let handle = tokio::runtime::Handle::current();
    let done = tokio::task::block_in_place(|| {
        wait_for("a cycle", || {
            let job = handle.block_on(api.get(&job));
            (job["status"]["lastSuccessfulExecutionWithExports"] != Json::Null).then_some(job)
        })
    });
    let mut expected = ["@odata.context", "id", "schedule", "status", "synchronizationJobSettings", "templateId"];
    expected.sort_unstable();
    assert_eq!(members(&done), expected);
    assert_eq!((&done["id"], &done["templateId"]), (&json!("people"), &json!("scim")));
    assert_eq!(done["schedule"], json!({ "expiration": null, "interval": "PT5S", "state": "Active" }));
    let status = &done["status"];
    assert_eq!(
        members(status),
        [
            "code",
            "countSuccessiveCompleteFailures",
            "escrowsPruned",
            "lastExecution",
            "lastSuccessfulExecution",
            "lastSuccessfulExecutionWithExports",
            "progress",
            "quarantine",
            "steadyStateFirstAchievedTime",
            "steadyStateLastAchievedTime",
            "synchronizedEntryCountByType",
            "troubleshootingUrl",
        ]
    );
    let exported = &status["lastSuccessfulExecutionWithExports"];
    assert_eq!(
        members(exported),
        [
            "activityIdentifier",
            "countEntitled",
            "countEntitledForProvisioning",
            "countEscrowed",
            "countEscrowedRaw",
            "countExported",
            "countExports",
            "countImported",
            "countImportedDeltas",
            "countImportedReferenceDeltas",
            "error",
            "state",
            "timeBegan",
            "timeEnded",
        ]
    );
    let count = |endpoint| {
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| api.pipeline.target.count(endpoint) as u64).join().expect("a count")
            })
        })
    };
    let (people, groups) = (count("/Users"), count("/Groups"));
    let counts = status["synchronizedEntryCountByType"].clone();
    assert_eq!(
        counts,
        json!([{ "key": "Group to Group", "value": groups }, { "key": "User to User", "value": people }])
    );
    // Whoever refers to somebody is written twice, once before there is anybody to refer to.
    assert!(exported["countExported"].as_u64() >= Some(people + groups), "{exported}");
    assert_eq!((&exported["state"], &exported["countEscrowed"]), (&json!("Succeeded"), &json!(0)));
    assert_eq!(exported["countEntitledForProvisioning"], exported["countEntitled"]);
    assert!(exported["countImported"].as_u64() >= Some(people + groups), "{exported}");
    assert_ne!(status["steadyStateFirstAchievedTime"], "0001-01-01T00:00:00Z");
    assert!(status["code"] == "Active" && status["quarantine"].is_null(), "{status}");

    // The same under every spelling, and both versions.
    let id = base.split('/').nth(3).expect("an id");
    for path in [
        format!("/v1.0/servicePrincipals('{id}')/synchronization/jobs('people')"),
        format!("/beta/servicePrincipals/{}/synchronization/jobs/people/", id.to_uppercase()),
    ] {
        assert_eq!(api.get(&path).await["id"], "people", "{path}");
    }
    let principal = api.get(&format!("/v1.0/servicePrincipals/{id}")).await;
    assert_eq!(principal["displayName"], "app");
    let app = principal["appId"].as_str().expect("an id");
    let by_app = api.get(&format!("/v1.0/servicePrincipals(appId='{app}')/synchronization/jobs")).await;
    let context = format!("{}/v1.0/$metadata#servicePrincipals('{id}')/synchronization/jobs", api.url);
    assert_eq!((&by_app["@odata.context"], &by_app["value"][0]["id"]), (&json!(context), &json!("people")));
    let chosen = api.get(&format!("{base}/jobs?$select=templateId&$count=true")).await;
    assert_eq!(
        (&chosen["value"], &chosen["@odata.count"]),
        (&json!([{ "id": "people", "templateId": "scim" }]), &json!(1))
    );
    let count = api.send(Method::GET, &format!("{base}/jobs/$count"), Some(BOOTSTRAP), None).await;
    assert_eq!((count.body.as_str(), count.header("content-type")), ("1", Some("text/plain; charset=utf-8")));
    let found = api.get(&format!("/v1.0/servicePrincipals?$filter=appId eq '{app}'")).await;
    assert_eq!(found["value"][0]["id"], id);

    // What is asked of it is followed.
    for (action, state) in [("pause", "Paused"), ("start", "Active")] {
        let answer = api.send(Method::POST, &format!("{job}/{action}"), Some(BOOTSTRAP), None).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{action}");
        assert_eq!(api.get(&job).await["schedule"]["state"], state);
    }
    let scope = json!({ "criteria": { "resetScope": "Everything" } }).to_string();
    let refused = api.send(Method::POST, &format!("{job}/restart"), Some(BOOTSTRAP), Some(&scope)).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalidRequest")), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_and_templates_are_whole() {
    let api = Api::start().await;
    let base = api.synchronization().await;
    let schema = api.get(&format!("{base}/jobs/people/schema")).await;
    assert_eq!(schema["id"], "people");
    let rules = schema["synchronizationRules"].as_array().expect("rules");
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule["objectMappings"].is_array()), "{schema}");
    // What is told can be read back as the same schema.
    let mut document = schema.clone();
    document.as_object_mut().expect("an object").remove("@odata.context");
    api.pipeline.workplace.write("told.json", document.to_string());
    let compared = api.pipeline.workplace.run(&["schema", "diff", "job:people", "told.json", "--detailed-exitcode"]);
    compared.assert_code(0);

    let directories = api.get(&format!("{base}/jobs/people/schema/directories")).await;
    assert_eq!(directories["value"], schema["directories"]);
    let first = schema["directories"][0]["id"].as_str().expect("an id");
    let one = api.get(&format!("{base}/jobs/people/schema/directories/{first}")).await;
    assert_eq!(one["name"], schema["directories"][0]["name"]);
    for (list, some) in [("filterOperators", "EQUALS"), ("functions()", "Join")] {
        let all = api.get(&format!("{base}/jobs/people/schema/{list}?$top=1000")).await;
        let names: Vec<_> =
            all["value"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
        assert!(names.contains(&some), "{names:?}");
    }
    let question =
        json!({ "expression": "ToUpper([a])", "testInputObject": { "properties": [{ "key": "a", "value": "x" }] } });
    for place in ["jobs/people", "templates/scim"] {
        let path = format!("{base}/{place}/schema/microsoft.graph.parseExpression");
        let answer = api.send(Method::POST, &path, Some(BOOTSTRAP), Some(&question.to_string())).await;
        assert_eq!((answer.status, &answer.json()["evaluationResult"]), (200, &json!(["X"])), "{}", answer.body);
    }
    let templates = api.get(&format!("{base}/templates")).await;
    let generic =
        templates["value"].as_array().expect("a list").iter().find(|one| one["id"] == "scim").expect("it is there");
    assert_eq!((&generic["factoryTag"], &generic["default"]), (&json!("CustomSCIM"), &json!(true)));
    assert_eq!(generic["schema"]["synchronizationRules"][0]["objectMappings"][0]["enabled"], true);
    for (version, key) in [("v1.0", "GalleryApplicationIdentifier"), ("beta", "galleryApplicationIdentifier")] {
        let path = base.replace("v1.0", version);
        let template = api.get(&format!("{path}/templates/scim")).await;
        assert_eq!(template["metadata"][0]["key"], key);
    }
    let of_template = api.get(&format!("{base}/templates/scim/schema")).await;
    assert_eq!(of_template["id"], format!("scim.{}", "0".repeat(32)));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_shape_and_the_headers_that_clients_know() {
    let api = Api::start().await;
    let base = api.synchronization().await;
    let large = "x".repeat(5 << 20);
    for (method, path, body, status, code) in [
        (Method::GET, "/v1.0/users".to_owned(), None, 404, "Request_ResourceNotFound"),
        (Method::GET, "/v1.0/servicePrincipals/nobody".to_owned(), None, 404, "Request_ResourceNotFound"),
        (Method::GET, format!("{base}/jobs/nothing"), None, 404, "Request_ResourceNotFound"),
        (Method::GET, format!("{base}/jobs/people/schema/directories/x"), None, 404, "Request_ResourceNotFound"),
        (Method::DELETE, format!("{base}/jobs/people"), None, 405, "notAllowed"),
        (Method::GET, format!("{base}/jobs/people/start"), None, 405, "notAllowed"),
        (Method::GET, format!("{base}/jobs?$expand=schema"), None, 400, "invalidRequest"),
        (Method::GET, format!("{base}/jobs?$select=nothing"), None, 400, "invalidRequest"),
        (Method::POST, format!("{base}/jobs/people/restart"), Some("{"), 400, "invalidRequest"),
        (Method::POST, format!("{base}/jobs/people/restart"), Some(large.as_str()), 413, "invalidRequest"),
    ] {
        let answer = api.send(method.clone(), &path, Some(BOOTSTRAP), body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let error = &answer.json()["error"];
        assert_eq!(error["code"], code, "{method} {path}");
        assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{error}");
        assert_eq!(members(&error["innerError"]), ["client-request-id", "date", "request-id"]);
        assert_eq!(error["innerError"]["request-id"].as_str(), answer.header("request-id"));
        assert_eq!(answer.header("allow").is_some(), status == 405);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(
            answer.header("strict-transport-security").is_some()
                && answer.header("access-control-allow-origin").is_none()
        );
    }
    let named = api.client.get(format!("{}/livez", api.url)).header("client-request-id", "mine-1").send().await;
    let named = named.expect("an answer");
    assert_eq!((named.status().as_u16(), named.headers()["client-request-id"].as_bytes()), (200, b"mine-1".as_slice()));
    assert_eq!(api.send(Method::GET, "/readyz", None, None).await.status, 200);
}
