//! A server that takes notices by POST.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use super::Notice;
use crate::net::{self, HttpSettings, NetError, ProxyChoice};
use crate::secret::Secret;

/// A receiver that does not answer in this time is asked again later.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where notices go.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// `https://…`; plain HTTP on the same machine alone. It never prints: the path is often the credential.
    pub url: Url,
    /// A token to send along. Default: none.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// A PEM file of authorities to trust besides the system's. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// `system`, `none` or the URL of a proxy. Default: `system`.
    #[serde(default)]
    pub proxy: ProxyChoice,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl WebhookSettings {
    /// What cannot work: the key at fault, what is wrong, and what to do.
    pub fn problem(&self) -> Option<(&'static str, String, &'static str)> {
        let safe = match self.url.scheme() {
            "https" => true,
            "http" => net::is_loopback(&self.url),
            _ => false,
        };
        if !safe || !self.url.has_host() {
            return Some(("url", "a webhook needs `https://`".to_owned(), "plain HTTP is for this machine alone"));
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Some(("url", "a URL shows its credentials".to_owned(), "give a token as `bearer`"));
        }
        if self.bearer.as_ref().is_some_and(|token| token.is_empty() || authorization(token).is_none()) {
            let what = "the token is empty or holds characters that no header may have".to_owned();
            return Some(("bearer", what, "give it on one line"));
        }
        let error = self.client().err()?;
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Some(("ca_file", format!("{error}{cause}"), "give a PEM file"))
    }

    fn client(&self) -> Result<reqwest::Client, NetError> {
        net::client(&HttpSettings {
            ca_file: self.ca_file.clone(),
            timeout: TIMEOUT,
            proxy: self.proxy.clone(),
            ..HttpSettings::default()
        })
    }
}

fn authorization(token: &Secret) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(["Bearer ", token.expose()].concat()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Why a notice was not taken. The text has the host, never the path.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    #[error("the webhook at `{host}` cannot be told: {hint}")]
    NoAnswer { host: String, hint: String },
    #[error("the webhook at `{host}` answered {status}: check its `url` and `bearer`")]
    Refused { host: String, status: u16 },
}

/// Sends notices.
#[derive(Clone)]
pub struct Webhook {
    client: reqwest::Client,
    settings: WebhookSettings,
}

impl Webhook {
    /// Nothing is connected yet.
    pub fn new(settings: WebhookSettings) -> Result<Self, NetError> {
        Ok(Self { client: settings.client()?, settings })
    }

    /// One attempt; any 2xx takes the notice.
    ///
    /// # Errors
    /// [`NotPosted`], after ten seconds at the latest.
    pub async fn send(&self, notice: &Notice) -> Result<(), NotPosted> {
        let host = self.settings.url.host_str().unwrap_or_default().to_owned();
        let mut request = self.client.post(self.settings.url.clone()).json(notice);
        if let Some(header) = self.settings.bearer.as_ref().and_then(authorization) {
            request = request.header(reqwest::header::AUTHORIZATION, header);
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(NotPosted::Refused { host, status: answer.status().as_u16() }),
            Err(error) => Err(NotPosted::NoAnswer { host, hint: net::explain(&error).hint }),
        }
    }
}
