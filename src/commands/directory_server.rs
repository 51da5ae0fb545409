//! An OpenLDAP server of our own, for the demo and the benchmark: started as an ordinary process on a free loopback
//! port, in a folder that goes with it.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::source::ldap::LdapSettings;

/// The suffix of the directory.
pub(super) const SUFFIX: &str = "dc=example,dc=org";
const ADMIN: &str = "cn=admin,dc=example,dc=org";
/// The directory lives on loopback, for minutes, and holds invented people.
const PASSWORD: &str = "demo";

/// How long the server may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(20);

const FIXTURE: &str = include_str!("../../fixtures/ldap/directory.ldif");
const FIXTURE_CHANGES: &str = include_str!("../../fixtures/ldap/changes.ldif");

/// A running server; it ends with this value.
pub(super) struct DirectoryServer {
    port: u16,
    process: Child,
    folder: PathBuf,
}

impl DirectoryServer {
    /// Starts a server that holds the fixture directory.
    pub(super) async fn start_with_fixture() -> anyhow::Result<Self> {
        Self::start(FIXTURE).await
    }

    /// Starts a server that holds the entries of `ldif`.
    pub(super) async fn start(ldif: &str) -> anyhow::Result<Self> {
        let slapd = find_program("slapd")?;
        let slapadd = find_program("slapadd")?;
        let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        std::fs::create_dir_all(folder.join("db")).with_context(|| format!("cannot make `{}`", folder.display()))?;
        let configuration = folder.join("slapd.conf");
        std::fs::write(&configuration, configuration_text(&folder)?)
            .context("cannot write the server's configuration")?;
        load(&slapadd, &configuration, ldif).await?;
        let port = free_port()?;
        let process = Command::new(slapd)
            .args(["-d", "0", "-h"])
            .arg(["ldap://127.0.0.1:", &port.to_string()].concat())
            .arg("-f")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start slapd")?;
        let mut server = Self { port, process, folder };
        server.wait_until_it_answers().await?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        ["ldap://127.0.0.1:", &self.port.to_string()].concat()
    }

    /// How a source reads this directory, as `provisor.yaml` says it.
    pub(super) fn configuration(&self) -> Json {
        let people = ["ou=people,", SUFFIX].concat();
        let groups = ["ou=groups,", SUFFIX].concat();
        json!({
            "urls": [self.url()],
            "security": "plain",
            "bind_dn": ADMIN,
            "password": PASSWORD,
            "users": { "kind": "User", "base": people, "filter": "(objectClass=inetOrgPerson)" },
            "groups": {
                "kind": "Group",
                "base": groups,
                "filter": "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
            },
        })
    }

    /// The same for a source in this process.
    pub(super) fn source_settings(&self) -> anyhow::Result<LdapSettings> {
        serde_json::from_value(self.configuration()).context("the settings of the directory's source")
    }

    /// Applies the fixture's changes: people join, move and leave, and a group changes.
    pub(super) async fn apply_fixture_changes(&self) -> anyhow::Result<()> {
        let ldapmodify = find_program("ldapmodify")?;
        let mut command = Command::new(ldapmodify);
        command.args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", PASSWORD]);
        feed(command, FIXTURE_CHANGES).await.context("ldapmodify")
    }

    pub(super) async fn stop(mut self) {
        // Killing a server whose folder is thrown away loses nothing.
        let _ = self.process.kill().await;
    }

    async fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let answers = async {
            while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
                if let Some(status) = self.process.try_wait()? {
                    bail!("slapd ended at once ({status})");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        };
        tokio::time::timeout(START_TIMEOUT, answers).await.context("slapd does not answer")?
    }
}

impl Drop for DirectoryServer {
    fn drop(&mut self) {
        // The process is killed on drop; its folder goes too, and nobody is left to hear about a failure.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Servers live outside the search path of ordinary users.
fn find_program(name: &str) -> anyhow::Result<PathBuf> {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/usr/libexec", "/opt/homebrew/opt/openldap/libexec"]
        .into_iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!("`{name}` is not installed; on Debian or Ubuntu: sudo apt-get install slapd ldap-utils")
        })
}

fn configuration_text(folder: &Path) -> anyhow::Result<String> {
    let schemas = ["/etc/ldap/schema", "/etc/openldap/schema", "/usr/local/etc/openldap/schema"]
        .into_iter()
        .find(|folder| Path::new(folder).join("inetorgperson.schema").is_file())
        .context("the schema files of OpenLDAP are not where they are expected (/etc/ldap/schema)")?;
    let modules = ["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/libexec/openldap"];
    let mut text = String::new();
    for schema in ["core", "cosine", "inetorgperson", "nis"] {
        text.push_str(&["include ", schemas, "/", schema, ".schema\n"].concat());
    }
    if let Some(folder) = modules.into_iter().find(|folder| Path::new(folder).is_dir()) {
        text.push_str(
            &["modulepath ", folder, "\nmoduleload back_mdb\nmoduleload syncprov\nmoduleload refint\n"].concat(),
        );
    }
    let folder = folder.to_str().context("the folder for temporary files has a name that is no text")?;
    text.push_str(&["pidfile ", folder, "/slapd.pid\n"].concat());
    text.push_str("sizelimit unlimited\ndatabase mdb\nmaxsize 4294967296\ndbnosync\n");
    text.push_str(&["suffix \"", SUFFIX, "\"\nrootdn \"", ADMIN, "\"\nrootpw ", PASSWORD, "\n"].concat());
    text.push_str(&["directory ", folder, "/db\n"].concat());
    text.push_str("index objectClass,entryUUID,entryCSN,uid,member eq\noverlay syncprov\nsyncprov-sessionlog 10000\n");
    text.push_str("overlay refint\nrefint_attributes member uniqueMember manager\n");
    Ok(text)
}

async fn load(slapadd: &Path, configuration: &Path, ldif: &str) -> anyhow::Result<()> {
    let mut command = Command::new(slapadd);
    command.args(["-q", "-w", "-f"]).arg(configuration);
    feed(command, ldif).await.context("slapadd")
}

/// Runs a program on this input; what it complains about becomes the error.
async fn feed(mut command: Command, input: &str) -> anyhow::Result<()> {
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut stdin = process.stdin.take().context("the program takes no input")?;
    let input = input.to_owned();
    let writer = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let output = process.wait_with_output().await?;
    // A program that fails early closes its input; its own words say more than the broken pipe.
    let _ = writer.await;
    if !output.status.success() {
        bail!("{} ({})", String::from_utf8_lossy(&output.stderr).trim(), output.status);
    }
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on the loopback address")?;
    Ok(listener.local_addr()?.port())
}
