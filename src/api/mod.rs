//! The management API: the synchronization API of Microsoft Graph, to the letter, for what this gateway provisions.
//!
//! A request passes `frame` (ids, limits, headers, the body of a refusal), `routes` (its address, who calls and what they
//! may), and a handler, which asks [`Control`] and writes what it says in the words of `wire`. Tokens
//! come from the endpoint in `tokens`, or from elsewhere.

mod address;
mod caller;
mod error;
mod expressions;
mod frame;
mod jobs;
mod query;
mod rates;
mod routes;
mod schemas;
mod service_principals;
mod settings;
mod templates;
mod tokens;
mod wire;

pub use settings::{Settings, TlsSettings};

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use tokio::task::JoinHandle;

use crate::auth::SetupError;
use crate::control::Control;
use crate::net::{NetError, server_config};
use caller::Callers;
use rates::Rate;

/// What one caller may ask for in a second, and how many tokens one address.
const REQUESTS_PER_SECOND: u32 = 2_000;
const TOKENS_PER_SECOND: u32 = 20;

/// A request has to come whole in this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the credentials of the management API cannot be set up")]
    Credentials(#[from] SetupError),
    #[error("the certificate of the management API cannot be used")]
    Tls(#[from] NetError),
    #[error(
        "the management API cannot listen on `{address}`: choose another address in `api.listen`, or stop what listens there"
    )]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// A server that is not running yet.
pub struct Server;

impl Server {
    /// Listens and serves until the answer is stopped. Key files that settings name are looked for from `folder`. Call it
    /// inside a tokio runtime.
    ///
    /// # Errors
    /// What cannot be set up; nothing is served then.
    pub fn start(
        settings: Settings,
        folder: &Path,
        control: Control,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Running, StartError> {
        let address = settings.listen;
        let public_url = settings.public_url.as_str().trim_end_matches('/').to_owned();
        let (tls, callers) = prepare(settings, folder)?;
        let (requests, token_requests) = (Rate::new(REQUESTS_PER_SECOND), Rate::new(TOKENS_PER_SECOND));
        let service = Data::new(Service { control, callers, requests, token_requests, public_url, now });
        let app = move || App::new().app_data(service.clone()).default_service(web::to(frame::serve));
        let server = HttpServer::new(app)
            .workers(2)
            .disable_signals()
            .tcp_nodelay(true)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(REQUEST_TIMEOUT)
            .shutdown_timeout(2);
        let bound = match tls {
            Some(tls) => server.bind_rustls_0_23(address, tls),
            None => server.bind(address),
        };
        let server = bound.map_err(|source| StartError::Listen { address, source })?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        Ok(Running { address, handle, task: tokio::spawn(server) })
    }
}

/// Finds out whether the API could be served with these settings, without listening.
///
/// # Errors
/// What cannot be set up.
pub fn check(settings: Settings, folder: &Path) -> Result<(), StartError> {
    prepare(settings, folder).map(drop)
}

fn prepare(settings: Settings, folder: &Path) -> Result<(Option<ServerConfig>, Callers), StartError> {
    let tls = settings.tls.as_ref().map(|tls| server_config(&tls.certificate_file, &tls.key_file)).transpose()?;
    Ok((tls, Callers::new(settings, folder)?))
}

/// A server that serves.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The address it listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and waits some seconds for those under way.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            tracing::error!(%error, "the management API ended by itself");
        }
    }
}

/// What the handlers share.
struct Service {
    control: Control,
    callers: Callers,
    /// By the id of the caller.
    requests: Rate<String>,
    /// By address: nobody has said yet who they are.
    token_requests: Rate<Option<IpAddr>>,
    /// Scheme, host and port, without a slash at the end.
    public_url: String,
    now: fn() -> DateTime<Utc>,
}
