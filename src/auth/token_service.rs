//! The token endpoint of the management API: access tokens for the client credentials grant (RFC 6749 section 4.4), by a
//! secret or by an assertion that a certificate signed (RFC 7523), with a discovery document (OIDC) and a key set beside
//! it. Clients of Microsoft's endpoint know its paths, its claims and its refusals.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};
use uuid::Uuid;

use super::authorization::Credential;
use super::jwt::{Expected, JwtVerifier, Keys};
use super::keys::{from_file, from_jwk_set};
use super::password::same;
use super::token_issuer::decoded;
use super::{Access, ApiClientSettings, SetupError};
use crate::net::SigningPair;
use crate::secret::Secret;

/// How long its tokens are good, in seconds.
const LIFE: u64 = 3_599;

/// An assertion that is good for longer, in seconds, is refused: who finds it could use it for as long.
const LONGEST_ASSERTION_LIFE: u64 = 15 * 60;

/// A client has one certificate, or two while it changes.
const MOST_CERTIFICATES: usize = 5;

/// What a PEM file with a private key says.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

const LONGEST_FORM: usize = 64 * 1024;

/// `client_assertion_type` of RFC 7523 section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What clients of Microsoft Graph ask for tokens to: they may go on doing so.
const GRAPH: [&str; 2] = ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"];

/// Where the endpoint is, and whom it serves.
#[derive(Clone, Debug)]
pub struct TokenServiceSettings {
    /// Scheme, host and port.
    pub public_url: Url,
    pub tenant: Uuid,
    pub clients: Vec<ApiClientSettings>,
}

/// Issues tokens to the clients it knows. Its key lives as long as the process.
pub struct TokenService {
    pair: SigningPair,
    key_id: String,
    encoding: EncodingKey,
    /// Without a slash at the end.
    base: String,
    host: String,
    tenant: Uuid,
    clients: Vec<Client>,
}

struct Client {
    id: Uuid,
    name: Option<String>,
    secret: Option<Secret>,
    /// Accepts the assertions that one of its certificates signed.
    assertions: Vec<JwtVerifier>,
    access: Access,
}

/// The answer of the endpoint (RFC 6749 section 5.1).
#[derive(Debug, Serialize)]
pub struct ApiToken {
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
    ext_expires_in: u64,
    access_token: String,
}

/// Why there is no token, in the shape that clients of Microsoft's endpoint know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {description}")]
pub struct NoToken {
    /// A word of RFC 6749 section 5.2.
    pub error: &'static str,
    pub description: &'static str,
    number: u32,
}

const INVALID_CLIENT: NoToken = NoToken {
    error: "invalid_client",
    description: "There is no such client, or its secret or assertion is wrong. Check the client id, and what is declared for it.",
    number: 7_000_215,
};
const INVALID_REQUEST: NoToken = NoToken {
    error: "invalid_request",
    description: "Send `grant_type`, `scope`, `client_id` and either `client_secret` or `client_assertion` with `client_assertion_type`, each once.",
    number: 900_144,
};
const UNSUPPORTED_GRANT: NoToken =
    NoToken { error: "unsupported_grant_type", description: "Only `client_credentials` is served.", number: 70_003 };
const INVALID_SCOPE: NoToken = NoToken {
    error: "invalid_scope",
    description: "Ask for this gateway and `/.default`: `https://HOST/.default`.",
    number: 70_011,
};

impl NoToken {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        if self == INVALID_CLIENT { 401 } else { 400 }
    }

    /// The body to answer with.
    pub fn body(self, request_id: &str, now: DateTime<Utc>) -> Value {
        let Self { error, description, number } = self;
        json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {description}"),
            "error_codes": [number],
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Secs, true).replace('T', " "),
            "trace_id": request_id,
            "correlation_id": request_id,
        })
    }
}

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

