use std::io::Write;

use chrono::{DateTime, Utc};

use super::fake_server::{Answer, Encryption, FakeServer};
use super::*;
use crate::model::{Counters, JobId, Quarantine, QuarantineError, QuarantineReason};
use crate::net::fake_server::TestAuthority;
use crate::notification::{Event, State};

fn notice(job: &str, message: &str) -> Notice {
    let error = QuarantineError { code: "Unauthorized".into(), message: message.into(), tenant_actionable: true };
    let quarantine = Quarantine {
        reason: QuarantineReason::EncounteredQuarantineException,
        current_began: DateTime::UNIX_EPOCH,
        series_began: DateTime::UNIX_EPOCH,
        series_count: 0,
        next_attempt: DateTime::<Utc>::from_timestamp(3600, 0),
        error,
    };
    Notice {
        event: Event::QuarantineImposed,
        job: JobId::new(job),
        state: State::Quarantine,
        former_reason: None,
        quarantine: Some(quarantine),
        count_successive_complete_failures: 1,
        counters: Counters { escrowed: 7, ..Counters::default() },
        time: Some(DateTime::UNIX_EPOCH),
    }
}

fn settings(tls: MailTls) -> MailSettings {
    MailSettings {
        host: "localhost".into(),
        port: None,
        tls,
        auth: Some(MailAuth { username: "gateway".into(), password: Secret::new("hunter2") }),
        ca_file: None,
        from: "Provisor <gateway@corp.example>".into(),
        to: vec!["ada@corp.example".into(), "Ops <ops@corp.example>".into()],
    }
}

fn mail(server: &FakeServer, settings: MailSettings) -> Mail {
    crate::net::install_crypto_provider();
    Mail::new(MailSettings { port: Some(server.port), ..settings }).map_err(|problem| problem.1).expect("it is sound")
}

