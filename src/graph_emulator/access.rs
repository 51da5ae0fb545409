//! Access tokens: who may have one, and whether one that came is good (RFC 6749 section 4.4).
//!
//! It answers in the error shape of the token service, which is not that of the directory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web::{Bytes, Data, Path},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use url::form_urlencoded;
use uuid::Uuid;

use super::Service;
use crate::secret::Secret;

/// How long a token is good, unless the settings say otherwise.
const LIFE: Duration = Duration::from_secs(3599);

/// Tokens that are good at the same time, at most; the oldest give way.
const MOST_TOKENS: usize = 10_000;

/// The application that may ask, and the tokens it got.
pub(super) struct Access {
    client_id: String,
    client_secret: Secret,
    /// A token that is good for ever, for callers that cannot ask for one.
    fixed: Option<Secret>,
    /// Issued tokens with their end. Guards only this map, and never across an await.
    issued: Mutex<HashMap<String, Instant>>,
}

/// What the token service refuses: its error name, its number, and the text after it.
struct Refusal {
    error: &'static str,
    number: u32,
    text: String,
}

impl Access {
    pub(super) fn new(client_id: String, client_secret: Secret, fixed: Option<Secret>) -> Self {
        Self { client_id, client_secret, fixed, issued: Mutex::new(HashMap::new()) }
    }

    /// True when the request carries a token that is good now.
    pub(super) fn admits(&self, authorization: Option<&str>) -> bool {
        let Some(token) = authorization.and_then(bearer) else { return false };
        if self.fixed.as_ref().is_some_and(|fixed| same_secret(fixed.expose(), token)) {
            return true;
        }
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.get(token).is_some_and(|end| *end > Instant::now())
    }

    /// Forgets every token that was issued.
    pub(super) fn revoke(&self) {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn issue(&self) -> String {
        let token = [Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string()].concat();
        let now = Instant::now();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(|_, end| *end > now);
        if issued.len() >= MOST_TOKENS
            && let Some(oldest) = issued.iter().min_by_key(|(_, end)| **end).map(|(token, _)| token.clone())
        {
            issued.remove(&oldest);
        }
        issued.insert(token.clone(), now + LIFE);
        token
    }

    fn check(&self, form: &HashMap<String, String>, authorization: Option<&str>) -> Result<(), Refusal> {
        match parameter(form, "grant_type")? {
            "client_credentials" => {}
            other => {
                return Err(refusal(
                    "unsupported_grant_type",
                    70003,
                    format!("The app requested an unsupported grant type '{other}'."),
                ));
            }
        }
        let basic = authorization.and_then(basic);
        let (client_id, secret) = match &basic {
            Some((client_id, secret)) => (client_id.as_str(), Some(secret.as_str())),
            None => (parameter(form, "client_id")?, form.get("client_secret").map(String::as_str)),
        };
        if !client_id.eq_ignore_ascii_case(&self.client_id) {
            let text = format!("Application with identifier '{client_id}' was not found in the directory.");
            return Err(refusal("unauthorized_client", 700_016, text));
        }
        match secret {
            None => {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(refusal("invalid_client", 7_000_218, text));
            }
            Some(secret) if !same_secret(self.client_secret.expose(), secret) => {
                return Err(refusal("invalid_client", 7_000_215, "Invalid client secret provided."));
            }
            Some(_) => {}
        }
        let scope = parameter(form, "scope")?;
        if scope.contains(' ') || !scope.ends_with("/.default") {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."
            );
            return Err(refusal("invalid_scope", 1_002_012, text));
        }
        Ok(())
    }
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) async fn issue_token(
    service: Data<Service>,
    tenant: Path<String>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let checked = check_tenant(&service, &tenant).and_then(|()| service.access.check(&form, authorization));
    match checked {
        Ok(()) => HttpResponse::Ok().insert_header(("Cache-Control", "no-store, no-cache")).json(json!({
            "token_type": "Bearer",
            "expires_in": LIFE.as_secs(),
            "ext_expires_in": LIFE.as_secs(),
            "access_token": service.access.issue(),
        })),
        Err(refusal) => refusal.answer(Utc::now()),
    }
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(super) async fn show_discovery(service: Data<Service>, tenant: Path<String>, request: HttpRequest) -> HttpResponse {
    if let Err(refusal) = check_tenant(&service, &tenant) {
        return refusal.answer(Utc::now());
    }
    let connection = request.connection_info();
    let origin = [connection.scheme(), "://", connection.host()].concat();
    let Ok(mut url) = url::Url::parse(&origin) else {
        return refusal("invalid_request", 90_014, "The Host header is not valid.").answer(Utc::now());
    };
    let mut at = |path: &[&str]| {
        url.set_path("");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(tenant.as_str()).extend(path);
        }
        url.to_string()
    };
    HttpResponse::Ok().json(json!({
        "issuer": at(&["v2.0"]),
        "token_endpoint": at(&["oauth2", "v2.0", "token"]),
        "authorization_endpoint": at(&["oauth2", "v2.0", "authorize"]),
        "jwks_uri": at(&["discovery", "v2.0", "keys"]),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

impl Refusal {
    fn answer(&self, now: DateTime<Utc>) -> HttpResponse {
        let status = if self.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let timestamp = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.number, self.text
        );
        HttpResponse::build(status).json(json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }))
    }
}

fn refusal(error: &'static str, number: u32, text: impl Into<String>) -> Refusal {
    Refusal { error, number, text: text.into() }
}

fn parameter<'a>(form: &'a HashMap<String, String>, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(|| {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        refusal("invalid_request", 900_144, text)
    })
}

fn check_tenant(service: &Service, tenant: &str) -> Result<(), Refusal> {
    let directory = service.directory();
    let is_known = directory.tenant_id.eq_ignore_ascii_case(tenant)
        || directory.verified_domains.iter().any(|domain| domain.eq_ignore_ascii_case(tenant));
    if is_known {
        return Ok(());
    }
    Err(refusal("invalid_request", 90_002, format!("Tenant '{tenant}' not found.")))
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// The id and secret of HTTP Basic, each form-encoded as RFC 6749 section 2.3.1 asks.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let escaped = text.replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Compares digests, so that the time taken says nothing about where two secrets differ.
fn same_secret(expected: &str, given: &str) -> bool {
    Sha256::digest(expected) == Sha256::digest(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = ["Basic ", &STANDARD.encode("app:s%2Fe+c=r&%7Et")].concat();
        assert_eq!(basic(&header), Some(("app".to_owned(), "s/e c=r&~t".to_owned())));
        assert_eq!(basic("Basic !!!"), None);
        assert_eq!(basic("Bearer abc"), None);
    }

    #[test]
    fn only_issued_and_fixed_tokens_are_good_and_revoked_ones_are_not() {
        let access = Access::new("app".into(), Secret::new("s"), Some(Secret::new("fixed")));
        let issued = ["bearer ", &access.issue()].concat();
        assert!(access.admits(Some(&issued)) && access.admits(Some("Bearer fixed")));
        assert!(!access.admits(None) && !access.admits(Some("Bearer other")) && !access.admits(Some("fixed")));
        access.revoke();
        assert!(!access.admits(Some(&issued)) && access.admits(Some("Bearer fixed")));
    }
}
