//! Stands between the server and the LDAP library: passes on only whole, well-formed messages, and no faster than
//! they are consumed.
//!
//! The library decodes by recursion, buffers without bound and panics on some malformed answers, so nothing reaches
//! it that was not checked here. The pump does not interpret search results.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::ber::{self, BerError, ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE};
use super::failure::ServerResult;

/// Application tags of the messages a client may receive (RFC 4511 section 4).
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE_RESPONSE: u8 = 0x79;

/// Bytes of search results that may wait for the consumer; beyond it the socket is not read. One message may always
/// pass, so a large group does not block for ever. Decoded, they take several times that.
const WINDOW_BYTES: usize = 2 * 1024 * 1024;

/// Bytes read from the server at once.
const READ_BYTES: usize = 64 * 1024;

/// What the two ends of a connection share: how much waits to be consumed, and why the pump stopped.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Sizes of the search results that were passed on and not yet consumed, in order, and why the pump stopped.
    state: Mutex<GaugeState>,
    consumed: Notify,
}

#[derive(Debug, Default)]
struct GaugeState {
    waiting: VecDeque<usize>,
    waiting_bytes: usize,
    end: Option<String>,
}

impl Gauge {
    /// Called by the consumer once for every search result it took.
    pub(super) fn consume_one(&self) {
        let mut state = self.lock();
        if let Some(bytes) = state.waiting.pop_front() {
            state.waiting_bytes -= bytes;
        }
        drop(state);
        self.consumed.notify_one();
    }

    /// Why the pump stopped, if it did.
    pub(super) fn end(&self) -> Option<String> {
        self.lock().end.clone()
    }

    /// Counts a search result in, if there is room for it now.
    fn try_admit(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        let has_room = state.waiting.is_empty() || state.waiting_bytes + bytes <= WINDOW_BYTES;
        if has_room {
            state.waiting.push_back(bytes);
            state.waiting_bytes += bytes;
        }
        has_room
    }

    async fn admit(&self, bytes: usize) {
        while !self.try_admit(bytes) {
            self.consumed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, GaugeState> {
        // Plain numbers stay meaningful whatever thread broke off in between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing more is passed on.
#[derive(Debug, thiserror::Error)]
enum PumpEnd {
    #[error("the server closed it")]
    ClosedByServer,
    #[error("closed by this side")]
    ClosedByClient,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the server sent something that is not LDAP: {0}")]
    Malformed(#[from] BerError),
    #[error("the server says goodbye: {0}")]
    Disconnection(ServerResult),
}

/// Copies between `server` and `client` until one of them ends; the reason is left in `gauge`.
pub(super) async fn run<S>(server: S, client: UnixStream, max_message_bytes: usize, gauge: Arc<Gauge>)
where
    S: AsyncRead + AsyncWrite,
{
    let (server_reader, mut server_writer) = tokio::io::split(server);
    let (mut client_reader, client_writer) = client.into_split();
    let upstream = async {
        match tokio::io::copy(&mut client_reader, &mut server_writer).await {
            Ok(_) => PumpEnd::ClosedByClient,
            Err(error) => PumpEnd::Io(error),
        }
    };
    let downstream = async {
        match pass_messages(server_reader, client_writer, max_message_bytes, &gauge).await {
            Ok(()) => PumpEnd::ClosedByServer,
            Err(end) => end,
        }
    };
    let end = tokio::select! {
        end = downstream => end,
        end = upstream => end,
    };
    gauge.lock().end = Some(end.to_string());
}

async fn pass_messages(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    max_message_bytes: usize,
    gauge: &Gauge,
) -> Result<(), PumpEnd> {
    // Grows only with bytes that have arrived, never with a length somebody claims.
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        // Messages that arrive together are passed on together, up to `end`.
        let (mut passed, mut end) = (0, 0);
        let rest = loop {
            match next_message(&mut buffer[end..], max_message_bytes) {
                Ok(Some(Checked { length, is_result })) => {
                    if is_result && !gauge.try_admit(length) {
                        // Whoever is to make room has to see what came before.
                        client.write_all(&buffer[passed..end]).await?;
                        passed = end;
                        gauge.admit(length).await;
                    }
                    end += length;
                }
                Ok(None) => break Ok(()),
                Err(problem) => break Err(problem),
            }
        };
        client.write_all(&buffer[passed..end]).await?;
        rest?;
        buffer.drain(..end);
        if server.read_buf(&mut buffer).await? == 0 {
            return if buffer.is_empty() { Ok(()) } else { Err(BerError::Truncated.into()) };
        }
    }
}

/// A message that may be passed on.
struct Checked {
    length: usize,
    /// It counts until the consumer has taken it.
    is_result: bool,
}

/// Checks the message at the beginning of `bytes`; `None` while it has not arrived as a whole.
fn next_message(bytes: &mut [u8], max_message_bytes: usize) -> Result<Option<Checked>, PumpEnd> {
    let Some(length) = ber::message_length(bytes, max_message_bytes)? else { return Ok(None) };
    let Some(message) = bytes.get_mut(..length) else { return Ok(None) };
    let kind = inspect(message)?;
    let is_result = matches!(kind, SEARCH_ENTRY | SEARCH_REFERENCE | INTERMEDIATE_RESPONSE);
    Ok(Some(Checked { length, is_result }))
}

/// Checks a whole message and tells its kind.
///
/// Some servers answer an operation they refuse with an extended response, which the library takes for a programming
/// error. This side sends no extended request through the library, so such a response is made a search result.
fn inspect(message: &mut [u8]) -> Result<u8, PumpEnd> {
    ber::check(message)?;
    let mut parts = Reader::new(message).inside(SEQUENCE)?;
    let id = parts.number(INTEGER)?;
    let operation_start = message.len() - parts.remaining();
    let (kind, content) = parts.element()?;
    match kind {
        EXTENDED_RESPONSE if id == 0 => Err(PumpEnd::Disconnection(result(content)?)),
        EXTENDED_RESPONSE => {
            result(content)?;
            message[operation_start] = SEARCH_DONE;
            Ok(SEARCH_DONE)
        }
        BIND_RESPONSE | SEARCH_DONE => {
            result(content)?;
            Ok(kind)
        }
        SEARCH_ENTRY | SEARCH_REFERENCE | INTERMEDIATE_RESPONSE => Ok(kind),
        // Nothing else is an answer to what we ask; the library would stop at it.
        found => Err(BerError::Unexpected { found }.into()),
    }
}

/// Reads an `LDAPResult` (RFC 4511 section 4.1.9); its texts must be UTF-8.
pub(super) fn result(content: &[u8]) -> Result<ServerResult, BerError> {
    let mut parts = Reader::new(content);
    let code = parts.number(ENUMERATED)?;
    let matched = parts.expect(OCTET_STRING)?;
    let text = parts.expect(OCTET_STRING)?;
    let (Ok(_), Ok(text)) = (std::str::from_utf8(matched), std::str::from_utf8(text)) else {
        return Err(BerError::Encoding);
    };
    Ok(ServerResult::new(u32::try_from(code).map_err(|_| BerError::Number)?, text))
}

#[cfg(test)]
mod tests;
