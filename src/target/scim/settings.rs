//! How a target is reached: what an operator writes, and what cannot work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::auth::{Auth, Authorizer};
use super::client::{Client, RetryPolicy};
use crate::net::{self, ClientCertificate, HttpSettings, NetError, ProxyChoice};
use crate::secret::Secret;
use crate::target::{ProfileOverrides, TargetError};

/// Headers that the client writes itself.
const OURS: [HeaderName; 9] = [
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::IF_MATCH,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
];

/// How to reach a SCIM service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimSettings {
    /// The address below which `Users` and `Groups` are: `https://app.example/scim/v2`. No query, no credentials.
    pub base_url: Url,
    /// How to authenticate.
    pub auth: Auth,
    /// Headers to send with every request, such as the key of an API gateway. Default: none.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The certificate that we show in the TLS handshake. Default: none.
    #[serde(default)]
    pub client_certificate: Option<ClientCertificate>,
    /// A PEM file of authorities to trust besides the system's. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Seconds for one request with its answer. Default: 60.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// `system`, `none` or the URL of a proxy. Default: `system`.
    #[serde(default)]
    pub proxy: ProxyChoice,
    /// The `User-Agent` of every request. Default: name and version of the program.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// Requests at once; fewer while the target complains. Default: 16.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// What is known of the target better than it says itself.
    #[serde(default)]
    pub profile: ProfileOverrides,
}

/// Settings that cannot work, at their place: the keys that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    pub at: Vec<String>,
    pub what: String,
    pub hint: &'static str,
}

impl ScimSettings {
    /// Settings with every default.
    pub fn new(base_url: Url, auth: Auth) -> Self {
        Self {
            base_url,
            auth,
            headers: BTreeMap::new(),
            client_certificate: None,
            ca_file: None,
            timeout_seconds: default_timeout_seconds(),
            proxy: ProxyChoice::default(),
            user_agent: None,
            concurrency: default_concurrency(),
            profile: ProfileOverrides::default(),
        }
    }

