//! The rows of resources: one each, with the columns that filters look at.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sqlite::Sqlite;

use super::filter_sql::{Condition, restrict};
use super::tables::{members, resources};
use super::{Failure, Transaction};
use crate::scim::ScimError;
use crate::scim_server::resource_types::Kind;

/// How many rows a scan holds at a time.
const SCAN_ROWS: i64 = 500;

/// A resource as it is written. Names to compare are in lower case, times in milliseconds since 1970.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = resources)]
pub(in super::super) struct Row {
    pub(in super::super) id: String,
    pub(in super::super) kind: String,
    pub(in super::super) user_name: Option<String>,
    pub(in super::super) display_key: Option<String>,
    pub(in super::super) display_name: Option<String>,
    pub(in super::super) external_id: Option<String>,
    pub(in super::super) created: i64,
    pub(in super::super) modified: i64,
    pub(in super::super) version: i64,
    pub(in super::super) document: String,
}

/// A resource as it is read.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = resources)]
#[diesel(check_for_backend(Sqlite))]
pub(in super::super) struct Stored {
    sequence: i64,
    pub(in super::super) id: String,
    pub(in super::super) created: i64,
    pub(in super::super) modified: i64,
    pub(in super::super) version: i64,
    pub(in super::super) document: String,
}

impl Transaction<'_> {
    /// Adds a resource; 409 when its name is taken.
    pub(in super::super) fn insert(&mut self, row: &Row) -> Result<(), Failure> {
        diesel::insert_into(resources::table).values(row).execute(self.0).map_err(name_taken)?;
        Ok(())
    }

    /// Writes all columns of a resource anew but `created`; 409 when its new name is taken.
    pub(in super::super) fn update(&mut self, row: &Row) -> Result<(), Failure> {
        diesel::update(resources::table.filter(resources::id.eq(&row.id)))
            .set((
                resources::user_name.eq(&row.user_name),
                resources::display_key.eq(&row.display_key),
                resources::display_name.eq(&row.display_name),
                resources::external_id.eq(&row.external_id),
                resources::modified.eq(row.modified),
                resources::version.eq(row.version),
                resources::document.eq(&row.document),
            ))
            .execute(self.0)
            .map_err(name_taken)?;
        Ok(())
    }

    pub(in super::super) fn find(&mut self, kind: &Kind, id: &str) -> Result<Option<Stored>, Failure> {
        let found = resources::table
            .filter(resources::id.eq(id).and(resources::kind.eq(&kind.name)))
            .select(Stored::as_select())
            .first(self.0)
            .optional()?;
        Ok(found)
    }

    /// Removes a resource and its memberships. The groups it was in become a version newer.
    pub(in super::super) fn delete(&mut self, id: &str, now: i64) -> Result<(), Failure> {
        let groups = members::table.filter(members::value.eq(id)).select(members::group_id);
        diesel::update(resources::table.filter(resources::id.eq_any(groups)))
            .set((resources::version.eq(resources::version + 1), resources::modified.eq(now)))
            .execute(self.0)?;
        diesel::delete(resources::table.filter(resources::id.eq(id))).execute(self.0)?;
        Ok(())
    }

    /// Removes everything.
    pub(in super::super) fn clear(&mut self) -> Result<(), Failure> {
        diesel::delete(members::table).execute(self.0)?;
        diesel::delete(resources::table).execute(self.0)?;
        Ok(())
    }

    /// How many resources meet all the conditions.
    pub(in super::super) fn count(&mut self, kind: &Kind, conditions: &[Condition]) -> Result<u64, Failure> {
        let query = resources::table.filter(resources::kind.eq(&kind.name)).into_boxed();
        let count: i64 = restrict(query.count(), conditions).first(self.0)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Some of the resources that meet all the conditions, in the order of their creation.
    pub(in super::super) fn page(
        &mut self,
        kind: &Kind,
        conditions: &[Condition],
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Stored>, Failure> {
        let query = resources::table.filter(resources::kind.eq(&kind.name)).select(Stored::as_select()).into_boxed();
        let rows = restrict(query, conditions)
            .order(resources::sequence)
            .offset(i64::try_from(offset).unwrap_or(i64::MAX))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(self.0)?;
        Ok(rows)
    }

    /// Shows every resource that meets all the conditions, in the order of their creation.
    pub(in super::super) fn scan(
        &mut self,
        kind: &Kind,
        conditions: &[Condition],
        mut visit: impl FnMut(&mut Self, Stored) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = 0;
        loop {
            let query =
                resources::table.filter(resources::kind.eq(&kind.name)).select(Stored::as_select()).into_boxed();
            let rows: Vec<Stored> = restrict(query, conditions)
                .filter(resources::sequence.gt(after))
                .order(resources::sequence)
                .limit(SCAN_ROWS)
                .load(self.0)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.sequence;
            for row in rows {
                visit(self, row)?;
            }
        }
    }
}

fn name_taken(error: Error) -> Failure {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            ScimError::uniqueness("the `userName` is taken").into()
        }
        error => error.into(),
    }
}

#[cfg(test)]
impl Row {
    pub(super) fn new(kind: &Kind, id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.name.clone(),
            user_name: kind.has_groups().then(|| name.to_owned()),
            display_key: Some(name.to_owned()),
            display_name: Some(name.to_owned()),
            external_id: None,
            created: 0,
            modified: 0,
            version: 1,
            document: "{}".to_owned(),
        }
    }
}
