//! Delta queries: what changed in a collection since a token was issued, page by page.
//!
//! Stateless: a token carries the options of the round and how far it has come. Nothing here is HTTP.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::{
    directory::Directory,
    object::{Kind, Object, State},
    property,
};

/// A round, as its tokens carry it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    kind: Kind,
    /// Digest of the directory the token was issued for.
    directory: String,
    /// Properties and relationships that are tracked.
    tracked: Vec<String>,
    /// The round shows what changed after this step; `None` shows everything that exists.
    since: Option<u64>,
    /// The step at which the round began: the next one shows what changed after it.
    until: u64,
    /// How far the round has come; `None` before its first page.
    position: Option<Position>,
}

/// The last object that was shown, and the last of its members when it has more of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    object: String,
    member: Option<String>,
}

/// How much of an updated object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All tracked properties, changed or not.
    Tracked,
    /// `Prefer: return=minimal`: only what changed.
    Changed,
}

/// One page, and the round as it goes on.
pub(super) struct DeltaPage {
    pub(super) entries: Vec<Json>,
    pub(super) next: Next,
}

/// What follows a page.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// More pages of this round.
    Page(Round),
    /// The next round.
    Round(Round),
}

impl Round {
    /// A round over everything that exists. Without a selection the default properties and relationships are tracked.
    pub(super) fn initial(directory: &Directory, kind: Kind, selected: Option<Vec<String>>) -> Self {
        let tracked = selected.unwrap_or_else(|| {
            let relationship = match kind {
                Kind::User => "manager",
                Kind::Group => "members",
            };
            property::default_names(kind).into_iter().chain([relationship.to_owned()]).collect()
        });
        let (directory, until) = (directory.digest.clone(), directory.head());
        Self { kind, directory, tracked, since: None, until, position: None }
    }

    /// The round that begins now and shows nothing of the past.
    pub(super) fn latest(directory: &Directory, kind: Kind, selected: Option<Vec<String>>) -> Self {
        Self::initial(directory, kind, selected).following()
    }

    /// The round as a delta token that was handed back begins it.
    pub(super) fn begun(self, directory: &Directory) -> Self {
        Self { until: directory.head(), ..self }
    }

    /// True when the token belongs to another content than this directory's: then nothing can be said about changes.
    pub(super) fn is_foreign(&self, directory: &Directory) -> bool {
        self.directory != directory.digest
            || self.until > directory.head()
            || self.since.is_some_and(|since| since > directory.head())
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn tracked(&self) -> &[String] {
        &self.tracked
    }

    /// The next page, of at most `page_size` objects and as many members.
    pub(super) fn page(&self, directory: &Directory, page_size: usize, detail: Detail) -> DeltaPage {
        let mut entries = Vec::new();
        let mut members_left = page_size;
        let mut last = None;
        for (object, after) in self.ahead(directory.objects(self.kind)) {
            if entries.len() == page_size || members_left == 0 {
                return DeltaPage { entries, next: Next::Page(self.at(last)) };
            }
            let links = self.member_links(object, after, members_left + 1);
            let slice = &links[..links.len().min(members_left)];
            entries.push(self.entry(directory, object, slice, detail));
            members_left -= slice.len();
            let is_cut = slice.len() < links.len();
            let member = slice.last().filter(|_| is_cut).map(|(member, _)| (*member).to_owned());
            last = Some(Position { object: object.id.clone(), member });
            if is_cut {
                return DeltaPage { entries, next: Next::Page(self.at(last)) };
            }
        }
        DeltaPage { entries, next: Next::Round(self.clone().following()) }
    }

    fn at(&self, position: Option<Position>) -> Self {
        Self { position, ..self.clone() }
    }

    fn following(self) -> Self {
        Self { since: Some(self.until), position: None, ..self }
    }

    /// The objects that are still to be shown; the first with the member after which its list goes on.
    fn ahead<'a>(
        &'a self,
        objects: &'a BTreeMap<String, Object>,
    ) -> impl Iterator<Item = (&'a Object, Option<&'a str>)> {
        let start = match &self.position {
            None => Unbounded,
            Some(Position { object, member: None }) => Excluded(object.as_str()),
            Some(Position { object, member: Some(_) }) => Included(object.as_str()),
        };
        let continued = self.position.as_ref().and_then(|at| at.member.as_deref().map(|member| (&at.object, member)));
        objects.range::<str, _>((start, Unbounded)).filter(|(_, object)| self.concerns(object)).map(
            move |(id, object)| (object, continued.filter(|(continued, _)| *continued == id).map(|(_, member)| member)),
        )
    }

