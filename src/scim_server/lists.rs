//! Lists: which resources a query selects, in which order, and which of them are on the page (RFC 7644 section 3.4.2).

use std::sync::Arc;

use chrono::Utc;

use super::Service;
use super::changes;
use super::cursor::{Cursor, Rank};
use super::order::sort_key;
use super::projection::Projection;
use super::query::{Query, Sort};
use super::resource_types::{Index, Kind};
use super::service::Scene;
use super::storage::{Failure, Narrowed, Stored, Transaction, narrow};
use super::tenant::Realm;
use crate::scim::{Filter, ListResponse, Resource, ScimError, ScimType, check, matches};

/// Resources that are shown where the request is served; more are read on a thread of their own.
const FEW_RESULTS: u64 = 200;
/// Resources that a page may lie behind where no index has the order: the ranks of all of them are held.
const MOST_PASSED: u64 = 100_000;
/// Ranks that are kept beyond those that may be shown, before the surplus is thrown away.
const SURPLUS: usize = 1000;

/// A page of the resources of a type that meet a filter.
pub(super) async fn list(
    service: &Service,
    realm: &Realm,
    kind: &Arc<Kind>,
    query: Query,
) -> Result<ListResponse, Failure> {
    Ok(list_everywhere(service, realm, std::slice::from_ref(kind), query).await?.0)
}

/// A page of the resources of these types that meet a filter, and the type of each of them.
///
/// An attribute that a type does not have has no value there (RFC 7644 section 3.4.2.1).
pub(super) async fn list_everywhere(
    service: &Service,
    realm: &Realm,
    kinds: &[Arc<Kind>],
    query: Query,
) -> Result<(ListResponse, Vec<Arc<Kind>>), Failure> {
    let scene = Scene::enter(service, realm).await?;
    let names = kinds.iter().map(|kind| kind.name.as_str());
    let question = query.question(std::iter::once(realm.tenant.name()).chain(names));
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or(0);
    let cursor = match query.cursor.as_deref() {
        None | Some("") => None,
        Some(sealed) => {
            let count = query.counted.then_some(query.count);
            Some(service.seals.open(sealed, &question, count, now)?)
        }
    };
    let reading = realm.manner.dialect.reading;
    let mut shelves = Vec::new();
    for kind in kinds {
        if let Some(sort) = &query.sort {
            // An order tells as much of a value as a filter does.
            check(&Filter::Present(sort.by.clone()), &kind.schema, reading)
                .map_err(|_| ScimError::bad_request(ScimType::InvalidValue, "`sortBy` names what cannot be read"))?;
        }
        let narrowed = match &query.filter {
            Some(filter) => {
                check(filter, &kind.schema, reading)?;
                narrow(filter, scene.catalog.of(kind)?)
            }
            None => Narrowed { set: None, exact: true },
        };
        shelves.push(Shelf { kind: kind.clone(), narrowed });
    }
    let is_walk = query.cursor.is_some();
    let count = cursor.as_ref().map_or(query.count, |cursor| cursor.count);
    let start = match &cursor {
        Some(cursor) => Start::Beyond(cursor.rank.clone()),
        None if is_walk => Start::After(0),
        None => Start::After(query.start_index - 1),
    };
    let listing = Listing {
        scene,
        shelves,
        filter: query.filter,
        sort: query.sort,
        start,
        // One more tells whether there is another page.
        take: count + u64::from(is_walk && count > 0),
        known_total: cursor.as_ref().map(|cursor| cursor.total),
        projection: query.projection,
    };
    let page = if listing.is_short() {
        service.storage.read(move |tx| listing.page(tx, count)).await?
    } else {
        service.storage.scan(move |tx| listing.page(tx, count)).await?
    };
    if !is_walk {
        return Ok((ListResponse::page(page.shown, page.total, query.start_index), page.kinds));
    }
    let next = page.next.map(|rank| {
        let cursor = Cursor { rank, total: page.total, count, made: now };
        service.seals.seal(&cursor, &question)
    });
    Ok((ListResponse::cursor_page(page.shown, page.total, next), page.kinds))
}

