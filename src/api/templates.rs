//! What a job of an application may be made from.

use serde_json::Value as Json;

use super::error::ApiError;
use super::routes::json;
use super::schemas;
use super::wire::template::{Spelling, Template};
use crate::control::{Application, Catalogue};
use crate::sync_schema::wire::SynchronizationSchema;
use crate::templates::{Template as Content, Vocabulary};

/// Every template, with its schema for the source of the application.
pub(super) fn all(catalogue: &Catalogue, application: &Application, spelling: Spelling) -> Vec<Json> {
    catalogue.templates.iter().filter_map(|content| one(content, application, spelling)).collect()
}

/// The template of this id.
///
/// # Errors
/// 404.
pub(super) fn find<'a>(catalogue: &'a Catalogue, id: &str) -> Result<&'a Content, ApiError> {
    let found = catalogue.templates.iter().find(|content| content.id == id);
    found.ok_or_else(|| ApiError::not_found(format!("There is no template `{id}`.")))
}

/// The template as it is told. `None` for one that was made for another kind of source.
pub(super) fn one(content: &Content, application: &Application, spelling: Spelling) -> Option<Json> {
    let default = application.jobs.first().and_then(|job| job.template.as_deref());
    let schema = schemas::whole(&schema_id(content), &schema(content, application)?);
    Some(json(&Template::new(content, schema, default, spelling)))
}

/// The schema of the template, under its id.
pub(super) fn schema(content: &Content, application: &Application) -> Option<SynchronizationSchema> {
    let vocabulary = application.jobs.first().map_or(Vocabulary::Graph, |job| job.vocabulary);
    content.schema(vocabulary).ok()
}

/// The id that the schema of a template has.
pub(super) fn schema_id(content: &Content) -> String {
    format!("{}.{}", content.id, "0".repeat(32))
}
