//! The management API, as it is written in a file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use crate::auth::{ApiClientSettings, CredentialSettings};
use crate::net::is_loopback;

/// Where and to whom the management API is served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one. Default: `127.0.0.1:8443`.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The certificate to show. Without one, only a loopback address is listened on, for a proxy in front of it.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// By which clients reach it: scheme, host, port and no path. Links, and the issuer of tokens, begin with it; what a request says of its host is not believed.
    pub public_url: Url,
    /// The id that the tenant has. Default: one that follows from `public_url`.
    #[serde(default)]
    pub tenant: Option<Uuid>,
    /// Who is let in besides the clients: fixed bearer tokens, and tokens of issuers.
    #[serde(default)]
    pub credentials: Vec<CredentialSettings>,
    /// Who is given tokens by its own token endpoint.
    #[serde(default)]
    pub clients: Vec<ApiClientSettings>,
}

/// A certificate and its key, in PEM files; relative to the file that names them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate, followed by the authorities between it and the one that clients trust.
    pub certificate_file: PathBuf,
    /// Its private key, not encrypted.
    pub key_file: PathBuf,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8443))
}

impl Settings {
    /// The id of the tenant.
    pub fn tenant(&self) -> Uuid {
        self.tenant.unwrap_or_else(|| {
            let mut bytes = [0; 16];
            let digest = Sha256::digest(self.public_url.as_str());
            bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        })
    }

    /// What cannot work: the key at fault, what is wrong with it, and what to do.
    pub fn problem(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let url = &self.public_url;
        let is_root = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_root || url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
            return Some((
                "public_url",
                "the address is more than scheme, host and port",
                "write `https://gateway.example:8443`",
            ));
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Some((
                "public_url",
                "tokens would travel in the clear",
                "write `https://…`; `http://` is for loopback addresses alone",
            ));
        }
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            return Some((
                "listen",
                "tokens would travel in the clear",
                "give `tls`, or listen on a loopback address behind a proxy that speaks TLS",
            ));
        }
        if self.credentials.is_empty() && self.clients.is_empty() {
            return Some(("clients", "nobody could come in", "give `clients`, or `credentials`"));
        }
        let password = |credential: &CredentialSettings| {
            matches!(credential, CredentialSettings::Basic(_) | CredentialSettings::Client(_))
        };
        if self.credentials.iter().any(password) {
            return Some((
                "credentials",
                "the management API takes bearer tokens alone",
                "write `bearer` or `jwt`; who asks for tokens is one of `clients`",
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: serde_json::Value) -> Settings {
        let mut all = serde_json::json!({
            "public_url": "https://gateway.example:8443",
            "credentials": [{ "bearer": { "token": "t" } }],
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn what_cannot_work_is_told_by_its_key() {
        use serde_json::json;
        let tls = json!({ "certificate_file": "c.pem", "key_file": "k.pem" });
        for (more, expected) in [
            (json!({}), None),
            (json!({ "public_url": "http://127.0.0.1:8443" }), None),
            (json!({ "public_url": "http://gateway.example" }), Some("public_url")),
            (json!({ "public_url": "ftp://gateway.example" }), Some("public_url")),
            (json!({ "public_url": "https://gateway.example/api" }), Some("public_url")),
            (json!({ "public_url": "https://me@gateway.example" }), Some("public_url")),
            (json!({ "public_url": "mailto:me@gateway.example" }), Some("public_url")),
            (json!({ "listen": "0.0.0.0:8443" }), Some("listen")),
            (json!({ "listen": "0.0.0.0:8443", "tls": tls }), None),
            (json!({ "credentials": [] }), Some("clients")),
            (json!({ "credentials": [{ "basic": { "name": "n", "password": "p" } }] }), Some("credentials")),
        ] {
            let problem = settings(more.clone()).problem();
            assert_eq!(problem.map(|(key, ..)| key), expected, "{more}");
        }
    }

    #[test]
    fn the_tenant_stays_the_same() {
        let tenant = settings(serde_json::json!({})).tenant();
        assert_eq!(tenant, settings(serde_json::json!({})).tenant());
        assert_ne!(tenant, settings(serde_json::json!({ "public_url": "https://other.example" })).tenant());
        let given = Uuid::from_u128(7);
        assert_eq!(settings(serde_json::json!({ "tenant": given })).tenant(), given);
    }
}
