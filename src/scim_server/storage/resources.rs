//! The rows of resources: one each, in the order of their creation.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::{Map, Value};

use super::collections::{Catalog, Collection};
use super::tables::{blocks, members, resources};
use super::{Failure, Transaction};

/// How many rows a scan holds at a time.
const SCAN_ROWS: i64 = 500;
/// Sequence numbers in a block, as the triggers count them.
const BLOCK_BITS: u32 = 10;

diesel::define_sql_function! {
    #[aggregate]
    #[sql_name = "sum"]
    fn sum_of(totals: diesel::sql_types::BigInt) -> diesel::sql_types::Nullable<diesel::sql_types::BigInt>;
}

diesel::define_sql_function! {
    /// The number of the row that this connection inserted last.
    fn last_insert_rowid() -> diesel::sql_types::BigInt;
}

/// A resource as it is written. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub(in super::super) struct Row {
    pub(in super::super) id: String,
    pub(in super::super) created: i64,
    pub(in super::super) modified: i64,
    pub(in super::super) version: i64,
    /// The JSON of the document.
    pub(in super::super) document: String,
}

/// A resource as it is read.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = resources)]
#[diesel(check_for_backend(Sqlite))]
pub(in super::super) struct Stored {
    pub(in super::super) sequence: i64,
    pub(in super::super) id: String,
    pub(in super::super) created: i64,
    pub(in super::super) modified: i64,
    pub(in super::super) version: i64,
    #[diesel(column_name = document)]
    pub(in super::super) text: String,
}

impl Stored {
    /// The document. It was written by this program, so it fails only when the file was changed by something else.
    pub(in super::super) fn document(&self) -> Result<Map<String, Value>, Failure> {
        // The parser's own message may quote what is stored.
        serde_json::from_str(&self.text)
            .map_err(|error| Failure::Broken { id: self.id.clone(), column: error.column() })
    }
}

