//! What can go wrong between the program and its source: a proxy that answers for the directory now and then.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures::stream;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::gateway::client;

struct Weather {
    random: StdRng,
    /// The share of the requests that go wrong.
    strength: f64,
    struck: u64,
}

struct Wire {
    origin: String,
    client: reqwest::Client,
    weather: Mutex<Weather>,
}

/// Stands between the program and the directory until it is dropped.
pub(crate) struct SourceStorm {
    pub(crate) root_url: String,
    wire: Arc<Wire>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// What happens to one exchange.
enum Fault {
    None,
    Slow(Duration),
    Status(u16),
    /// Half of the answer, and then the connection breaks off.
    Cut,
    /// Success, with this instead of the page.
    Nonsense(&'static str),
}

impl SourceStorm {
    pub(crate) fn start(root_url: &str, seed: u64) -> Self {
        let weather = Weather { random: StdRng::seed_from_u64(seed), strength: 0.0, struck: 0 };
        let wire = Arc::new(Wire { origin: root_url.to_owned(), client: client(), weather: Mutex::new(weather) });
        let shared = Arc::clone(&wire);
        let app = move || App::new().app_data(Data::from(Arc::clone(&shared))).default_service(web::to(forward));
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let root_url = ["http://", &server.addrs()[0].to_string()].concat();
        Self { root_url, wire, task: tokio::spawn(server.run()) }
    }

    /// From now on this share of the requests goes wrong.
    pub(crate) fn blow(&self, strength: f64) {
        self.wire.weather.lock().unwrap().strength = strength;
    }

    /// How many requests went wrong.
    pub(crate) fn struck(&self) -> u64 {
        self.wire.weather.lock().unwrap().struck
    }
}

impl Drop for SourceStorm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Weather {
    fn fault(&mut self) -> Fault {
        if !self.random.random_bool(self.strength) {
            return Fault::None;
        }
        self.struck += 1;
        match self.random.random_range(0..8) {
            0 => Fault::Slow(Duration::from_millis(self.random.random_range(10..300))),
            1 => Fault::Status(429),
            2 => Fault::Status(503),
            3 => Fault::Status(500),
            4 | 5 => Fault::Cut,
            6 => Fault::Nonsense("{}"),
            _ => Fault::Nonsense("<html>maintenance</html>"),
        }
    }
}

async fn forward(request: HttpRequest, body: Bytes, wire: Data<Wire>) -> HttpResponse {
    let fault = wire.weather.lock().unwrap().fault();
    match &fault {
        Fault::Slow(time) => tokio::time::sleep(*time).await,
        Fault::Status(status) => {
            let status = actix_web::http::StatusCode::from_u16(*status).unwrap();
            return HttpResponse::build(status).insert_header(("retry-after", "0")).body("{}");
        }
        Fault::Nonsense(text) => return HttpResponse::Ok().content_type("application/json").body(*text),
        Fault::None | Fault::Cut => {}
    }
    let method: reqwest::Method = request.method().as_str().parse().unwrap();
    let mut sent = wire.client.request(method, [&wire.origin, request.uri().to_string().as_str()].concat()).body(body);
    for (name, value) in request.headers() {
        // The directory says where its next page is by the name it was asked under.
        if !["connection", "content-length", "transfer-encoding", "accept-encoding"].contains(&name.as_str()) {
            sent = sent.header(name.as_str(), value.as_bytes());
        }
    }
    let Ok(answer) = sent.send().await else { return HttpResponse::BadGateway().finish() };
    let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(answer.status().as_u16()).unwrap());
    if let Some(kind) = answer.headers().get("content-type") {
        response.insert_header(("content-type", kind.as_bytes()));
    }
    let Ok(content) = answer.bytes().await else { return HttpResponse::BadGateway().finish() };
    if matches!(fault, Fault::Cut) {
        let half = content.slice(..content.len() / 2);
        return response.streaming(stream::iter([Ok(half), Err(std::io::Error::other("the connection broke off"))]));
    }
    response.body(content)
}
