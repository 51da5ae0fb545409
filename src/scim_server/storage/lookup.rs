//! The part of a filter that indexes answer, as sets of sequence numbers: what can be asked of an index is a set, and
//! `and` and `or` are set operations.
//!
//! A set never misses a resource that the filter selects. Whether it holds others as well is said with it; then the
//! whole filter is evaluated on the documents of the set.

use chrono::DateTime;
use diesel::prelude::*;

use super::collections::{Catalog, Collection};
use super::keys::{KeyRange, number_key};
use super::tables::{members, resource_values, resources};
use super::{Failure, Transaction};
use crate::scim::{AttributePath, AttributeType, Filter, Literal, Operator, Resolved, fold_case};
use crate::scim_server::resource_types::{Comparison, Place};

/// So few candidates are looked at one by one rather than compared with another set.
const FEW: usize = 200;

/// A set of resources of one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Set {
    Nothing,
    Id(String),
    /// Those that have this key in an index.
    Key(i64, String),
    Range(i64, KeyRange),
    /// Last modified from the first moment, included, to the second, excluded; in milliseconds since 1970.
    Modified(i64, i64),
    /// The groups that have this member themselves.
    WithMember(String),
    /// What is in this group, directly or not.
    InGroup(String),
    Both(Vec<Set>),
    Either(Vec<Set>),
}

/// What indexes can say about a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Narrowed {
    /// `None` when every resource is a candidate.
    pub(in super::super) set: Option<Set>,
    /// True when the set is what the filter selects, and nothing else.
    pub(in super::super) exact: bool,
}

/// Resources that a filter may select, in the order of their creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Candidates {
    pub(in super::super) sequences: Vec<i64>,
    /// False when the filter has to be evaluated on them.
    pub(in super::super) exact: bool,
}

/// What the indexes of a collection can say about a filter.
pub(in super::super) fn narrow(filter: &Filter, collection: &Collection) -> Narrowed {
    match filter {
        Filter::And(terms) => {
            let terms: Vec<Narrowed> = terms.iter().map(|term| narrow(term, collection)).collect();
            let exact = terms.iter().all(|term| term.exact);
            let mut sets: Vec<Set> = terms.into_iter().filter_map(|term| term.set).collect();
            // The cheapest first: when it leaves few candidates, the others are not asked.
            sets.sort_by_key(Set::cost);
            let set = if sets.len() > 1 { Some(Set::Both(sets)) } else { sets.pop() };
            Narrowed { set, exact }
        }
        Filter::Or(terms) => {
            let terms: Vec<Narrowed> = terms.iter().map(|term| narrow(term, collection)).collect();
            let exact = terms.iter().all(|term| term.exact) || terms.iter().any(|term| *term == Narrowed::everything());
            let sets: Option<Vec<Set>> = terms.into_iter().map(|term| term.set).collect();
            Narrowed { set: sets.map(Set::Either), exact }
        }
        Filter::Not(_) => Narrowed::unknown(),
        Filter::Present(path) => match collection.kind.schema.resolve(path) {
            None => Narrowed::nothing(),
            // An element without a `value` is present all the same.
            Some(at) if !plain(path) || at.leaf().is_none_or(|leaf| leaf.kind == AttributeType::Complex) => {
                Narrowed::unknown()
            }
            Some(at) => index_of(&at, collection)
                .map_or_else(Narrowed::unknown, |(id, _)| Narrowed::only(Set::Range(id, KeyRange::all()))),
        },
        Filter::Comparison { path, operator, value } => match collection.kind.schema.resolve(path) {
            None => Narrowed::nothing(),
            Some(at) => {
                let narrowed = comparison(&at, *operator, value, collection);
                // Of the elements that a filter in the path selects, the index knows nothing.
                Narrowed { exact: narrowed.exact && plain(path), ..narrowed }
            }
        },
        Filter::ValuePath { path, filter } => value_path(path, filter, collection),
    }
}

impl Narrowed {
    /// True when indexes answer it, and with few rows.
    pub(in super::super) fn is_quick(&self) -> bool {
        self.exact && self.set.as_ref().is_none_or(|set| set.cost() < Set::InGroup(String::new()).cost())
    }