impl TokenService {
    /// A service with a new key. Certificates are looked for from `folder`.
    ///
    /// # Errors
    /// What is wrong with a client.
    pub fn new(settings: TokenServiceSettings, folder: &Path) -> Result<Self, SetupError> {
        let TokenServiceSettings { public_url, tenant, clients } = settings;
        let pair = SigningPair::generate()?;
        let encoding = EncodingKey::from_ec_der(pair.pkcs8());
        let key_id = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(pair.public_key()));
        let base = public_url.as_str().trim_end_matches('/').to_owned();
        let host = public_url.host_str().unwrap_or_default().to_owned();
        let mut service = Self { pair, key_id, encoding, base, host, tenant, clients: Vec::new() };
        for client in clients {
            let client = service.client(client, folder)?;
            service.clients.push(client);
        }
        Ok(service)
    }

    fn client(&self, settings: ApiClientSettings, folder: &Path) -> Result<Client, SetupError> {
        let ApiClientSettings { id, display_name, secret, certificate_files, access } = settings;
        let name = id.to_string();
        if self.clients.iter().any(|known| known.id == id) {
            return Err(SetupError::NameTwice { name });
        }
        if secret.as_ref().is_some_and(Secret::is_empty) {
            return Err(SetupError::EmptySecret);
        }
        if (secret.is_none() && certificate_files.is_empty()) || certificate_files.len() > MOST_CERTIFICATES {
            return Err(SetupError::ApiClient { name });
        }
        let mut assertions = Vec::new();
        for file in &certificate_files {
            // Clients sign what they were told to be called, in either case.
            for issuer in [name.clone(), name.to_uppercase()] {
                assertions.push(self.assertions(&issuer, &folder.join(file))?);
            }
        }
        Ok(Client { id, name: display_name, secret, assertions, access })
    }

    /// Accepts the assertions of a client that this certificate signed. The header of an assertion may carry certificates:
    /// they are not believed.
    fn assertions(&self, client: &str, file: &Path) -> Result<JwtVerifier, SetupError> {
        let content =
            std::fs::read(file).map_err(|source| SetupError::KeyUnreadable { file: file.to_owned(), source })?;
        let algorithms = vec![Algorithm::RS256, Algorithm::PS256];
        let keys = from_file(&content, &algorithms);
        // A file that holds the private key, too, gives that for the key to check with.
        let is_private = content.windows(PRIVATE.len()).any(|window| window == PRIVATE);
        if keys.is_empty() || is_private {
            return Err(SetupError::KeyUnusable { file: file.to_owned() });
        }
        let audience = self.token_endpoint();
        let expected = Expected { algorithms, issuer: client, audience: &audience, leeway_seconds: 60 };
        Ok(JwtVerifier::new(Keys::Fixed(Arc::new(keys)), expected, None, Access::Read))
    }

    /// Accepts the tokens that the service issued.
    pub(super) fn verifier(&self) -> JwtVerifier {
        let keys = from_jwk_set(self.keys().to_string().as_bytes()).unwrap_or_default();
        let (issuer, audience) = (self.issuer(), self.audience());
        let algorithms = vec![Algorithm::ES256];
        let expected = Expected { algorithms, issuer: &issuer, audience: &audience, leeway_seconds: 0 };
        JwtVerifier::new(Keys::Fixed(Arc::new(keys)), expected, None, Access::Read)
    }

    /// True for the name by which clients call the tenant: its id, or a word that stands for any tenant.
    pub fn is_tenant(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.tenant.to_string()) || name == "adfs"
    }

    fn issuer(&self) -> String {
        format!("{}/{}/v2.0", self.base, self.tenant)
    }

    fn audience(&self) -> String {
        format!("api://{}", self.tenant)
    }

    fn token_endpoint(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.base, self.tenant)
    }

    /// The discovery document (OIDC Discovery 1.0 section 3).
    pub fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}/{}/{path}", self.base, self.tenant);
        json!({
            "issuer": self.issuer(),
            "token_endpoint": self.token_endpoint(),
            "jwks_uri": at("discovery/v2.0/keys"),
            // Clients want the members; nobody signs in here.
            "authorization_endpoint": at("oauth2/v2.0/authorize"),
            "device_authorization_endpoint": at("oauth2/v2.0/devicecode"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "tenant_region_scope": null,
        })
    }

    /// The key set (RFC 7517).
    pub fn keys(&self) -> Value {
        let (x, y) = self.pair.public_key().get(1..).and_then(|point| point.split_at_checked(32)).unwrap_or_default();
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id,
            "x": BASE64_URL_SAFE_NO_PAD.encode(x), "y": BASE64_URL_SAFE_NO_PAD.encode(y),
        }] })
    }

    /// Answers a request to the endpoint: its `Authorization` header and its form.
    ///
    /// # Errors
    /// Why there is no token.
    pub async fn issue(&self, authorization: Option<&[u8]>, form: &[u8]) -> Result<ApiToken, NoToken> {
        if form.len() > LONGEST_FORM {
            return Err(INVALID_REQUEST);
        }
        let Form { grant_type, scope, client_id, client_secret, client_assertion, client_assertion_type } =
            Form::parse(form)?;
        let Some(grant) = grant_type else { return Err(INVALID_REQUEST) };
        let (client_id, client_secret) = match (authorization.map(Credential::parse), client_id, client_secret) {
            (None, id, secret) => (id, secret),
            (Some(Some(Credential::Basic { name, password })), id, None) => {
                let (Some(name), Some(password)) = (decoded(&name), decoded(&password)) else {
                    return Err(INVALID_CLIENT);
                };
                if id.is_some_and(|id| id != name) {
                    return Err(INVALID_REQUEST);
                }
                (Some(name), Some(password))
            }
            // One method only (RFC 6749 section 2.3).
            (Some(_), _, Some(_)) => return Err(INVALID_REQUEST),
            _ => return Err(INVALID_CLIENT),
        };
        let Some(id) = client_id else { return Err(INVALID_REQUEST) };
        let known = self.clients.iter().find(|client| client.id.to_string().eq_ignore_ascii_case(&id));
        let client = match (client_secret, client_assertion) {
            (Some(secret), None) => {
                // Whether there is such a client does not show in the time it takes.
                let nobody = Secret::new("");
                let known_secret = known.and_then(|client| client.secret.as_ref()).unwrap_or(&nobody);
                let is_right = same(known_secret, secret.as_bytes()) && !secret.is_empty();
                known.filter(|_| is_right).ok_or(INVALID_CLIENT)?
            }
            (None, Some(assertion)) if client_assertion_type.as_deref() == Some(JWT_BEARER) => {
                let client = known.ok_or(INVALID_CLIENT)?;
                client.proves(assertion.as_bytes()).await?;
                client
            }
            _ => return Err(INVALID_REQUEST),
        };
        if grant != "client_credentials" {
            return Err(UNSUPPORTED_GRANT);
        }
        if !scope.is_some_and(|scope| self.is_served(&scope)) {
            return Err(INVALID_SCOPE);
        }
        self.sign(client)
    }

    /// True for the default scope of this gateway, under one of the names that clients have for it.
    fn is_served(&self, scope: &str) -> bool {
        let Some(resource) = scope.strip_suffix("/.default") else { return false };
        let is_this_host = || Url::parse(resource).is_ok_and(|url| url.host_str() == Some(&self.host));
        GRAPH.contains(&resource.trim_end_matches('/')) || resource == self.audience() || is_this_host()
    }

    fn sign(&self, client: &Client) -> Result<ApiToken, NoToken> {
        let now = get_current_timestamp();
        let object = self.object_of(client.id);
        let claims = json!({
            "iss": self.issuer(), "aud": self.audience(), "sub": object, "oid": object,
            "appid": client.id, "azp": client.id, "tid": self.tenant, "ver": "2.0",
            "app_displayname": client.name, "roles": [role_of(client.access)],
            "iat": now, "nbf": now, "exp": now + LIFE, "jti": Uuid::new_v4(),
        });
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        // A signature with a key in memory does not fail; were it to, the client is told that its request is at fault.
        let access_token = encode(&header, &claims, &self.encoding).map_err(|_| INVALID_REQUEST)?;
        Ok(ApiToken { token_type: "Bearer", expires_in: LIFE, ext_expires_in: LIFE, access_token })
    }

    /// The id of the service principal that a client is in this tenant.
    fn object_of(&self, client: Uuid) -> Uuid {
        let digest = Sha256::new().chain_update(self.tenant).chain_update(b"client").chain_update(client).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// The role that stands for this access in a token.
pub(super) fn role_of(access: Access) -> &'static str {
    match access {
        Access::Read => "Synchronization.Read.All",
        Access::Write => "provisor.operator",
        Access::Admin => "Synchronization.ReadWrite.All",
    }
}

