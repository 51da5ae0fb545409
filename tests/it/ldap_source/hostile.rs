//! Servers that freeze, lie or attack: each ends in an error, soon, and with nothing concluded.

use std::time::{Duration, Instant};

use provisor::model::FailureClass;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// What the server sends after each request it receives; then it is silent.
async fn server(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ldap://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answers = answers.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                for answer in answers {
                    if !matches!(stream.read(&mut request).await, Ok(1..)) {
                        return;
                    }
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
                while matches!(stream.read(&mut request).await, Ok(1..)) {}
            });
        }
    });
    url
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short element").to_be_bytes();
    [&[tag, 0x84], &length[..], content].concat()
}

fn message(id: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &[vec![0x02, 0x01, id], parts.concat()].concat())
}

/// The parts of a result without texts.
fn result(code: u8) -> Vec<u8> {
    vec![0x0a, 0x01, code, 0x04, 0x00, 0x04, 0x00]
}

fn bound() -> Vec<u8> {
    message(1, &[element(0x61, &result(0))])
}

/// The answer to the first question after the login: what the server is. It says nothing.
fn unknown_server() -> Vec<u8> {
    message(2, &[element(0x65, &result(0))])
}

async fn failure(answers: Vec<Vec<u8>>) -> SourceError {
    let mut settings = settings(server(answers).await);
    settings.timeout_seconds = 1;
    settings.max_message_bytes = 1024 * 1024;
    let began = Instant::now();
    let (read, end) = try_read(&source(settings), "users", Start::Full).await;
    assert!(began.elapsed() < Duration::from_secs(8), "it took {:?}", began.elapsed());
    assert!(read.objects.is_empty() && read.departed.is_empty());
    end.expect_err("nothing was read")
}

#[tokio::test]
async fn a_frozen_server_is_given_up_on() {
    for answers in [vec![], vec![bound()], vec![bound(), unknown_server()]] {
        let error = failure(answers).await;
        assert!(chain(&error).contains("no answer within 1 seconds"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn hostile_bytes_end_the_read_and_nothing_else() {
    let deep = (0..20_000).fold(Vec::new(), |inner, _| element(0x30, &inner));
    let empty_flag = element(0xa0, &element(0x30, &[element(0x04, b"1.2.3"), vec![0x01, 0x00]].concat()));
    let entry = |parts: &[u8]| message(3, &[element(0x64, parts)]);
    for (what, answer) in [
        ("garbage", b"\xff\xfe\xfdgarbage".to_vec()),
        ("nesting that would overflow a stack", message(3, &[element(0x64, &deep)])),
        ("a huge length", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("a length beyond its parent", vec![0x30, 0x06, 0x02, 0x01, 0x03, 0x64, 0x7f, 0x00]),
        ("a message over the limit", message(3, &[element(0x64, &vec![0; 2 * 1024 * 1024])])),
        ("an operation that is no answer", message(3, &[element(0x63, b"")])),
        ("an entry without parts", entry(b"")),
        ("an entry that is a text", message(3, &[element(0x44, b"text")])),
        ("a control the decoder stumbles over", message(3, &[element(0x65, &result(0)), empty_flag])),
    ] {
        let error = failure(vec![bound(), unknown_server(), answer]).await;
        assert_eq!(error.class(), FailureClass::Transient, "{what}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_refusal_in_the_wrong_form_is_understood() {
    let refusal = message(3, &[element(0x78, &result(53))]);
    let error = failure(vec![bound(), unknown_server(), refusal]).await;
    assert!(chain(&error).contains("unwillingToPerform"), "{}", chain(&error));
}

#[tokio::test]
async fn a_servers_goodbye_is_passed_on() {
    let text = [&[0x0a, 0x01, 52, 0x04, 0x00, 0x04, 0x08][..], b"shutdown"].concat();
    let error = failure(vec![bound(), unknown_server(), message(0, &[element(0x78, &text)])]).await;
    assert!(chain(&error).contains("shutdown"), "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_concludes_nothing() {
    let half = message(3, &[element(0x64, &[0; 100])])[..60].to_vec();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        for answer in [bound(), unknown_server(), half] {
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    let (_, end) = try_read(&source(settings(url)), "users", Start::Full).await;
    assert!(matches!(end, Err(SourceError::Broken { .. })), "{end:?}");
}
