//! Microsoft Graph as a source: users and groups by delta queries, single objects by their id.
//!
//! It reads and never writes, and it knows nothing of who decides what the changes mean.

mod assignments;
mod attribute;
mod client;
mod delta;
mod fetch;
mod find;
mod links;
mod projection;
mod refusal;
mod settings;
mod token;
mod wire;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

pub use assignments::ServicePrincipal;
pub use settings::GraphSettings;

use super::{Feed, Fetched, Page, ReadEnd, Selection, ServerIdentity, Source, SourceError, Start};
use crate::model::{Anchor, Assignment, FeedId, ObjectKind};
use assignments::Assignments;
use client::{Failure, GraphClient};
use delta::Round;
use fetch::Single;
use projection::{Collection, Projection, SelectionProblem};
use wire::{IdPage, Organization, Organizations};

/// A directory that is read over Microsoft Graph.
pub struct GraphSource {
    client: GraphClient,
    /// What is read, in the order of the feeds: users before groups.
    projections: Vec<Projection>,
    view: String,
    /// The application of the job, where the job asks who is assigned to it.
    assigned_to: Option<ServicePrincipal>,
}

impl GraphSource {
    /// Prepares to read what `selection` names. Nothing is sent.
    ///
    /// Fails with [`SourceError::Configuration`] when the settings or the selection cannot be what was meant.
    pub fn new(settings: &GraphSettings, selection: &Selection) -> Result<Self, SourceError> {
        let client = GraphClient::new(settings)?;
        let mut projections = Vec::new();
        for (kind, selected) in selection {
            let collection = Collection::of_kind(kind).ok_or_else(|| unknown_kind(&client, kind))?;
            let projection = Projection::new(kind.clone(), collection, selected);
            projections.push(projection.map_err(|problem| unreadable(&client, kind, problem))?);
        }
        projections.sort_by_key(|projection| projection.collection);
        let view = view(settings, &projections);
        Ok(Self { client, projections, view, assigned_to: None })
    }

    /// The source, which says who is assigned to this application.
    pub fn with_assigned(self, to: ServicePrincipal) -> Self {
        Self { assigned_to: Some(to), ..self }
    }

    fn assigned(&self) -> Option<Assignments<'_>> {
        self.assigned_to.as_ref().map(|of| Assignments { client: &self.client, of })
    }

    async fn tenant(&self) -> Result<Organization, SourceError> {
        let query = [("$select", "id,displayName,verifiedDomains")];
        let all: Organizations = self.ask("organization", &query).await?;
        let tenant = all.value.into_iter().next();
        tenant.ok_or_else(|| self.client.broken("organization", "the answer names no tenant"))
    }

    async fn ask<T: DeserializeOwned>(&self, path: &'static str, query: &[(&str, &str)]) -> Result<T, SourceError> {
        let answer = self.client.get(&self.client.url(&[path], query), path).await;
        answer.map_err(|failure| match failure {
            Failure::Refused(refusal) => self.client.refused(refusal, path),
            Failure::Failed(error) => error,
        })
    }
}

#[async_trait]
impl Source for GraphSource {
    fn feeds(&self) -> Vec<Feed> {
        let feed = |projection: &Projection| Feed {
            id: FeedId::from(projection.collection.name()),
            kind: Some(projection.kind.clone()),
        };
        self.projections.iter().map(feed).collect()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        let tenant = self.tenant().await?;
        for projection in &self.projections {
            // Only whether it may be read matters: a missing permission is told before the first cycle.
            self.ask::<IdPage>(projection.collection.name(), &[("$select", "id"), ("$top", "1")]).await?;
        }
        if let Some(assignments) = self.assigned() {
            assignments.probe().await?;
        }
        let directory = tenant.id.clone();
        Ok(ServerIdentity { directory, view: self.view.clone(), default_domain: tenant.default_domain() })
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let projection = self.projections.iter().find(|projection| projection.collection.name() == feed.id.as_str());
        let projection = projection.ok_or_else(|| SourceError::Configuration {
            server: self.client.server().to_owned(),
            problem: format!("there is no feed `{}`", feed.id),
            hint: "restart the job, so that its feeds are read anew".into(),
        })?;
        Round { client: &self.client, projection }.read(start, &pages).await
    }

    async fn find(&self, kind: &ObjectKind, text: &str) -> Result<Vec<Anchor>, SourceError> {
        match self.projections.iter().find(|projection| projection.kind == *kind) {
            Some(projection) => find::find(&self.client, projection.collection, text).await,
            None => Ok(Vec::new()),
        }
    }

    async fn assignments(&self) -> Result<Option<Vec<Assignment>>, SourceError> {
        match self.assigned() {
            Some(assignments) => assignments.read().await.map(Some),
            None => Ok(None),
        }
    }

    async fn fetch(&self, kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
        match self.projections.iter().find(|projection| projection.kind == *kind) {
            Some(projection) => Single { client: &self.client, projection, anchor }.fetch().await,
            None => Ok(Fetched::OutsideFeed),
        }
    }
}

fn unknown_kind(client: &GraphClient, kind: &ObjectKind) -> SourceError {
    SourceError::Configuration {
        server: client.server().to_owned(),
        problem: format!("the schema reads `{kind}` objects"),
        hint: "objects of the directory are `User` and `Group`".into(),
    }
}

fn unreadable(client: &GraphClient, kind: &ObjectKind, problem: SelectionProblem) -> SourceError {
    let (problem, hint) = match problem {
        SelectionProblem::Attribute(name) => {
            (format!("`{name}` is no attribute of `{kind}`"), "use the property names of the directory")
        }
        SelectionProblem::Reference(name) => (
            format!("the directory does not report changes of the reference `{name}` of `{kind}`"),
            "references are `manager` of users, and `members` and `owners` of groups",
        ),
    };
    SourceError::Configuration { server: client.server().to_owned(), problem, hint: hint.into() }
}

/// Digest of what is asked and as whom. A delta link tracks the selection it was issued for and no other.
fn view(settings: &GraphSettings, projections: &[Projection]) -> String {
    let asked = projections.iter().flat_map(|read| [read.collection.name()].into_iter().chain(read.names()));
    let mut hash = Sha256::new();
    for part in [settings.root_url.as_str(), &settings.tenant, &settings.client_id].into_iter().chain(asked) {
        hash.update(part);
        // A separator, so that parts cannot run into each other.
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
