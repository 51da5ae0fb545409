//! What a probe made and has to take away again, whatever happens to it.
//!
//! An entry is written before the request that may make the resource, so that a lost answer loses nothing. Only what
//! stands here is ever deleted: by an id that a creation of ours returned, or by the full name that only this probe has.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;

use super::session::{Ask, Session};
use crate::scim::urn;

/// How often a deletion is tried, and the pause between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Requests at once.
const AT_ONCE: usize = 4;
/// Pages of a list that are looked through for a resource whose creation was not answered.
const PAGES: usize = 1000;

/// One resource that is there, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// `Users` or `Groups`.
    pub(super) endpoint: &'static str,
    /// The `userName` or `displayName`.
    pub(super) name: String,
    /// `None` as long as no answer told it.
    pub(super) id: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Litter {
    made: Vec<Made>,
}

impl Litter {
    /// A request is about to be sent that makes this.
    pub(super) fn expect(&mut self, endpoint: &'static str, name: &str) {
        self.made.push(Made { endpoint, name: name.to_owned(), id: None });
    }

    /// It was made, and this is its id.
    pub(super) fn made(&mut self, endpoint: &'static str, name: &str, id: &str) {
        let pending = |made: &&mut Made| made.endpoint == endpoint && made.name == name && made.id.is_none();
        match self.made.iter_mut().find(pending) {
            Some(made) => made.id = Some(id.to_owned()),
            None => self.made.push(Made { endpoint, name: name.to_owned(), id: Some(id.to_owned()) }),
        }
    }

    /// The target refused to make it.
    pub(super) fn refused(&mut self, endpoint: &'static str, name: &str) {
        let pending = |made: &Made| made.endpoint == endpoint && made.name == name && made.id.is_none();
        if let Some(index) = self.made.iter().position(pending) {
            self.made.remove(index);
        }
    }

    /// It is gone.
    pub(super) fn removed(&mut self, id: &str) {
        self.made.retain(|made| made.id.as_deref() != Some(id));
    }

    /// Deletes everything, groups before their members. `users_stay` where a deleted user is only disabled.
    pub(super) async fn clear(
        mut self,
        session: &Session,
        endpoints: &[(&'static str, String)],
        users_stay: bool,
    ) -> Left {
        self.made.sort_by_key(|made| made.endpoint != urn::GROUPS);
        let path =
            |made: &Made| endpoints.iter().find(|(name, _)| *name == made.endpoint).map(|(_, path)| path.as_str());
        let removals = self.made.iter().map(|made| {
            let path = path(made).unwrap_or(made.endpoint);
            async move { (made, path, remove(session, path, made).await) }
        });
        let removals: Vec<_> = stream::iter(removals).buffered(AT_ONCE).collect().await;
        let mut left = Left::default();
        for (made, path, removal) in removals {
            let told = || [path, "/", made.id.as_deref().unwrap_or("?"), " (", &made.name, ")"].concat();
            match removal {
                Removal::Gone if users_stay && made.endpoint == urn::USERS => left.kept.push(told()),
                Removal::Gone => {}
                Removal::Disabled => left.kept.push(told()),
                Removal::Failed(reason) => left.failed.push([&told(), ": ", &reason].concat()),
            }
        }
        left
    }
}

/// What is still there.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Disabled, because the target deletes no users.
    pub(super) kept: Vec<String>,
    /// With the reason.
    pub(super) failed: Vec<String>,
}

enum Removal {
    Gone,
    Disabled,
    Failed(String),
}

async fn remove(session: &Session, path: &str, made: &Made) -> Removal {
    let ids = match &made.id {
        Some(id) => vec![id.clone()],
        None => match search(session, path, &made.name).await {
            Ok(ids) => ids,
            Err(reason) => return Removal::Failed(reason),
        },
    };
    let mut worst = Removal::Gone;
    for id in ids {
        match remove_one(session, path, &id, made.endpoint == urn::USERS).await {
            Removal::Gone => {}
            other => worst = other,
        }
    }
    worst
}

async fn remove_one(session: &Session, path: &str, id: &str, is_user: bool) -> Removal {
    let mut reason = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        reason = match session.ask_on(Ask::new(Method::DELETE, [path, id])).await {
            Ok(seen) if seen.is_success() || matches!(seen.status, 404 | 410) => return Removal::Gone,
            Ok(seen) if matches!(seen.status, 403 | 405 | 501) => {
                if is_user && disable(session, path, id).await {
                    return Removal::Disabled;
                }
                return Removal::Failed(["DELETE is ", &seen.told()].concat());
            }
            Ok(seen) => ["DELETE is ", &seen.told()].concat(),
            Err(error) => error.to_string(),
        };
    }
    Removal::Failed(reason)
}

/// The best that can be done where nothing may be deleted.
async fn disable(session: &Session, path: &str, id: &str) -> bool {
    let operation = json!({ "op": "replace", "path": "active", "value": false });
    let patch = json!({ "schemas": [urn::PATCH_OP], "Operations": [operation] });
    session.ask_on(Ask::new(Method::PATCH, [path, id]).body(patch)).await.is_ok_and(|seen| seen.is_success())
}

/// The ids of the resources that have exactly this name. The list is read from end to end: whether filters work may
/// not be known.
async fn search(session: &Session, path: &str, name: &str) -> Result<Vec<String>, String> {
    let (mut found, mut start, mut last) = (Vec::new(), 1, None);
    for _ in 0..PAGES {
        let index = start.to_string();
        let ask = Ask::get([path]).query("startIndex", &index).query("count", "100");
        let seen = session.ask_on(ask).await.map_err(|error| error.to_string())?;
        let list = seen.list().ok_or_else(|| ["the list was ", &seen.told()].concat())?;
        let ids: Vec<_> = list.resources.iter().filter_map(|resource| resource.id().map(str::to_owned)).collect();
        // The end, or a target that always sends the same page.
        if ids.is_empty() || last.as_ref() == Some(&ids) {
            return Ok(found);
        }
        let named = |map: &serde_json::Map<String, serde_json::Value>| {
            ["userName", "displayName"].iter().any(|attribute| {
                map.get(*attribute)
                    .is_some_and(|value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name)))
            })
        };
        let ours = list.resources.iter().filter(|resource| named(resource.as_map()));
        found.extend(ours.filter_map(|resource| resource.id().map(str::to_owned)));
        start += ids.len();
        if start as u64 > list.total_results {
            return Ok(found);
        }
        last = Some(ids);
    }
    Err("the list has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_made_is_remembered_until_it_is_refused_or_removed() {
        let mut litter = Litter::default();
        for name in ["lost", "refused", "removed", "kept"] {
            litter.expect(urn::USERS, name);
        }
        litter.refused(urn::USERS, "refused");
        litter.made(urn::USERS, "removed", "1");
        litter.made(urn::USERS, "kept", "2");
        litter.made(urn::USERS, "double", "3");
        litter.removed("1");
        let names: Vec<_> = litter.made.iter().map(|made| (made.name.as_str(), made.id.as_deref())).collect();
        assert_eq!(names, [("lost", None), ("kept", Some("2")), ("double", Some("3"))]);
    }
}
