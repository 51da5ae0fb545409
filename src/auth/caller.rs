//! Who calls the management API, and what they may.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::authenticator::issuer_of;
use super::authorization::Credential;
use super::jwt::{JwtVerifier, is_of_another};
use super::password::same;
use super::token_service::role_of;
use super::{Access, BearerSettings, CredentialSettings, Denied, JwtSettings, SetupError, TokenService};

/// Roles that other issuers put into tokens, by the permissions of the synchronization API.
const ROLES: [(&str, Access); 8] = [
    ("Synchronization.Read.All", Access::Read),
    ("Application.Read.All", Access::Read),
    ("provisor.reader", Access::Read),
    ("provisor.operator", Access::Write),
    ("provisor.admin", Access::Admin),
    ("Synchronization.ReadWrite.All", Access::Admin),
    ("Application.ReadWrite.All", Access::Admin),
    ("Directory.ReadWrite.All", Access::Admin),
];

/// Somebody whose credential is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The application, or the person, with the issuer that vouches for them where that is not the gateway: what an audit
    /// trail names, and nobody else can be called.
    pub id: String,
    pub name: Option<String>,
    /// `None` for somebody who has none of the roles.
    pub access: Option<Access>,
}

impl Caller {
    /// True when they may do what needs this much.
    pub fn may(&self, needs: Access) -> bool {
        self.access.is_some_and(|access| access >= needs)
    }
}

/// Decides who calls the management API: fixed bearer tokens, tokens of its own endpoint, tokens of other issuers.
pub struct ApiAuthenticator {
    bearers: Vec<BearerSettings>,
    own: JwtVerifier,
    issuers: Vec<Issuer>,
}

struct Issuer {
    name: String,
    audience: String,
    verifier: JwtVerifier,
    /// What its roles stand for; empty for [`ROLES`].
    roles: BTreeMap<String, Access>,
}

impl ApiAuthenticator {
    /// Sets up what is accepted beside the tokens of `own`. Key files are looked for from `folder`. Passwords and clients of
    /// another token endpoint are left out: settings that have them are refused before.
    ///
    /// # Errors
    /// What cannot be set up.
    pub fn new(settings: Vec<CredentialSettings>, folder: &Path, own: &TokenService) -> Result<Self, SetupError> {
        let mut authenticator = Self { bearers: Vec::new(), own: own.verifier(), issuers: Vec::new() };
        for credential in settings {
            match credential {
                CredentialSettings::Bearer(bearer) => authenticator.add_bearer(bearer)?,
                CredentialSettings::Jwt(jwt) => authenticator.add_issuer(jwt, folder)?,
                CredentialSettings::Basic(_) | CredentialSettings::Client(_) => {}
            }
        }
        Ok(authenticator)
    }

    fn add_bearer(&mut self, bearer: BearerSettings) -> Result<(), SetupError> {
        if bearer.token.is_empty() {
            return Err(SetupError::EmptySecret);
        }
        if self.bearers.iter().any(|known| same(&known.token, bearer.token.expose().as_bytes())) {
            return Err(SetupError::TokenTwice);
        }
        self.bearers.push(bearer);
        Ok(())
    }

    fn add_issuer(&mut self, mut jwt: JwtSettings, folder: &Path) -> Result<(), SetupError> {
        let (name, audience, roles) = (jwt.issuer.clone(), jwt.audience.clone(), std::mem::take(&mut jwt.roles));
        if self.issuers.iter().any(|known| (&known.name, &known.audience) == (&name, &audience)) {
            return Err(SetupError::IssuerTwice { issuer: name });
        }
        self.issuers.push(Issuer { verifier: issuer_of(jwt, folder)?, name, audience, roles });
        Ok(())
    }

    /// Decides about the value of an `Authorization` header.
    ///
    /// # Errors
    /// Why nobody is let in.
    pub async fn authenticate(&self, header: Option<&[u8]>) -> Result<Caller, Denied> {
        let Some(Credential::Bearer(token)) = header.and_then(Credential::parse) else { return Err(Denied::Missing) };
        // All are compared, so that the time does not tell which one is near.
        let bearers = (1..).zip(&self.bearers);
        let known =
            bearers.fold(None, |found, (n, bearer)| same(&bearer.token, token).then_some((n, bearer)).or(found));
        if let Some((number, bearer)) = known {
            let id = format!("fixed token {number}");
            return Ok(Caller { id, name: bearer.user.clone(), access: Some(bearer.access) });
        }
        let mut denied = match self.own.claims(token).await {
            Ok(claims) => return Ok(caller(&claims, &BTreeMap::new())),
            Err(denied) => denied,
        };
        for issuer in &self.issuers {
            match issuer.verifier.claims(token).await {
                Ok(claims) => {
                    let caller = caller(&claims, &issuer.roles);
                    return Ok(Caller { id: format!("{} of {}", caller.id, issuer.name), ..caller });
                }
                // Its keys may come back: that is no verdict on the token.
                Err(Denied::KeysUnavailable) => denied = Denied::KeysUnavailable,
                Err(other) if is_of_another(denied) => denied = other,
                Err(_) => {}
            }
        }
        Err(denied)
    }
}

/// The caller whom these claims are about.
fn caller(claims: &Map<String, Value>, roles: &BTreeMap<String, Access>) -> Caller {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = ["appid", "azp", "sub"].into_iter().find_map(text).unwrap_or_else(|| "somebody without a name".to_owned());
    let held: Vec<&str> = match claims.get("roles") {
        Some(Value::Array(held)) => held.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(held)) => vec![held],
        _ => Vec::new(),
    };
    let stands_for = |role: &str| match roles.is_empty() {
        true => ROLES.iter().find(|(known, _)| *known == role).map(|(_, access)| *access),
        false => roles.get(role).copied(),
    };
    let access = held.into_iter().filter_map(stands_for).max();
    Caller { id, name: text("app_displayname").or_else(|| text("name")), access }
}

/// The role that a caller needs for this much.
pub fn needed_role(access: Access) -> &'static str {
    role_of(access)
}