    fn unknown() -> Self {
        Self { set: None, exact: false }
    }

    fn everything() -> Self {
        Self { set: None, exact: true }
    }

    fn nothing() -> Self {
        Self::only(Set::Nothing)
    }

    fn only(set: Set) -> Self {
        Self { set: Some(set), exact: true }
    }
}

impl Set {
    fn cost(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Id(_) => 1,
            Self::Key(..) => 2,
            Self::WithMember(_) => 3,
            Self::Both(sets) => sets.iter().map(Self::cost).min().unwrap_or(0),
            Self::Either(sets) => sets.iter().map(Self::cost).max().unwrap_or(0),
            Self::InGroup(_) => 4,
            Self::Range(..) | Self::Modified(..) => 5,
        }
    }
}

/// One element meets the whole filter. Several conditions on it may be met by several elements as far as the index
/// knows, so only a lone condition, or one of several, is exact.
fn value_path(path: &AttributePath, filter: &Filter, collection: &Collection) -> Narrowed {
    if path.sub_attribute.is_some() || path.filter.is_some() {
        return Narrowed::unknown();
    }
    let lifted = |part: &AttributePath| AttributePath {
        sub_attribute: Some(part.attribute.clone()),
        filter: None,
        ..path.clone()
    };
    match filter {
        Filter::Comparison { path: part, operator, value } if plain(part) && part.sub_attribute.is_none() => {
            // Without the value, `ne` and null ask for what is not there, which an element is about to be.
            match (operator, value) {
                (Operator::NotEqual, _) | (_, Literal::Null) => Narrowed::unknown(),
                _ => {
                    let whole = Filter::Comparison { path: lifted(part), operator: *operator, value: value.clone() };
                    narrow(&whole, collection)
                }
            }
        }
        Filter::Present(part) if plain(part) && part.sub_attribute.is_none() => {
            narrow(&Filter::Present(lifted(part)), collection)
        }
        Filter::And(terms) => {
            let mut sets: Vec<Set> = terms.iter().filter_map(|term| value_path(path, term, collection).set).collect();
            sets.sort_by_key(Set::cost);
            let set = if sets.len() > 1 { Some(Set::Both(sets)) } else { sets.pop() };
            Narrowed { set, exact: false }
        }
        Filter::Or(terms) => {
            let terms: Vec<Narrowed> = terms.iter().map(|term| value_path(path, term, collection)).collect();
            let exact = terms.iter().all(|term| term.exact && term.set.is_some());
            let sets: Option<Vec<Set>> = terms.into_iter().map(|term| term.set).collect();
            Narrowed { set: sets.map(Set::Either), exact }
        }
        _ => Narrowed::unknown(),
    }
}

fn plain(path: &AttributePath) -> bool {
    path.filter.is_none()
}

fn comparison(at: &Resolved<'_>, operator: Operator, value: &Literal, collection: &Collection) -> Narrowed {
    if at.extension.is_none()
        && let Some(attribute) = at.attribute
    {
        match (attribute.name.as_str(), at.sub_attribute.map(|part| part.name.as_str()), operator, value) {
            ("id", None, Operator::Equal, Literal::Text(id)) => return Narrowed::only(Set::Id(id.clone())),
            ("meta", Some("resourceType"), Operator::Equal, Literal::Text(name)) => {
                return if *name == collection.kind.name { Narrowed::everything() } else { Narrowed::nothing() };
            }
            ("meta", Some("lastModified"), _, Literal::Text(time)) => return modified(operator, time),
            ("members", None | Some("value"), Operator::Equal, Literal::Text(id)) if collection.kind.has_members() => {
                // Ids are in lower case, and those of members compare without regard to it.
                return Narrowed::only(Set::WithMember(id.to_lowercase()));
            }
            ("groups", None | Some("value"), Operator::Equal, Literal::Text(id)) if collection.kind.has_groups() => {
                return Narrowed::only(Set::InGroup(id.to_lowercase()));
            }
            _ => {}
        }
    }
    match index_of(at, collection) {
        Some((index, comparison)) => by_index(index, comparison, operator, value),
        None => Narrowed::unknown(),
    }
}

