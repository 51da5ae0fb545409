//! The embedded target beside a bare handler, beside `scim2-server`, and with a hundred times as many users beside
//! itself.

use std::{
    fs::File,
    io::{BufWriter, Write},
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tokio::process::Command;

use super::{
    load::{Measured, Peer, TOKEN, Task, user},
    median,
};
use crate::cli::BenchScim;

/// How long another server may take to start.
const START: Duration = Duration::from_secs(60);

/// One operation on one server, over all rounds.
struct Figure {
    per_second: f64,
    cpu_micros: f64,
    p50_micros: f64,
    /// CPU as a multiple of the echo's.
    times_echo: f64,
    /// CPU of `scim2-server` as a multiple of ours.
    scim2_times: Option<f64>,
}

/// What one round measured of one operation.
struct Round {
    echo: Measured,
    ours: Measured,
    alone: Measured,
    scim2: Option<Measured>,
}

/// Every operation with its figure.
pub(super) struct Operations(Vec<(Task, Figure)>);

/// One operation on few users and on many: medians in microseconds, and how much longer the many take.
struct Grown {
    few: f64,
    many: f64,
    ratio: f64,
}

/// Every operation on few users and on many.
pub(super) struct Growth {
    loaded_in: Duration,
    figures: Vec<(Task, Grown)>,
}

/// The operations at the usual number of users.
pub(super) async fn operations(options: &BenchScim, folder: &Path) -> anyhow::Result<Operations> {
    let echo = Peer::start(&["bench", "echo"]).await?;
    let mut ours = target(&folder.join("usual.db"), None).await?;
    ours.fill(options.users, options.connections).await?;
    let scim2 = match &options.scim2_server {
        Some(program) => {
            let mut server = scim2_server(program).await?;
            server.fill(options.users, options.connections).await?;
            Some(server)
        }
        None => None,
    };
    let mut figures = Vec::new();
    for task in Task::ALL {
        let mut rounds = Vec::new();
        for _ in 0..options.rounds.max(1) {
            let during = Duration::from_secs(options.seconds.max(1));
            rounds.push(Round {
                echo: echo.measure(Task::Create, options.connections, during).await?,
                ours: ours.measure(task, options.connections, during).await?,
                alone: ours.measure(task, 1, during).await?,
                scim2: match &scim2 {
                    Some(server) => Some(server.measure(task, options.connections, during).await?),
                    None => None,
                },
            });
        }
        eprintln!("{}: measured", task.name());
        figures.push((task, Figure::of(&rounds)));
    }
    for server in [echo, ours].into_iter().chain(scim2) {
        server.stop().await;
    }
    Ok(Operations(figures))
}

impl Operations {
    pub(super) fn print(&self) {
        println!(
            "{:<14}{:>12}{:>14}{:>14}{:>12}{:>24}",
            "", "requests/s", "CPU µs/req.", "p50 µs alone", "× echo CPU", "scim2-server × our CPU"
        );
        for (task, figure) in &self.0 {
            let scim2 = figure.scim2_times.map_or_else(|| "-".to_owned(), |times| format!("{times:.1}"));
            println!(
                "{:<14}{:>12.0}{:>14.1}{:>14.0}{:>12.2}{scim2:>24}",
                task.name(),
                figure.per_second,
                figure.cpu_micros,
                figure.p50_micros,
                figure.times_echo
            );
        }
    }

    pub(super) fn as_json(&self) -> Json {
        let figure = |(task, figure): &(Task, Figure)| {
            let told = json!({
                "requestsPerSecond": figure.per_second, "cpuMicrosPerRequest": figure.cpu_micros,
                "p50MicrosAlone": figure.p50_micros, "cpuTimesEcho": figure.times_echo,
                "scim2ServerCpuTimesOurs": figure.scim2_times,
            });
            (task.name().to_owned(), told)
        };
        Json::Object(self.0.iter().map(figure).collect())
    }
}

impl Figure {
    fn of(rounds: &[Round]) -> Self {
        let over = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value));
        let scim2 = |round: &Round| Some(round.scim2?.cpu_micros() / round.ours.cpu_micros());
        let scim2_times: Vec<f64> = rounds.iter().filter_map(scim2).collect();
        Self {
            per_second: over(&|round| round.ours.per_second()),
            cpu_micros: over(&|round| round.ours.cpu_micros()),
            p50_micros: over(&|round| round.alone.p50.as_secs_f64() * 1e6),
            times_echo: over(&|round| round.ours.cpu_micros() / round.echo.cpu_micros()),
            scim2_times: (!scim2_times.is_empty()).then(|| median(scim2_times)),
        }
    }
}

