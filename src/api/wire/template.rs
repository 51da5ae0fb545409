//! `synchronizationTemplate`.

use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::control::derived;
use crate::templates::Template as Content;

/// The template that stands for any application.
const GENERIC: &str = "scim";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Template {
    pub(in crate::api) id: String,
    application_id: Uuid,
    default: bool,
    description: String,
    discoverable: bool,
    factory_tag: String,
    metadata: Vec<Metadata>,
    schema: Json,
}

#[derive(Debug, Serialize)]
struct Metadata {
    key: String,
    value: String,
}

/// The words of the metadata are spelled differently in the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Spelling {
    Pascal,
    Camel,
}

impl Template {
    /// The template with its schema, written out, for the kind of source that the application has. `default` is the one that a job of the
    /// application would be made from.
    pub(in crate::api) fn new(content: &Content, schema: Json, default: Option<&str>, spelling: Spelling) -> Self {
        let application_id = application_of(&content.id);
        let generic = content.id == GENERIC;
        let tag = if generic { "CustomSCIM" } else { &content.id };
        let fields = json!([{ "name": "baseaddress" }, { "name": "secrettoken", "secret": true }]);
        let metadata = [
            ("GalleryApplicationIdentifier", application_id.to_string()),
            ("GalleryApplicationKey", tag.to_owned()),
            ("IsOAuthEnabled", "false".to_owned()),
            ("IsSynchronizationInPreview", "false".to_owned()),
            ("ConfigurationFields", fields.to_string()),
        ];
        Self {
            id: content.id.clone(),
            application_id,
            default: default.unwrap_or(GENERIC) == content.id,
            description: content.description.clone(),
            discoverable: true,
            factory_tag: tag.to_owned(),
            metadata: metadata.map(|(key, value)| Metadata { key: spelling.of(key), value }).into(),
            schema,
        }
    }
}

/// The id of the gallery's application that a template is for.
fn application_of(template: &str) -> Uuid {
    derived(&[b"applicationTemplate\0", template.as_bytes()])
}

impl Spelling {
    fn of(self, key: &str) -> String {
        match (self, key.split_at_checked(1)) {
            (Self::Camel, Some((first, rest))) => [&first.to_ascii_lowercase(), rest].concat(),
            _ => key.to_owned(),
        }
    }
}
