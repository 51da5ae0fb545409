use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::*;
use crate::source::ldap::ber::{element, number};

const LIMIT: usize = 1 << 20;

fn message(id: i32, kind: u8, content: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[number(INTEGER, id), element(kind, content)].concat())
}

fn ldap_result(code: i32, text: &str) -> Vec<u8> {
    [number(ENUMERATED, code), element(OCTET_STRING, b""), element(OCTET_STRING, text.as_bytes())].concat()
}

fn entry(id: i32, value_bytes: usize) -> Vec<u8> {
    message(id, SEARCH_ENTRY, &element(OCTET_STRING, &vec![b'x'; value_bytes]))
}

struct Rig {
    server: DuplexStream,
    client: UnixStream,
    gauge: Arc<Gauge>,
    pump: JoinHandle<()>,
}

fn rig() -> Rig {
    let (server, far) = tokio::io::duplex(64 * 1024);
    let (client, near) = UnixStream::pair().unwrap();
    let gauge = Arc::new(Gauge::default());
    let pump = tokio::spawn(run(far, near, LIMIT, gauge.clone()));
    Rig { server, client, gauge, pump }
}

/// What the client receives, and why the pump stopped, when the server sends `bytes` and closes.
async fn passed(bytes: &[u8]) -> (Vec<u8>, String) {
    let mut rig = rig();
    rig.server.write_all(bytes).await.unwrap();
    rig.server.shutdown().await.unwrap();
    let mut received = Vec::new();
    rig.client.read_to_end(&mut received).await.unwrap();
    rig.pump.await.unwrap();
    (received, rig.gauge.end().unwrap())
}

#[tokio::test]
async fn whole_messages_pass_unchanged() {
    let bytes = [entry(2, 10), entry(2, 300), message(2, SEARCH_DONE, &ldap_result(0, ""))].concat();
    let (received, end) = passed(&bytes).await;
    assert_eq!(received, bytes);
    assert_eq!(end, "the server closed it");
}

#[tokio::test]
async fn an_extended_response_becomes_the_end_of_the_search() {
    let (received, _) = passed(&message(300, EXTENDED_RESPONSE, &ldap_result(12, "no such control"))).await;
    assert_eq!(received, message(300, SEARCH_DONE, &ldap_result(12, "no such control")));
}

#[tokio::test]
async fn a_notice_of_disconnection_is_kept_as_the_reason() {
    let (received, end) = passed(&message(0, EXTENDED_RESPONSE, &ldap_result(52, "shutting down"))).await;
    assert!(received.is_empty());
    assert_eq!(end, "the server says goodbye: the server answered 52 (unavailable): `shutting down`");
}

#[tokio::test]
async fn hostile_bytes_stop_at_the_pump() {
    let deep = (0..20_000).fold(Vec::new(), |inner, _| element(SEQUENCE, &inner));
    for (what, bytes) in [
        ("not LDAP at all", b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
        ("nesting that overflows a stack", element(SEQUENCE, &[number(INTEGER, 2), deep].concat())),
        ("a length beyond the limit", vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02]),
        ("an inner length beyond its parent", vec![0x30, 0x05, 0x02, 0x01, 0x02, 0x64, 0x7f]),
        ("an unknown operation", message(2, 0x6b, b"")),
        ("a result without its parts", message(2, SEARCH_DONE, b"")),
        ("a result text that is not UTF-8", {
            let parts = [number(ENUMERATED, 0), element(OCTET_STRING, b"\xff"), element(OCTET_STRING, b"")];
            message(2, SEARCH_DONE, &parts.concat())
        }),
        ("half a message", entry(2, 100)[..50].to_vec()),
    ] {
        let (received, end) = passed(&bytes).await;
        assert!(received.is_empty(), "{what}");
        assert!(end.contains("not LDAP"), "{what}: {end}");
    }
}

#[tokio::test]
async fn a_slow_consumer_pauses_the_server() {
    let mut rig = rig();
    let sent = Arc::new(Mutex::new(0usize));
    let counter = sent.clone();
    let sender = tokio::spawn(async move {
        for _ in 0..1_000 {
            rig.server.write_all(&entry(2, 10_000)).await.unwrap();
            *counter.lock().unwrap() += 1;
        }
    });
    // The library's side takes everything at once, as it does, but nobody consumes what it decoded.
    let reader = tokio::spawn(async move { tokio::io::copy(&mut rig.client, &mut tokio::io::sink()).await.unwrap() });
    let mut stalled_at = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = *sent.lock().unwrap();
        if now == stalled_at && now > 0 {
            break;
        }
        stalled_at = now;
    }
    assert!(stalled_at * 10_000 < WINDOW_BYTES + 128 * 1024, "{stalled_at} entries were read");
    for _ in 0..1_000 {
        rig.gauge.consume_one();
        tokio::task::yield_now().await;
    }
    while !sender.is_finished() {
        rig.gauge.consume_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(sender);
    reader.abort();
}

#[tokio::test]
async fn one_message_larger_than_the_window_still_passes() {
    let (server, far) = tokio::io::duplex(64 * 1024);
    let (mut client, near) = UnixStream::pair().unwrap();
    let gauge = Arc::new(Gauge::default());
    tokio::spawn(run(far, near, 2 * WINDOW_BYTES, gauge));
    let big = entry(2, WINDOW_BYTES + 1);
    let expected = big.len();
    tokio::spawn(async move {
        let mut server = server;
        server.write_all(&big).await.unwrap();
        server.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.len(), expected);
}
