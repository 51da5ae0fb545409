//! The groups that scoping filters name, who is a member of them, and whom a change of that concerns.
//!
//! A filter names a group by its anchor, by a name of the source, or by its display name. Display names are kept beside
//! the other names ([`Name::of_display_of`]), for the groups of a job whose filters ask for members, and for no others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{
    Anchor, Attributes, Failure, JobId, Lifecycle, Memberships, Name, ObjectKey, ObjectKind, ObjectMappingId, Reach,
    Value,
};

use super::columns::{Word, from_json};
use super::edges::{Row as EdgeRow, is_direct};
use super::names::{self, Row as NameRow};
use super::nesting::{self, MembersOf};
use super::tables::{edges, escrows, object_names, objects};
use super::{Store, StoreError, objects as object_rows};

/// The longest display name that a group is found by, in bytes. Directories take far less.
const LONGEST: usize = 1024;

/// How many groups are looked through in one step.
const STEP: usize = 1_000;

/// True for an edge to somebody who counts as a member where filters reach this far.
macro_rules! counts {
    ($reach:expr) => {
        is_direct!().or(($reach == Reach::Nested).into_sql::<Bool>())
    };
}

/// Whose members scoping filters ask for, and where they stand.
#[derive(Clone, Debug)]
pub struct NamedGroups {
    /// The mapping that the groups are kept under.
    pub mapping: ObjectMappingId,
    /// The reference attribute that lists their members.
    pub members: String,
    /// The attribute that holds their display name.
    pub display_name: Option<String>,
    /// The words of the filters, each with the name that it is in the source, where it can be one.
    pub named: BTreeMap<String, Option<Name>>,
    /// The mappings whose filters ask: their objects are due when a membership changes.
    pub asking: Vec<ObjectMappingId>,
    /// How far the filters reach. Beyond those whom a group lists, it takes a job that flattens groups ([`Store::flatten`]).
    pub reach: Reach,
}

impl NamedGroups {
    /// True when their groups are these.
    pub(super) fn is_kept_in(&self, of: &MembersOf) -> bool {
        self.mapping == of.mapping && self.members == of.attribute
    }
}

impl Store {
    /// Which of the objects are members of the groups that filters name, as far as filters reach.
    pub async fn memberships(
        &self,
        job: &JobId,
        groups: &NamedGroups,
        objects: Vec<Anchor>,
    ) -> Result<Memberships, StoreError> {
        let (job, groups) = (job.clone(), groups.clone());
        self.database
            .read(move |tx| {
                let named = resolve(tx, &job, &groups)?;
                let certain = certain(&named);
                let mut of: HashMap<Anchor, BTreeSet<Anchor>> = HashMap::new();
                if !certain.is_empty() {
                    for batch in batches(&objects) {
                        let listed = on_each!(tx, c => edges::table
                            .filter(edges::job.eq(job.as_str()))
                            .filter(edges::to_anchor.any_of(batch.iter().map(Anchor::as_str)))
                            .filter(edges::mapping.eq(groups.mapping.as_str()))
                            .filter(edges::attribute.eq(&groups.members))
                            .filter(edges::wanted)
                            .filter(counts!(groups.reach))
                            .select((edges::to_anchor.assume_not_null(), edges::from_anchor))
                            .load::<(String, String)>(c))?;
                        let nested = match groups.reach {
                            Reach::Direct => Vec::new(),
                            Reach::Nested => nesting::around(tx, &job, groups.mapping.as_str(), batch)?,
                        };
                        let rows = listed.into_iter().chain(nested);
                        for (member, group) in rows.filter(|(_, group)| certain.contains(group.as_str())) {
                            of.entry(Anchor::new(member)).or_default().insert(Anchor::new(group));
                        }
                    }
                }
                let mut too_deep = BTreeSet::new();
                if groups.reach == Reach::Nested {
                    for batch in batches(&certain.into_iter().collect::<Vec<_>>()) {
                        let deep = nesting::too_deep(tx, &job, groups.mapping.as_str(), batch)?;
                        too_deep.extend(deep.into_iter().map(Anchor::new));
                    }
                }
                Ok(Memberships { groups: named, of, too_deep })
            })
            .await
    }

