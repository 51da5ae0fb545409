//! An SMTP server that does as a test says, and remembers what it was told.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What it does when a line begins with these words.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It says so.
    Says(&'static str),
    /// It hangs up.
    HangsUp,
    /// It says nothing and waits.
    Waits,
}

/// How it encrypts.
#[derive(Clone)]
pub(super) enum Encryption {
    None,
    Implicit(Arc<ServerConfig>),
    StartTls(Arc<ServerConfig>),
}

pub(super) struct FakeServer {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    listener: JoinHandle<()>,
}

impl FakeServer {
    /// `exceptions` come before the usual answers. `.` stands for the end of a message.
    pub(super) async fn start(encryption: Encryption, exceptions: Vec<(&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let script = Script { exceptions: exceptions.into(), heard: Arc::clone(&heard) };
        let listener = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, encryption) = (script.clone(), encryption.clone());
                tokio::spawn(async move {
                    // A client that hangs up is one.
                    let _: io::Result<()> = match encryption {
                        Encryption::None => script.talk(stream, false).await.map(drop),
                        Encryption::Implicit(config) => {
                            let stream = TlsAcceptor::from(config).accept(stream).await;
                            match stream {
                                Ok(stream) => script.talk(stream, false).await.map(drop),
                                Err(error) => Err(error),
                            }
                        }
                        Encryption::StartTls(config) => script.upgrade(stream, config).await,
                    };
                });
            }
        });
        Self { port, heard, listener }
    }

    /// Every line that came, those of messages as well; `(TLS)` where a connection became encrypted.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[derive(Clone)]
struct Script {
    exceptions: Arc<[(&'static str, Answer)]>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn upgrade(&self, stream: tokio::net::TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
        let Some(stream) = self.talk(stream, true).await? else { return Ok(()) };
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        self.heard.lock().unwrap().push("(TLS)".to_owned());
        self.dialogue(&mut BufReader::new(stream), false).await.map(drop)
    }

    /// The stream when it is to be encrypted.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, offers_tls: bool) -> io::Result<Option<S>> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mail.example ESMTP\r\n").await?;
        let upgrades = self.dialogue(&mut stream, offers_tls).await?;
        Ok(upgrades.then(|| stream.into_inner()))
    }

    /// True when the client is to begin TLS.
    async fn dialogue<S: AsyncBufReadExt + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        offers_tls: bool,
    ) -> io::Result<bool> {
        let mut in_message = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
            let line = line.trim_end().to_owned();
            self.heard.lock().unwrap().push(line.clone());
            if in_message && line != "." {
                continue;
            }
            let exception = self.exceptions.iter().find(|(start, _)| line.starts_with(start));
            let answer = match exception {
                Some((_, Answer::Says(answer))) => *answer,
                Some((_, Answer::HangsUp)) => return Ok(false),
                Some((_, Answer::Waits)) => std::future::pending().await,
                None => match line.split(' ').next().unwrap_or_default() {
                    "EHLO" if offers_tls => "250-mail.example\r\n250 STARTTLS",
                    "EHLO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN",
                    "STARTTLS" => "220 go ahead",
                    "AUTH" => "235 welcome",
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                },
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            in_message = line == "DATA" && answer.starts_with("354");
            if line == "STARTTLS" && answer.starts_with("220") {
                return Ok(true);
            }
            if line == "QUIT" {
                return Ok(false);
            }
        }
    }
}
