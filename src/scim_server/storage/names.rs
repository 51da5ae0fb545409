//! What resources are called, for those that refer to them.

use serde::Deserialize;

use diesel::prelude::*;

use super::collections::Catalog;
use super::tables::resources;
use super::{Failure, Transaction};

/// A resource that another one refers to.
#[derive(Clone, Debug)]
pub(in super::super) struct NamedRow {
    pub(in super::super) id: String,
    pub(in super::super) display_name: Option<String>,
    /// The number of its collection.
    pub(in super::super) collection: i64,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "displayName")]
    display_name: Option<String>,
}

/// The `displayName` of a stored document.
pub(super) fn display_name(id: &str, document: &str) -> Result<Option<String>, Failure> {
    match serde_json::from_str(document) {
        Ok(Named { display_name }) => Ok(display_name),
        Err(error) => Err(Failure::Broken { id: id.to_owned(), column: error.column() }),
    }
}

impl Transaction<'_> {
    /// The resource of the tenant that has this id.
    pub(in super::super) fn named(&mut self, catalog: &Catalog, id: &str) -> Result<Option<NamedRow>, Failure> {
        let found: Option<(i64, String)> = resources::table
            .filter(resources::id.eq(id))
            .select((resources::collection, resources::document))
            .first(self.0)
            .optional()?;
        match found {
            Some((collection, document)) if catalog.numbered(collection).is_some() => {
                Ok(Some(NamedRow { id: id.to_owned(), display_name: display_name(id, &document)?, collection }))
            }
            _ => Ok(None),
        }
    }
}
