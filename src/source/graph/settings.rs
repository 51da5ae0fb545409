//! What a Graph source needs to know, as the configuration writes it.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

use crate::secret::Secret;

/// Where the directory is, and as whom it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphSettings {
    /// The service without a version segment. Default: `https://graph.microsoft.com`.
    #[serde(default = "default_root_url", deserialize_with = "url")]
    pub root_url: Url,
    /// The token service without the tenant. Default: `https://login.microsoftonline.com`.
    #[serde(default = "default_authority_url", deserialize_with = "url")]
    pub authority_url: Url,
    /// The tenant's id, or one of its verified domains.
    pub tenant: String,
    /// The application that reads the directory.
    pub client_id: String,
    pub client_secret: Secret,
    /// What tokens are asked for. Default: the root URL with `/.default`.
    #[serde(default)]
    pub scope: Option<String>,
    /// For one request, its answer included, in seconds. Default: 100.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u16,
    /// Authorities to trust besides the system's: a PEM file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Speak plain HTTP to a host that is not this machine. Default: no.
    #[serde(default)]
    pub allow_http: bool,
}

impl GraphSettings {
    /// The settings for the global cloud, with every default.
    pub fn new(tenant: impl Into<String>, client_id: impl Into<String>, client_secret: Secret) -> Self {
        Self {
            root_url: default_root_url(),
            authority_url: default_authority_url(),
            tenant: tenant.into(),
            client_id: client_id.into(),
            client_secret,
            scope: None,
            timeout_seconds: default_timeout_seconds(),
            ca_file: None,
            allow_http: false,
        }
    }

    pub(super) fn scope(&self) -> String {
        let root = self.root_url.as_str().trim_end_matches('/');
        self.scope.clone().unwrap_or_else(|| [root, "/.default"].concat())
    }
}

fn default_root_url() -> Url {
    Url::parse("https://graph.microsoft.com").expect("a constant that parses")
}

fn default_authority_url() -> Url {
    Url::parse("https://login.microsoftonline.com").expect("a constant that parses")
}

fn default_timeout_seconds() -> u16 {
    100
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let url = Url::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
    if url.has_host() && matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.username().is_empty()
    {
        return Ok(url);
    }
    Err(D::Error::custom("expected an `https://` URL without user name and query"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_written_has_the_values_of_the_global_cloud() {
        let written = json!({ "tenant": "t.example", "client_id": "app", "client_secret": "s" });
        let settings: GraphSettings = serde_json::from_value(written).unwrap();
        assert_eq!(settings.root_url.as_str(), "https://graph.microsoft.com/");
        assert_eq!(settings.scope(), "https://graph.microsoft.com/.default");
        assert_eq!(settings.timeout_seconds, 100);
    }

    #[test]
    fn what_is_unknown_or_no_web_address_is_refused() {
        for (name, value) in
            [("colour", "red"), ("root_url", "graph"), ("root_url", "ftp://h"), ("authority_url", "https://u:p@h/")]
        {
            let mut written = json!({ "tenant": "t.example", "client_id": "app", "client_secret": "s" });
            written[name] = json!(value);
            assert!(serde_json::from_value::<GraphSettings>(written).is_err(), "{name}={value}");
        }
    }
}
