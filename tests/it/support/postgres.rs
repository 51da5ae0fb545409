//! A PostgreSQL server of our own, for the length of a test.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use provisor::secret::Secret;
use tokio_postgres::NoTls;

/// How long the server may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A private cluster on a free port of the loopback interface. It ends, by process id, when this is dropped.
pub(crate) struct Postgres {
    server: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    /// Starts a server with an empty cluster.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().unwrap();
        let user = Unprivileged::find();
        user.own(folder.path());
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        user.own(&password);
        let data = folder.path().join("data");
        let initdb = user
            .command(&programs.join("initdb"))
            .args(["--username=provisor", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(initdb.status.success(), "initdb failed: {}", String::from_utf8_lossy(&initdb.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = folder.path().join("log");
        let server = user
            .command(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut postgres = Self { server, folder, port };
        postgres.await_ready(&log);
        postgres
    }

    /// The URL of a database, with the right password or another.
    pub(crate) fn url(&self, database: &str, password: &str) -> Secret {
        Secret::new(format!("postgres://provisor:{password}@127.0.0.1:{}/{database}", self.port))
    }

    /// Creates an empty database, and answers its URL.
    pub(crate) async fn create_database(&self, name: &str) -> Secret {
        let url = self.url("postgres", PASSWORD);
        let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
        self.url(name, PASSWORD)
    }

    /// Ends every session of a database, as a restart of the server would.
    pub(crate) async fn disconnect_everyone(&self, database: &str) {
        let url = self.url("postgres", PASSWORD);
        let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        client.execute(end, &[&database]).await.unwrap();
    }

    fn await_ready(&mut self, log: &Path) {
        let started = Instant::now();
        loop {
            let text = fs::read_to_string(log).unwrap_or_default();
            if text.contains("database system is ready to accept connections") {
                return;
            }
            let exited = self.server.try_wait().unwrap();
            assert!(exited.is_none() && started.elapsed() < START, "PostgreSQL did not start: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killing the postmaster alone would leave its children; SIGINT asks it to end them.
        let _ = Command::new("kill").arg("-INT").arg(self.server.id().to_string()).status();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

pub(crate) const PASSWORD: &str = "correct-horse";

/// The folder of the server's programs; tests that need them fail without.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().expect("PostgreSQL is missing: install its server (package `postgresql`), these tests need it")
}

/// PostgreSQL refuses to run as root, so root starts it as the user of its package.
enum Unprivileged {
    Myself,
    Postgres { uid: u32 },
}

impl Unprivileged {
    fn find() -> Self {
        let id = |arguments: &[&str]| -> u32 {
            let output = Command::new("id").args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().parse().expect("`id` prints a number for this user")
        };
        if id(&["-u"]) == 0 { Self::Postgres { uid: id(&["-u", "postgres"]) } } else { Self::Myself }
    }

    fn own(&self, path: &Path) {
        if let Self::Postgres { uid } = self {
            chown(path, Some(*uid), None).unwrap();
            if path.is_dir() {
                fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
            }
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Myself => Command::new(program),
            Self::Postgres { .. } => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            }
        };
        command.current_dir("/").env_remove("PGDATA");
        command
    }
}
