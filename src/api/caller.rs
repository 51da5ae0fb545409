//! Who calls, and what they may: handlers that need more than a look take the handle that proves it.

use std::path::Path;

use super::Settings;
use super::error::ApiError;
use crate::auth::{Access, ApiAuthenticator, Caller, SetupError, TokenService, TokenServiceSettings, needed_role};

/// Everybody who may call.
pub(super) struct Callers {
    pub(super) tokens: TokenService,
    authenticator: ApiAuthenticator,
}

impl Callers {
    pub(super) fn new(settings: Settings, folder: &Path) -> Result<Self, SetupError> {
        let tenant = settings.tenant();
        let Settings { public_url, credentials, clients, .. } = settings;
        let tokens = TokenService::new(TokenServiceSettings { public_url, tenant, clients }, folder)?;
        let authenticator = ApiAuthenticator::new(credentials, folder, &tokens)?;
        Ok(Self { tokens, authenticator })
    }

    /// Who sends this `Authorization` header, if they may do what needs this much.
    ///
    /// # Errors
    /// 401 for nobody, 403 for somebody who may not.
    pub(super) async fn admit(&self, header: Option<&[u8]>, needs: Access) -> Result<Caller, ApiError> {
        let caller = self.authenticator.authenticate(header).await.map_err(ApiError::unauthenticated)?;
        if caller.may(needs) {
            return Ok(caller);
        }
        let role = needed_role(needs);
        let message = format!("The caller may not do this: it needs the role `{role}`, or one above it.");
        Err(ApiError::forbidden(message))
    }
}
