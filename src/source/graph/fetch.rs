//! One object as it is now, by its id: properties, references, and where it went when it is not there.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use url::Url;

use super::{
    attribute::Properties,
    client::{Failure, GraphClient},
    links::LinkGuard,
    projection::{MANAGER, Projection, is_id},
    wire::{Id, IdPage},
};
use crate::model::{Anchor, Name};
use crate::source::{Fetched, SourceError};

/// Objects on a page of references: the most the service allows.
const PAGE_SIZE: &str = "999";

/// One object of one kind.
pub(super) struct Single<'a> {
    pub(super) client: &'a GraphClient,
    pub(super) projection: &'a Projection,
    pub(super) anchor: &'a Anchor,
}

impl Single<'_> {
    pub(super) async fn fetch(&self) -> Result<Fetched, SourceError> {
        if !is_id(self.anchor.as_str()) {
            return Ok(Fetched::Gone);
        }
        let url = self.client.url(&self.path(&[]), &[("$select", &self.projection.properties())]);
        let Some(properties) = self.found::<Properties>(&url).await? else { return self.departed().await };
        let Projection { references: wanted, manager_id, .. } = self.projection;
        let manager = if *manager_id || wanted.contains(MANAGER) { self.at_most_one(MANAGER).await? } else { None };
        let mut references = BTreeMap::new();
        for attribute in wanted {
            let names = match attribute.as_str() {
                MANAGER => Some(manager.clone().map(name).into_iter().collect()),
                _ => self.any_number(attribute).await?,
            };
            let Some(names) = names else { return self.departed().await };
            references.insert(attribute.clone(), names);
        }
        let object = self.projection.object(&properties, references, manager.filter(|_| *manager_id));
        object.map(Fetched::Object).map_err(|malformed| self.broken(malformed.0))
    }

    /// Where an object is that its collection does not hold.
    async fn departed(&self) -> Result<Fetched, SourceError> {
        let path = ["directory", "deletedItems", self.anchor.as_str()];
        let url = self.client.url(&path, &[("$select", "id")]);
        let found = self.found::<Id>(&url).await?;
        Ok(if found.is_some() { Fetched::SoftDeleted } else { Fetched::Gone })
    }

    /// The id of the one object that is referred to; the service says 404 when there is none.
    async fn at_most_one(&self, attribute: &str) -> Result<Option<String>, SourceError> {
        let url = self.client.url(&self.path(&[attribute]), &[("$select", "id")]);
        Ok(self.found::<Id>(&url).await?.map(|object| object.id))
    }

    /// A reference to any number of objects; `None` when the object went away in the meantime.
    async fn any_number(&self, attribute: &str) -> Result<Option<Vec<Name>>, SourceError> {
        let mut names = Vec::new();
        let mut guard = LinkGuard::default();
        let mut url = self.client.url(&self.path(&[attribute]), &[("$select", "id"), ("$top", PAGE_SIZE)]);
        loop {
            let Some(page) = self.found::<IdPage>(&url).await? else { return Ok(None) };
            let is_empty = page.value.is_empty();
            names.extend(page.value.into_iter().map(|object| name(object.id)));
            let Some(link) = page.next_link else { return Ok(Some(names)) };
            let next = self.client.follow(&link);
            let next =
                next.ok_or_else(|| self.broken("a link leads to another server; the token is not sent there"))?;
            guard.check(&url, &next, is_empty).map_err(|problem| self.broken(problem))?;
            url = next;
        }
    }

    /// What `url` holds; `None` for 404.
    async fn found<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, SourceError> {
        match self.client.get(url, self.subject()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Refused(refusal)) if refusal.status == 404 => Ok(None),
            Err(Failure::Refused(refusal)) => Err(self.client.refused(refusal, self.subject())),
            Err(Failure::Failed(error)) => Err(error),
        }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&[self.subject(), self.anchor.as_str()], rest].concat()
    }

    fn subject(&self) -> &'static str {
        self.projection.collection.name()
    }

    fn broken(&self, problem: &str) -> SourceError {
        self.client.broken(self.subject(), problem)
    }
}

fn name(id: String) -> Name {
    Name::of_anchor(&Anchor::new(id))
}
