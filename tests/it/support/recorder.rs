//! A proxy that writes down what passes: every request with its body, and the status that it was answered with.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::{Arc, Mutex};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

/// What belongs to one connection and not to the message.
const OF_THE_CONNECTION: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "content-encoding"];

/// One request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Below the base URL, with its query in plain text.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) status: u16,
    pub(crate) answer: Option<Value>,
    pub(crate) names_its_agent: bool,
}

struct Wire {
    origin: String,
    base_path: String,
    client: reqwest::Client,
    seen: Mutex<Vec<Exchange>>,
}

/// Stands in front of a server until it is dropped.
pub(crate) struct Recorder {
    pub(crate) base_url: String,
    wire: Arc<Wire>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Recorder {
    pub(crate) fn start(upstream: &str) -> Self {
        let url: reqwest::Url = upstream.parse().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let base_path = url.path().trim_end_matches('/').to_owned();
        let origin = url.origin().ascii_serialization();
        let wire = Arc::new(Wire { origin, base_path, client, seen: Mutex::default() });
        let shared = Arc::clone(&wire);
        let app = move || {
            let limit = web::PayloadConfig::new(1 << 24);
            App::new().app_data(Data::from(Arc::clone(&shared))).app_data(limit).default_service(web::to(forward))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}{}", server.addrs()[0], wire.base_path);
        Self { base_url, wire, task: tokio::spawn(server.run()) }
    }

    /// What passed since the last call.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.wire.seen.lock().unwrap())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(request: HttpRequest, body: Bytes, wire: Data<Wire>) -> HttpResponse {
    let method: reqwest::Method = request.method().as_str().parse().unwrap();
    let url: reqwest::Url = format!("{}{}", wire.origin, request.uri()).parse().unwrap();
    let mut sent = wire.client.request(method, url.clone()).body(body.clone());
    for (name, value) in request.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            sent = sent.header(name.as_str(), value.as_bytes());
        }
    }
    let answer = sent.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let content = answer.bytes().await.unwrap();
    let query: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let path = url.path().strip_prefix(&wire.base_path).unwrap_or(url.path());
    let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    wire.seen.lock().unwrap().push(Exchange {
        method: request.method().as_str().to_owned(),
        path,
        body: serde_json::from_slice(&body).ok(),
        status,
        answer: serde_json::from_slice(&content).ok(),
        names_its_agent: request.headers().contains_key("user-agent"),
    });
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
    for (name, value) in &headers {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            response.insert_header((name.as_str(), value.as_bytes()));
        }
    }
    response.body(content)
}
