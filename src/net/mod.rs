//! Outbound HTTP and TLS: the one place that builds clients, trusts certificates and waits between attempts.
//!
//! It knows nothing of SCIM, Graph or the engine; callers turn its errors into their own classes.

mod backoff;
mod http;
mod oauth;
mod retry_after;
mod tls;

#[cfg(test)]
pub(crate) mod fake_server;

pub use backoff::Backoff;
pub use http::{Explanation, HttpSettings, ProxyChoice, Trouble, client, explain, is_loopback, read_bounded};
pub use oauth::{ClientCredentials, OAuthError, TokenCache};
pub use retry_after::retry_after;
pub use tls::{client_config, install_crypto_provider};

use std::path::PathBuf;

/// Why a client could not be built or a body not be read.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The file of additional certificate authorities cannot be read.
    #[error("cannot read the certificate file `{}`: check the path and its permissions", path.display())]
    CaFileUnreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// The file was read and is not what it should be.
    #[error("the certificate file `{}` {problem}: it must hold PEM certificates (`-----BEGIN CERTIFICATE-----`)", path.display())]
    CaFileUnusable { path: PathBuf, problem: String },
    /// rustls does not accept the settings.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP client does not accept the settings.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The other side sends more than we are ready to hold in memory.
    #[error("the answer is longer than the limit of {limit} bytes")]
    TooLong { limit: usize },
    /// The body broke off.
    #[error("the answer broke off: {hint}")]
    BrokeOff {
        hint: String,
        #[source]
        cause: reqwest::Error,
    },
}