/// A type that is listed, and what its indexes say about the filter.
struct Shelf {
    kind: Arc<Kind>,
    narrowed: Narrowed,
}

/// Where a page begins.
enum Start {
    /// After this many resources.
    After(u64),
    /// After the resource of this rank.
    Beyond(Rank),
}

struct Listing {
    scene: Scene,
    shelves: Vec<Shelf>,
    filter: Option<Filter>,
    sort: Option<Sort>,
    start: Start,
    take: u64,
    known_total: Option<u64>,
    projection: Projection,
}

struct Page {
    shown: Vec<Resource>,
    /// The type of each.
    kinds: Vec<Arc<Kind>>,
    total: u64,
    /// The rank of the last resource, when there are more.
    next: Option<Rank>,
}

/// A resource on the page.
struct Found {
    rank: Rank,
    stored: Stored,
}

/// Resources of one shelf as they are met: what of them is counted, passed over and kept.
struct Tally {
    total: u64,
    skip: u64,
    take: usize,
    found: Vec<Found>,
}

impl Listing {
    /// True when indexes alone answer it and little is shown.
    fn is_short(&self) -> bool {
        let plain = self.sort.is_none() || self.sorted_by_index().is_some();
        let shows_members = self
            .shelves
            .iter()
            .any(|shelf| shelf.kind.has_members() && self.projection.shows("members", &shelf.kind.schema));
        let answered = self.shelves.iter().all(|shelf| shelf.narrowed.is_quick());
        plain && answered && !shows_members && self.take <= FEW_RESULTS
    }

