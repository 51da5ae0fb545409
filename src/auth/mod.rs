//! Who calls: the `Authorization` header of a request becomes a [`Principal`], or the reason why not.
//!
//! Static bearer tokens, JSON Web Tokens, basic authentication, and two token endpoints for the client credentials grant: one
//! for SCIM ([`TokenIssuer`]), one for the management API ([`TokenService`]).
//! It knows no web framework and no endpoint; its one effect is to fetch key sets.

mod authenticator;
mod authorization;
mod caller;
mod jwks;
mod jwt;
mod keys;
mod password;
mod settings;
mod token_issuer;
mod token_service;
mod turns;

#[cfg(test)]
pub(crate) mod test_keys;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, Scheme};
pub use caller::{ApiAuthenticator, Caller, needed_role};
pub use settings::{
    Access, ApiClientSettings, BasicSettings, BearerSettings, ClientSettings, CredentialSettings, JwtSettings,
    SetupError,
};
pub use token_issuer::{IssuedToken, TokenIssuer, TokenRefusal};
pub use token_service::{ApiToken, NoToken, TokenService, TokenServiceSettings};

/// Who calls, once it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name of the user in the application, where the caller is one of its users; a service is none.
    pub user: Option<String>,
    pub access: Access,
}

/// Why nobody is let in. The texts hold nothing of the credential and may be told to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The request carries no credential of a kind that is accepted.
    #[error("send a credential that this server accepts")]
    Missing,
    /// Name and password, or a fixed token, that nobody has.
    #[error("nobody has this credential")]
    Unknown,
    /// A token that is wrong, and why.
    #[error("the token is not accepted: {0}")]
    Token(&'static str),
    /// More passwords are being checked than one machine can.
    #[error("too many passwords are being checked: try again in a moment")]
    Busy,
    /// The keys to check a token with cannot be had at the moment.
    #[error("the keys that tokens are checked with cannot be fetched")]
    KeysUnavailable,
}