    /// Learns the display names of the groups that were stored before a filter asked for them.
    pub async fn index_group_names(&self, job: &JobId, groups: &NamedGroups) -> Result<(), StoreError> {
        let (job, groups) = (job.clone(), groups.clone());
        self.database
            .write(move |tx| {
                let mut after = String::new();
                loop {
                    let rows = on_each!(tx, c => objects::table
                        .filter(objects::job.eq(job.as_str()))
                        .filter(objects::mapping.eq(groups.mapping.as_str()))
                        .filter(objects::anchor.gt(&after))
                        .order(objects::anchor)
                        .limit(STEP as i64)
                        .select((objects::anchor, objects::kind, objects::attributes))
                        .load::<(String, String, String)>(c))?;
                    let Some((last, ..)) = rows.last() else { return Ok(()) };
                    after.clone_from(last);
                    let anchors: Vec<&str> = rows.iter().map(|(anchor, ..)| anchor.as_str()).collect();
                    let mut displays = Displays::take_from(&mut names::of(tx, &job, &anchors)?);
                    for (anchor, kind, attributes) in &rows {
                        let attributes: Attributes = from_json("attributes", attributes)?;
                        displays.set(
                            &groups,
                            &ObjectKind::new(kind.as_str()),
                            &Anchor::new(anchor.as_str()),
                            &attributes,
                        );
                    }
                    displays.write(tx, &job)?;
                }
            })
            .await
    }
}

/// The groups that exactly one word stands for, or several words each alone.
fn certain(named: &BTreeMap<String, Vec<Anchor>>) -> BTreeSet<&str> {
    let certain = named.values().filter_map(|groups| match groups.as_slice() {
        [one] => Some(one.as_str()),
        _ => None,
    });
    certain.collect()
}

/// The groups that each word may stand for: the one with this id, else the one with this name, else all with this
/// display name. Only groups that the source delivers count.
fn resolve(tx: &mut Backend, job: &JobId, groups: &NamedGroups) -> Result<BTreeMap<String, Vec<Anchor>>, StoreError> {
    let ids: Vec<&str> = groups.named.keys().map(String::as_str).collect();
    let by_id = present(tx, job, groups, &ids)?;
    let wanted: Vec<&str> = groups.named.values().flatten().map(Name::as_str).collect();
    let by_name = names::anchors_of(tx, job, &wanted)?;
    let there = present(tx, job, groups, &by_name.values().map(String::as_str).collect::<Vec<_>>())?;
    let mut resolved = BTreeMap::new();
    for (word, name) in &groups.named {
        let named = name.as_ref().and_then(|name| by_name.get(name.as_str())).filter(|named| there.contains(*named));
        let found = match named {
            _ if by_id.contains(word) => vec![Anchor::new(word.as_str())],
            Some(named) => vec![Anchor::new(named.as_str())],
            None => displayed(tx, job, groups, word)?,
        };
        resolved.insert(word.clone(), found);
    }
    Ok(resolved)
}

/// Those of the anchors that are groups, and are delivered.
fn present(
    tx: &mut Backend,
    job: &JobId,
    groups: &NamedGroups,
    anchors: &[&str],
) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for batch in batches(anchors) {
        found.extend(on_each!(tx, c => objects::table
            .filter(objects::job.eq(job.as_str()))
            .filter(objects::mapping.eq(groups.mapping.as_str()))
            .filter(objects::anchor.any_of(batch.iter().copied()))
            .filter(objects::lifecycle.eq(Lifecycle::Present.word()))
            .select(objects::anchor)
            .load::<String>(c))?);
    }
    Ok(found)
}

