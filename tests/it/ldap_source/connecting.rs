//! Getting in: TLS, login, addresses.

use provisor::model::FailureClass;

use super::*;
use crate::support::slapd::Certificate;

fn over_tls(slapd: &Slapd, url: String) -> LdapSettings {
    LdapSettings { security: None, ca_file: Some(slapd.ca_file()), ..settings(url) }
}

#[tokio::test]
async fn tls_and_start_tls_are_verified() {
    let slapd = Slapd::start(&SlapdOptions::default());
    for url in [slapd.tls_url(), slapd.start_tls_url()] {
        let (read, _) = read_all(&source(over_tls(&slapd, url)), "users").await;
        assert_eq!(read.objects.len(), 4);
    }
}

#[tokio::test]
async fn another_name_can_be_verified() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let by_address = slapd.tls_url().replace("localhost", "127.0.0.1");
    let mut settings = over_tls(&slapd, by_address);
    let error = source(settings.clone()).probe().await.unwrap_err().to_string();
    assert!(error.contains("its certificate carries another name"), "{error}");
    settings.verify_name = Some("localhost".to_owned());
    source(settings).probe().await.unwrap();
}

#[tokio::test]
async fn untrusted_and_expired_certificates_are_refused_with_the_remedy() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let untrusted = LdapSettings { ca_file: None, ..over_tls(&slapd, slapd.tls_url()) };
    let error = source(untrusted).probe().await.unwrap_err();
    assert!(error.to_string().contains("unknown authority"), "{}", chain(&error));
    let slapd = Slapd::start(&SlapdOptions { certificate: Certificate::Expired, ..SlapdOptions::default() });
    let error = source(over_tls(&slapd, slapd.tls_url())).probe().await.unwrap_err();
    assert!(error.to_string().contains("its certificate has expired"), "{}", chain(&error));
}

#[tokio::test]
async fn a_refused_login_is_told_and_not_tried_elsewhere() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut wrong = settings(slapd.url());
    wrong.password = Secret::new("wrong");
    // The second address would be unreachable; it is never asked.
    wrong.urls.push("ldap://127.0.0.1:1".to_owned());
    let error = source(wrong).probe().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Credentials);
    assert!(error.to_string().contains(READER) && error.to_string().contains("not tried again"), "{error}");
}

#[test]
fn an_empty_password_is_never_sent() {
    let mut empty = settings("ldap://127.0.0.1:1".to_owned());
    empty.password = Secret::new("");
    let error = LdapSource::new(empty, selection()).map(|_| ()).unwrap_err();
    assert_eq!(error.class(), FailureClass::Configuration);
}

#[tokio::test]
async fn a_wrong_base_is_named() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut wrong = settings(slapd.url());
    wrong.users.base = "ou=persons,dc=example,dc=org".to_owned();
    let source = source(wrong);
    let (_, end) = try_read(&source, "users", Start::Full).await;
    for error in [end.unwrap_err(), source.probe().await.unwrap_err()] {
        assert_eq!(error.class(), FailureClass::Configuration);
        assert!(error.to_string().contains("`ou=persons,dc=example,dc=org`"), "{error}");
    }
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut settings = settings("ldap://127.0.0.1:1".to_owned());
    let error = source(settings.clone()).probe().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Outage);
    assert!(error.to_string().contains("nothing listens on this port"), "{error}");
    settings.urls.push(slapd.url());
    source(settings).probe().await.unwrap();
}
