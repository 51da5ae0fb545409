//! The gallery: synchronization schemas with the mappings that a kind of source and a SCIM application usually want.
//!
//! Data files and their loader; a template knows no job and no secret.

use crate::sync_schema::wire::SynchronizationSchema;

/// Every template, by name.
static GALLERY: &[Template] = &[
    Template {
        name: "scim-graph",
        description: "users and groups of Microsoft Graph into a SCIM application",
        text: include_str!("gallery/scim-graph.json"),
    },
    Template {
        name: "scim-ldap",
        description: "inetOrgPerson users and groups of an LDAP directory into a SCIM application",
        text: include_str!("gallery/scim-ldap.json"),
    },
];

/// A schema to start from.
#[derive(Debug)]
pub struct Template {
    pub name: &'static str,
    /// What it connects, in a few words.
    pub description: &'static str,
    text: &'static str,
}

impl Template {
    /// All templates, in the order of their names.
    pub fn all() -> &'static [Self] {
        GALLERY
    }

    /// The template of exactly this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        GALLERY.iter().find(|template| template.name == name)
    }

    /// The schema, without the id of a job.
    pub fn schema(&self) -> SynchronizationSchema {
        serde_json::from_str(self.text).expect("a test reads every template")
    }
}

#[cfg(test)]
mod tests;
