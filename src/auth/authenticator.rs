//! All that one audience accepts, tried in turn.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::AlgorithmFamily;

use super::authorization::Credential;
use super::jwks::{KeySet, Pace};
use super::jwt::{Expected, JwtVerifier, Keys};
use super::keys::{VerifyingKey, from_file};
use super::password::{HashedPassword, Password, same};
use super::turns::Turns;
use super::{
    BasicSettings, BearerSettings, CredentialSettings, Denied, JwtSettings, Principal, SetupError, TokenIssuer,
};
use crate::net::{HttpSettings, client, is_loopback};

/// For the key set of an issuer, the body included.
const KEYS_TIMEOUT: Duration = Duration::from_secs(10);

/// Clocks that differ by more are wrong.
const MOST_LEEWAY_SECONDS: u64 = 600;

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A token, fixed or signed (RFC 6750).
    Bearer,
    /// A name and a password (RFC 7617).
    Basic,
}

/// Decides who calls.
#[derive(Default)]
pub struct Authenticator {
    bearers: Vec<BearerSettings>,
    names: Vec<Named>,
    turns: Turns,
    issuers: Vec<JwtVerifier>,
}

/// Somebody with a name and a password.
struct Named {
    name: String,
    password: Arc<Password>,
    principal: Principal,
}

impl Authenticator {
    /// Sets up the credentials of an audience. Key files are looked for from `folder`; clients are made known to the
    /// issuer of the token endpoint.
    pub fn new(
        settings: Vec<CredentialSettings>,
        audience: &str,
        folder: &Path,
        issuer: &mut TokenIssuer,
    ) -> Result<Self, SetupError> {
        let mut authenticator = Self::default();
        let mut issued = Vec::new();
        let mut issuers = Vec::new();
        for credential in settings {
            match credential {
                CredentialSettings::Bearer(bearer) => authenticator.add_bearer(bearer)?,
                CredentialSettings::Basic(basic) => authenticator.add_basic(basic)?,
                // What an issuer's roles stand for is known to the management API alone.
                CredentialSettings::Jwt(jwt) if !jwt.roles.is_empty() => {
                    return Err(SetupError::Roles { issuer: jwt.issuer });
                }
                CredentialSettings::Jwt(jwt) => {
                    let named = (jwt.issuer.clone(), jwt.audience.clone());
                    if issuers.contains(&named) {
                        return Err(SetupError::IssuerTwice { issuer: jwt.issuer });
                    }
                    issuers.push(named);
                    authenticator.issuers.push(issuer_of(jwt, folder)?);
                }
                CredentialSettings::Client(client) if client.secret.is_empty() => return Err(SetupError::EmptySecret),
                CredentialSettings::Client(client) if issuer.knows(&client.id) => {
                    return Err(SetupError::NameTwice { name: client.id });
                }
                CredentialSettings::Client(client) => {
                    issuer.register(&client, audience);
                    if !issued.contains(&client.access) {
                        issued.push(client.access);
                        authenticator.issuers.push(issuer.verifier(audience, client.access));
                    }
                }
            }
        }
        Ok(authenticator)
    }

    /// Decides about the value of an `Authorization` header.
    pub async fn authenticate(&self, header: Option<&[u8]>) -> Result<Principal, Denied> {
        match header.and_then(Credential::parse) {
            None => Err(Denied::Missing),
            Some(Credential::Basic { .. }) if self.names.is_empty() => Err(Denied::Missing),
            Some(Credential::Basic { name, password }) => self.authenticate_name(&name, password).await,
            Some(Credential::Bearer(_)) if self.bearers.is_empty() && self.issuers.is_empty() => Err(Denied::Missing),
            Some(Credential::Bearer(token)) => self.authenticate_token(token).await,
        }
    }

