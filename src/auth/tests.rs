//! Who is let in, and who is not.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, get_current_timestamp};
use serde_json::{Value, json};

use super::jwks::{KeySet, Pace};
use super::jwt::{Expected, JwtVerifier, Keys};
use super::test_keys::{AUDIENCE, ISSUER, SigningKey, claims, claims_but};
use super::*;
use crate::net::fake_server::{FakeServer, Reply};

fn authenticator(settings: Value) -> Result<Authenticator, SetupError> {
    with_issuer(settings, &mut TokenIssuer::new(Duration::from_secs(60)), AUDIENCE)
}

fn with_issuer(settings: Value, issuer: &mut TokenIssuer, audience: &str) -> Result<Authenticator, SetupError> {
    crate::net::install_crypto_provider();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/auth");
    Authenticator::new(serde_json::from_value(settings).unwrap(), audience, &folder, issuer)
}

fn jwt(algorithms: &[&str], key: (&str, Value)) -> Value {
    let mut jwt = json!({"algorithms": algorithms, "issuer": ISSUER, "audience": AUDIENCE, "user_claim": "sub"});
    jwt[key.0] = key.1;
    json!([{ "jwt": jwt }])
}

async fn bearer(authenticator: &Authenticator, token: &str) -> Result<Principal, Denied> {
    authenticator.authenticate(Some(["Bearer ", token].concat().as_bytes())).await
}

async fn basic(authenticator: &Authenticator, name: &str, password: &str) -> Result<Principal, Denied> {
    let header = ["Basic ", &BASE64_STANDARD.encode([name, ":", password].concat())].concat();
    authenticator.authenticate(Some(header.as_bytes())).await
}

fn ada() -> Result<Principal, Denied> {
    Ok(Principal { user: Some("ada".to_owned()), access: Access::Write })
}

#[tokio::test]
async fn a_fixed_token_lets_its_owner_in_and_nobody_else() {
    let authenticator = authenticator(json!([
        {"bearer": {"token": "first", "access": "read"}},
        {"bearer": {"token": "second", "user": "ada"}},
    ]))
    .unwrap();
    assert_eq!(bearer(&authenticator, "first").await, Ok(Principal { user: None, access: Access::Read }));
    assert_eq!(bearer(&authenticator, "second").await, ada());
    for other in ["", "firs", "first2", "FIRST", "first second"] {
        assert!(bearer(&authenticator, other).await.is_err(), "{other}");
    }
    assert_eq!(authenticator.authenticate(None).await, Err(Denied::Missing));
    assert_eq!(basic(&authenticator, "ada", "first").await, Err(Denied::Missing));
    assert_eq!(authenticator.challenges(Denied::Missing), ["Bearer realm=\"scim\""]);
}

#[test]
fn roles_are_refused_where_they_mean_nothing() {
    let mut settings = jwt(&["HS256"], ("secret", json!("shared")));
    settings[0]["jwt"]["roles"] = json!({ "scim.reader": "read" });
    assert!(matches!(authenticator(settings), Err(SetupError::Roles { .. })), "its tokens would all be let in");
}

#[tokio::test]
async fn a_password_is_checked_plain_or_hashed() {
    // argon2id of `secret`, at the least cost there is.
    let hash = {
        use argon2::password_hash::PasswordHasher;
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let cheap = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        cheap.hash_password(b"secret").unwrap().to_string()
    };
    let authenticator = authenticator(json!([
        {"basic": {"name": "hashed", "password_hash": hash, "user": "ada"}},
        {"basic": {"name": "plain", "password": "a:b"}},
    ]))
    .unwrap();
    for _ in 0..2 {
        assert_eq!(basic(&authenticator, "hashed", "secret").await, ada());
        assert_eq!(basic(&authenticator, "hashed", "other").await, Err(Denied::Unknown));
    }
    assert_eq!(basic(&authenticator, "plain", "a:b").await, Ok(Principal { user: None, access: Access::Write }));
    for (name, password) in [("nobody", "secret"), ("plain", "secret"), ("", ""), ("hashed", "")] {
        assert_eq!(basic(&authenticator, name, password).await, Err(Denied::Unknown), "{name}");
    }
    assert_eq!(bearer(&authenticator, "secret").await, Err(Denied::Missing));
    assert_eq!(authenticator.challenges(Denied::Unknown), ["Basic realm=\"scim\", charset=\"UTF-8\""]);
}

