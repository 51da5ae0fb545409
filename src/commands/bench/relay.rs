//! What lies between a gateway and its target while the gateway is killed: it can keep answers back, so that requests are
//! under way for as long as it takes, and sees when the first look-up comes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinHandle,
};

/// Passes on what a client and its target tell each other; it ends with this value.
pub(super) struct Relay {
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// Answers are kept back once so many creates have passed.
    answered: AtomicU64,
    creates: AtomicU64,
    /// A look-up is waited for.
    watching: AtomicBool,
    holding: Notify,
    look_up: Notify,
}

impl Relay {
    /// Listens on one address of this machine and passes on to another. Answers stop once so many creates have passed.
    pub(super) async fn start(listen: SocketAddr, target: SocketAddr, answered: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.context("cannot listen in the place of the target")?;
        let seen = Arc::new(Seen { answered: answered.into(), ..Seen::default() });
        let accepting = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass(client, target, Arc::clone(&seen)));
                }
            }
        });
        Ok(Self { seen, accepting })
    }

    /// Returns as soon as an answer is kept back.
    pub(super) async fn holds(&self) {
        self.seen.holding.notified().await;
    }

    /// Passes everything on from now on, and watches for the first look-up.
    pub(super) fn release(&self) {
        self.seen.watching.store(true, Ordering::SeqCst);
        self.seen.answered.store(u64::MAX, Ordering::SeqCst);
    }

    /// When the first look-up came that was watched for.
    pub(super) async fn looked_up(&self) -> Instant {
        self.seen.look_up.notified().await;
        Instant::now()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, target: SocketAddr, seen: Arc<Seen>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Each way may fail by itself when a side is killed; there is nobody to tell.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let _ = tokio::join!(requests(from_client, to_server, &seen), answers(from_server, to_client, &seen));
}

/// A client that waits for each answer begins every request in a chunk of its own.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Seen) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        let chunk = &buffer[..count];
        if chunk.is_empty() {
            return to.shutdown().await;
        }
        let line = chunk.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if line.starts_with(b"POST ") {
            seen.creates.fetch_add(1, Ordering::SeqCst);
        }
        let is_look_up = line.starts_with(b"GET ") && line.windows(8).any(|part| part == b"?filter=");
        if is_look_up && seen.watching.swap(false, Ordering::SeqCst) {
            seen.look_up.notify_one();
        }
        to.write_all(chunk).await?;
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Seen) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        if seen.creates.load(Ordering::SeqCst) > seen.answered.load(Ordering::SeqCst) {
            seen.holding.notify_one();
            // The client is about to be killed; until then its connection stays open.
            std::future::pending::<()>().await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}