async fn in_the_open(exceptions: Vec<(&'static str, Answer)>) -> (FakeServer, Mail) {
    let server = FakeServer::start(Encryption::None, exceptions).await;
    let mail = mail(&server, settings(MailTls::None));
    (server, mail)
}

/// What the server heard before the message's own lines.
fn commands(server: &FakeServer) -> Vec<String> {
    let first = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
    server.heard().iter().map(first).take_while(|line| line != "DATA").collect()
}

/// An authority in a file, and what its server encrypts with.
fn authority() -> (tempfile::NamedTempFile, std::sync::Arc<rustls::ServerConfig>) {
    let authority = TestAuthority::new();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(authority.pem().as_bytes()).expect("it is written");
    (file, authority.server("localhost"))
}

#[tokio::test]
async fn credentials_and_mail_travel_encrypted() {
    let (file, config) = authority();
    let trusting = |tls| MailSettings { ca_file: Some(file.path().to_owned()), ..settings(tls) };
    let server = FakeServer::start(Encryption::Implicit(config.clone()), Vec::new()).await;
    mail(&server, trusting(MailTls::Implicit)).send(&notice("hr", "refused")).await.expect("it is taken");
    assert_eq!(commands(&server), ["EHLO", "AUTH", "MAIL", "RCPT", "RCPT"]);
    let server = FakeServer::start(Encryption::StartTls(config), Vec::new()).await;
    mail(&server, trusting(MailTls::StartTls)).send(&notice("hr", "refused")).await.expect("it is taken");
    assert_eq!(commands(&server), ["EHLO", "STARTTLS", "(TLS)", "EHLO", "AUTH", "MAIL", "RCPT", "RCPT"]);
}

#[tokio::test]
async fn nothing_is_told_to_a_server_that_does_not_encrypt_or_is_another_one() {
    let (file, config) = authority();
    let trusting = |tls| MailSettings { ca_file: Some(file.path().to_owned()), ..settings(tls) };
    let (_, of_another) = authority();
    for (encryption, settings) in [
        (Encryption::None, trusting(MailTls::StartTls)),
        (Encryption::None, trusting(MailTls::Implicit)),
        (Encryption::StartTls(of_another.clone()), trusting(MailTls::StartTls)),
        (Encryption::Implicit(of_another), trusting(MailTls::Implicit)),
        (Encryption::Implicit(config.clone()), settings(MailTls::Implicit)),
        (Encryption::Implicit(config), MailSettings { host: "127.0.0.1".into(), ..trusting(MailTls::Implicit) }),
    ] {
        let server = FakeServer::start(encryption, Vec::new()).await;
        let error = mail(&server, settings).send(&notice("hr", "refused")).await.expect_err("it is not safe");
        assert!(matches!(error, NotMailed::NoAnswer { .. }), "{error}");
        let told = commands(&server);
        assert!(!told.iter().any(|word| ["AUTH", "MAIL"].contains(&word.as_str())), "{error}: {told:?}");
    }
}

#[tokio::test]
async fn a_refusal_says_at_what_and_shows_no_secret() {
    for (at, answer, expected) in [
        ("EHLO", "554 no", "answered 554 to the greeting"),
        ("AUTH", "535 hunter2 is wrong", "answered 535 to the login: check `auth`"),
        ("MAIL", "550 no", "answered 550 to the sender"),
        ("RCPT", "550 no", "answered 550 to a recipient"),
        ("RCPT TO:<ops", "450 later", "answered 450 to a recipient"),
        ("DATA", "452 full", "answered 452 to the message"),
        (".", "554 spam", "answered 554 to the message"),
        ("EHLO", "hunter2 speaks no SMTP", "it broke off, or does not speak SMTP"),
    ] {
        let (server, mail) = in_the_open(vec![(at, Answer::Says(answer))]).await;
        let error = mail.send(&notice("hr", "refused")).await.expect_err("it is refused").to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        assert!(at == "." || !server.heard().iter().any(|line| line == "."), "{at}: nobody got it");
    }
}

#[tokio::test]
async fn who_is_refused_for_good_keeps_nobody_from_being_told() {
    let (server, mail) = in_the_open(vec![("RCPT TO:<ada", Answer::Says("550 who?"))]).await;
    mail.send(&notice("hr", "refused")).await.expect("somebody is told");
    assert!(server.heard().iter().any(|line| line == "."));
}

#[tokio::test]
async fn who_is_refused_for_now_keeps_the_others_waiting_for_a_while_and_not_for_ever() {
    let (server, mail) = in_the_open(vec![("RCPT TO:<ops", Answer::Says("451 later"))]).await;
    let taken = || server.heard().iter().filter(|line| *line == ".").count();
    for _ in 0..2 {
        for _ in 0..WAITS {
            mail.send(&notice("hr", "refused")).await.expect_err("the others wait");
        }
        let before = taken();
        mail.send(&notice("hr", "refused")).await.expect("somebody is told");
        assert_eq!(taken(), before + 1);
    }
    assert_eq!(taken(), 2, "nobody is told while others are waited for");
}

#[tokio::test]
async fn a_server_that_hangs_or_hangs_up_has_taken_nothing() {
    for (at, answer) in [
        ("EHLO", Answer::Waits),
        ("EHLO", Answer::HangsUp),
        ("DATA", Answer::HangsUp),
        (".", Answer::HangsUp),
        (".", Answer::Waits),
    ] {
        let (_server, mut mail) = in_the_open(vec![(at, answer.clone())]).await;
        mail.patience = Duration::from_millis(if matches!(answer, Answer::Waits) { 50 } else { 30_000 });
        let error = mail.send(&notice("hr", "refused")).await.expect_err("it is not taken");
        assert!(matches!(error, NotMailed::NoAnswer { .. }), "{error}");
    }
    let (_server, mail) = in_the_open(vec![("QUIT", Answer::HangsUp)]).await;
    mail.send(&notice("hr", "refused")).await.expect("it was taken before");
}

#[tokio::test]
async fn a_probe_logs_in_and_sends_nothing() {
    let (server, mail) = in_the_open(Vec::new()).await;
    mail.probe().await.expect("it answers");
    assert_eq!(commands(&server), ["EHLO", "AUTH", "QUIT"]);
    let (_server, mail) = in_the_open(vec![("AUTH", Answer::Says("535 no"))]).await;
    assert!(mail.probe().await.is_err());
}

#[tokio::test]
async fn no_name_and_no_message_adds_a_field_or_grows_beyond_bounds() {
    let hostile = "hr\r\nBcc: eve@evil.example\r\n\r\n\u{2028}Größe 東京\r\n.\r\nMAIL FROM:<eve>";
    for (job, message) in [
        (hostile.to_owned(), hostile.to_owned()),
        ("東京".repeat(50_000), "ü".repeat(1_000_000)),
        ("x".repeat(100_000), "y".repeat(1_000_000)),
    ] {
        let (server, mail) = in_the_open(Vec::new()).await;
        mail.send(&notice(&job, &message)).await.expect("it is taken");
        let heard = server.heard();
        let begin = heard.iter().position(|line| line == "DATA").expect("a message") + 1;
        let (message, rest) =
            heard[begin..].split_at(heard[begin..].iter().position(|line| line == ".").expect("its end"));
        assert_eq!(rest, [".", "QUIT"], "the message ends once");
        let head: Vec<&String> = message.iter().take_while(|line| !line.is_empty()).collect();
        let mut fields: Vec<&str> = head
            .iter()
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap_or_default())
            .collect();
        fields.sort_unstable();
        let expected = [
            "Auto-Submitted",
            "Content-Transfer-Encoding",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
        ];
        assert_eq!(fields, expected);
        assert!(message.iter().all(|line| line.is_ascii() && line.len() <= 998), "a line as RFC 5322 has it");
        assert!(message.iter().map(String::len).sum::<usize>() < 32_000);
    }
}