impl Client {
    /// Whether an assertion is one that the client made (RFC 7523 section 3). Clients use one several times, so none is
    /// remembered.
    async fn proves(&self, assertion: &[u8]) -> Result<(), NoToken> {
        for verifier in &self.assertions {
            if let Ok(claims) = verifier.claims(assertion).await {
                return if self.is_sound(&claims) { Ok(()) } else { Err(INVALID_CLIENT) };
            }
        }
        Err(INVALID_CLIENT)
    }

    fn is_sound(&self, claims: &Map<String, Value>) -> bool {
        let is_own =
            claims.get("sub").and_then(Value::as_str).is_some_and(|sub| sub.eq_ignore_ascii_case(&self.id.to_string()));
        let ends = claims.get("exp").and_then(Value::as_f64);
        let latest = (get_current_timestamp() + LONGEST_ASSERTION_LIFE) as f64;
        // One for several endpoints could be used at each by whoever runs one of them.
        let is_for_one = claims.get("aud").is_some_and(Value::is_string);
        is_own && is_for_one && ends.is_some_and(|ends| ends <= latest)
    }
}

impl Form {
    /// Unknown parameters are ignored, repeated ones refused (RFC 6749 section 3.2).
    fn parse(body: &[u8]) -> Result<Self, NoToken> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let place = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "scope" => &mut form.scope,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "client_assertion" => &mut form.client_assertion,
                "client_assertion_type" => &mut form.client_assertion_type,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(INVALID_REQUEST);
            }
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::test_keys::{AUDIENCE, ISSUER, SigningKey, claims as test_claims};
    use crate::auth::{ApiAuthenticator, Denied, TokenIssuer};

    const CLIENT: Uuid = Uuid::from_u128(7);

    fn service() -> TokenService {
        crate::net::install_crypto_provider();
        let clients = json!([{ "id": CLIENT, "certificate_files": ["rsa_public.pem"], "access": "admin" }]);
        let settings = TokenServiceSettings {
            public_url: Url::parse("https://gateway.example:8443").unwrap(),
            tenant: Uuid::from_u128(1),
            clients: serde_json::from_value(clients).unwrap(),
        };
        TokenService::new(settings, &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/auth")).unwrap()
    }

    async fn ask(service: &TokenService, assertion: &str) -> Result<ApiToken, &'static str> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "client_credentials"),
                ("scope", "https://gateway.example:8443/.default"),
                ("client_id", &CLIENT.to_string()),
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", assertion),
            ])
            .finish();
        service.issue(None, form.as_bytes()).await.map_err(|refusal| refusal.error)
    }

    /// The claims of a good assertion, with one of them changed. Clients write times with fractions.
    fn claims_but(service: &TokenService, name: &str, value: Value) -> Value {
        let now = get_current_timestamp() as f64 + 0.25;
        let mut claims = json!({
            "iss": CLIENT, "sub": CLIENT, "aud": service.token_endpoint(), "iat": now, "nbf": now - 1.0, "exp": now + 600.0,
        });
        claims[name] = value;
        claims
    }

    #[tokio::test]
    async fn an_assertion_is_believed_when_everything_in_it_is_right() {
        let (service, key) = (service(), SigningKey::rsa("k"));
        let now = get_current_timestamp();
        let good = claims_but(&service, "jti", json!("1"));
        for _ in 0..2 {
            assert!(ask(&service, &key.sign(&good)).await.is_ok(), "clients use one several times");
        }
        for (name, value) in [
            ("iss", json!("somebody")),
            ("iss", Value::Null),
            ("sub", json!(Uuid::from_u128(8))),
            ("sub", Value::Null),
            ("aud", json!("https://gateway.example:8443")),
            ("aud", json!("https://other.example/token")),
            ("aud", json!([service.token_endpoint(), "https://other.example/token"])),
            ("aud", Value::Null),
            ("exp", json!(now - 120)),
            ("exp", json!(now + 3_600)),
            ("exp", json!(f64::MAX)),
            ("exp", Value::Null),
            ("nbf", json!(now + 300)),
        ] {
            let assertion = key.sign(&claims_but(&service, name, value.clone()));
            assert_eq!(ask(&service, &assertion).await.err(), Some("invalid_client"), "{name}: {value}");
        }
        let upper = json!(CLIENT.to_string().to_uppercase());
        let mut claims = claims_but(&service, "iss", upper.clone());
        claims["sub"] = upper;
        assert!(ask(&service, &key.sign(&claims)).await.is_ok(), "an id in capitals is the same id");
        let public = SigningKey::secret(include_bytes!("../../fixtures/auth/rsa_public.pem"));
        for other in [SigningKey::ec("k"), SigningKey::secret(b"guessed"), public] {
            assert_eq!(ask(&service, &other.sign(&good)).await.err(), Some("invalid_client"), "another key");
        }
        for broken in ["", "a.b.c", "x", &"x".repeat(LONGEST_FORM)] {
            assert!(ask(&service, broken).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_secret_may_stand_in_the_header() {
        use base64::prelude::BASE64_STANDARD;
        let clients = json!([{ "id": CLIENT, "secret": "s:e c" }, { "id": Uuid::from_u128(8), "secret": "other" }]);
        let settings = TokenServiceSettings {
            public_url: Url::parse("https://gateway.example").unwrap(),
            tenant: Uuid::from_u128(1),
            clients: serde_json::from_value(clients).unwrap(),
        };
        crate::net::install_crypto_provider();
        let service = TokenService::new(settings, Path::new("")).unwrap();
        let header = |id: Uuid, secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
        let form = "grant_type=client_credentials&scope=https://gateway.example/.default";
        for (header, more, expected) in [
            (header(CLIENT, "s%3Ae+c"), String::new(), None),
            (header(CLIENT, "s%3Ae+c"), format!("&client_id={CLIENT}"), None),
            (header(CLIENT, "s%3Ae+c"), "&client_id=another".to_owned(), Some("invalid_request")),
            (header(CLIENT, "s%3Ae+c"), "&client_secret=x".to_owned(), Some("invalid_request")),
            (header(CLIENT, "other"), String::new(), Some("invalid_client")),
            (header(Uuid::from_u128(9), "other"), String::new(), Some("invalid_client")),
            ("Bearer x".to_owned(), String::new(), Some("invalid_client")),
            ("Basic !".to_owned(), String::new(), Some("invalid_client")),
        ] {
            let answer = service.issue(Some(header.as_bytes()), format!("{form}{more}").as_bytes()).await;
            assert_eq!(answer.err().map(|refusal| refusal.error), expected, "{header} {more}");
        }
    }

    #[test]
    fn clients_that_cannot_work_are_told() {
        let new = |clients: Value| {
            crate::net::install_crypto_provider();
            let settings = TokenServiceSettings {
                public_url: Url::parse("https://gateway.example").unwrap(),
                tenant: Uuid::from_u128(1),
                clients: serde_json::from_value(clients).unwrap(),
            };
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/auth");
            TokenService::new(settings, &folder).map(drop).map_err(|error| error.to_string())
        };
        for (clients, expected) in [
            (json!([{ "id": CLIENT }]), "needs a `secret`"),
            (json!([{ "id": CLIENT, "secret": "" }]), "is empty"),
            (json!([{ "id": CLIENT, "secret": "a" }, { "id": CLIENT, "secret": "b" }]), "twice"),
            (json!([{ "id": CLIENT, "certificate_files": ["none.pem"] }]), "cannot be read"),
            (json!([{ "id": CLIENT, "certificate_files": ["rsa_private.pem"] }]), "no public key"),
            (json!([{ "id": CLIENT, "certificate_files": vec!["rsa_public.pem"; 6] }]), "one to five"),
        ] {
            let problem = new(clients.clone()).unwrap_err();
            assert!(problem.contains(expected), "{clients}: {problem}");
        }
    }

    #[tokio::test]
    async fn tokens_of_other_endpoints_open_nothing() {
        let (service, folder) = (service(), Path::new(""));
        let authenticator = ApiAuthenticator::new(Vec::new(), folder, &service).unwrap();
        let good = service.sign(&service.clients[0]).unwrap().access_token;
        let caller = authenticator.authenticate(Some(format!("Bearer {good}").as_bytes())).await.unwrap();
        assert_eq!((caller.id, caller.access), (CLIENT.to_string(), Some(Access::Admin)));
        // The same settings in another process: another key.
        let other = self::service();
        let foreign = other.sign(&other.clients[0]).unwrap().access_token;
        let scim = {
            let mut issuer = TokenIssuer::new(std::time::Duration::from_secs(60));
            let client = json!({ "id": CLIENT, "secret": "s", "access": "admin" });
            issuer.register(&serde_json::from_value(client).unwrap(), &service.audience());
            let form = format!("grant_type=client_credentials&client_id={CLIENT}&client_secret=s");
            serde_json::to_value(issuer.issue(None, form.as_bytes()).unwrap()).unwrap()["access_token"].clone()
        };
        for token in [foreign.as_str(), scim.as_str().unwrap(), ""] {
            let denied = authenticator.authenticate(Some(format!("Bearer {token}").as_bytes())).await.unwrap_err();
            assert!(matches!(denied, Denied::Token(_) | Denied::Missing), "{denied:?}");
        }
    }

    #[tokio::test]
    async fn a_caller_of_another_issuer_is_nobody_else() {
        let (service, key) = (service(), SigningKey::secret(b"shared"));
        let jwt = json!({ "jwt": { "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["HS256"], "secret": "shared",
            "roles": { "look": "read", "all": "admin" } } });
        let settings = |jwts: Value| serde_json::from_value(jwts).unwrap();
        let twice = ApiAuthenticator::new(settings(json!([jwt, jwt])), Path::new(""), &service);
        assert!(matches!(twice, Err(SetupError::IssuerTwice { .. })));
        let authenticator = ApiAuthenticator::new(settings(json!([jwt])), Path::new(""), &service).unwrap();
        for (roles, access) in [
            (json!(["look"]), Some(Access::Read)),
            (json!(["look", "all"]), Some(Access::Admin)),
            (json!(["Synchronization.ReadWrite.All"]), None),
            (json!("all"), Some(Access::Admin)),
            (json!(7), None),
        ] {
            let mut claims = test_claims(600);
            (claims["appid"], claims["roles"]) = (json!(CLIENT), roles.clone());
            let token = key.sign_with(|_| {}, &claims);
            let caller = authenticator.authenticate(Some(format!("Bearer {token}").as_bytes())).await.unwrap();
            assert_eq!((caller.id, caller.access), (format!("{CLIENT} of {ISSUER}"), access), "{roles}");
        }
        let expired = format!("Bearer {}", key.sign_with(|_| {}, &test_claims(-600)));
        let denied = authenticator.authenticate(Some(expired.as_bytes()));
        assert_eq!(denied.await, Err(Denied::Token("it has expired")), "the one that knows it says why");
    }

    proptest::proptest! {
        #[test]
        fn no_header_and_no_form_harms(header in ".{0,200}", form in "\\PC{0,300}") {
            let service = service();
            let authenticator = ApiAuthenticator::new(Vec::new(), Path::new(""), &service).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                assert!(authenticator.authenticate(Some(header.as_bytes())).await.is_err());
                assert!(service.issue(Some(header.as_bytes()), form.as_bytes()).await.is_err());
                assert!(service.issue(None, form.as_bytes()).await.is_err());
            });
        }
    }

    #[test]
    fn scopes_are_those_of_this_gateway() {
        let service = service();
        for scope in [
            "https://gateway.example:8443/.default",
            "https://gateway.example/.default",
            "https://graph.microsoft.com/.default",
            "https://graph.microsoft.com//.default",
            "00000003-0000-0000-c000-000000000000/.default",
            "api://00000000-0000-0000-0000-000000000001/.default",
        ] {
            assert!(service.is_served(scope), "{scope}");
        }
        for scope in [
            "",
            ".default",
            "/.default",
            "https://other.example/.default",
            "https://gateway.example:8443/User.Read",
            "openid",
        ] {
            assert!(!service.is_served(scope), "{scope}");
        }
    }
}