fn by_index(index: i64, comparison: Comparison, operator: Operator, value: &Literal) -> Narrowed {
    let key = match (comparison, value) {
        (Comparison::Exact, Literal::Text(text)) => text.clone(),
        (Comparison::Folded, Literal::Text(text)) => fold_case(text).into_owned(),
        (Comparison::Number, Literal::Number(number)) => match number_key(number) {
            Some(key) => key,
            None => return Narrowed::unknown(),
        },
        _ => return Narrowed::unknown(),
    };
    // Beyond this, several whole numbers have one key.
    let exact = match value {
        Literal::Number(number) => number.as_f64().is_some_and(|number| number.abs() < 9_007_199_254_740_992.0),
        _ => true,
    };
    let set = match operator {
        Operator::Equal => Set::Key(index, key),
        Operator::StartsWith if comparison != Comparison::Number => Set::Range(index, KeyRange::starting_with(key)),
        Operator::Greater => Set::Range(index, KeyRange::above(key)),
        Operator::GreaterOrEqual => Set::Range(index, KeyRange::at_least(key)),
        Operator::Less => Set::Range(index, KeyRange::below(key)),
        Operator::LessOrEqual => Set::Range(index, KeyRange::at_most(key)),
        Operator::NotEqual | Operator::Contains | Operator::EndsWith | Operator::StartsWith => {
            return Narrowed::unknown();
        }
    };
    Narrowed { set: Some(set), exact }
}

/// The index of an attribute. A complex attribute stands for its `value`, as in the evaluation.
fn index_of(at: &Resolved<'_>, collection: &Collection) -> Option<(i64, Comparison)> {
    let attribute = at.attribute?;
    let part = match at.sub_attribute {
        Some(part) => Some(part.name.as_str()),
        None if attribute.kind == AttributeType::Complex => Some("value"),
        None => None,
    };
    let is_meant = |place: &Place| {
        place.extension.as_deref() == at.extension && place.attribute == attribute.name && place.part.as_deref() == part
    };
    let (index, known) = collection.indexes().find(|(index, _)| is_meant(&index.place))?;
    Some((known.id, index.comparison))
}

/// The times of modification are whole milliseconds; the moment that is asked for may lie between two.
fn modified(operator: Operator, time: &str) -> Narrowed {
    let Ok(moment) = DateTime::parse_from_rfc3339(time) else { return Narrowed::unknown() };
    let floor = moment.timestamp_millis();
    let whole = moment.timestamp_subsec_nanos() % 1_000_000 == 0;
    let ceiling = if whole { floor } else { floor + 1 };
    let (from, to) = match operator {
        Operator::Equal if whole => (floor, floor + 1),
        Operator::Equal => return Narrowed::nothing(),
        Operator::Greater => (floor + 1, i64::MAX),
        Operator::GreaterOrEqual => (ceiling, i64::MAX),
        Operator::Less => (i64::MIN, ceiling),
        Operator::LessOrEqual => (i64::MIN, floor + 1),
        _ => return Narrowed::unknown(),
    };
    Narrowed::only(Set::Modified(from, to))
}

