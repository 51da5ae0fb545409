//! An SMTP server that takes notices as e-mail (RFC 5321, RFC 8314).

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use serde::Deserialize;
use tokio::time::timeout;

use super::Notice;
use crate::net;
use crate::secret::Secret;

mod letter;

/// A server that has not taken a message in this time is tried again later. Servers look for viruses meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the end of a connection is waited for, when the message is taken.
const FAREWELL: Duration = Duration::from_secs(1);
/// More addresses are a list, which the mail server keeps.
const MOST_RECIPIENTS: usize = 50;

/// How often those who can be told wait for a recipient who is to be told later: some five minutes, which servers make
/// strangers wait.
const WAITS: u32 = 5;

/// Where mail goes, and from whom.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The name or the address of the SMTP server.
    pub host: String,
    /// Default: 465 for `implicit`, 587 for `starttls`, 25 for `none`.
    #[serde(default)]
    pub port: Option<u16>,
    /// Default: `implicit`.
    #[serde(default)]
    pub tls: MailTls,
    /// Default: none.
    #[serde(default)]
    pub auth: Option<MailAuth>,
    /// A PEM file of authorities to trust besides the system's. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// `gateway@example.com` or `Gateway <gateway@example.com>`.
    pub from: String,
    /// One to 50, in the form of `from`.
    pub to: Vec<String>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the first byte (RFC 8314 section 3.3).
    #[default]
    Implicit,
    /// By STARTTLS (RFC 3207). Nothing is told to a server that does not offer it.
    StartTls,
    /// Not at all: for a server on the same machine.
    None,
}

/// Who we are to the SMTP server.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailAuth {
    pub username: String,
    pub password: Secret,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailSettings").field("host", &self.host).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// The key at fault, what is wrong, and what to do.
pub(super) type SettingsProblem = (&'static str, String, &'static str);

impl MailSettings {
    /// What cannot work.
    pub fn problem(&self) -> Option<SettingsProblem> {
        Mail::new(self.clone()).err()
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Implicit => 465,
            MailTls::StartTls => 587,
            MailTls::None => 25,
        })
    }

    fn is_on_this_machine(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or(self.host.eq_ignore_ascii_case("localhost"), |address| address.to_canonical().is_loopback())
    }
}

/// Why a message was not taken. The text quotes nothing that the server said: it may repeat what it was told.
#[derive(Debug, thiserror::Error)]
pub enum NotMailed {
    #[error("the mail server `{host}` cannot be told: {hint}")]
    NoAnswer { host: String, hint: String },
    #[error("the mail server `{host}` answered {code} to {step}: {hint}")]
    Refused { host: String, code: String, step: &'static str, hint: &'static str },
    #[error("a message cannot be written: {cause}")]
    Unwritable { cause: lettre::error::Error },
}

/// What is being done while the server refuses, and what to look at then.
#[derive(Clone, Copy)]
struct Step(&'static str, &'static str);

const GREETING: Step = Step("the greeting", "check its `host`, `port` and `tls`");
const LOGIN: Step = Step("the login", "check `auth`");
const SENDER: Step = Step("the sender", "check `from` and `auth`");
const RECIPIENT: Step = Step("a recipient", "check `to`");
const MESSAGE: Step = Step("the message", "ask who runs it");

/// Sends notices.
#[derive(Clone)]
pub struct Mail {
    settings: MailSettings,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// None where the connection is not encrypted.
    tls: Option<TlsParameters>,
    /// How long one attempt may take.
    patience: Duration,
    /// Attempts in a row that ended because a recipient was to be told later.
    waits: Arc<AtomicU32>,
}