    fn concerns(&self, object: &Object) -> bool {
        match self.since {
            None => object.state.value == State::Live,
            Some(since) if object.changed_at <= since => false,
            Some(since) if object.state.at > since => true,
            Some(since) if object.state.value == State::Live => self.tracked.iter().any(|name| match name.as_str() {
                "manager" => object.manager() != object.manager_at(since),
                "members" => object.members.values().any(|link| link.at > since),
                name => object.properties.get(name).is_some_and(|property| property.at > since),
            }),
            Some(_) => false,
        }
    }

    /// `None` when the object is shown whole, else the step after which its changes count.
    fn changes_after(&self, object: &Object) -> Option<u64> {
        self.since.filter(|&since| object.state.at <= since)
    }

    fn tracks(&self, name: &str) -> bool {
        self.tracked.iter().any(|tracked| tracked == name)
    }

    /// The first `most` member links to show after the member `after`, in the order of their ids.
    fn member_links<'a>(&self, object: &'a Object, after: Option<&str>, most: usize) -> Vec<(&'a str, bool)> {
        if !self.tracks("members") || object.state.value != State::Live {
            return Vec::new();
        }
        let since = self.changes_after(object);
        let start = after.map_or(Unbounded, Excluded);
        let links = object.members.range::<str, _>((start, Unbounded));
        let shown = links.filter(|(_, link)| since.map_or(link.value, |since| link.at > since));
        shown.map(|(member, link)| (member.as_str(), link.value)).take(most).collect()
    }

    fn entry(&self, directory: &Directory, object: &Object, members: &[(&str, bool)], detail: Detail) -> Json {
        let since = self.changes_after(object);
        let mut entry = Map::from_iter([("id".to_owned(), json!(object.id))]);
        let reason = match object.state.value {
            State::Live => None,
            State::Recycled => Some("changed"),
            State::Purged => Some("deleted"),
        };
        if let Some(reason) = reason {
            entry.insert("@removed".to_owned(), json!({ "reason": reason }));
            return entry.into();
        }
        for name in &self.tracked {
            let Some(property) = object.properties.get(name) else { continue };
            let is_shown = match since {
                // What lost its value long ago is not worth a word where everything is shown.
                None => !property.value.is_null(),
                Some(since) => detail == Detail::Tracked || property.at > since,
            };
            if is_shown {
                entry.insert(name.clone(), property.value.clone());
            }
        }
        if self.tracks("manager")
            && let Some(link) = manager_link(directory, object, since)
        {
            entry.insert("manager@delta".to_owned(), json!([link]));
        }
        if !members.is_empty() {
            let links: Vec<Json> = members.iter().map(|(id, present)| link(directory, id, *present)).collect();
            entry.insert("members@delta".to_owned(), json!(links));
        }
        entry.into()
    }
}

fn manager_link(directory: &Directory, object: &Object, since: Option<u64>) -> Option<Json> {
    let manager = object.manager();
    let former = since.and_then(|since| object.manager_at(since));
    match (manager, former) {
        (Some(manager), former) if Some(manager) != former => Some(link(directory, manager, true)),
        (None, Some(former)) => Some(link(directory, former, false)),
        _ => None,
    }
}

fn link(directory: &Directory, id: &str, present: bool) -> Json {
    let mut link = json!({ "@odata.type": directory.kind_of(id).odata_type(), "id": id });
    if !present {
        link["@removed"] = json!({ "reason": "deleted" });
    }
    link
}
