//! The way to a server: TCP with keepalive, TLS or StartTLS with verification, all under one time limit.
//!
//! Nothing is said here before the connection is protected, except the StartTLS request itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::ber::{self, BerError, INTEGER, Reader, SEQUENCE};
use super::endpoint::Endpoint;
use super::failure::{Failure, code};
use super::pump;
use super::settings::Security;

/// Any protected or local byte stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

const START_TLS_OID: &[u8] = b"1.3.6.1.4.1.1466.20037";
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const REQUEST_NAME: u8 = 0x80;
/// An answer to StartTLS is a few dozen bytes.
const START_TLS_ANSWER_BYTES: usize = 16 * 1024;

/// Connects to `endpoint` within `limit`.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: &Arc<ClientConfig>,
    limit: Duration,
) -> Result<Box<dyn Stream>, Failure> {
    timeout(limit, connect_unhurried(endpoint, tls)).await.map_err(|_| Failure::Timeout(limit))?
}

async fn connect_unhurried(endpoint: &Endpoint, tls: &Arc<ClientConfig>) -> Result<Box<dyn Stream>, Failure> {
    let mut tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(Failure::Dial)?;
    keep_alive(&tcp).map_err(Failure::Dial)?;
    match endpoint.security {
        Security::Plain => return Ok(Box::new(tcp)),
        Security::StartTls => start_tls(&mut tcp).await?,
        Security::Tls => {}
    }
    let connector = TlsConnector::from(tls.clone());
    Ok(Box::new(connector.connect(endpoint.verify.clone(), tcp).await.map_err(Failure::Tls)?))
}

/// Firewalls forget idle connections without telling either side.
fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(20));
    SockRef::from(tcp).set_tcp_keepalive(&probes)
}

/// Asks for TLS (RFC 4511 section 4.14). Bytes behind the answer would have been sent in clear by somebody who wants
/// them taken for protected ones, so they end the connection.
async fn start_tls(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), Failure> {
    let request = ber::element(EXTENDED_REQUEST, &ber::element(REQUEST_NAME, START_TLS_OID));
    let request = ber::element(SEQUENCE, &[ber::number(INTEGER, 1), request].concat());
    stream.write_all(&request).await.map_err(Failure::Dial)?;
    let mut answer = Vec::new();
    loop {
        if stream.read_buf(&mut answer).await.map_err(Failure::Dial)? == 0 {
            return Err(Failure::Closed("the server closed it instead of answering StartTLS".to_owned()));
        }
        match ber::message_length(&answer, START_TLS_ANSWER_BYTES)? {
            Some(length) if length < answer.len() => return Err(Failure::Malformed(BerError::BeyondParent)),
            Some(length) if length == answer.len() => break,
            _ => {}
        }
    }
    ber::check(&answer)?;
    let mut parts = Reader::new(&answer).inside(SEQUENCE)?;
    parts.number(INTEGER)?;
    let result = pump::result(parts.expect(EXTENDED_RESPONSE)?)?;
    if result.code == code::SUCCESS { Ok(()) } else { Err(Failure::StartTlsRefused(result.code)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ldap::ber::{ENUMERATED, OCTET_STRING, element, number};

    fn answer(code: i32) -> Vec<u8> {
        let result = [number(ENUMERATED, code), element(OCTET_STRING, b""), element(OCTET_STRING, b"")].concat();
        element(SEQUENCE, &[number(INTEGER, 1), element(EXTENDED_RESPONSE, &result)].concat())
    }

    async fn ask(bytes: Vec<u8>) -> Result<(), Failure> {
        let (mut near, mut far) = tokio::io::duplex(4096);
        far.write_all(&bytes).await.unwrap();
        far.shutdown().await.unwrap();
        start_tls(&mut near).await
    }

    #[tokio::test]
    async fn start_tls_is_granted_or_refused() {
        assert!(ask(answer(0)).await.is_ok());
        assert!(matches!(ask(answer(2)).await, Err(Failure::StartTlsRefused(2))));
        assert!(matches!(ask(Vec::new()).await, Err(Failure::Closed(_))));
    }

    #[tokio::test]
    async fn bytes_sent_ahead_of_the_handshake_end_it() {
        let smuggled = [answer(0), b"\x30\x05".to_vec()].concat();
        assert!(matches!(ask(smuggled).await, Err(Failure::Malformed(_))));
    }

    #[tokio::test]
    async fn the_request_is_the_one_of_the_rfc() {
        let (mut near, mut far) = tokio::io::duplex(4096);
        let asked = tokio::spawn(async move { start_tls(&mut near).await.is_ok() });
        let mut request = [0; 31];
        far.read_exact(&mut request).await.unwrap();
        assert_eq!(&request[..9], &[0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]);
        far.write_all(&answer(0)).await.unwrap();
        assert!(asked.await.unwrap());
    }
}