    fn page(self, tx: &mut Transaction<'_>, count: u64) -> Result<Page, Failure> {
        let (total, mut found) = match &self.sort {
            None => self.in_order_of_creation(tx)?,
            Some(sort) => match self.sorted_by_index() {
                Some(index) => self.in_order_of_index(tx, index, sort.descending)?,
                None => self.in_order_of_values(tx, sort)?,
            },
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let more = found.len() > count;
        found.truncate(count);
        let next = found.last().filter(|_| more).map(|last| last.rank.clone());
        let mut shown = Vec::with_capacity(found.len());
        let mut kinds = Vec::with_capacity(found.len());
        for Found { rank, stored } in found {
            let kind = &self.shelves[rank.kind].kind;
            let whole = changes::whole(tx, &self.scene, kind, stored, &self.projection)?;
            shown.push(whole.show(&self.scene, &self.projection).resource);
            kinds.push(kind.clone());
        }
        Ok(Page { shown, kinds, total, next })
    }

    fn in_order_of_creation(&self, tx: &mut Transaction<'_>) -> Result<(u64, Vec<Found>), Failure> {
        let (skip, beyond) = match &self.start {
            Start::After(skip) => (*skip, None),
            Start::Beyond(rank) => (0, Some(rank)),
        };
        let take = usize::try_from(self.take).unwrap_or(usize::MAX);
        let mut tally = Tally { total: 0, skip, take, found: Vec::new() };
        for (number, shelf) in self.shelves.iter().enumerate() {
            let after = match beyond {
                // The walk has passed this type; its resources count all the same.
                Some(rank) if number < rank.kind => i64::MAX,
                Some(rank) if number == rank.kind => rank.sequence,
                _ => 0,
            };
            if self.known_total.is_some() && (after == i64::MAX || tally.is_full()) {
                continue;
            }
            self.fill(tx, number, shelf, after, &mut tally)?;
        }
        Ok((self.known_total.unwrap_or(tally.total), tally.found))
    }

    /// Adds what a shelf has after a sequence number.
    fn fill(
        &self,
        tx: &mut Transaction<'_>,
        number: usize,
        shelf: &Shelf,
        after: i64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let collection = self.scene.catalog.of(&shelf.kind)?;
        let rank = |sequence: i64| Rank { missing: false, key: None, kind: number, sequence };
        let candidates = match &shelf.narrowed.set {
            Some(set) => Some(tx.candidates(&self.scene.catalog, collection, set)?),
            None => None,
        };
        match candidates {
            None if shelf.narrowed.exact => {
                let here = if self.known_total.is_none() || tally.skip > 0 { tx.count(collection)? } else { 0 };
                tally.total += here;
                if after < i64::MAX && !tally.is_full() && (after > 0 || tally.skip < here || here == 0) {
                    let rows = tx.page(collection, after, tally.skip, tally.room())?;
                    tally.found.extend(rows.into_iter().map(|stored| Found { rank: rank(stored.sequence), stored }));
                }
                tally.skip = tally.skip.saturating_sub(here);
            }
            Some(candidates) if shelf.narrowed.exact && candidates.exact => {
                tally.total += candidates.sequences.len() as u64;
                let rest = &candidates.sequences[candidates.sequences.partition_point(|at| *at <= after)..];
                let skipped = tally.skip.min(rest.len() as u64);
                tally.skip -= skipped;
                for sequence in &rest[usize::try_from(skipped).unwrap_or(usize::MAX)..] {
                    if tally.is_full() {
                        break;
                    }
                    tally.found.extend(tx.at(*sequence)?.map(|stored| Found { rank: rank(*sequence), stored }));
                }
            }
            candidates => {
                let sequences = candidates.as_ref().map(|candidates| candidates.sequences.as_slice());
                // With the total known, what lies before is not looked at again.
                let begin = if self.known_total.is_some() { after } else { 0 };
                self.evaluate(tx, shelf, sequences, begin, |_, stored| {
                    tally.total += 1;
                    if stored.sequence > after {
                        if tally.skip > 0 {
                            tally.skip -= 1;
                        } else if !tally.is_full() {
                            tally.found.push(Found { rank: rank(stored.sequence), stored });
                        }
                    }
                    Ok(self.known_total.is_none() || !tally.is_full())
                })?;
            }
        }
        Ok(())
    }

    /// Shows the resources of a shelf that meet the filter, after a sequence number, until the visitor says `false`.
    fn evaluate(
        &self,
        tx: &mut Transaction<'_>,
        shelf: &Shelf,
        candidates: Option<&[i64]>,
        after: i64,
        mut visitor: impl FnMut(&mut Transaction<'_>, Stored) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let needed = self.filter.as_ref().map(|filter| Projection::needed_by(filter, &shelf.kind));
        let mut selected = |tx: &mut Transaction<'_>, stored: Stored| {
            if let (Some(filter), Some(needed)) = (&self.filter, &needed) {
                let whole =
                    changes::whole(tx, &self.scene, &shelf.kind, stored.clone(), needed)?.represent(&self.scene);
                if !matches(filter, &whole, &shelf.kind.schema) {
                    return Ok(true);
                }
            }
            visitor(tx, stored)
        };
        match candidates {
            None => tx.visit(self.scene.catalog.of(&shelf.kind)?, after, selected),
            Some(sequences) => {
                for sequence in &sequences[sequences.partition_point(|at| *at <= after)..] {
                    if let Some(stored) = tx.at(*sequence)?
                        && !selected(tx, stored)?
                    {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// The index that has every resource once in the order that is asked for.
    fn sorted_by_index(&self) -> Option<&Index> {
        let ([shelf], Some(sort), None) = (self.shelves.as_slice(), &self.sort, &self.filter) else { return None };
        let place = shelf.kind.place(&sort.by)?;
        shelf.kind.indexes.iter().find(|index| index.always_one && index.place == place)
    }

    fn in_order_of_index(
        &self,
        tx: &mut Transaction<'_>,
        index: &Index,
        descending: bool,
    ) -> Result<(u64, Vec<Found>), Failure> {
        let collection = self.scene.catalog.of(&self.shelves[0].kind)?;
        let (beyond, offset) = match &self.start {
            Start::After(offset) => (None, *offset),
            Start::Beyond(rank) => (Some((rank.key.as_deref().unwrap_or_default(), rank.sequence)), 0),
        };
        let mut found = Vec::new();
        for (key, sequence) in tx.in_order(collection, &index.place, descending, beyond, offset, self.take)? {
            let rank = Rank { missing: false, key: Some(key), kind: 0, sequence };
            found.extend(tx.at(sequence)?.map(|stored| Found { rank, stored }));
        }
        let total = match self.known_total {
            Some(total) => total,
            None => tx.count(collection)?,
        };
        Ok((total, found))
    }

    fn refuse_far_page(&self, tx: &mut Transaction<'_>, skip: usize) -> Result<(), Failure> {
        let mut most = 0;
        if skip as u64 > MOST_PASSED {
            for shelf in &self.shelves {
                most += tx.count(self.scene.catalog.of(&shelf.kind)?)?;
            }
        }
        if most <= MOST_PASSED {
            return Ok(());
        }
        let detail = "a page so far into this order takes too much memory: read the list by `cursor`, or unsorted";
        Err(ScimError::bad_request(ScimType::TooMany, detail).into())
    }

    /// Looks at every resource that is selected and keeps the ranks of those that may be on the page.
    fn in_order_of_values(&self, tx: &mut Transaction<'_>, sort: &Sort) -> Result<(u64, Vec<Found>), Failure> {
        let (skip, beyond) = match &self.start {
            Start::After(skip) => (usize::try_from(*skip).unwrap_or(usize::MAX), None),
            Start::Beyond(rank) => (0, Some(rank)),
        };
        self.refuse_far_page(tx, skip)?;
        let last = skip.saturating_add(usize::try_from(self.take).unwrap_or(usize::MAX));
        let compare = |a: &Rank, b: &Rank| if sort.descending { b.cmp(a) } else { a.cmp(b) };
        let (mut total, mut ranks): (u64, Vec<Rank>) = (0, Vec::new());
        for (number, shelf) in self.shelves.iter().enumerate() {
            let candidates = match &shelf.narrowed.set {
                Some(set) => Some(tx.candidates(&self.scene.catalog, self.scene.catalog.of(&shelf.kind)?, set)?),
                None => None,
            };
            let sequences = candidates.as_ref().map(|candidates| candidates.sequences.as_slice());
            let needed = Projection::needed_by(&Filter::Present(sort.by.clone()), &shelf.kind);
            self.evaluate(tx, shelf, sequences, 0, |tx, stored| {
                total += 1;
                let sequence = stored.sequence;
                let whole = changes::whole(tx, &self.scene, &shelf.kind, stored, &needed)?.represent(&self.scene);
                let key = sort_key(&whole, &sort.by, &shelf.kind);
                let rank = Rank { missing: key.is_none(), key, kind: number, sequence };
                if beyond.is_none_or(|beyond| compare(&rank, beyond).is_gt()) {
                    ranks.push(rank);
                }
                if ranks.len() > last.saturating_mul(2).saturating_add(SURPLUS) {
                    ranks.sort_unstable_by(compare);
                    ranks.truncate(last);
                }
                Ok(true)
            })?;
        }
        ranks.sort_unstable_by(compare);
        ranks.truncate(last);
        let mut found = Vec::new();
        for rank in ranks.into_iter().skip(skip) {
            found.extend(tx.at(rank.sequence)?.map(|stored| Found { rank, stored }));
        }
        Ok((self.known_total.unwrap_or(total), found))
    }
}

impl Tally {
    fn room(&self) -> u64 {
        (self.take - self.found.len()) as u64
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.take
    }
}
