//! The HTTP client: time limits, proxy, redirects, bounded bodies, and what a failure means to an operator.
//!
//! It sends nothing by itself and does not retry; who calls knows what may be repeated.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderMap;
use reqwest::redirect;
use rustls::CertificateError;
use serde::Deserialize;
use url::{Host, Url};

use super::{ClientCertificate, NetError, client_config_as};

/// What an outbound HTTP client needs to know.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Authorities to trust besides the system's: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// What we show to a server that asks who we are.
    pub client_certificate: Option<ClientCertificate>,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// For a whole request, the body of the answer included.
    pub timeout: Duration,
    /// For name resolution, connection and TLS handshake.
    pub connect_timeout: Duration,
    pub proxy: ProxyChoice,
    pub user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            proxy: ProxyChoice::System,
            user_agent: concat!("provisor/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How to reach the other side. Written `system`, `none`, or as the URL of a proxy.
///
/// The system's proxy is never asked for a loopback address; an explicit one always is.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ProxyChoice {
    /// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` or the system's settings say.
    #[default]
    System,
    /// No proxy.
    Direct,
    /// This proxy for everything.
    Url(Url),
}

impl TryFrom<String> for ProxyChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "system" => Ok(Self::System),
            "none" => Ok(Self::Direct),
            // The text is not repeated: it may hold a password.
            other => match Url::parse(other) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self::Url(url)),
                _ => Err("a proxy is `system`, `none` or an `http://` or `https://` URL".to_owned()),
            },
        }
    }
}

impl fmt::Debug for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Direct => f.write_str("Direct"),
            // The user information of the URL is a credential.
            Self::Url(url) => write!(f, "Url({}://{})", url.scheme(), url.authority().rsplit('@').next().unwrap_or("")),
        }
    }
}

/// Builds a client. Redirects are not followed: credentials go where the operator said and nowhere else.
pub fn client(settings: &HttpSettings) -> Result<reqwest::Client, NetError> {
    let shown = settings.client_certificate.as_ref();
    let mut tls = client_config_as(settings.ca_file.as_deref(), shown)?.as_ref().clone();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(settings.timeout)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(Duration::from_secs(30))
        .redirect(redirect::Policy::none())
        .default_headers(settings.headers.clone())
        .user_agent(&settings.user_agent);
    let builder = match &settings.proxy {
        ProxyChoice::Direct => builder.no_proxy(),
        ProxyChoice::Url(url) => builder.proxy(reqwest::Proxy::all(url.clone()).map_err(NetError::Client)?),
        ProxyChoice::System => builder.proxy(system_proxy(Matcher::from_system())),
    };
    builder.build().map_err(NetError::Client)
}

/// Reads a body of at most `limit` bytes, counted after decompression.
pub async fn read_bounded(mut response: reqwest::Response, limit: usize) -> Result<Bytes, NetError> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() > limit - body.len() => return Err(NetError::TooLong { limit }),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(cause) => return Err(NetError::BrokeOff { hint: explain(&cause).hint, cause: cause.without_url() }),
        }
    }
}

/// True for `localhost` and the loopback networks.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

/// What went wrong below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    NameUnknown,
    Refused,
    Unreachable,
    /// TLS: the handshake failed or the certificate was not accepted.
    Certificate,
    Timeout,
    /// The connection ended before the answer did.
    Reset,
    /// The request itself could not be built.
    Request,
    /// The other side does not speak HTTP as it should.
    Protocol,
}

/// A failed exchange, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub trouble: Trouble,
    /// True when certainly no byte of the request left us: it cannot have had an effect.
    pub before_sending: bool,
    /// What happened and what to check.
    pub hint: String,
}

/// Classifies a failure of reqwest. The hint holds no URL and no value.
pub fn explain(error: &reqwest::Error) -> Explanation {
    let before_sending = error.is_connect() || error.is_builder();
    let (trouble, hint) = if let Some(tls) = find::<rustls::Error>(error) {
        (Trouble::Certificate, tls_hint(tls))
    } else if error.is_builder() {
        (Trouble::Request, "the request could not be built: check URL and credentials for forbidden characters".into())
    } else if error.is_dns() {
        (Trouble::NameUnknown, "the host name is unknown: check its spelling and the name servers".into())
    } else if error.is_timeout() && error.is_connect() {
        (Trouble::Timeout, "no connection in time: check host, port and firewalls".into())
    } else if error.is_timeout() {
        (Trouble::Timeout, "no answer in time: the other side is slow or overloaded".into())
    } else {
        match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => {
                (Trouble::Refused, "the connection was refused: check the port, and that the server runs".into())
            }
            _ if error.is_connect() => {
                (Trouble::Unreachable, "the host cannot be reached: check address, proxy and network".into())
            }
            // Decompression failed; a body that broke off counts as a decoding error as well, but has another cause.
            Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) if error.is_decode() => {
                (Trouble::Protocol, "the answer could not be decompressed".into())
            }
            _ => (Trouble::Reset, "the connection broke off before the answer was complete".into()),
        }
    };
    Explanation { trouble, before_sending, hint }
}

fn tls_hint(error: &rustls::Error) -> String {
    use CertificateError as C;
    let hint = match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            C::Expired | C::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it, or check the clock"
            }
            C::NotValidYet | C::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: check the clock of both sides"
            }
            C::UnknownIssuer => {
                "the server's certificate is signed by an unknown authority: give its PEM file as `ca_file`"
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                "the server's certificate is for another host name: connect by a name that it lists"
            }
            C::Revoked => "the server's certificate was revoked: it needs a new one",
            _ => "the server's certificate is not acceptable",
        },
        rustls::Error::AlertReceived(_) => "the server refused the TLS handshake",
        _ => "the TLS handshake failed: does the port speak TLS, version 1.2 or later?",
    };
    hint.to_owned()
}

/// The first error of type `E` in the chain. An [`io::Error`] hides what it wraps from `source`, so it is opened.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn system_proxy(matcher: Matcher) -> reqwest::Proxy {
    reqwest::Proxy::custom(move |url| {
        if is_loopback(url) {
            return None;
        }
        let proxy = matcher.intercept(&url.as_str().parse().ok()?)?;
        let mut address = Url::parse(&proxy.uri().to_string()).ok()?;
        if let Some(credentials) = proxy.basic_auth().and_then(|header| basic_credentials(header.as_bytes())) {
            address.set_username(&credentials.0).ok()?;
            address.set_password(Some(&credentials.1)).ok()?;
        }
        Some(address)
    })
}

fn basic_credentials(header: &[u8]) -> Option<(String, String)> {
    let decoded = BASE64_STANDARD.decode(header.strip_prefix(b"Basic ")?).ok()?;
    let (user, password) = String::from_utf8(decoded).ok()?.split_once(':').map(|(u, p)| (u.into(), p.into()))?;
    Some((user, password))
}

#[cfg(test)]
mod tests;