#[tokio::test]
async fn what_is_sent_again_can_be_told_from_what_is_new() {
    let (server, mail) = in_the_open(Vec::new()).await;
    let ids = || {
        let heard = server.heard();
        let ids: Vec<String> = heard.into_iter().filter(|line| line.starts_with("Message-ID:")).collect();
        ids
    };
    mail.send(&notice("hr", "refused")).await.expect("it is taken");
    mail.send(&notice("hr", "refused")).await.expect("it is taken");
    mail.send(&notice("it", "refused")).await.expect("it is taken");
    let mut lifted = notice("hr", "refused");
    (lifted.event, lifted.state, lifted.quarantine) = (Event::QuarantineLifted, State::Active, None);
    mail.send(&lifted).await.expect("it is taken");
    let ids = ids();
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0] != ids[2] && ids[0] != ids[3] && ids[0].ends_with("@corp.example>"), "{ids:?}");
}

#[test]
fn settings_that_cannot_work_are_told_and_show_no_secret() {
    crate::net::install_crypto_provider();
    let sound = settings(MailTls::StartTls);
    assert_eq!(sound.problem(), None);
    assert!(!format!("{sound:?}").contains("hunter2"));
    assert_eq!([MailTls::Implicit, MailTls::StartTls, MailTls::None].map(|tls| settings(tls).port()), [465, 587, 25]);
    let empty = MailAuth { username: "gateway".into(), password: Secret::new("") };
    for (key, settings) in [
        ("host", MailSettings { host: String::new(), ..sound.clone() }),
        ("host", MailSettings { host: "mail\r\nx".into(), ..sound.clone() }),
        ("tls", MailSettings { host: "mail.corp.example".into(), ..settings(MailTls::None) }),
        ("auth", MailSettings { auth: Some(empty), ..sound.clone() }),
        ("from", MailSettings { from: "nobody".into(), ..sound.clone() }),
        ("from", MailSettings { from: "a\r\nBcc: eve@evil.example <a@b.example>".into(), ..sound.clone() }),
        ("to", MailSettings { to: Vec::new(), ..sound.clone() }),
        ("to", MailSettings { to: vec!["a@b.example".into(); 51], ..sound.clone() }),
        ("to", MailSettings { to: vec!["a@b.example>\r\nDATA".into()], ..sound.clone() }),
        ("ca_file", MailSettings { ca_file: Some("/nowhere/ca.pem".into()), ..sound.clone() }),
    ] {
        let (at, what, _) = settings.problem().expect("it cannot work");
        assert!(at == key && !what.contains("hunter2"), "{at}: {what}");
    }
}