    /// Lets every relative path begin in this folder.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let certificate = self.client_certificate.iter_mut().flat_map(|c| [&mut c.certificate_file, &mut c.key_file]);
        let key = match &mut self.auth {
            Auth::JwtBearer { key_file, .. } => Some(key_file),
            _ => None,
        };
        for path in self.ca_file.iter_mut().chain(certificate).chain(key) {
            *path = folder.join(&path);
        }
    }

    /// Everything that cannot work, whatever the target says. Reads the files that are named.
    pub fn problems(&self) -> Vec<SettingsProblem> {
        let mut problems: Vec<SettingsProblem> = self.base_url_problem().into_iter().collect();
        let mut add = |at: &[&str], what: String, hint: &'static str| {
            problems.push(SettingsProblem { at: at.iter().map(|&key| key.to_owned()).collect(), what, hint });
        };
        if self.timeout_seconds == 0 {
            add(&["timeout_seconds"], "no request ends in 0 seconds".to_owned(), "give at least 1, or leave it out");
        }
        if self.concurrency == 0 {
            add(&["concurrency"], "no request could be sent".to_owned(), "give at least 1, or leave it out");
        }
        if let Some((way, token_url)) = self.auth.token_url()
            && let Some((what, hint)) = token_url_problem(token_url)
        {
            add(&["auth", way, "token_url"], what.to_owned(), hint);
        }
        if let Err(problem) = self.auth.fixed_header() {
            add(&["auth"], problem.to_owned(), "give what the application issued");
        }
        if let Err(error) = self.auth.grant() {
            add(&["auth", "jwt_bearer", "key_file"], said(&error), "give a key that the algorithm can use");
        }
        for (name, value) in &self.headers {
            let Ok(header) = HeaderName::try_from(name.as_str()) else {
                add(&["headers", name], "this is no name of a header".to_owned(), "write a name such as `X-Api-Key`");
                continue;
            };
            let taken = header == header::AUTHORIZATION && self.auth != Auth::None;
            if taken || OURS.contains(&header) {
                let hint = "leave it out; `Authorization` needs `auth: none`, `User-Agent` has its own key";
                add(&["headers", name], "this header is written by the program".to_owned(), hint);
            }
            if value.is_empty() || HeaderValue::try_from(value.expose()).is_err() {
                let what = "the value is empty or holds characters that no header may have".to_owned();
                add(&["headers", name], what, "give it on one line");
            }
        }
        if self.user_agent.as_deref().is_some_and(|name| name.is_empty() || HeaderValue::try_from(name).is_err()) {
            add(&["user_agent"], "this cannot stand in a header".to_owned(), "write `name/version`");
        }
        if let Err(error) = self.tls() {
            let at: &[&str] = match &error {
                NetError::KeyFileUnreadable { .. } | NetError::KeyFileUnusable { .. } => {
                    &["client_certificate", "key_file"]
                }
                NetError::CaFileUnreadable { path, .. } | NetError::CaFileUnusable { path, .. }
                    if self.ca_file.as_ref() == Some(path) =>
                {
                    &["ca_file"]
                }
                NetError::CaFileUnreadable { .. } | NetError::CaFileUnusable { .. } => {
                    &["client_certificate", "certificate_file"]
                }
                _ => &["client_certificate"],
            };
            add(at, said(&error), "give PEM files that belong together");
        }
        problems.extend(self.profile.problems());
        problems
    }

    fn base_url_problem(&self) -> Option<SettingsProblem> {
        let base = &self.base_url;
        let (what, hint) = if !is_web_address(base) {
            (
                "`base_url` must begin with `https://` or `http://` and name a host",
                "write `https://app.example/scim/v2`",
            )
        } else if base.query().is_some() || base.fragment().is_some() {
            ("`base_url` must have no query and no fragment", "give the address above `/Users`")
        } else if !base.username().is_empty() || base.password().is_some() {
            ("`base_url` must hold no credentials", "use `auth`")
        } else {
            return None;
        };
        Some(SettingsProblem { at: vec!["base_url".to_owned()], what: what.to_owned(), hint })
    }

    /// Nothing is read where the system's authorities are all there is.
    fn tls(&self) -> Result<(), NetError> {
        if self.ca_file.is_none() && self.client_certificate.is_none() {
            return Ok(());
        }
        net::client_config_as(self.ca_file.as_deref(), self.client_certificate.as_ref()).map(drop)
    }

    /// The base URL with exactly one slash at its end. Scheme, host and default port were normalised by parsing.
    pub(super) fn normalised_base(&self) -> Result<Url, TargetError> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(TargetError::Settings { problem: [&problem.what, ": ", problem.hint].concat() });
        }
        let mut base = self.base_url.clone();
        let path = base.path().trim_end_matches('/').to_owned() + "/";
        base.set_path(&path);
        Ok(base)
    }

    pub(super) fn client(&self, base: &Url, retry: RetryPolicy) -> Result<Client, TargetError> {
        let host = base.host_str().unwrap_or_default().to_owned();
        if base.scheme() == "http" && !net::is_loopback(base) {
            tracing::warn!(target.host = %host, "the target is spoken to without TLS: its token can be read on the way");
        }
        let defaults = HttpSettings::default();
        let mut http = HttpSettings {
            ca_file: self.ca_file.clone(),
            client_certificate: self.client_certificate.clone(),
            timeout: Duration::from_secs(self.timeout_seconds),
            proxy: self.proxy.clone(),
            user_agent: self.user_agent.clone().unwrap_or(defaults.user_agent.clone()),
            ..defaults
        };
        let setup = |cause| TargetError::Setup { host: host.clone(), cause };
        let authorizer = match self.auth.grant().map_err(setup)? {
            // The token endpoint sees the certificate (RFC 8705), and none of the target's headers.
            Some(grant) => Authorizer::issuing(net::client(&http).map_err(setup)?, grant),
            None => Authorizer::fixed(&self.auth),
        };
        http.headers = self.header_map();
        let client = net::client(&http).map_err(setup)?;
        Ok(Client::new(client, base.clone(), authorizer, self.concurrency, retry))
    }

    /// What cannot stand in a header was refused by [`ScimSettings::problems`].
    fn header_map(&self) -> HeaderMap {
        let headers = self.headers.iter().filter_map(|(name, value)| {
            let mut value = HeaderValue::try_from(value.expose()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.as_str()).ok()?, value))
        });
        headers.collect()
    }
}

fn is_web_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// The token endpoint is told a secret or a signed assertion, so it needs TLS (RFC 6749 section 3.2).
fn token_url_problem(url: &Url) -> Option<(&'static str, &'static str)> {
    if !is_web_address(url) || (url.scheme() == "http" && !net::is_loopback(url)) {
        Some(("`token_url` must begin with `https://` and name a host", "write `https://login.example/token`"))
    } else if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        Some(("`token_url` must hold no credentials and no fragment", "give the address alone"))
    } else {
        None
    }
}

/// The error with its causes, on one line.
fn said(error: &NetError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn default_timeout_seconds() -> u64 {
    60
}

fn default_concurrency() -> usize {
    16
}