#[tokio::test]
async fn tokens_of_every_family_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    for (key, algorithm) in
        [(SigningKey::rsa("a"), "RS256"), (SigningKey::ec("a"), "ES256"), (SigningKey::ed("a"), "EdDSA")]
    {
        let (pem, set) = (folder.path().join("key.pem"), folder.path().join("keys.json"));
        std::fs::write(&pem, key.public_pem()).unwrap();
        std::fs::write(&set, json!({"keys": [key.jwk()]}).to_string()).unwrap();
        for file in [pem, set] {
            let authenticator = authenticator(jwt(&[algorithm], ("key_file", json!(file)))).unwrap();
            assert_eq!(bearer(&authenticator, &key.sign(&claims(600))).await, ada(), "{algorithm}");
            let stranger = SigningKey::ec("a").sign(&claims(600));
            assert!(bearer(&authenticator, &stranger).await.is_err(), "{algorithm}");
        }
    }
    let shared = authenticator(jwt(&["HS256"], ("secret", json!("shared secret")))).unwrap();
    assert_eq!(bearer(&shared, &SigningKey::secret(b"shared secret").sign(&claims(600))).await, ada());
    let wrong = SigningKey::secret(b"another").sign(&claims(600));
    assert_eq!(bearer(&shared, &wrong).await, Err(Denied::Token("its signature is wrong")));
}