impl Transaction<'_> {
    /// The resources of a set.
    pub(in super::super) fn candidates(
        &mut self,
        catalog: &Catalog,
        collection: &Collection,
        set: &Set,
    ) -> Result<Candidates, Failure> {
        let mut sequences = match set {
            Set::Both(sets) => return self.both(catalog, collection, sets),
            Set::Either(sets) => {
                let (mut sequences, mut exact) = (Vec::new(), true);
                for set in sets {
                    let found = self.candidates(catalog, collection, set)?;
                    sequences.extend(found.sequences);
                    exact &= found.exact;
                }
                sequences.sort_unstable();
                sequences.dedup();
                return Ok(Candidates { sequences, exact });
            }
            Set::Nothing => Vec::new(),
            Set::Id(id) => resources::table
                .filter(resources::id.eq(id).and(resources::collection.eq(collection.id)))
                .select(resources::sequence)
                .load(self.0)?,
            Set::Key(index, key) => resource_values::table
                .filter(resource_values::index_id.eq(index).and(resource_values::key.eq(key)))
                .select(resource_values::resource)
                .load(self.0)?,
            Set::Range(index, range) => self.in_range(*index, range)?,
            Set::Modified(from, to) => resources::table
                .filter(resources::collection.eq(collection.id))
                .filter(resources::modified.ge(from).and(resources::modified.lt(to)))
                .select(resources::sequence)
                .load(self.0)?,
            Set::WithMember(id) => match self.sequence_of(catalog, id)? {
                // Groups of another type may have it, too.
                Some(member) => members::table
                    .inner_join(resources::table.on(resources::sequence.eq(members::group_sequence)))
                    .filter(members::member.eq(member).and(resources::collection.eq(collection.id)))
                    .select(members::group_sequence)
                    .load(self.0)?,
                None => Vec::new(),
            },
            Set::InGroup(id) => match self.sequence_of(catalog, id)? {
                Some(group) => self.all_members(catalog, collection, group)?,
                None => Vec::new(),
            },
        };
        sequences.sort_unstable();
        sequences.dedup();
        Ok(Candidates { sequences, exact: true })
    }

    fn both(&mut self, catalog: &Catalog, collection: &Collection, sets: &[Set]) -> Result<Candidates, Failure> {
        let mut found: Option<Candidates> = None;
        for set in sets {
            found = Some(match found {
                None => self.candidates(catalog, collection, set)?,
                Some(few) if few.sequences.len() <= FEW => {
                    return Ok(Candidates { exact: few.sequences.is_empty(), ..few });
                }
                Some(mut found) => {
                    let other = self.candidates(catalog, collection, set)?;
                    found.sequences.retain(|sequence| other.sequences.binary_search(sequence).is_ok());
                    found.exact &= other.exact;
                    found
                }
            });
        }
        Ok(found.unwrap_or(Candidates { sequences: Vec::new(), exact: true }))
    }

    fn in_range(&mut self, index: i64, range: &KeyRange) -> Result<Vec<i64>, Failure> {
        let from = resource_values::table
            .filter(resource_values::index_id.eq(index).and(resource_values::key.ge(&range.from)))
            .select(resource_values::resource);
        Ok(match &range.to {
            Some(to) => from.filter(resource_values::key.lt(to)).load(self.0)?,
            None => from.load(self.0)?,
        })
    }

    /// The sequence numbers of a collection in the order of an index that each of its resources is in once, with their
    /// keys: those beyond a place, or from the beginning.
    pub(in super::super) fn in_order(
        &mut self,
        collection: &Collection,
        place: &Place,
        descending: bool,
        beyond: Option<(&str, i64)>,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<(String, i64)>, Failure> {
        let Some((_, known)) = collection.indexes().find(|(index, _)| index.place == *place) else {
            return Ok(Vec::new());
        };
        let all = || {
            resource_values::table
                .filter(resource_values::index_id.eq(known.id))
                .select((resource_values::key, resource_values::resource))
        };
        let (offset, limit) = (i64::try_from(offset).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
        let up = (resource_values::key.asc(), resource_values::resource.asc());
        let down = (resource_values::key.desc(), resource_values::resource.desc());
        Ok(match (beyond, descending) {
            (None, false) => all().order(up).offset(offset).limit(limit).load(self.0)?,
            (None, true) => all().order(down).offset(offset).limit(limit).load(self.0)?,
            (Some((key, sequence)), false) => {
                let same = all().filter(resource_values::key.eq(key).and(resource_values::resource.gt(sequence)));
                let mut rows: Vec<(String, i64)> = same.order(up).limit(limit).load(self.0)?;
                let more = limit - i64::try_from(rows.len()).unwrap_or(limit);
                let after = all().filter(resource_values::key.gt(key)).order(up).limit(more);
                rows.extend(after.load::<(String, i64)>(self.0)?);
                rows
            }
            (Some((key, sequence)), true) => {
                let same = all().filter(resource_values::key.eq(key).and(resource_values::resource.lt(sequence)));
                let mut rows: Vec<(String, i64)> = same.order(down).limit(limit).load(self.0)?;
                let more = limit - i64::try_from(rows.len()).unwrap_or(limit);
                let after = all().filter(resource_values::key.lt(key)).order(down).limit(more);
                rows.extend(after.load::<(String, i64)>(self.0)?);
                rows
            }
        })
    }
}
