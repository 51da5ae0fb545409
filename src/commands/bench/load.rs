//! Load on a server: requests over a few connections that stay open, for a while, and what that took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use reqwest::{Method, RequestBuilder, header::CONTENT_TYPE};
use serde_json::{Value as Json, json};
use tokio::process::Child;
use url::form_urlencoded;

use super::{cpu_time, median, start_serving};
use crate::scim::{AttributePath, Filter, Operation, PatchOp, urn};

/// The bearer token of every server that is measured.
pub(super) const TOKEN: &str = "bench";
/// Resources of a list.
const PAGE: u64 = 100;
/// Lists from which the ids of a server that was filled from a file are taken.
const SAMPLED_LISTS: u64 = 100;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Create,
    Get,
    /// `userName eq`.
    Find,
    /// A `replace` of two attributes.
    Patch,
    /// A page of a hundred users.
    List,
}

impl Task {
    pub(super) const ALL: [Self; 5] = [Self::Create, Self::Get, Self::Find, Self::Patch, Self::List];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::Find => "filter eq",
            Self::Patch => "PATCH",
            Self::List => "list of 100",
        }
    }
}

/// What some load took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) requests: u64,
    pub(super) wall: Duration,
    /// Of the server's process.
    pub(super) cpu: Duration,
    /// Half of the answers came within this.
    pub(super) p50: Duration,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64()
    }

    /// The server's CPU time for one request, in microseconds.
    pub(super) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }
}

/// A server in a process of its own, and the users that it has.
pub(super) struct Peer {
    process: Child,
    pub(super) base_url: String,
    client: reqwest::Client,
    /// The users that it was filled with.
    users: u64,
    /// The ids of these users, or of some from everywhere among them.
    ids: Vec<String>,
    /// The number of the next user to be created.
    next: AtomicU64,
}

impl Peer {
    /// This program as a server; the address is the last word of its first line.
    pub(super) async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let (process, line) = start_serving(arguments).await?;
        let base_url = line.rsplit(' ').next().context("the server did not say where it serves")?.to_owned();
        Self::of(process, base_url)
    }

    /// A server that was started elsewhere.
    pub(super) fn of(process: Child, base_url: String) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build().context("cannot set up the load")?;
        Ok(Self { process, base_url, client, users: 0, ids: Vec::new(), next: AtomicU64::new(0) })
    }

    /// Creates so many users over so many connections.
    pub(super) async fn fill(&mut self, users: u64, connections: usize) -> anyhow::Result<()> {
        let requests = (0..users).map(|number| self.request(Method::POST, "/Users").body(user(number).to_string()));
        let created: Vec<Json> =
            stream::iter(requests)
                .map(|request| async move {
                    anyhow::Ok(serde_json::from_slice::<Json>(&answer(request).await?)?["id"].take())
                })
                .buffer_unordered(connections)
                .try_collect()
                .await
                .context("the server cannot be filled")?;
        self.holds(users, created);
        Ok(())
    }

    /// Learns the ids of some of the users, of whom it was given so many to load.
    pub(super) async fn loaded(&mut self, users: u64) -> anyhow::Result<()> {
        let mut ids = Vec::new();
        for list in 0..SAMPLED_LISTS {
            let listed = answer(self.list_from(1 + list * users / SAMPLED_LISTS)).await?;
            let mut listed: Json = serde_json::from_slice(&listed).context("no list of users")?;
            let users = listed["Resources"].as_array_mut().context("no list of users")?;
            ids.extend(users.iter_mut().map(|user| user["id"].take()));
        }
        self.holds(users, ids);
        Ok(())
    }

    fn holds(&mut self, users: u64, ids: Vec<Json>) {
        self.users = users;
        self.ids = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        self.next.store(users, Ordering::Relaxed);
    }

    /// Asks this of the server for so long, over so many connections.
    pub(super) async fn measure(&self, task: Task, connections: usize, during: Duration) -> anyhow::Result<Measured> {
        let process = self.process.id().context("the server is gone")?;
        let cpu_before = cpu_time(process).unwrap_or_default();
        let started = Instant::now();
        let connection = || async {
            let mut took = Vec::new();
            while started.elapsed() < during {
                let request = self.request_of(task);
                let sent_at = Instant::now();
                answer(request).await.with_context(|| task.name())?;
                took.push(sent_at.elapsed().as_secs_f64());
            }
            anyhow::Ok(took)
        };
        let took = try_join_all((0..connections).map(|_| connection())).await?.concat();
        let wall = started.elapsed();
        let cpu = cpu_time(process).context("the server is gone")?.saturating_sub(cpu_before);
        Ok(Measured { requests: took.len() as u64, wall, cpu, p50: Duration::from_secs_f64(median(took)) })
    }

    fn request_of(&self, task: Task) -> RequestBuilder {
        let one = || {
            let id = self.ids.get(rand::random_range(0..self.ids.len().max(1)));
            ["/Users/", id.map_or("", String::as_str)].concat()
        };
        match task {
            Task::Create => {
                let next = self.next.fetch_add(1, Ordering::Relaxed);
                self.request(Method::POST, "/Users").body(user(next).to_string())
            }
            Task::Get => self.request(Method::GET, &one()),
            Task::Find => {
                let number = rand::random_range(0..self.users.max(1));
                let filter = Filter::equals(AttributePath::new("userName"), user_name(number));
                self.query(&[("filter", &filter.to_string())])
            }
            Task::Patch => {
                let changed = rand::random::<u32>().to_string();
                let operations = vec![
                    Operation::replace(AttributePath::new("title"), Json::from(changed.clone())),
                    Operation::replace(AttributePath::new("name").part("familyName"), Json::from(changed)),
                ];
                self.request(Method::PATCH, &one()).body(json!(PatchOp { operations }).to_string())
            }
            Task::List => self.list_from(1 + rand::random_range(0..=self.users.saturating_sub(PAGE))),
        }
    }

    fn list_from(&self, start: u64) -> RequestBuilder {
        self.query(&[("startIndex", &start.to_string()), ("count", &PAGE.to_string())])
    }

    fn query(&self, parameters: &[(&str, &str)]) -> RequestBuilder {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.request(Method::GET, &["/Users?", &query].concat())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, [&self.base_url, path].concat()).bearer_auth(TOKEN);
        request.header(CONTENT_TYPE, urn::MEDIA_TYPE)
    }

    pub(super) async fn stop(mut self) {
        // A process that is gone already needs no killing.
        let _ = self.process.kill().await;
    }
}

async fn answer(request: RequestBuilder) -> anyhow::Result<bytes::Bytes> {
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    if !status.is_success() {
        bail!("answered with {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(body)
}

fn user_name(number: u64) -> String {
    format!("user{number:07}@provisor.example")
}

/// The body of the nth user.
pub(super) fn user(number: u64) -> Json {
    let departments = ["Engineering", "Sales", "Finance", "Support", "Logistics"];
    let name = user_name(number);
    json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "userName": name,
        "externalId": number.to_string(),
        "displayName": format!("Given{number} Family{number}"),
        "title": "Engineer",
        "active": true,
        "name": {
            "givenName": format!("Given{number}"), "familyName": format!("Family{number}"),
            "formatted": format!("Given{number} Family{number}"),
        },
        "emails": [{ "type": "work", "value": name }],
        "phoneNumbers": [{ "type": "work", "value": format!("+1 555 {number:07}") }],
        (urn::ENTERPRISE_USER): {
            "employeeNumber": number.to_string(), "department": departments[number as usize % departments.len()],
        },
    })
}
