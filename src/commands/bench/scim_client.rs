//! The gateway's SCIM client beside a loop over a bare HTTP client that posts the same bodies with the same concurrency.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value as Json, json};

use super::{
    cpu_time,
    load::{Peer, TOKEN, user},
    median,
};
use crate::{
    cli::BenchScim,
    model::ResourceKind,
    scim::{Resource, urn},
    secret::Secret,
    target::{Auth, Protected, ScimSettings, ScimTarget},
};

/// What the gateway sends at once by default.
const AT_ONCE: usize = 16;

/// One client in one round.
struct Sent {
    per_second: f64,
    cpu_micros: f64,
}

/// Our client beside the bare one.
struct Figure {
    per_second: f64,
    bare_per_second: f64,
    ratio: f64,
    cpu_times_bare: f64,
}

/// Both kinds of server, with their figures.
pub(super) struct Clients(Vec<(&'static str, Figure)>);

/// Against a server that answers at once, and against one that takes 20 ms.
pub(super) async fn clients(options: &BenchScim) -> anyhow::Result<Clients> {
    let mut figures = Vec::new();
    for (name, latency) in [("answered at once", "0"), ("answered after 20 ms", "20")] {
        let server = Peer::start(&["bench", "echo", "--latency-ms", latency]).await?;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds.max(1) {
            let during = Duration::from_secs(options.seconds.max(1));
            ours.push(with_our_client(&server.base_url, during).await?);
            bare.push(with_bare_client(&server.base_url, during).await?);
        }
        server.stop().await;
        let pairs = || ours.iter().zip(&bare);
        let figure = Figure {
            per_second: median(ours.iter().map(|sent| sent.per_second)),
            bare_per_second: median(bare.iter().map(|sent| sent.per_second)),
            ratio: median(pairs().map(|(ours, bare)| ours.per_second / bare.per_second)),
            cpu_times_bare: median(pairs().map(|(ours, bare)| ours.cpu_micros / bare.cpu_micros)),
        };
        figures.push((name, figure));
    }
    Ok(Clients(figures))
}

impl Clients {
    pub(super) fn print(&self) {
        println!(
            "\n{:<34}{:>12}{:>12}{:>12}{:>14}",
            "SCIM client, create", "requests/s", "bare", "ratio", "CPU × bare"
        );
        for (name, Figure { per_second, bare_per_second, ratio, cpu_times_bare }) in &self.0 {
            println!("{name:<34}{per_second:>12.0}{bare_per_second:>12.0}{ratio:>12.2}{cpu_times_bare:>14.2}");
        }
    }

    pub(super) fn as_json(&self) -> Json {
        let figure = |(name, figure): &(&str, Figure)| {
            let told = json!({
                "requestsPerSecond": figure.per_second, "bareRequestsPerSecond": figure.bare_per_second,
                "ratio": figure.ratio, "cpuTimesBare": figure.cpu_times_bare,
            });
            ((*name).to_owned(), told)
        };
        Json::Object(self.0.iter().map(figure).collect())
    }
}

async fn with_our_client(base_url: &str, during: Duration) -> anyhow::Result<Sent> {
    let settings =
        ScimSettings::new(base_url.parse().context("the server's address")?, Auth::Bearer(Secret::new(TOKEN)));
    let client = ScimTarget::new(settings, Protected::default())?;
    let kind = ResourceKind::from(urn::USERS);
    send(during, |number| {
        let (client, kind) = (&client, &kind);
        async move {
            let body: Resource = serde_json::from_value(user(number))?;
            client.create(kind, &body).await?;
            Ok(())
        }
    })
    .await
}

async fn with_bare_client(base_url: &str, during: Duration) -> anyhow::Result<Sent> {
    let client = reqwest::Client::builder().no_proxy().build().context("cannot set up the bare client")?;
    let url = [base_url, "/Users"].concat();
    send(during, |number| {
        let request = client.post(&url).bearer_auth(TOKEN).header(ACCEPT, urn::MEDIA_TYPE);
        async move {
            let body: Resource = serde_json::from_value(user(number))?;
            let request = request.header(CONTENT_TYPE, urn::MEDIA_TYPE).body(serde_json::to_vec(&body)?);
            let response = request.send().await?;
            if !response.status().is_success() {
                bail!("the echo answered with {}", response.status());
            }
            let created: Resource = serde_json::from_slice(&response.bytes().await?)?;
            created.id().context("no id").map(drop)
        }
    })
    .await
}

/// Sends until the time is up, and says what that took of this process.
async fn send<F: Future<Output = anyhow::Result<()>>>(
    during: Duration,
    one: impl Fn(u64) -> F,
) -> anyhow::Result<Sent> {
    let process = std::process::id();
    let cpu_before = cpu_time(process).unwrap_or_default();
    let started = Instant::now();
    let requests = stream::iter(0_u64..)
        .take_while(|_| std::future::ready(started.elapsed() < during))
        .map(one)
        .buffer_unordered(AT_ONCE)
        .try_fold(0_u64, |sent, ()| std::future::ready(Ok(sent + 1)))
        .await?;
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_time(process).unwrap_or_default().saturating_sub(cpu_before);
    let count = requests.max(1) as f64;
    Ok(Sent { per_second: count / wall, cpu_micros: cpu.as_secs_f64() * 1e6 / count })
}
