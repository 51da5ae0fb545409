//! A small Microsoft Graph: users, groups, references and delta queries over a tenant in memory, with the token
//! service beside it, for tests and demonstrations.
//!
//! It shares nothing with the Graph source, not even wire types, so that a mistake on one side cannot hide on the
//! other. It keeps nothing: a restart begins with the tenant as it was given.

mod access;
mod delta;
mod directory;
mod error;
mod filter;
mod object;
mod odata;
mod property;
mod read;
mod routes;
mod service_principal;
mod staging;
mod tenant;
mod write;

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    web::{Data, PayloadConfig},
};
use tokio::task::JoinHandle;

pub use service_principal::{AppRoleAssignmentRecord, AppRoleRecord, ServicePrincipalRecord};
pub use staging::{Refused, Staged};
pub use tenant::{EVERYBODY, GroupRecord, Tenant, TenantError, UserRecord};

use crate::secret::Secret;
use access::Access;
use directory::Directory;

/// The largest body a request may have.
const MOST_BODY_BYTES: usize = 4 * 1024 * 1024;

/// What an emulator serves, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    pub directory: Tenant,
    /// The application that may ask for tokens.
    pub client_id: String,
    pub client_secret: Secret,
    /// A bearer token that is accepted as well, and never expires.
    pub token: Option<Secret>,
    /// Objects on a page where the request does not say (`$top`), and on every page of a delta query. At least 1.
    pub page_size: usize,
}

impl Settings {
    /// The page size of the service itself.
    pub const DEFAULT_PAGE_SIZE: usize = 100;
}

/// An emulator that is not running yet.
pub struct Emulator;

impl Emulator {
    /// Listens and serves until the answer is stopped. Call it inside a tokio runtime.
    ///
    /// Fails when the address cannot be bound.
    pub fn start(settings: Settings) -> std::io::Result<Running> {
        let service = Data::new(Service {
            directory: Mutex::new(Directory::new(settings.directory)),
            access: Access::new(settings.client_id, settings.client_secret, settings.token),
            page_size: settings.page_size.max(1),
        });
        let shared = service.clone();
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(MOST_BODY_BYTES))
                .wrap(from_fn(routes::frame))
                .configure(routes::configure)
        };
        let server = HttpServer::new(app).workers(2).disable_signals().bind(settings.listen)?;
        let address = server.addrs().first().copied().unwrap_or(settings.listen);
        let server = server.run();
        let handle = server.handle();
        Ok(Running { address, service, handle, task: tokio::spawn(server) })
    }
}

/// An emulator that serves.
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

    /// The root of both services, without a version segment: `http://127.0.0.1:8881`.
    pub fn root_url(&self) -> String {
        ["http://", &self.address.to_string()].concat()
    }

    /// The id of the tenant it serves.
    pub fn tenant_id(&self) -> String {
        self.service.directory().tenant_id.clone()
    }

    /// Makes every token that was issued worthless, as an administrator can.
    pub fn revoke_tokens(&self) {
        self.service.access.revoke();
    }

    /// Serves until the server ends by itself, which it does only when it fails.
    pub async fn wait(self) -> std::io::Result<()> {
        self.task.await.map_err(std::io::Error::other)?
    }

    /// Stops at once; requests under way are cut off.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// What the handlers share.
struct Service {
    /// Guards every object; held for one request at a time and never across an await.
    directory: Mutex<Directory>,
    access: Access,
    page_size: usize,
}

impl Service {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