impl Mail {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// What cannot work: the key at fault, what is wrong, and what to do.
    pub fn new(settings: MailSettings) -> Result<Self, SettingsProblem> {
        if settings.host.is_empty() || settings.host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(("host", "a mail server needs a name".to_owned(), "give the name or the address of one"));
        }
        if settings.tls == MailTls::None && !settings.is_on_this_machine() {
            let what = "notices would travel in the open".to_owned();
            return Err(("tls", what, "`none` is for a server on this machine; give `implicit` or `starttls`"));
        }
        if settings.auth.as_ref().is_some_and(|auth| auth.username.is_empty() || auth.password.is_empty()) {
            return Err((
                "auth",
                "the user name or the password is empty".to_owned(),
                "leave `auth` out, or give both",
            ));
        }
        let form = "write `name@example.com` or `Name <name@example.com>`";
        let mailbox = |key, text: &str| {
            text.parse::<Mailbox>()
                .map_err(|error| (key, format!("`{}` is no address: {error}", text.escape_debug()), form))
        };
        let from = mailbox("from", &settings.from)?;
        if settings.to.is_empty() || settings.to.len() > MOST_RECIPIENTS {
            return Err(("to", format!("{} recipients", settings.to.len()), "give 1 to 50"));
        }
        let to = settings.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?;
        let tls = match settings.tls {
            MailTls::Implicit | MailTls::StartTls => Some(parameters(&settings.host, settings.ca_file.as_deref())?),
            MailTls::None => None,
        };
        Ok(Self { settings, from, to, tls, patience: PATIENCE, waits: Arc::default() })
    }

    /// One attempt; the message is taken when the server says so after its end. Whoever is refused for good gets none, as
    /// long as somebody does; nor does who is still refused for now when the others have waited for some attempts.
    ///
    /// # Errors
    /// [`NotMailed`], after half a minute at the latest. When the answer to the message is what is missing, the message may
    /// have been taken, and comes again with the same `Message-ID`.
    pub async fn send(&self, notice: &Notice) -> Result<(), NotMailed> {
        let message = letter::written(notice, &self.from, &self.to).map_err(|cause| NotMailed::Unwritable { cause })?;
        let mut connection =
            timeout(self.patience, self.deliver(&message)).await.unwrap_or_else(|_| Err(self.too_slow()))?;
        // What happens now changes nothing: the message is taken.
        let _ = timeout(FAREWELL, connection.quit()).await;
        Ok(())
    }

    /// Connects and logs in, and sends nothing.
    ///
    /// # Errors
    /// [`NotMailed`], after half a minute at the latest.
    pub async fn probe(&self) -> Result<(), NotMailed> {
        let mut connection = timeout(self.patience, self.connect()).await.unwrap_or_else(|_| Err(self.too_slow()))?;
        let _ = timeout(FAREWELL, connection.quit()).await;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotMailed> {
        let MailSettings { host, tls, auth, .. } = &self.settings;
        let (name, server) = (ClientId::default(), (host.as_str(), self.settings.port()));
        let implicit = self.tls.clone().filter(|_| *tls == MailTls::Implicit);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(self.patience), &name, implicit, None).await;
        let mut connection = connected.map_err(|error| self.failed(&error, GREETING))?;
        if let (MailTls::StartTls, Some(parameters)) = (tls, &self.tls) {
            connection.starttls(parameters.clone(), &name).await.map_err(|error| self.failed(&error, GREETING))?;
        }
        if let Some(MailAuth { username, password }) = auth {
            let credentials = Credentials::new(username.clone(), password.expose().to_owned());
            let answer = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            answer.map_err(|error| self.failed(&error, LOGIN))?;
        }
        Ok(connection)
    }

    async fn deliver(&self, message: &Message) -> Result<AsyncSmtpConnection, NotMailed> {
        let mut connection = self.connect().await?;
        let told = |answer: Result<Response, Error>, step| answer.map(drop).map_err(|error| self.failed(&error, step));
        let envelope = message.envelope();
        told(connection.command(From::new(envelope.from().cloned(), Vec::new())).await, SENDER)?;
        let have_waited = self.waits.load(Ordering::Relaxed) >= WAITS;
        let mut refused = None;
        let mut taken = false;
        for recipient in envelope.to() {
            match connection.command(Rcpt::new(recipient.clone(), Vec::new())).await {
                Ok(_) => taken = true,
                Err(error) if error.is_permanent() || (error.is_transient() && have_waited) => {
                    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
                    tracing::warn!(%recipient, code, server.address = %self.settings.host, "a recipient of notices is refused");
                    refused = Some(error);
                }
                // Who is asked to come later would never hear of it if the others got the message now.
                Err(error) => {
                    if error.is_transient() {
                        self.waits.fetch_add(1, Ordering::Relaxed);
                    }
                    return Err(self.failed(&error, RECIPIENT));
                }
            }
        }
        if let Some(error) = refused.filter(|_| !taken) {
            return Err(self.failed(&error, RECIPIENT));
        }
        told(connection.command(Data).await, MESSAGE)?;
        told(connection.message(&message.formatted()).await, MESSAGE)?;
        self.waits.store(0, Ordering::Relaxed);
        Ok(connection)
    }

    fn too_slow(&self) -> NotMailed {
        let hint = format!("it took longer than {} seconds", self.patience.as_secs());
        NotMailed::NoAnswer { host: self.settings.host.clone(), hint }
    }

    fn failed(&self, error: &Error, Step(step, hint): Step) -> NotMailed {
        let host = self.settings.host.clone();
        if let Some(code) = error.status() {
            return NotMailed::Refused { host, code: code.to_string(), step, hint };
        }
        let hint = if error.is_response() {
            "it broke off, or does not speak SMTP".to_owned()
        } else {
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
        };
        NotMailed::NoAnswer { host, hint }
    }
}

/// The same trust as everywhere: the system's authorities and those of the file.
fn parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, SettingsProblem> {
    let unusable = |what: String| ("ca_file", what, "give a PEM file");
    let mut builder = TlsParameters::builder(host.to_owned());
    for authority in
        ca_file.map(net::authorities).transpose().map_err(|error| unusable(error.to_string()))?.unwrap_or_default()
    {
        let authority = Certificate::from_der(authority.to_vec()).map_err(|error| unusable(error.to_string()))?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(|error| unusable(error.to_string()))
}

#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod tests;
