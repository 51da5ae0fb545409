//! Synchronization schemas, and what they are written with.

use serde_json::Value as Json;

use super::routes::json;
use crate::sync_schema::wire::{FilterOperatorSchema, FunctionSchema, Shape, SynchronizationSchema};

/// The whole schema, every member written out, under the id of what it belongs to.
pub(super) fn whole(id: &str, document: &SynchronizationSchema) -> Json {
    let mut document = document.clone();
    document.complete();
    let mut schema = json(&document);
    schema["id"] = id.into();
    schema
}

/// The directories of the schema, in its order.
pub(super) fn directories(document: &SynchronizationSchema) -> Vec<Json> {
    match whole("", document)["directories"].take() {
        Json::Array(directories) => directories,
        _ => Vec::new(),
    }
}

/// Every operator of scoping filters.
pub(super) fn filter_operators() -> Vec<Json> {
    FilterOperatorSchema::all().iter().map(json).collect()
}

/// Every function of expressions.
pub(super) fn functions() -> Vec<Json> {
    FunctionSchema::all().iter().map(json).collect()
}
