//! The directory that a gateway reads while it is measured: a process of its own, filled with generated people.

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tokio::process::Child;

use super::start_serving;
use crate::{
    cli::DemoSource,
    commands::{
        directory_server::{DirectoryServer, SUFFIX},
        graph_emulator::{CLIENT_ID, CLIENT_SECRET},
    },
    graph_emulator::EVERYBODY,
};

/// The bearer token with which a benchmark changes what the tenant holds.
const TOKEN: &str = "bench";

/// A running directory; it ends with this value.
pub(super) enum Directory {
    Ldap(DirectoryServer),
    Graph(Tenant),
}

/// A generated tenant, served as Microsoft Graph.
pub(super) struct Tenant {
    process: Child,
    root_url: String,
    tenant: String,
}

/// How large a generated tenant is.
pub(super) struct Size {
    pub(super) users: u32,
    /// `None` has one for every fifty users.
    pub(super) groups: Option<u32>,
    /// One group more, which has every user.
    pub(super) everybody: bool,
}

impl Directory {
    pub(super) async fn start(source: DemoSource, users: u32) -> anyhow::Result<Self> {
        match source {
            DemoSource::Ldap => Ok(Self::Ldap(DirectoryServer::start(&people(users)).await?)),
            DemoSource::Graph => Ok(Self::Graph(Tenant::start(Size { users, groups: None, everybody: false }).await?)),
        }
    }

    /// The source `people` of a configuration.
    pub(super) fn configuration(&self) -> Json {
        match self {
            Self::Ldap(server) => json!({ "name": "people", "ldap": server.configuration() }),
            Self::Graph(tenant) => tenant.configuration(),
        }
    }

    pub(super) async fn stop(self) {
        match self {
            Self::Ldap(server) => server.stop().await,
            Self::Graph(tenant) => tenant.stop().await,
        }
    }
}

impl Tenant {
    pub(super) async fn start(size: Size) -> anyhow::Result<Self> {
        let (users, groups) = (size.users.to_string(), size.groups.map(|groups| groups.to_string()));
        let mut arguments = vec![
            "graph-emulator",
            "--listen",
            "127.0.0.1:0",
            "--page-size",
            "999",
            "--token",
            TOKEN,
            "--users",
            &users,
        ];
        if let Some(groups) = &groups {
            arguments.extend(["--groups", groups]);
        }
        if size.everybody {
            arguments.push("--everybody");
        }
        let (process, line) = start_serving(&arguments).await?;
        let root_url = line.split_once(" at ").and_then(|(_, rest)| rest.split_once("/v1.0")).map(|(root, _)| root);
        let tenant = line.split_once("(tenant ").and_then(|(_, rest)| rest.split_once(',')).map(|(tenant, _)| tenant);
        let root_url = root_url.context("the emulator did not say where it serves")?.to_owned();
        let tenant = tenant.context("the emulator did not name its tenant")?.to_owned();
        Ok(Self { process, root_url, tenant })
    }

    /// The source `people` of a configuration.
    pub(super) fn configuration(&self) -> Json {
        json!({ "name": "people", "graph": {
            "root_url": self.root_url, "authority_url": self.root_url, "tenant": self.tenant,
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        } })
    }

    /// The ids of some users, the first of the directory.
    pub(super) async fn some_users(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let page: Json = self.request(reqwest::Method::GET, "users?$select=id", None).await?.json().await?;
        let ids = page["value"].as_array().into_iter().flatten().filter_map(|user| user["id"].as_str());
        Ok(ids.take(count).map(str::to_owned).collect())
    }

    /// The id of the group that has every user.
    pub(super) async fn everybody(&self) -> anyhow::Result<String> {
        let mut next = Some("groups?$select=id,displayName".to_owned());
        while let Some(path) = next {
            let page: Json = self.request(reqwest::Method::GET, &path, None).await?.json().await?;
            let mut groups = page["value"].as_array().into_iter().flatten();
            if let Some(found) = groups.find(|group| group["displayName"] == EVERYBODY) {
                return Ok(found["id"].as_str().context("a group without an id")?.to_owned());
            }
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        bail!("the tenant has no group of everybody")
    }

    /// Sends a request for something below `/v1.0`, which must succeed.
    pub(super) async fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Json>,
    ) -> anyhow::Result<reqwest::Response> {
        let url = url::Url::parse(&self.root_url)?.join("/v1.0/")?.join(path)?;
        let request = reqwest::Client::new().request(method, url).bearer_auth(TOKEN);
        let request = body.iter().fold(request, |request, body| request.json(body));
        Ok(request.send().await?.error_for_status()?)
    }

    pub(super) async fn stop(mut self) {
        // A process that is gone already needs no killing.
        let _ = self.process.kill().await;
    }
}

/// A directory of people with the attributes that the default mapping reads.
fn people(count: u32) -> String {
    let mut ldif = String::new();
    let mut entry = |dn: &str, lines: &[(&str, String)]| {
        ldif.push_str(&["dn: ", dn, "\n"].concat());
        for (name, value) in lines {
            ldif.push_str(&[name, ": ", value, "\n"].concat());
        }
        ldif.push('\n');
    };
    let text = |value: &str| value.to_owned();
    entry(
        SUFFIX,
        &[
            ("objectClass", text("dcObject")),
            ("objectClass", text("organization")),
            ("dc", text("example")),
            ("o", text("Example")),
        ],
    );
    for unit in ["people", "groups"] {
        entry(&["ou=", unit, ",", SUFFIX].concat(), &[("objectClass", text("organizationalUnit")), ("ou", text(unit))]);
    }
    let departments = ["Engineering", "Sales", "Finance", "Support", "Logistics"];
    for number in 0..count {
        let uid = format!("user{number:07}");
        let dn = ["uid=", &uid, ",ou=people,", SUFFIX].concat();
        entry(
            &dn,
            &[
                ("objectClass", text("inetOrgPerson")),
                ("uid", uid.clone()),
                ("cn", format!("Given{number} Family{number}")),
                ("givenName", format!("Given{number}")),
                ("sn", format!("Family{number}")),
                ("mail", format!("{uid}@provisor.example")),
                ("title", text("Engineer")),
                ("employeeNumber", number.to_string()),
                ("departmentNumber", text(departments[number as usize % departments.len()])),
                ("telephoneNumber", format!("+1 555 {number:07}")),
                ("l", text("Springfield")),
                ("street", format!("{number} Main Street")),
            ],
        );
    }
    ldif
}
