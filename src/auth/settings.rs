//! What may call, as it is written in a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::net::NetError;
use crate::secret::Secret;

/// One credential, or one issuer of credentials, that is accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialSettings {
    /// A fixed bearer token (RFC 6750).
    Bearer(BearerSettings),
    /// A name and a password (RFC 7617).
    Basic(BasicSettings),
    /// The signed tokens of an issuer (RFC 7519).
    Jwt(JwtSettings),
    /// A client that asks the token endpoint for tokens (RFC 6749 section 4.4).
    Client(ClientSettings),
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Look, and change nothing.
    Read,
    #[default]
    Write,
    /// Write, and steer the server itself: what it does on demand, and what everybody asked of it.
    Admin,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearerSettings {
    pub token: Secret,
    /// The `userName` of the user whose token it is. A service has none.
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub access: Access,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicSettings {
    pub name: String,
    /// The password itself; give this or `password_hash`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// An argon2 hash in the PHC string format: `$argon2id$v=19$…`.
    #[serde(default)]
    pub password_hash: Option<Secret>,
    /// The `userName` of the user who has this password. A service has none.
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub access: Access,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// The signature algorithms that are accepted: `RS256`, `ES256`, `EdDSA`, … A token never chooses another one.
    pub algorithms: Vec<Algorithm>,
    /// What `iss` must say.
    pub issuer: String,
    /// What `aud` must name.
    pub audience: String,
    /// The shared secret of the HS algorithms.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// A public key (PEM) or a JWK set (JSON). Relative to the file that names it.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Where the issuer publishes its JWK set.
    #[serde(default)]
    pub jwks_url: Option<Url>,
    /// The claim that names the user of the application; without it, callers are services.
    #[serde(default)]
    pub user_claim: Option<String>,
    /// What the words of its claim `roles` stand for, for the management API: the highest counts, and whoever has none of
    /// them may do nothing. Default: the permissions of the synchronization API.
    #[serde(default)]
    pub roles: BTreeMap<String, Access>,
    /// How far the clocks of both sides may differ.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
    #[serde(default)]
    pub access: Access,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    pub id: String,
    pub secret: Secret,
    #[serde(default)]
    pub access: Access,
}

/// A client of the management API, which its token endpoint gives tokens to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiClientSettings {
    /// The `client_id`: the id of an application.
    pub id: Uuid,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub secret: Option<Secret>,
    #[serde(default)]
    pub certificate_files: Vec<PathBuf>,
    #[serde(default)]
    pub access: Access,
}

/// Why credentials cannot be set up. The texts name no secret.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("a bearer token or a client secret is empty: give it a value")]
    EmptySecret,
    #[error("`{name}` needs either `password` or `password_hash`")]
    PasswordMissing { name: String },
    #[error("the `password_hash` of `{name}` is no argon2 hash in the PHC string format (`$argon2id$v=19$…`)")]
    PasswordHash { name: String },
    #[error("the name `{name}` is given twice")]
    NameTwice { name: String },
    #[error("the name `{name}` has a colon, which ends a name in HTTP basic authentication: choose another one")]
    NameWithColon { name: String },
    #[error("a bearer token is given twice: give each caller a token of its own")]
    TokenTwice,
    #[error("the client `{name}` needs a `secret`, or one to five `certificate_files`")]
    ApiClient { name: String },
    #[error("the issuer `{issuer}` has `roles`, which mean nothing here: say what its tokens may by `access`")]
    Roles { issuer: String },
    #[error("the issuer `{issuer}` is given twice for the same audience: give all its `algorithms` at once")]
    IssuerTwice { issuer: String },
    #[error("the issuer `{issuer}` has a `leeway_seconds` above 600: set the clocks instead")]
    Leeway { issuer: String },
    #[error("the issuer `{issuer}` needs at least one of its `algorithms`")]
    NoAlgorithm { issuer: String },
    #[error("the issuer `{issuer}` needs exactly one of `secret`, `key_file` and `jwks_url`")]
    KeySource { issuer: String },
    #[error(
        "the issuer `{issuer}` mixes HS algorithms with public keys: give `secret` with HS algorithms alone, and \
         `key_file` or `jwks_url` with the others"
    )]
    MixedAlgorithms { issuer: String },
    #[error("the issuer `{issuer}` publishes its keys at an insecure address: use `https://`, or a loopback address")]
    InsecureKeys { issuer: String },
    #[error("the key file `{}` cannot be read", file.display())]
    KeyUnreadable { file: PathBuf, source: std::io::Error },
    #[error("the key file `{}` holds no public key for the `algorithms` given: PEM or a JWK set", file.display())]
    KeyUnusable { file: PathBuf },
    #[error("keys cannot be fetched")]
    Net(#[from] NetError),
}

fn default_leeway_seconds() -> u64 {
    30
}