impl Transaction<'_> {
    /// Adds a resource and gives its sequence number; 409 when a value that must be unique is taken.
    pub(in super::super) fn insert(
        &mut self,
        collection: &Collection,
        row: &Row,
        document: &Map<String, Value>,
    ) -> Result<i64, Failure> {
        diesel::insert_into(resources::table)
            .values((
                resources::collection.eq(collection.id),
                resources::id.eq(&row.id),
                resources::created.eq(row.created),
                resources::modified.eq(row.modified),
                resources::version.eq(row.version),
                resources::document.eq(&row.document),
            ))
            .execute(self.0)?;
        // SQLite makes a table for what `RETURNING` returns, which costs more than to ask.
        let sequence = diesel::select(last_insert_rowid()).get_result(self.0)?;
        self.add_values(collection, sequence, document)?;
        Ok(sequence)
    }

    /// Writes a changed resource; 409 when a value that must be unique is taken.
    pub(in super::super) fn update(
        &mut self,
        collection: &Collection,
        stored: &Stored,
        row: &Row,
        document: &Map<String, Value>,
    ) -> Result<(), Failure> {
        diesel::update(resources::table.filter(resources::sequence.eq(stored.sequence)))
            .set((
                resources::modified.eq(row.modified),
                resources::version.eq(row.version),
                resources::document.eq(&row.document),
            ))
            .execute(self.0)?;
        self.change_values(collection, stored.sequence, &stored.document()?, document)
    }

    pub(in super::super) fn find(&mut self, collection: &Collection, id: &str) -> Result<Option<Stored>, Failure> {
        let found: Option<(i64, Stored)> = resources::table
            .filter(resources::id.eq(id))
            .select((resources::collection, Stored::as_select()))
            .first(self.0)
            .optional()?;
        Ok(found.filter(|(owner, _)| *owner == collection.id).map(|(_, stored)| stored))
    }

    /// The resource of this sequence number.
    pub(in super::super) fn at(&mut self, sequence: i64) -> Result<Option<Stored>, Failure> {
        let row = resources::table.filter(resources::sequence.eq(sequence)).select(Stored::as_select());
        Ok(row.first(self.0).optional()?)
    }

    /// Removes a resource and its memberships. The groups it was in become a version newer.
    pub(in super::super) fn delete(
        &mut self,
        collection: &Collection,
        stored: &Stored,
        now: i64,
    ) -> Result<(), Failure> {
        let groups = members::table.filter(members::member.eq(stored.sequence)).select(members::group_sequence);
        diesel::update(resources::table.filter(resources::sequence.eq_any(groups)))
            .set((resources::version.eq(resources::version + 1), resources::modified.eq(now)))
            .execute(self.0)?;
        self.change_values(collection, stored.sequence, &stored.document()?, &Map::new())?;
        diesel::delete(resources::table.filter(resources::sequence.eq(stored.sequence))).execute(self.0)?;
        Ok(())
    }

    /// How many resources a collection has.
    pub(in super::super) fn count(&mut self, collection: &Collection) -> Result<u64, Failure> {
        let total: Option<i64> =
            blocks::table.filter(blocks::collection.eq(collection.id)).select(sum_of(blocks::total)).first(self.0)?;
        Ok(u64::try_from(total.unwrap_or(0)).unwrap_or(0))
    }

    /// Some resources of a collection in the order of their creation: those after a sequence number, without the first
    /// `offset` of them. Far offsets are found by the counts of blocks.
    pub(in super::super) fn page(
        &mut self,
        collection: &Collection,
        after: i64,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Stored>, Failure> {
        let (mut after, mut offset) = (after, offset);
        if after == 0 && offset >> BLOCK_BITS > 0 {
            let Some((start, rest)) = self.block_at(collection, offset)? else { return Ok(Vec::new()) };
            (after, offset) = (start, rest);
        }
        let rows = resources::table
            .filter(resources::collection.eq(collection.id).and(resources::sequence.gt(after)))
            .select(Stored::as_select())
            .order(resources::sequence)
            .offset(i64::try_from(offset).unwrap_or(i64::MAX))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(self.0)?;
        Ok(rows)
    }

    /// Shows the resources of a collection in the order of their creation, beginning after a sequence number, until the
    /// visitor has seen enough and says so by `false`.
    pub(in super::super) fn visit(
        &mut self,
        collection: &Collection,
        after: i64,
        visitor: impl FnMut(&mut Self, Stored) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.visit_numbered(collection.id, after, visitor)
    }

    pub(super) fn visit_numbered(
        &mut self,
        collection: i64,
        mut after: i64,
        mut visitor: impl FnMut(&mut Self, Stored) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        loop {
            let rows: Vec<Stored> = resources::table
                .filter(resources::collection.eq(collection).and(resources::sequence.gt(after)))
                .select(Stored::as_select())
                .order(resources::sequence)
                .limit(SCAN_ROWS)
                .load(self.0)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.sequence;
            for row in rows {
                if !visitor(self, row)? {
                    return Ok(());
                }
            }
        }
    }

    /// Where the resource with this many before it lies: the number before its block, and how many of the block come
    /// before it. `None` beyond the end.
    fn block_at(&mut self, collection: &Collection, offset: u64) -> Result<Option<(i64, u64)>, Failure> {
        let counted: Vec<(i64, i64)> = blocks::table
            .filter(blocks::collection.eq(collection.id))
            .order(blocks::block)
            .select((blocks::block, blocks::total))
            .load(self.0)?;
        let mut rest = offset;
        for (block, total) in counted {
            let total = u64::try_from(total).unwrap_or(0);
            if rest < total {
                return Ok(Some(((block << BLOCK_BITS) - 1, rest)));
            }
            rest -= total;
        }
        Ok(None)
    }

    /// The sequence number of a resource that the tenant has.
    pub(super) fn sequence_of(&mut self, catalog: &Catalog, id: &str) -> Result<Option<i64>, Failure> {
        let found: Option<(i64, i64)> = resources::table
            .filter(resources::id.eq(id))
            .select((resources::sequence, resources::collection))
            .first(self.0)
            .optional()?;
        Ok(found.filter(|(_, owner)| catalog.numbered(*owner).is_some()).map(|(sequence, _)| sequence))
    }
}
