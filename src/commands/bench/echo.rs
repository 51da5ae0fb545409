//! What a web service costs before it does anything: a handler that parses a typed user and sends it back.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::BenchEcho,
    commands::{Ended, run::stop_on_signal},
};

/// A user with what the bodies of the load have.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    schemas: Vec<String>,
    /// Made up, so that clients take the answer for that of a target.
    #[serde(default)]
    id: String,
    user_name: String,
    external_id: String,
    display_name: String,
    title: String,
    active: bool,
    name: Name,
    emails: Vec<Value>,
    phone_numbers: Vec<Value>,
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    enterprise: Enterprise,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    given_name: String,
    family_name: String,
    formatted: String,
}

#[derive(Deserialize, Serialize)]
struct Value {
    value: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Enterprise {
    employee_number: String,
    department: String,
}

pub(super) async fn run(options: &BenchEcho) -> anyhow::Result<Ended> {
    let latency = Duration::from_millis(options.latency_ms);
    let echo = move |user: web::Json<User>| async move {
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let mut user = user.into_inner();
        user.id.push_str("echo");
        HttpResponse::Created().content_type("application/scim+json").json(user)
    };
    // As many workers as the embedded target has, and the same settings.
    let app = move || {
        let any_type = web::JsonConfig::default().content_type_required(false).content_type(|_| true);
        App::new().app_data(any_type).route("/Users", web::post().to(echo))
    };
    let server = HttpServer::new(app).workers(2).disable_signals().tcp_nodelay(true);
    let server = server.bind("127.0.0.1:0").context("cannot listen")?;
    let address = server.addrs().first().copied().context("it listens nowhere")?;
    println!("echoing at http://{address}");
    let server = server.run();
    let handle = server.handle();
    let task = tokio::spawn(server);
    stop_on_signal(CancellationToken::new()).await;
    handle.stop(false).await;
    task.await??;
    Ok(Ended::Done)
}
