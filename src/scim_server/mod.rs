//! A SCIM service provider of our own, for tests and demonstrations: `provisor target`.
//!
//! It shares the protocol's words with the client side and nothing else. It keeps its resources in SQLite, and it can
//! misbehave on demand.
//!
//! A request passes `routes` (who calls, and which faults strike), `exchange` (its endpoint), `resources` (a unit of work),
//! `writes` (what the dialect of its tenant makes of it), `changes` (what a method does), `service` (the rules) and
//! `storage`.

mod access;
mod admin;
mod bulk;
mod changes;
mod cursor;
mod dialect;
mod discovery;
mod endpoint;
mod exchange;
mod fault_rule;
mod faults;
mod journal;
mod json_body;
mod lagging;
mod lists;
mod load;
mod memberships;
mod order;
mod past;
mod projection;
mod query;
mod reply;
mod resource_types;
mod resources;
mod routes;
mod schema_files;
mod secrets;
mod service;
mod storage;
mod tenant;
mod writes;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, PayloadConfig};
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;

pub use access::{AccessError, AccessSettings, TenantSettings};
pub use dialect::Dialect;
pub use fault_rule::Rule;
pub use load::LoadError;
pub use schema_files::SchemaFileError;
pub use storage::OpenError;
pub use tenant::Tenant;

use crate::secret::Secret;
use access::Access;
use cursor::Seals;
use faults::Faults;
use journal::Journal;
use past::Past;
use resource_types::ResourceTypes;
use storage::Storage;

/// The largest body a request may have.
const MOST_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Where the protocol is served; it is served at the root as well.
const BASE: &str = "/scim/v2";

/// What a server serves, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A bearer token that opens the default tenant and the administration.
    pub token: Option<Secret>,
    /// Further credentials, and tenants.
    pub access: AccessSettings,
    /// Where key files that `access` names are looked for.
    pub access_folder: PathBuf,
    /// The SQLite file; in memory when there is none.
    pub database: Option<PathBuf>,
    /// A directory of documents that describe further types of resource and extensions.
    pub schemas: Option<PathBuf>,
    /// A file of users, one JSON object a line, that are created before the server listens.
    pub load: Option<PathBuf>,
    pub dialect: &'static Dialect,
    /// Faults in force from the start.
    pub faults: Vec<Rule>,
}

impl Settings {
    /// A server of the standard types that behaves, in memory.
    pub fn new(listen: SocketAddr, token: Secret) -> Self {
        Self {
            listen,
            token: Some(token),
            access: AccessSettings::default(),
            access_folder: PathBuf::new(),
            database: None,
            schemas: None,
            load: None,
            dialect: Dialect::STANDARD,
            faults: Vec::new(),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error("the tenants and their credentials cannot be set up")]
    Access(#[from] AccessError),
    #[error(transparent)]
    Schemas(#[from] SchemaFileError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot listen on `{address}`")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// A server that is not running yet.
pub struct Server;

impl Server {
    /// Opens the database, listens and serves until the answer is stopped. Call it inside a tokio runtime.
    pub fn start(settings: Settings) -> Result<Running, StartError> {
        let types = match settings.schemas.as_deref() {
            Some(directory) => ResourceTypes::load(directory)?,
            None => ResourceTypes::standard(),
        };
        let access = Access::new(settings.access, &settings.access_folder, settings.token, settings.dialect)?;
        let types = Arc::new(types);
        // Nobody waits for the server yet, so the load may take the time it takes.
        let storage = Storage::open(settings.database.as_deref(), types.clone(), |tx| match &settings.load {
            Some(file) => Ok(load::users(tx, &types, file)?),
            None => Ok::<_, StartError>(()),
        })?;
        let service = Data::new(Service {
            types,
            storage,
            seals: Seals::new(),
            access,
            faults: Faults::new(settings.faults),
            journal: Journal::default(),
            past: Past::default(),
        });
        let shared = service.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(MOST_BODY_BYTES))
                .default_service(web::to(routes::handle))
        };
        let address = settings.listen;
        let server = HttpServer::new(app)
            .workers(2)
            .disable_signals()
            .tcp_nodelay(true)
            .on_connect(routes::remember_connection)
            .bind(address)
            .map_err(|source| StartError::Listen { address, source })?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        Ok(Running { address, service, handle, task: tokio::spawn(server) })
    }
}

/// A server that serves.
pub struct Running {
    address: SocketAddr,
    service: Data<Service>,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The address it listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of the protocol: `http://127.0.0.1:8880/scim/v2`.
    pub fn base_url(&self) -> String {
        ["http://", &self.address.to_string(), BASE].concat()
    }

    /// Serves until the server ends by itself, which it does only when it fails.
    pub async fn wait(self) -> std::io::Result<()> {
        self.task.await.map_err(std::io::Error::other)?
    }

    /// Stops at once: requests under way are cut off, what was answered is kept, the database is closed.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        self.service.storage.close().await;
    }
}

/// What the handlers share.
struct Service {
    types: Arc<ResourceTypes>,
    storage: Storage,
    seals: Seals,
    access: Access,
    faults: Faults,
    journal: Journal,
    past: Past,
}