#[tokio::test]
async fn a_token_is_refused_for_each_of_its_faults() {
    let key = SigningKey::rsa("a");
    let authenticator = authenticator(jwt(&["RS256"], ("key_file", json!("rsa_public.pem")))).unwrap();
    let now = get_current_timestamp();
    let good = key.sign(&claims(600));
    assert_eq!(bearer(&authenticator, &good).await, ada());

    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    // The public key, known to everybody, taken for a shared secret.
    let confused = SigningKey::secret(key.public_pem().as_bytes()).sign(&claims(600));
    let critical = key.sign_with(|header| header.crit = Some(vec!["b64".to_owned()]), &claims(600));
    let embedded = SigningKey::rsa("a").sign_with(
        |header| header.jku = Some("https://attacker.example/keys".to_owned()),
        &claims_but("aud", json!("other")),
    );
    for (token, reason) in [
        (key.sign(&claims(-60)), "it has expired"),
        (key.sign(&claims_but("nbf", json!(now + 600))), "it is not valid yet"),
        (key.sign(&claims_but("nbf", json!("soon"))), "it is broken"),
        (key.sign(&claims_but("aud", json!("other"))), "it is for another audience"),
        (key.sign(&claims_but("aud", json!(["other", "scim2"]))), "it is for another audience"),
        (key.sign(&claims_but("aud", Value::Null)), "it lacks one of the claims `exp`, `iss` and `aud`"),
        (key.sign(&claims_but("iss", json!("https://issuer.example/"))), "it is of another issuer"),
        (key.sign(&claims_but("iss", Value::Null)), "it lacks one of the claims `exp`, `iss` and `aud`"),
        (key.sign(&claims_but("exp", Value::Null)), "it lacks one of the claims `exp`, `iss` and `aud`"),
        (key.sign(&claims_but("exp", json!("never"))), "it lacks one of the claims `exp`, `iss` and `aud`"),
        ([&unsigned, parts[1], ""].join("."), "it is no JWT of a known algorithm"),
        ([&unsigned, parts[1], parts[2]].join("."), "it is no JWT of a known algorithm"),
        ([parts[0], parts[1], ""].join("."), "its signature is wrong"),
        ([parts[0], parts[1]].join("."), "it is no JWT of a known algorithm"),
        (confused, "its algorithm is not allowed"),
        (SigningKey::ec("a").sign(&claims(600)), "its algorithm is not allowed"),
        (critical, "it needs extensions that are not known here"),
        (embedded, "it is for another audience"),
        ("x".repeat(20_000), "it is too long"),
    ] {
        assert_eq!(bearer(&authenticator, &token).await, Err(Denied::Token(reason)), "{reason}");
    }
    let several = key.sign(&claims_but("aud", json!(["other", AUDIENCE])));
    assert_eq!(bearer(&authenticator, &several).await, ada());
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_again_for_a_new_one() {
    let keys = [SigningKey::ec("first"), SigningKey::ec("second")];
    let published = Arc::new(Mutex::new(json!({"keys": [keys[0].jwk()]})));
    let shown = Arc::clone(&published);
    let server = FakeServer::start(move |_| Reply::json(200, shown.lock().unwrap().clone())).await;
    let pause = Duration::from_millis(100);
    let pace = Pace { pause, ..Pace::default() };
    let verifier = verifier(&server, pace);
    let verify = async |key: &SigningKey| verifier.verify(key.sign(&claims(600)).as_bytes()).await.map(|_| ());

    for _ in 0..3 {
        assert_eq!(verify(&keys[0]).await, Ok(()));
    }
    assert_eq!(server.requests().len(), 1);
    // A made-up key costs one look, however often it is tried.
    tokio::time::sleep(pause).await;
    for _ in 0..3 {
        assert_eq!(verify(&SigningKey::ec("made up")).await, Err(Denied::Token("its key is not known")));
    }
    assert_eq!(server.requests().len(), 2);

    *published.lock().unwrap() = json!({"keys": [keys[1].jwk()]});
    tokio::time::sleep(pause).await;
    assert_eq!(verify(&keys[1]).await, Ok(()));
    assert_eq!(verify(&keys[0]).await, Err(Denied::Token("its key is not known")));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn known_keys_outlive_an_outage_and_unknown_ones_wait() {
    let key = SigningKey::ec("a");
    let up = Arc::new(Mutex::new(false));
    let (state, set) = (Arc::clone(&up), json!({"keys": [key.jwk()]}));
    let server =
        FakeServer::start(
            move |_| {
                if *state.lock().unwrap() { Reply::json(200, set.clone()) } else { Reply::html(503) }
            },
        )
        .await;
    let pace = Pace { fresh: Duration::ZERO, pause: Duration::ZERO, stale: Duration::from_secs(60) };
    let verifier = verifier(&server, pace);
    let token = key.sign(&claims(600));
    assert_eq!(verifier.verify(token.as_bytes()).await, Err(Denied::KeysUnavailable));
    *up.lock().unwrap() = true;
    assert_eq!(verifier.verify(token.as_bytes()).await, ada());
    *up.lock().unwrap() = false;
    assert_eq!(verifier.verify(token.as_bytes()).await, ada());
}

#[tokio::test]
async fn who_has_a_known_key_does_not_wait_for_the_fetch_of_an_unknown_one() {
    let key = SigningKey::ec("known");
    let asked = Mutex::new(0);
    let set = json!({"keys": [key.jwk()]});
    let server = FakeServer::start(move |_| {
        *asked.lock().unwrap() += 1;
        if *asked.lock().unwrap() == 1 { Reply::json(200, set.clone()) } else { Reply::Silence }
    })
    .await;
    let pace = Pace { pause: Duration::ZERO, ..Pace::default() };
    let verifier = Arc::new(verifier(&server, pace));
    let known = key.sign(&claims(600));
    assert_eq!(verifier.verify(known.as_bytes()).await, ada());
    let strangers: Vec<_> = (0..3)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), SigningKey::ec("unknown").sign(&claims(600)));
            tokio::spawn(async move { verifier.verify(token.as_bytes()).await })
        })
        .collect();
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    let let_in = tokio::time::timeout(Duration::from_secs(5), verifier.verify(known.as_bytes())).await;
    assert_eq!(let_in, Ok(ada()));
    // All strangers wait for the same answer.
    assert!(strangers.iter().all(|stranger| !stranger.is_finished()));
    assert_eq!(server.requests().len(), 2);
    strangers.iter().for_each(tokio::task::JoinHandle::abort);
}

