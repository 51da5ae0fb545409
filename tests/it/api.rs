//! The management API of a running gateway, over TLS with a private authority.

mod admission;
mod contract;
mod sdk;
mod secrets;

use std::fs;
use std::net::{TcpListener, TcpStream};

use provisor::net;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::support::provisor::{Pipeline, Running, Workplace, wait_for};
use super::support::repository;

const TENANT: &str = "3f1c7e52-8d0b-4c11-9a55-6b0e2f4d9a10";
/// Clients, each with a secret or a certificate, and what they may.
const ADMIN: &str = "00000000-0000-4000-8000-00000000000a";
const READER: &str = "00000000-0000-4000-8000-00000000000b";
const CERTIFIED: &str = "00000000-0000-4000-8000-00000000000c";
const OPERATOR: &str = "00000000-0000-4000-8000-00000000000d";
const CLIENT_SECRET: &str = "client-secret-Zx81";
/// A fixed token of an admin.
const BOOTSTRAP: &str = "bootstrap-token-Qq42";
/// The issuer that is not the gateway itself.
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "api://gateway";

/// A gateway that serves a pipeline with one job, `people`, of the application `app`.
struct Api {
    pipeline: Pipeline,
    gateway: Running,
    url: String,
    client: reqwest::Client,
}

impl Api {
    async fn start() -> Self {
        Self::start_by(|workplace| workplace.start(&["serve"])).await
    }

    /// The same, started in another way.
    async fn start_by(serve: impl Fn(&Workplace) -> Running) -> Self {
        let pipeline = tokio::task::spawn_blocking(Pipeline::start).await.expect("it starts");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let url = format!("https://localhost:{port}");
        certificates(&pipeline);
        let api = json!({
            "listen": format!("127.0.0.1:{port}"), "public_url": url, "tenant": TENANT,
            "tls": { "certificate_file": "server.pem", "key_file": "server.key" },
            "clients": [
                { "id": ADMIN, "display_name": "Terraform", "secret": CLIENT_SECRET, "access": "admin" },
                { "id": READER, "secret": CLIENT_SECRET, "access": "read" },
                { "id": OPERATOR, "secret": CLIENT_SECRET },
                { "id": CERTIFIED, "certificate_files": ["client.pem"], "access": "read" },
            ],
            "credentials": [
                { "bearer": { "token": BOOTSTRAP, "access": "admin" } },
                { "jwt": { "algorithms": ["RS256"], "issuer": ISSUER, "audience": AUDIENCE, "key_file": "issuer.pem" } },
            ],
        });
        let configuration = format!("{}api: {api}\n", pipeline.configuration());
        pipeline.workplace.write("provisor.yaml", configuration);
        let gateway = serve(&pipeline.workplace);
        wait_for("the API", || TcpStream::connect(("127.0.0.1", port)).ok());
        net::install_crypto_provider();
        let settings = net::HttpSettings { ca_file: Some(pipeline.workplace.path("ca.pem")), ..Default::default() };
        let client = net::client(&settings).expect("a client");
        Self { pipeline, gateway, url, client }
    }

    /// Sends a request; status, headers and body of the answer.
    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
        let mut request = self.client.request(method, [&self.url, path].concat());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("a text") }
    }

    async fn get(&self, path: &str) -> Json {
        let answer = self.send(Method::GET, path, Some(BOOTSTRAP), None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// A token of its own endpoint.
    async fn token(&self, client: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "https://graph.microsoft.com/.default"),
            ("client_id", client),
            ("client_secret", CLIENT_SECRET),
        ];
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.url);
        let answer: Json =
            self.client.post(url).form(&form).send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("a token: {answer}")).to_owned()
    }

    /// Where the synchronization of the application is.
    async fn synchronization(&self) -> String {
        let all = self.get("/v1.0/servicePrincipals").await;
        format!("/v1.0/servicePrincipals/{}/synchronization", all["value"][0]["id"].as_str().expect("an id"))
    }
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An authority, the certificate of the server that it vouches for, and one that a client made for itself.
fn certificates(pipeline: &Pipeline) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Of two with one name, clients take the server's for its own authority.
    params.distinguished_name.push(DnType::CommonName, "authority");
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().expect("a key");
    let server = params.signed_by(&key, &authority).expect("a certificate");
    let workplace = &pipeline.workplace;
    workplace.write("ca.pem", authority.pem());
    workplace.write("server.pem", server.pem());
    workplace.write("server.key", key.serialize_pem());
    // To make an RSA key takes too long for a test.
    let rsa = fs::read_to_string(repository("fixtures/auth/rsa_private.pem")).expect("a key");
    let key = KeyPair::from_pem(&rsa).expect("an RSA key");
    let client =
        CertificateParams::new(["client".to_owned()]).expect("a name").self_signed(&key).expect("a certificate");
    workplace.write("client.pem", client.pem());
    workplace.write("client.key", rsa);
    let public = fs::read(repository("fixtures/auth/rsa_public.pem")).expect("a key");
    workplace.write("issuer.pem", public);
}
