//! What the database calls a tenant's types and attributes: numbers instead of names in every other table.

use std::sync::Arc;

use diesel::prelude::*;

use super::tables::{collections, indexes, members, resource_values, resources};
use super::{Failure, Transaction, keys};
use crate::scim::Uniqueness;
use crate::scim_server::resource_types::{Comparison, Index, Kind, ResourceTypes};
use crate::scim_server::tenant::Tenant;

/// A tenant's collections, in the order of the types.
#[derive(Debug)]
pub(in super::super) struct Catalog {
    collections: Vec<Collection>,
}

/// The resources of one type in one tenant.
#[derive(Debug)]
pub(in super::super) struct Collection {
    pub(super) id: i64,
    pub(in super::super) kind: Arc<Kind>,
    /// In the order of the type's indexes.
    pub(super) indexes: Vec<KnownIndex>,
}

/// An index as the database knows it.
#[derive(Debug)]
pub(super) struct KnownIndex {
    pub(super) id: i64,
    /// The indexes in which no other resource may have the same key.
    pub(super) unique_in: Vec<i64>,
}

impl Catalog {
    /// The collection of a type.
    pub(in super::super) fn of(&self, kind: &Kind) -> Result<&Collection, Failure> {
        // Catalogs are made from the types that the server has, so the type is there.
        self.collections.iter().find(|collection| *collection.kind == *kind).ok_or(Failure::Stopped)
    }

    /// The collection of this number, when it is the tenant's.
    pub(in super::super) fn numbered(&self, id: i64) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.id == id)
    }
}

impl Collection {
    /// The type's indexes with the database's.
    pub(super) fn indexes(&self) -> impl Iterator<Item = (&Index, &KnownIndex)> {
        self.kind.indexes.iter().zip(&self.indexes)
    }
}

impl Transaction<'_> {
    /// Finds or makes the collections and indexes of a tenant. An index that is new is filled, one that no type has any
    /// more is emptied.
    pub(in super::super) fn open_catalog(
        &mut self,
        tenant: &Tenant,
        types: &ResourceTypes,
    ) -> Result<Catalog, Failure> {
        let mut opened = Vec::new();
        for kind in types.kinds() {
            let id = self.open_collection(tenant, kind)?;
            let known = self.open_indexes(id, kind)?;
            opened.push(Collection { id, kind: kind.clone(), indexes: known });
        }
        let globals: Vec<(String, i64)> = opened
            .iter()
            .flat_map(Collection::indexes)
            .filter(|(index, _)| index.uniqueness == Uniqueness::Global)
            .map(|(index, known)| (index.place.name(), known.id))
            .collect();
        for collection in &mut opened {
            for (index, known) in collection.kind.indexes.iter().zip(&mut collection.indexes) {
                known.unique_in = match index.uniqueness {
                    Uniqueness::None => Vec::new(),
                    Uniqueness::Server => vec![known.id],
                    Uniqueness::Global => {
                        let name = index.place.name();
                        globals.iter().filter(|(other, _)| *other == name).map(|(_, id)| *id).collect()
                    }
                };
            }
        }
        Ok(Catalog { collections: opened })
    }

    /// Removes all resources of all tenants.
    pub(in super::super) fn clear(&mut self) -> Result<(), Failure> {
        diesel::delete(members::table).execute(self.0)?;
        diesel::delete(resource_values::table).execute(self.0)?;
        diesel::delete(resources::table).execute(self.0)?;
        Ok(())
    }

    fn open_collection(&mut self, tenant: &Tenant, kind: &Kind) -> Result<i64, Failure> {
        let found = collections::table
            .filter(collections::tenant.eq(tenant.name()).and(collections::kind.eq(&kind.name)))
            .select(collections::id)
            .first(self.0)
            .optional()?;
        match found {
            Some(id) => Ok(id),
            None => Ok(diesel::insert_into(collections::table)
                .values((collections::tenant.eq(tenant.name()), collections::kind.eq(&kind.name)))
                .returning(collections::id)
                .get_result(self.0)?),
        }
    }

    fn open_indexes(&mut self, collection: i64, kind: &Kind) -> Result<Vec<KnownIndex>, Failure> {
        let mut present: Vec<(i64, String, String)> = indexes::table
            .filter(indexes::collection.eq(collection))
            .select((indexes::id, indexes::attribute, indexes::comparison))
            .load(self.0)?;
        let mut known = Vec::new();
        let mut new = Vec::new();
        for index in &kind.indexes {
            let (attribute, comparison) = (index.place.name(), word(index.comparison));
            let at = present.iter().position(|(_, name, word)| *name == attribute && word == comparison);
            let id = match at {
                Some(at) => present.swap_remove(at).0,
                None => {
                    let id = diesel::insert_into(indexes::table)
                        .values((
                            indexes::collection.eq(collection),
                            indexes::attribute.eq(&attribute),
                            indexes::comparison.eq(comparison),
                        ))
                        .returning(indexes::id)
                        .get_result(self.0)?;
                    new.push((index, id));
                    id
                }
            };
            known.push(KnownIndex { id, unique_in: Vec::new() });
        }
        for (gone, _, _) in present {
            diesel::delete(resource_values::table.filter(resource_values::index_id.eq(gone))).execute(self.0)?;
            diesel::delete(indexes::table.filter(indexes::id.eq(gone))).execute(self.0)?;
        }
        if !new.is_empty() {
            self.visit_numbered(collection, 0, |tx, stored| {
                let document = stored.document()?;
                for (index, id) in &new {
                    for key in keys::keys(index, &document) {
                        tx.put_value(*id, &key, stored.sequence)?;
                    }
                }
                Ok(true)
            })?;
        }
        Ok(known)
    }
}

/// The word in the database.
fn word(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Exact => "exact",
        Comparison::Folded => "folded",
        Comparison::Number => "number",
    }
}

#[cfg(test)]
impl Catalog {
    pub(super) fn all(&self) -> &[Collection] {
        &self.collections
    }
}