fn verifier(server: &FakeServer, pace: Pace) -> JwtVerifier {
    crate::net::install_crypto_provider();
    let client = crate::net::client(&crate::net::HttpSettings::default()).unwrap();
    let keys = Keys::Published(Box::new(KeySet::new(server.url(), client, pace)));
    let expected =
        Expected { algorithms: vec![Algorithm::ES256], issuer: ISSUER, audience: AUDIENCE, leeway_seconds: 0 };
    JwtVerifier::new(keys, expected, Some("sub".to_owned()), Access::Write)
}

#[tokio::test]
async fn the_token_endpoint_serves_its_clients() {
    let mut issuer = TokenIssuer::new(Duration::from_secs(60));
    let client = |id: &str, access: &str| json!([{"client": {"id": id, "secret": "s: %", "access": access}}]);
    let ours = with_issuer(client("writer", "write"), &mut issuer, "ours").unwrap();
    let readers = with_issuer(client("reader", "read"), &mut issuer, "ours").unwrap();
    let theirs = with_issuer(client("other", "write"), &mut issuer, "theirs").unwrap();
    let ask = |header: Option<&str>, form: &str| {
        let issued = issuer.issue(header.map(str::as_bytes), form.as_bytes());
        issued.map(|issued| serde_json::to_value(issued).unwrap())
    };
    let token = ask(None, "grant_type=client_credentials&client_id=writer&client_secret=s%3A+%25&scope=x").unwrap();
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!(60)));
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(bearer(&ours, token).await, Ok(Principal { user: None, access: Access::Write }));
    assert_eq!(bearer(&theirs, token).await, Err(Denied::Token("it is for another audience")));
    assert_eq!(bearer(&readers, token).await, Err(Denied::Token("it is for another audience")));

    let header = ["Basic ", &BASE64_STANDARD.encode("other:s%3A+%25")].concat();
    assert!(ask(Some(&header), "grant_type=client_credentials").is_ok());
    for (header, form, refusal) in [
        (None, "", TokenRefusal::InvalidRequest),
        (None, "grant_type=client_credentials", TokenRefusal::InvalidClient),
        (None, "grant_type=client_credentials&client_id=writer&client_secret=wrong", TokenRefusal::InvalidClient),
        (None, "grant_type=client_credentials&client_id=no&client_secret=no", TokenRefusal::InvalidClient),
        (None, "grant_type=password&client_id=writer&client_secret=s%3A+%25", TokenRefusal::UnsupportedGrantType),
        (None, "grant_type=a&grant_type=b", TokenRefusal::InvalidRequest),
        (Some(header.as_str()), "grant_type=client_credentials&client_id=writer", TokenRefusal::InvalidRequest),
        (Some(header.as_str()), "grant_type=client_credentials&client_secret=x", TokenRefusal::InvalidRequest),
        (Some("Bearer x"), "grant_type=client_credentials", TokenRefusal::InvalidClient),
    ] {
        assert_eq!(ask(header, form).map(|_| ()), Err(refusal), "{form}");
    }
    let other_process = TokenIssuer::new(Duration::from_secs(60));
    assert!(bearer_of(&other_process, token).await.is_err());
}

async fn bearer_of(issuer: &TokenIssuer, token: &str) -> Result<Principal, Denied> {
    issuer.verifier("ours", Access::Write).verify(token.as_bytes()).await
}

