//! The application that a gateway fills while it is measured: the embedded one, in a process of its own.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::process::Child;

use super::{cpu_time, start_serving};
use crate::{
    model::ResourceKind,
    scim::Resource,
    secret::Secret,
    target::{Auth, Protected, ScimSettings, ScimTarget},
};

/// The bearer token of the target.
pub(super) const TOKEN: &str = "bench";
/// Requests that the bare client prepares at once; its pace decides how many run.
const AHEAD: usize = 64;

/// A running target; it ends with this value.
pub(super) struct Target {
    process: Child,
    pub(super) base_url: String,
}

/// What filling a target took the bare client, which is this process.
pub(super) struct Filled {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

/// One write request, as the target's journal has it.
#[derive(Debug, Deserialize)]
pub(super) struct Written {
    pub(super) body: Json,
}

impl Target {
    /// A target that answers at once and keeps everything in memory.
    pub(super) async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// One that answers every write after so long. `folder` holds the rule.
    pub(super) async fn start_slow(latency: Duration, folder: &Path) -> anyhow::Result<Self> {
        let rules = folder.join("faults.json");
        let delay = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        std::fs::write(&rules, serde_json::json!([{ "every": 1, "do": { "delay_ms": delay } }]).to_string())
            .context("cannot write the rule that makes the target slow")?;
        let rules = rules.to_str().context("the folder for temporary files has a name that is no text")?;
        Self::start_with(&["--faults", rules]).await
    }

    /// One that keeps its resources in a file.
    pub(super) async fn start_on_file(folder: &Path) -> anyhow::Result<Self> {
        let database = folder.join("target.db");
        let database = database.to_str().context("the folder for temporary files has a name that is no text")?;
        Self::start_with(&["--database", database]).await
    }

    async fn start_with(options: &[&str]) -> anyhow::Result<Self> {
        let mut arguments = vec!["target", "--listen", "127.0.0.1:0", "--token", TOKEN];
        arguments.extend(options);
        let (process, line) = start_serving(&arguments).await?;
        let base_url = line.rsplit_once(' ').context("the target did not say where it serves")?.1.to_owned();
        Ok(Self { process, base_url })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        let url = url::Url::parse(&self.base_url).context("the target's address")?;
        let address = url.socket_addrs(|| None)?.into_iter().next();
        address.context("the target's address has no port")
    }

    /// How many users it has.
    pub(super) async fn users(&self) -> anyhow::Result<u64> {
        let url = [&self.base_url, "/Users?count=0"].concat();
        let answer = reqwest::Client::new().get(url).bearer_auth(TOKEN).send().await?.error_for_status()?;
        answer.json::<Json>().await?["totalResults"].as_u64().context("the target does not count its users")
    }

    /// The CPU time that its process has used so far.
    pub(super) fn cpu(&self) -> Duration {
        self.process.id().and_then(cpu_time).unwrap_or_default()
    }

    /// The same client library as the gateway's, with nothing of the engine.
    fn client(&self, concurrency: usize) -> anyhow::Result<ScimTarget> {
        let base_url = self.base_url.parse().context("the target's address")?;
        let settings = ScimSettings::new(base_url, Auth::Bearer(Secret::new(TOKEN)));
        Ok(ScimTarget::new(ScimSettings { concurrency, ..settings }, Protected::default())?)
    }

    /// Every user as it would be posted: without what the server adds.
    pub(super) async fn bodies(&self) -> anyhow::Result<Vec<Resource>> {
        let client = self.client(1)?;
        let mut bodies = Vec::new();
        let mut start = None;
        loop {
            let page = client.list(&ResourceKind::from("Users"), start).await?;
            bodies.extend(page.resources.into_iter().map(|mut resource| {
                for added in ["id", "meta", "groups"] {
                    resource.as_map_mut().remove(added);
                }
                resource
            }));
            match page.next {
                Some(next) => start = Some(next),
                None => return Ok(bodies),
            }
        }
    }

    /// Posts the bodies as fast as the target takes them, with so many requests under way at once.
    pub(super) async fn fill(&self, bodies: Vec<Resource>, concurrency: usize) -> anyhow::Result<Filled> {
        let client = self.client(concurrency)?;
        let kind = ResourceKind::from("Users");
        let own_cpu = || cpu_time(std::process::id()).unwrap_or_default();
        let (started, cpu_before) = (Instant::now(), own_cpu());
        stream::iter(bodies)
            .map(|body| {
                let (client, kind) = (&client, &kind);
                async move { client.create(kind, &body).await }
            })
            .buffer_unordered(AHEAD)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(Filled { wall: started.elapsed(), cpu: own_cpu().saturating_sub(cpu_before) })
    }

    /// Forgets the write requests that came so far.
    pub(super) async fn forget(&self) -> anyhow::Result<()> {
        self.journal(reqwest::Method::DELETE).await.map(drop)
    }

    /// The write requests that came since they were forgotten last; of very many, the first.
    pub(super) async fn written(&self) -> anyhow::Result<Vec<Written>> {
        Ok(self.journal(reqwest::Method::GET).await?.json().await?)
    }

    async fn journal(&self, method: reqwest::Method) -> anyhow::Result<reqwest::Response> {
        let url = url::Url::parse(&self.base_url)?.join("/admin/journal")?;
        Ok(reqwest::Client::new().request(method, url).bearer_auth(TOKEN).send().await?.error_for_status()?)
    }

    pub(super) async fn stop(mut self) {
        // A process that is gone already needs no killing.
        let _ = self.process.kill().await;
    }
}