/// Many users beside the usual number, each loaded from a file with one user a line.
pub(super) async fn growth(options: &BenchScim, folder: &Path) -> anyhow::Result<Growth> {
    let started = Instant::now();
    let mut servers = Vec::new();
    for (name, users) in [("few", options.users), ("many", options.large_users)] {
        let file = folder.join(name).with_extension("jsonl");
        write_users(&file, users).context("cannot write the users to load")?;
        let mut server = target(&folder.join(name).with_extension("db"), Some(&file)).await?;
        server.loaded(users).await?;
        servers.push(server);
    }
    let loaded_in = started.elapsed();
    eprintln!("{} users: loaded in {} s", options.large_users, loaded_in.as_secs());
    let mut figures = Vec::new();
    for task in Task::ALL {
        let mut medians = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds.max(1) {
            for (server, medians) in servers.iter().zip(&mut medians) {
                let measured = server.measure(task, 1, Duration::from_secs(options.seconds.max(1))).await?;
                medians.push(measured.p50.as_secs_f64() * 1e6);
            }
        }
        let [few, many] = medians;
        let ratio = median(few.iter().zip(&many).map(|(few, many)| many / few));
        figures.push((task, Grown { few: median(few), many: median(many), ratio }));
    }
    for server in servers {
        server.stop().await;
    }
    Ok(Growth { loaded_in, figures })
}

impl Growth {
    pub(super) fn print(&self, options: &BenchScim) {
        println!(
            "\n{} users beside {}, one connection, loaded in {} s",
            options.large_users,
            options.users,
            self.loaded_in.as_secs()
        );
        println!("{:<14}{:>12}{:>14}{:>12}", "", "p50 µs few", "p50 µs many", "many ÷ few");
        for (task, Grown { few, many, ratio }) in &self.figures {
            println!("{:<14}{few:>12.0}{many:>14.0}{ratio:>12.2}", task.name());
        }
    }

    pub(super) fn as_json(&self) -> Json {
        let figure = |(task, grown): &(Task, Grown)| {
            let told = json!({ "p50MicrosFew": grown.few, "p50MicrosMany": grown.many, "ratio": grown.ratio });
            (task.name().to_owned(), told)
        };
        Json::Object(self.figures.iter().map(figure).collect())
    }
}

/// The embedded target on a file: its writes are durable before they are answered.
async fn target(database: &Path, load: Option<&Path>) -> anyhow::Result<Peer> {
    let mut arguments = vec!["target", "--listen", "127.0.0.1:0", "--token", TOKEN, "--database", text(database)?];
    if let Some(file) = load {
        arguments.extend(["--load", text(file)?]);
    }
    Peer::start(&arguments).await
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the folder for temporary files has a name that is no text")
}

async fn scim2_server(program: &Path) -> anyhow::Result<Peer> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr())?.port();
    let mut process = Command::new(program)
        .args(["--hostname", "127.0.0.1", "--bearer-token", TOKEN, "--port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let started = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if started.elapsed() > START || process.try_wait()?.is_some() {
            bail!("`{}` does not start", program.display());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Peer::of(process, format!("http://127.0.0.1:{port}/v2"))
}

/// A file with one of so many users a line.
fn write_users(file: &Path, users: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    for number in 0..users {
        writeln!(file, "{}", user(number))?;
    }
    file.flush()
}
