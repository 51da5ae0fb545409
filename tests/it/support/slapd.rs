//! A real OpenLDAP server in a temporary directory, on free ports of the loopback interface.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use super::repository;

pub(crate) const SUFFIX: &str = "dc=example,dc=org";
pub(crate) const READER: &str = "cn=reader,dc=example,dc=org";
/// Who may write, and reads without limits.
pub(crate) const ADMIN: &str = "cn=admin,dc=example,dc=org";
pub(crate) const ADMIN_PASSWORD: &str = "admin";

/// How the server differs from the usual one.
#[derive(Clone, Debug)]
pub(crate) struct SlapdOptions {
    /// Whether the server follows changes.
    pub(crate) syncprov: bool,
    /// The limits of the reader, as the configuration writes them.
    pub(crate) limits: &'static str,
    /// Rules before the one that lets the reader read everything.
    pub(crate) access: &'static str,
    /// How the certificate is wrong, if it is.
    pub(crate) certificate: Certificate,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Certificate {
    Good,
    Expired,
}

impl Default for SlapdOptions {
    fn default() -> Self {
        Self { syncprov: true, limits: "size=unlimited", access: "", certificate: Certificate::Good }
    }
}

/// A running server, stopped when dropped.
pub(crate) struct Slapd {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    process: Child,
}

impl Slapd {
    /// Starts a server that holds `fixtures/ldap/directory.ldif`.
    pub(crate) fn start(options: &SlapdOptions) -> Self {
        let fixture = fs::read_to_string(repository("fixtures/ldap/directory.ldif")).expect("the fixture");
        Self::start_with(options, &fixture)
    }

    /// Starts a server that holds these entries.
    pub(crate) fn start_with(options: &SlapdOptions, ldif: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(folder.path().join("db")).expect("a folder for the database");
        write_certificate(&folder, options.certificate);
        let overlays = if options.syncprov { "overlay syncprov\nsyncprov-sessionlog 1000\n" } else { "" };
        let configuration = [
            "include /etc/ldap/schema/core.schema",
            "include /etc/ldap/schema/cosine.schema",
            "include /etc/ldap/schema/nis.schema",
            "include /etc/ldap/schema/inetorgperson.schema",
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            "moduleload syncprov",
            "moduleload refint",
            &format!("pidfile {}", path("slapd.pid")),
            &format!("TLSCertificateFile {}", path("certificate.pem")),
            &format!("TLSCertificateKeyFile {}", path("key.pem")),
            "database mdb",
            &format!("suffix \"{SUFFIX}\""),
            &format!("rootdn \"{ADMIN}\""),
            &format!("rootpw {ADMIN_PASSWORD}"),
            &format!("directory {}", path("db")),
            "maxsize 268435456",
            "dbnosync",
            "index objectClass,entryUUID,entryCSN,uid eq",
            &format!("limits dn.exact=\"{READER}\" {}", options.limits),
            "access to attrs=userPassword by anonymous auth by * none",
            options.access,
            &format!("access to * by dn.exact=\"{READER}\" read by * none"),
            overlays,
            "overlay refint",
            "refint_attributes member manager uniqueMember",
        ];
        fs::write(folder.path().join("slapd.conf"), configuration.join("\n") + "\n").expect("the configuration");
        let (port, tls_port, process) = launch(&folder);
        let slapd = Self { folder, port, tls_port, process };
        slapd.add(ldif);
        slapd
    }