/// The groups with this display name.
fn displayed(tx: &mut Backend, job: &JobId, groups: &NamedGroups, word: &str) -> Result<Vec<Anchor>, StoreError> {
    let (first, end) = Name::of_display(word).below();
    let anchors = on_each!(tx, c => object_names::table
        .filter(object_names::job.eq(job.as_str()))
        .filter(object_names::name.gt(&first))
        .filter(object_names::name.lt(&end))
        .select(object_names::anchor)
        .load::<String>(c))?;
    let there = present(tx, job, groups, &anchors.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(there.into_iter().map(Anchor::new).collect())
}

/// The display names of groups, as they are stored and as they are now.
#[derive(Default)]
pub(super) struct Displays {
    stored: HashMap<String, BTreeSet<String>>,
    now: BTreeMap<String, (ObjectKind, BTreeSet<String>)>,
}

impl Displays {
    /// Takes the display names out of the stored names, which are listed by anchor.
    pub(super) fn take_from(names: &mut HashMap<String, BTreeSet<String>>) -> Self {
        let displays = names.iter_mut().map(|(anchor, names)| {
            let taken = names.extract_if(.., |name| Name::from_stored(name.as_str()).is_display());
            (anchor.clone(), taken.collect())
        });
        Self { stored: displays.collect(), now: BTreeMap::new() }
    }

    /// The group has these attributes now.
    pub(super) fn set(&mut self, groups: &NamedGroups, kind: &ObjectKind, anchor: &Anchor, attributes: &Attributes) {
        let value = groups.display_name.as_deref().and_then(|name| attributes.get(name));
        let values = match value {
            Some(Value::List(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let texts = values.iter().filter_map(Value::as_text).filter(|text| !text.is_empty() && text.len() <= LONGEST);
        let names = texts.map(|text| Name::of_display_of(text, anchor).as_str().to_owned()).collect();
        self.now.insert(anchor.as_str().to_owned(), (kind.clone(), names));
    }

    /// Writes what differs.
    pub(super) fn write(&self, tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
        let none = BTreeSet::new();
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (anchor, (kind, now)) in &self.now {
            let stored = self.stored.get(anchor).unwrap_or(&none);
            gone.extend(stored.difference(now).map(String::as_str));
            new.extend(now.difference(stored).map(|name| NameRow {
                job: job.as_str().to_owned(),
                name: name.clone(),
                kind: kind.as_str().to_owned(),
                anchor: anchor.clone(),
            }));
        }
        names::remove(tx, job, &gone)?;
        names::save(tx, job, &new)
    }
}

/// Watches who becomes a member of the named groups, and who no longer is one, while something is recorded.
pub(super) struct Joiners<'a> {
    job: &'a JobId,
    watched: Option<Watched<'a>>,
}

struct Watched<'a> {
    groups: &'a NamedGroups,
    before: BTreeMap<String, Vec<Anchor>>,
    /// Groups, each with an object whose membership has changed.
    changed: BTreeSet<(String, String)>,
}

impl<'a> Joiners<'a> {
    /// Begins. Without groups to watch it costs nothing.
    pub(super) fn begin(tx: &mut Backend, job: &'a JobId, groups: Option<&'a NamedGroups>) -> Result<Self, StoreError> {
        let watched = match groups {
            Some(groups) => Some(Watched { groups, before: resolve(tx, job, groups)?, changed: BTreeSet::new() }),
            None => None,
        };
        Ok(Self { job, watched })
    }

    /// True when there are groups to watch.
    pub(super) fn is_watching(&self) -> bool {
        self.watched.is_some()
    }

    /// The mapping of the groups.
    pub(super) fn mapping(&self) -> Option<&str> {
        self.watched.as_ref().map(|watched| watched.groups.mapping.as_str())
    }

    /// An edge was another before, or is another now: it came, went, or leads to another object.
    pub(super) fn edge(&mut self, before: Option<&EdgeRow>, now: Option<&EdgeRow>) {
        let Some(watched) = &mut self.watched else { return };
        let end = |row: Option<&EdgeRow>| row.filter(|row| row.wanted).and_then(|row| row.to_anchor.clone());
        let Some(row) = now.or(before) else { return };
        let is_watched = row.mapping == watched.groups.mapping.as_str() && row.attribute == watched.groups.members;
        let (was, is) = (end(before), end(now));
        if is_watched && was != is {
            let ends = [was, is].into_iter().flatten();
            watched.changed.extend(ends.map(|end| (row.from_anchor.clone(), end)));
        }
    }

    /// Makes everybody due whom the changes concern.
    pub(super) fn end(self, tx: &mut Backend) -> Result<(), StoreError> {
        let Some(Watched { groups, before, changed }) = self.watched else { return Ok(()) };
        let after = resolve(tx, self.job, groups)?;
        let known: BTreeSet<&str> = before.values().chain(after.values()).flatten().map(Anchor::as_str).collect();
        let mut members: BTreeSet<String> =
            changed.into_iter().filter(|(group, _)| known.contains(group.as_str())).map(|(_, member)| member).collect();
        // A word that stands for other groups than before: all of their members are judged anew.
        let moved = before.iter().filter(|(word, groups)| after.get(*word) != Some(groups));
        let moved: BTreeSet<&str> = moved
            .flat_map(|(word, groups)| groups.iter().chain(after.get(word).into_iter().flatten()))
            .map(Anchor::as_str)
            .collect();
        let moved: Vec<&str> = moved.into_iter().collect();
        for batch in batches(&moved) {
            members.extend(on_each!(tx, c => edges::table
                .filter(edges::job.eq(self.job.as_str()))
                .filter(edges::mapping.eq(groups.mapping.as_str()))
                .filter(edges::from_anchor.any_of(batch.iter().copied()))
                .filter(edges::attribute.eq(&groups.members))
                .filter(edges::wanted)
                .filter(edges::to_anchor.is_not_null())
                .filter(counts!(groups.reach))
                .select(edges::to_anchor.assume_not_null())
                .load::<String>(c))?);
            if groups.reach == Reach::Nested {
                members.extend(nesting::within(tx, self.job, groups.mapping.as_str(), batch)?);
            }
        }
        if !moved.is_empty() {
            // Who left a group while nobody could tell which one is meant is no member of either now.
            members.extend(undecided(tx, self.job, groups)?);
        }
        ask_again(tx, self.job, groups, members.iter().map(String::as_str))
    }
}

/// The groups that filters name and reach into: whoever is in a group in them is a member of them.
pub(super) struct Reached<'a> {
    groups: &'a NamedGroups,
    certain: BTreeSet<String>,
}

impl<'a> Reached<'a> {
    /// As names stand now. `None` where filters ask for those alone whom a group lists.
    pub(super) fn find(tx: &mut Backend, job: &JobId, groups: &'a NamedGroups) -> Result<Option<Self>, StoreError> {
        if groups.reach == Reach::Direct {
            return Ok(None);
        }
        let certain = certain(&resolve(tx, job, groups)?).into_iter().map(str::to_owned).collect();
        Ok(Some(Self { groups, certain }))
    }

    /// Others are members of the group through groups in it than before, or other groups are in it.
    pub(super) fn members_changed(
        &self,
        tx: &mut Backend,
        job: &JobId,
        group: &str,
        members: &[&str],
    ) -> Result<(), StoreError> {
        if members.is_empty() || !self.certain.contains(group) {
            return Ok(());
        }
        ask_again(tx, job, self.groups, members.iter().copied())
    }

    /// Groups lay too deep in the group to be followed, and no longer do: who was not known to be a member may be none.
    pub(super) fn depth_changed(&self, tx: &mut Backend, job: &JobId, group: &str) -> Result<(), StoreError> {
        if !self.certain.contains(group) {
            return Ok(());
        }
        let undecided = undecided(tx, job, self.groups)?;
        ask_again(tx, job, self.groups, undecided.iter().map(String::as_str))
    }
}

/// The objects about which the filters decide nothing.
fn undecided(tx: &mut Backend, job: &JobId, groups: &NamedGroups) -> Result<Vec<String>, StoreError> {
    let asking: Vec<&str> = groups.asking.iter().map(ObjectMappingId::as_str).collect();
    Ok(on_each!(tx, c => escrows::table
        .filter(escrows::job.eq(job.as_str()))
        .filter(escrows::mapping.any_of(asking.iter().copied()))
        .filter(escrows::code.eq(Failure::SCOPE_UNDECIDED))
        .select(escrows::anchor)
        .load::<String>(c))?)
}

/// Makes these due under every mapping whose filters ask.
fn ask_again<'a>(
    tx: &mut Backend,
    job: &JobId,
    groups: &NamedGroups,
    members: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), StoreError> {
    let keys: BTreeSet<ObjectKey> = groups
        .asking
        .iter()
        .flat_map(|mapping| {
            members.clone().map(|member| ObjectKey { mapping: mapping.clone(), anchor: Anchor::new(member) })
        })
        .collect();
    object_rows::make_due(tx, job, &keys)
}
