//! The rows of indexed values: written with their resource, and compared with those of others where they must be unique.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::collections::{Collection, KnownIndex};
use super::tables::resource_values;
use super::{Failure, Transaction, keys};
use crate::scim::ScimError;
use crate::scim_server::resource_types::Index;

impl Transaction<'_> {
    pub(super) fn add_values(
        &mut self,
        collection: &Collection,
        resource: i64,
        document: &Map<String, Value>,
    ) -> Result<(), Failure> {
        for (index, known) in collection.indexes() {
            for key in keys::keys(index, document) {
                self.add_value(index, known, &key, resource)?;
            }
        }
        Ok(())
    }

    /// Writes the difference between the values of two documents.
    pub(super) fn change_values(
        &mut self,
        collection: &Collection,
        resource: i64,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), Failure> {
        for (index, known) in collection.indexes() {
            let (before, after) = (keys::keys(index, old), keys::keys(index, new));
            for gone in before.iter().filter(|key| !after.contains(key)) {
                diesel::delete(
                    resource_values::table.filter(
                        resource_values::index_id
                            .eq(known.id)
                            .and(resource_values::key.eq(gone))
                            .and(resource_values::resource.eq(resource)),
                    ),
                )
                .execute(self.0)?;
            }
            for key in after.iter().filter(|key| !before.contains(key)) {
                self.add_value(index, known, key, resource)?;
            }
        }
        Ok(())
    }

    /// Writes a value without asking whether it is taken.
    pub(super) fn put_value(&mut self, index: i64, key: &str, resource: i64) -> Result<(), Failure> {
        diesel::insert_into(resource_values::table)
            .values((
                resource_values::index_id.eq(index),
                resource_values::key.eq(key),
                resource_values::resource.eq(resource),
            ))
            .execute(self.0)?;
        Ok(())
    }

    fn add_value(&mut self, index: &Index, known: &KnownIndex, key: &str, resource: i64) -> Result<(), Failure> {
        for other in &known.unique_in {
            let holder: Option<i64> = resource_values::table
                .filter(resource_values::index_id.eq(other).and(resource_values::key.eq(key)))
                .select(resource_values::resource)
                .first(self.0)
                .optional()?;
            if holder.is_some_and(|holder| holder != resource) {
                let detail = ["the value of `", &index.place.name(), "` is taken"].concat();
                return Err(ScimError::uniqueness(detail).into());
            }
        }
        self.put_value(known.id, key, resource)
    }
}