    /// What stands in the `WWW-Authenticate` headers of a refusal (RFC 9110 section 11.6.1, RFC 6750 section 3).
    pub fn challenges(&self, denied: Denied) -> Vec<&'static str> {
        let challenge = |scheme| match (scheme, denied) {
            (Scheme::Bearer, Denied::Unknown | Denied::Token(_)) => "Bearer realm=\"scim\", error=\"invalid_token\"",
            (Scheme::Bearer, Denied::Missing | Denied::Busy | Denied::KeysUnavailable) => "Bearer realm=\"scim\"",
            (Scheme::Basic, _) => "Basic realm=\"scim\", charset=\"UTF-8\"",
        };
        self.schemes().into_iter().map(challenge).collect()
    }

    /// The kinds of credential that it accepts.
    pub fn schemes(&self) -> Vec<Scheme> {
        let bearer = !self.bearers.is_empty() || !self.issuers.is_empty();
        let basic = !self.names.is_empty();
        bearer.then_some(Scheme::Bearer).into_iter().chain(basic.then_some(Scheme::Basic)).collect()
    }

    async fn authenticate_token(&self, token: &[u8]) -> Result<Principal, Denied> {
        // All are compared, so that the time does not tell which one is near.
        let known =
            self.bearers.iter().fold(None, |found, bearer| same(&bearer.token, token).then_some(bearer).or(found));
        if let Some(bearer) = known {
            return Ok(Principal { user: bearer.user.clone(), access: bearer.access });
        }
        let mut denied = Denied::Unknown;
        for issuer in &self.issuers {
            match issuer.verify(token).await {
                Ok(principal) => return Ok(principal),
                // What the first issuer that could judge the token says tells most.
                Err(other) => denied = if denied == Denied::Unknown { other } else { denied },
            }
        }
        Err(denied)
    }

    async fn authenticate_name(&self, name: &[u8], given: Vec<u8>) -> Result<Principal, Denied> {
        let named = self.names.iter().find(|named| named.name.as_bytes() == name);
        // A name that nobody has takes as long as a wrong password, so that names cannot be tried out.
        let Some(checked) = named.or_else(|| self.names.first()) else { return Err(Denied::Missing) };
        let password = Arc::clone(&checked.password);
        let right = match password.as_ref() {
            Password::Plain(known) => same(known, &given),
            Password::Hashed(hashed) if hashed.is_proven(&given) => true,
            Password::Hashed(_) => {
                let verified = self.turns.verify(move || match password.as_ref() {
                    Password::Hashed(hashed) => hashed.verify(&given),
                    Password::Plain(known) => same(known, &given),
                });
                verified.await.ok_or(Denied::Busy)?
            }
        };
        named.filter(|_| right).map(|named| named.principal.clone()).ok_or(Denied::Unknown)
    }

    fn add_bearer(&mut self, bearer: BearerSettings) -> Result<(), SetupError> {
        if bearer.token.is_empty() {
            return Err(SetupError::EmptySecret);
        }
        if self.bearers.iter().any(|known| same(&known.token, bearer.token.expose().as_bytes())) {
            // Nobody could say what it may do.
            return Err(SetupError::TokenTwice);
        }
        self.bearers.push(bearer);
        Ok(())
    }

    fn add_basic(&mut self, basic: BasicSettings) -> Result<(), SetupError> {
        let BasicSettings { name, password, password_hash, user, access } = basic;
        if name.contains(':') {
            return Err(SetupError::NameWithColon { name });
        }
        if self.names.iter().any(|named| named.name == name) {
            return Err(SetupError::NameTwice { name });
        }
        let password = match (password, password_hash) {
            (Some(password), None) if !password.is_empty() => Password::Plain(password),
            (None, Some(hash)) => match HashedPassword::parse(&hash) {
                Some(hashed) => Password::Hashed(Box::new(hashed)),
                None => return Err(SetupError::PasswordHash { name }),
            },
            _ => return Err(SetupError::PasswordMissing { name }),
        };
        self.names.push(Named { name, password: Arc::new(password), principal: Principal { user, access } });
        Ok(())
    }
}

/// Requests wait for the keys, so the keys may not take long.
fn settings_for_keys() -> HttpSettings {
    HttpSettings { timeout: KEYS_TIMEOUT, connect_timeout: KEYS_TIMEOUT, ..HttpSettings::default() }
}

pub(super) fn issuer_of(settings: JwtSettings, folder: &Path) -> Result<JwtVerifier, SetupError> {
    let JwtSettings {
        algorithms,
        issuer,
        audience,
        secret,
        key_file,
        jwks_url,
        user_claim,
        leeway_seconds,
        access,
        roles: _,
    } = settings;
    if algorithms.is_empty() {
        return Err(SetupError::NoAlgorithm { issuer });
    }
    if leeway_seconds > MOST_LEEWAY_SECONDS {
        return Err(SetupError::Leeway { issuer });
    }
    let shared = |algorithm: &jsonwebtoken::Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
    let fits = if secret.is_some() { algorithms.iter().all(shared) } else { !algorithms.iter().any(shared) };
    if !fits {
        return Err(SetupError::MixedAlgorithms { issuer });
    }
    let keys = match (secret, key_file, jwks_url) {
        (Some(secret), None, None) if secret.is_empty() => return Err(SetupError::EmptySecret),
        (Some(secret), None, None) => Keys::Fixed(Arc::new(vec![VerifyingKey::secret(secret.expose().as_bytes())])),
        (None, Some(file), None) => {
            let file = folder.join(file);
            let content =
                std::fs::read(&file).map_err(|source| SetupError::KeyUnreadable { file: file.clone(), source })?;
            let keys = from_file(&content, &algorithms);
            if keys.is_empty() {
                return Err(SetupError::KeyUnusable { file });
            }
            Keys::Fixed(Arc::new(keys))
        }
        (None, None, Some(url)) if url.scheme() != "https" && !is_loopback(&url) => {
            return Err(SetupError::InsecureKeys { issuer });
        }
        (None, None, Some(url)) => {
            Keys::Published(Box::new(KeySet::new(url, client(&settings_for_keys())?, Pace::default())))
        }
        _ => return Err(SetupError::KeySource { issuer }),
    };
    let expected = Expected { algorithms, issuer: &issuer, audience: &audience, leeway_seconds };
    Ok(JwtVerifier::new(keys, expected, user_claim, access))
}
