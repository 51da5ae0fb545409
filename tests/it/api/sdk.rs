//! MSAL and the SDK of Microsoft Graph: base URL and authority are all that they are told.

use serde_json::json;

use super::{ADMIN, Api, CERTIFIED, CLIENT_SECRET, TENANT};
use crate::interop::foreign::python;
use crate::support::program::text_of;

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_microsoft_graph_drive_the_gateway() {
    let api = Api::start().await;
    let path = |name: &str| api.pipeline.workplace.path(name);
    let settings = json!({
        "url": api.url, "tenant": TENANT, "client": ADMIN, "secret": CLIENT_SECRET, "certified": CERTIFIED,
        "certificate_file": path("client.pem"), "key_file": path("client.key"), "ca_file": path("ca.pem"), "application": "app",
    });
    api.pipeline.workplace.write("sdk.json", settings.to_string());
    let (file, authority) = (path("sdk.json"), path("ca.pem"));
    // What this machine trusts elsewhere counts more to these clients than what they are told.
    let walk = move || python("sdk.py").arg(file).env("REQUESTS_CA_BUNDLE", authority).output().expect("Python");
    let output = tokio::task::spawn_blocking(walk).await.expect("it runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    for words in [
        "a token for a secret: Bearer",
        "a token for a wrong secret: invalid_client",
        "a token for a certificate by its thumbprint: Bearer",
        "a token for a certificate that is sent along: Bearer",
        "a token for somebody else's certificate: invalid_client",
        "jobs: ['people']",
        "after a pause: Paused",
        "after a restart everything is read again: yes",
        "a job that is not there: Request_ResourceNotFound",
        "what is not served: 405",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
