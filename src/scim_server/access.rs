//! The tenants of a server: who may call each of them, and what dialect it speaks.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::dialect::Dialect;
use super::tenant::Tenant;
use crate::auth::{self, Authenticator, BearerSettings, CredentialSettings, SetupError, TokenIssuer};
use crate::secret::Secret;

/// Tokens that are good for longer than a day are passwords.
const MOST_TOKEN_LIFE_SECONDS: u64 = 24 * 3600;

/// Tenants and credentials, as a file gives them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSettings {
    /// Who may call the default tenant, beside the token that the server was started with.
    #[serde(default)]
    pub credentials: Vec<CredentialSettings>,
    /// Served at `/tenants/{name}/scim/v2`.
    #[serde(default)]
    pub tenants: Vec<TenantSettings>,
    /// How long tokens of the token endpoint are good: 1 to 86400.
    #[serde(default = "default_token_life_seconds")]
    pub token_life_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    pub name: String,
    pub credentials: Vec<CredentialSettings>,
    /// The name of a dialect; the one of the server, when there is none.
    #[serde(default)]
    pub dialect: Option<String>,
}

/// Why tenants cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("nobody could call: give a token or credentials")]
    Nobody,
    #[error("`{name}` is no name for a tenant: use 1 to 64 letters, digits, `-`, `_`, `.` and `~`")]
    TenantName { name: String },
    #[error("nobody could call the tenant {tenant}: give it credentials")]
    NoCredentials { tenant: Tenant },
    #[error("`token_life_seconds` is {seconds}: use 1 to 86400")]
    TokenLife { seconds: u64 },
    #[error("the tenant `{name}` is given twice")]
    TenantTwice { name: String },
    #[error("the tenant `{tenant}` has an unknown dialect `{dialect}`: see `provisor target --help`")]
    Dialect { tenant: String, dialect: String },
    #[error("the credentials of the tenant {tenant} cannot be used")]
    Credentials { tenant: Tenant, source: SetupError },
}

/// All tenants that are served.
pub(super) struct Access {
    sites: HashMap<Tenant, Site>,
    pub(super) issuer: TokenIssuer,
}

/// What is particular to a tenant.
pub(super) struct Site {
    pub(super) tenant: Tenant,
    pub(super) authenticator: Authenticator,
    pub(super) dialect: &'static Dialect,
}

impl Default for AccessSettings {
    /// The default tenant alone, with no credentials of its own.
    fn default() -> Self {
        Self { credentials: Vec::new(), tenants: Vec::new(), token_life_seconds: default_token_life_seconds() }
    }
}

impl Access {
    /// Sets up the tenants. Key files are looked for from `folder`; the `token` opens the default tenant, which is
    /// served only when somebody may call it.
    pub(super) fn new(
        settings: AccessSettings,
        folder: &Path,
        token: Option<Secret>,
        dialect: &'static Dialect,
    ) -> Result<Self, AccessError> {
        let seconds = settings.token_life_seconds;
        if !(1..=MOST_TOKEN_LIFE_SECONDS).contains(&seconds) {
            return Err(AccessError::TokenLife { seconds });
        }
        let mut access = Self { sites: HashMap::new(), issuer: TokenIssuer::new(Duration::from_secs(seconds)) };
        let mut credentials = settings.credentials;
        credentials.extend(token.map(|token| {
            CredentialSettings::Bearer(BearerSettings { token, user: None, access: auth::Access::Admin })
        }));
        if !credentials.is_empty() {
            access.add(Tenant::default(), credentials, folder, dialect)?;
        }
        for TenantSettings { name, credentials, dialect: own } in settings.tenants {
            let Some(tenant) = Tenant::named(&name) else { return Err(AccessError::TenantName { name }) };
            if access.sites.contains_key(&tenant) {
                return Err(AccessError::TenantTwice { name });
            }
            let dialect = match own {
                Some(own) => Dialect::named(&own).ok_or(AccessError::Dialect { tenant: name, dialect: own })?,
                None => dialect,
            };
            access.add(tenant, credentials, folder, dialect)?;
        }
        if access.sites.is_empty() { Err(AccessError::Nobody) } else { Ok(access) }
    }

    /// The tenant of this name, or the default one.
    pub(super) fn site(&self, name: Option<&str>) -> Option<&Site> {
        let tenant = match name {
            Some(name) => Tenant::named(name)?,
            None => Tenant::default(),
        };
        self.sites.get(&tenant)
    }

    fn add(
        &mut self,
        tenant: Tenant,
        credentials: Vec<CredentialSettings>,
        folder: &Path,
        dialect: &'static Dialect,
    ) -> Result<(), AccessError> {
        if credentials.is_empty() {
            return Err(AccessError::NoCredentials { tenant });
        }
        // A token is for one tenant, so the tenant is its audience.
        let audience = ["provisor-target/", tenant.name()].concat();
        let authenticator = Authenticator::new(credentials, &audience, folder, &mut self.issuer)
            .map_err(|source| AccessError::Credentials { tenant: tenant.clone(), source })?;
        self.sites.insert(tenant.clone(), Site { tenant, authenticator, dialect });
        Ok(())
    }
}

fn default_token_life_seconds() -> u64 {
    300
}
