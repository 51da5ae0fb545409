//! SCIM software that others wrote, at the versions that `tests/interop` pins.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::program::{TOKEN, Target, text_of};
use crate::support::repository;

/// Python takes its time to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// The folder that everything is installed in, by whichever test comes first.
fn installed() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let folder = repository("target/interop");
        let prepared = Command::new(repository("tests/interop/prepare")).arg(&folder).output().expect("bash");
        assert!(prepared.status.success(), "cannot install what is tested against: {}", text_of(&prepared));
        folder
    };
    INSTALLED.get_or_init(install).clone()
}

/// A script of `tests/interop`, ready for its arguments.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(installed().join("venv/bin/python"));
    command.arg(repository("tests/interop").join(script)).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    command
}

/// The test server of `scim2-server` (Python).
pub(crate) fn scim2_server() -> Target {
    // It cannot say which port it took, so it is given one; another process may take that in between.
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let mut process = Command::new(installed().join("venv/bin/scim2-server"))
            .args(["--hostname", "127.0.0.1", "--bearer-token", TOKEN, "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scim2-server");
        let deadline = Instant::now() + START;
        while Instant::now() < deadline && process.try_wait().expect("its state").is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Target::foreign(process, format!("http://127.0.0.1:{port}/v2"));
            }
            sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
    }
    panic!("scim2-server does not start");
}

/// SCIMMY behind Express (JavaScript), with `tests/interop/scimmy.mjs` for its storage.
pub(crate) fn scimmy() -> Target {
    let script = File::open(repository("tests/interop/scimmy.mjs")).expect("the script");
    let mut process = Command::new("node")
        .args(["--input-type=module", "-", TOKEN])
        .current_dir(installed().join("npm"))
        .stdin(script)
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
    let base_url = line.trim().strip_prefix("serving SCIM 2.0 at ").expect("an address").to_owned();
    Target::foreign(process, base_url)
}