#[tokio::test]
async fn an_issued_token_ends() {
    let mut issuer = TokenIssuer::new(Duration::ZERO);
    let client = json!([{"client": {"id": "a", "secret": "b"}}]);
    let authenticator = with_issuer(client, &mut issuer, "ours").unwrap();
    let issued = issuer.issue(None, b"grant_type=client_credentials&client_id=a&client_secret=b").unwrap();
    let token = serde_json::to_value(issued).unwrap()["access_token"].as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(bearer(&authenticator, &token).await, Err(Denied::Token("it has expired")));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let jwt = |change: Value| {
        let mut jwt = json!({"algorithms": ["RS256"], "issuer": ISSUER, "audience": AUDIENCE});
        jwt.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!([{ "jwt": jwt }])
    };
    let client = json!({"client": {"id": "a", "secret": "b"}});
    let hs = |secret: &str| jwt(json!({"algorithms": ["HS256"], "secret": secret}))[0].clone();
    for (settings, says) in [
        (json!([{"bearer": {"token": ""}}]), "empty"),
        (json!([{"client": {"id": "a", "secret": ""}}]), "empty"),
        (json!([client, client]), "twice"),
        (json!([{"bearer": {"token": "hunter2"}}, {"bearer": {"token": "hunter2", "access": "read"}}]), "twice"),
        (json!([{"basic": {"name": "a:b", "password": "x"}}]), "colon"),
        (json!([hs("s"), hs("t")]), "twice"),
        (jwt(json!({"algorithms": ["HS256"], "secret": "s", "leeway_seconds": 601})), "clocks"),
        (json!([{"basic": {"name": "a"}}]), "either"),
        (json!([{"basic": {"name": "a", "password": "x", "password_hash": "y"}}]), "either"),
        (json!([{"basic": {"name": "a", "password": ""}}]), "either"),
        (json!([{"basic": {"name": "a", "password_hash": "hunter2"}}]), "PHC"),
        (jwt(json!({"algorithms": [], "key_file": "x"})), "at least one"),
        (jwt(json!({})), "exactly one"),
        (jwt(json!({"key_file": "x", "jwks_url": "https://x.example"})), "exactly one"),
        (jwt(json!({"secret": "s"})), "mixes"),
        (jwt(json!({"algorithms": ["HS256"], "key_file": "x"})), "mixes"),
        (jwt(json!({"algorithms": ["HS256", "RS256"], "secret": "s"})), "mixes"),
        (jwt(json!({"jwks_url": "http://keys.example/"})), "insecure"),
        (jwt(json!({"key_file": "nothing.pem"})), "cannot be read"),
        (jwt(json!({"algorithms": ["EdDSA"], "key_file": "rsa_public.pem"})), "no public key"),
    ] {
        let Err(error) = authenticator(settings.clone()) else { panic!("{settings}") };
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains("hunter2"), "{settings}: {text}");
    }
    for unreadable in [json!({"algorithms": ["none"]}), json!({"algoritms": []})] {
        let read = serde_json::from_value::<Vec<CredentialSettings>>(jwt(unreadable));
        assert!(read.is_err());
    }
    let settings: Vec<CredentialSettings> =
        serde_json::from_value(json!([{"bearer": {"token": "hunter2"}}, {"client": {"id": "a", "secret": "hunter2"}}]))
            .unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    fn refused(header: &[u8]) -> bool {
        let hmac = json!({"jwt": {"algorithms": ["HS256"], "issuer": "a", "audience": "b", "secret": "c"}});
        let basic = json!({"basic": {"name": "a", "password": "b"}});
        let authenticator = authenticator(json!([{"bearer": {"token": "a"}}, basic, hmac])).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(authenticator.authenticate(Some(header))).is_err()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_header_lets_anybody_in_by_chance(scheme in "(Bearer|Basic|Digest| )? ?", rest: Vec<u8>) {
            prop_assume!(rest.trim_ascii() != b"a");
            prop_assert!(refused(&[scheme.as_bytes(), &rest].concat()));
        }

        #[test]
        fn no_made_up_token_is_accepted(header in "\\PC{0,40}", claims in "\\PC{0,40}", signature: Vec<u8>) {
            let algorithm = json!({"alg": "HS256", "x": header}).to_string();
            let parts = [algorithm.as_bytes(), claims.as_bytes(), &signature].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
            prop_assert!(refused(["Bearer ", &parts.join(".")].concat().as_bytes()));
        }
    }
}
