//! HTTP and TLS: the one place that builds clients, trusts and shows certificates, and waits between attempts.
//!
//! It knows nothing of SCIM, Graph or the engine; callers turn its errors into their own classes.

mod backoff;
mod http;
mod jwt;
mod oauth;
mod retry_after;
mod signing_pair;
mod tls;

#[cfg(test)]
pub(crate) mod fake_server;

pub use backoff::Backoff;
pub use http::{Explanation, HttpSettings, ProxyChoice, Trouble, client, explain, is_loopback, read_bounded};
pub use jwt::{JwtAlgorithm, JwtBearer};
pub use oauth::{ClientAuthentication, ClientCredentials, Grant, OAuthError, TokenCache};
pub use retry_after::{rate_limit_reset, retry_after};
pub use signing_pair::SigningPair;
pub use tls::{
    ClientCertificate, authorities, client_config, client_config_as, install_crypto_provider, server_config,
};

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
    /// The file with a private key cannot be read.
    #[error("cannot read the key file `{}`: check the path and its permissions", path.display())]
    KeyFileUnreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// The file was read and is no key that can be used.
    #[error("the key file `{}` {problem}: it must hold one private key in PEM (PKCS #8), not encrypted", path.display())]
    KeyFileUnusable { path: PathBuf, problem: &'static str },
    /// A key cannot be drawn.
    #[error("the system has no randomness to give")]
    NoRandomness,
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