    /// The address without TLS.
    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// The address with TLS, by the name in the certificate.
    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls_port)
    }

    /// The address for StartTLS, by the name in the certificate.
    pub(crate) fn start_tls_url(&self) -> String {
        format!("ldap://localhost:{}", self.port)
    }

    /// The certificate, which is its own authority.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Adds entries in LDIF.
    pub(crate) fn add(&self, ldif: &str) {
        self.change("ldapadd", ldif);
    }

    /// Makes changes in LDIF.
    pub(crate) fn modify(&self, ldif: &str) {
        self.change("ldapmodify", ldif);
    }

    /// Makes changes in LDIF, one after the other. The server repairs references to what was renamed or deleted when it
    /// finds the time, and a group that gets another name before that keeps a name that leads nowhere: so the next change
    /// waits for the repair.
    pub(crate) fn modify_in_order(&self, ldif: &str) {
        for record in ldif.split("\n\n").map(str::trim).filter(|record| !record.is_empty()) {
            self.modify(&[record, "\n"].concat());
            let (name, moves) = name_and_moves(record);
            if moves {
                self.await_repair(&name);
            }
        }
    }

    fn await_repair(&self, name: &str) {
        let name = ldap3::ldap_escape(name);
        let filter = format!("(|(member={name})(uniqueMember={name})(manager={name}))");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let search = Command::new("ldapsearch")
                .args([
                    "-x",
                    "-LLL",
                    "-H",
                    &self.url(),
                    "-D",
                    ADMIN,
                    "-w",
                    ADMIN_PASSWORD,
                    "-b",
                    SUFFIX,
                    &filter,
                    "1.1",
                ])
                .output()
                .unwrap_or_else(|error| panic!("`ldapsearch` of ldap-utils is needed: {error}"));
            assert!(search.status.success(), "ldapsearch: {}", String::from_utf8_lossy(&search.stderr));
            if search.stdout.trim_ascii().is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "references to {name} stay: {}",
                String::from_utf8_lossy(&search.stdout)
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Replaces one attribute of an entry.
    pub(crate) fn set(&self, dn: &str, attribute: &str, value: &str) {
        self.modify(&format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"));
    }

    /// Deletes an entry.
    pub(crate) fn delete(&self, dn: &str) {
        self.modify(&format!("dn: {dn}\nchangetype: delete\n"));
    }

    /// Gives an entry another name, and another parent where one is given.
    pub(crate) fn rename(&self, dn: &str, rdn: &str, parent: Option<&str>) {
        let parent = parent.map(|parent| format!("newsuperior: {parent}\n")).unwrap_or_default();
        self.modify(&format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n{parent}"));
    }

    /// Stops the server and starts it again, on other ports.
    pub(crate) fn restart(&mut self) {
        stop(&mut self.process);
        (self.port, self.tls_port, self.process) = launch(&self.folder);
    }

    /// A copy of the database as it is now.
    pub(crate) fn backup(&mut self) {
        stop(&mut self.process);
        let copy = self.folder.path().join("backup.mdb");
        fs::copy(self.folder.path().join("db/data.mdb"), copy).expect("a backup");
        (self.port, self.tls_port, self.process) = launch(&self.folder);
    }

    /// Puts the copy back.
    pub(crate) fn restore(&mut self) {
        stop(&mut self.process);
        let copy = self.folder.path().join("backup.mdb");
        fs::copy(copy, self.folder.path().join("db/data.mdb")).expect("the backup in place");
        (self.port, self.tls_port, self.process) = launch(&self.folder);
    }

    fn change(&self, program: &str, ldif: &str) {
        let mut command = Command::new(program)
            .args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", ADMIN_PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`{program}` of ldap-utils is needed: {error}"));
        command.stdin.take().expect("its input").write_all(ldif.as_bytes()).expect("the changes");
        let output = command.wait_with_output().expect("its end");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The name of a record's entry, and whether the change takes the name away from it.
fn name_and_moves(record: &str) -> (String, bool) {
    let lines = record.replace("\n ", "");
    let name = lines.lines().find_map(|line| line.strip_prefix("dn:")).expect("a name");
    let name = match name.strip_prefix(':') {
        None => name.trim().to_owned(),
        Some(encoded) => {
            let name = BASE64_STANDARD.decode(encoded.trim()).expect("a name in base 64");
            String::from_utf8(name).expect("a name in UTF-8")
        }
    };
    (name, lines.lines().any(|line| ["changetype: modrdn", "changetype: delete"].contains(&line)))
}

impl Drop for Slapd {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// Starts the server on free ports. Another process may take a port in between, so it is tried again.
fn launch(folder: &TempDir) -> (u16, u16, Child) {
    for _ in 0..10 {
        let (port, tls_port) = (free_port(), free_port());
        let mut process = Command::new(program())
            .arg("-f")
            .arg(folder.path().join("slapd.conf"))
            .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("`slapd` is needed: {error}"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && process.try_wait().expect("its state").is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() && TcpStream::connect(("127.0.0.1", tls_port)).is_ok() {
                return (port, tls_port, process);
            }
            sleep(Duration::from_millis(10));
        }
        stop(&mut process);
    }
    panic!("slapd does not start; run it by hand with `-d 1` to see why");
}

fn program() -> &'static str {
    if PathBuf::from("/usr/sbin/slapd").exists() { "/usr/sbin/slapd" } else { "slapd" }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Asks the process to end, so that it writes down its state, and waits for it.
fn stop(process: &mut Child) {
    let _ = Command::new("kill").arg(process.id().to_string()).status();
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if process.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    let _ = process.wait();
}

fn write_certificate(folder: &TempDir, certificate: Certificate) {
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    if matches!(certificate, Certificate::Expired) {
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    fs::write(folder.path().join("certificate.pem"), certificate.pem()).expect("the certificate file");
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("the key file");
}
