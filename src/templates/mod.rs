//! Templates: synchronization schemas with the mappings that an application usually wants, and how it is spoken to.
//!
//! A template is composed of two small tables, one of the application and one of the kind of source, so that what an
//! application takes is written once. A template knows no job and no secret.

mod application;
mod compose;
mod folder;
mod gallery;
mod vocabulary;

pub use compose::{Fault, Unsound};
pub use folder::FolderProblem;
pub use vocabulary::Vocabulary;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use self::application::Application;
use crate::sync_schema::wire::SynchronizationSchema;
use crate::target::profile::ProfileOverrides;

/// Names by which a template was called before it served every kind of source.
const FORMER_NAMES: [(&str, &str); 2] = [("scim-graph", "scim"), ("scim-ldap", "scim")];

/// Something to start a job from.
#[derive(Clone, Debug)]
pub struct Template {
    /// By which a configuration names it.
    pub id: String,
    pub name: String,
    /// What it connects, in a few words.
    pub description: String,
    /// Where the application documents its side.
    pub documentation: Vec<String>,
    /// How the application is spoken to: it counts more than a preset, and less than what the application says of
    /// itself.
    pub profile: ProfileOverrides,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// A table to be composed with that of a source.
    Table(Box<Application>),
    /// A schema that serves the one source it was made for.
    Schema(Box<SynchronizationSchema>),
}

impl Template {
    /// The schema for a kind of source, without the id of a job.
    ///
    /// # Errors
    /// What is wrong with the template; nothing is with those that come with the program.
    pub fn schema(&self, source: Vocabulary) -> Result<SynchronizationSchema, Unsound> {
        match &self.content {
            Content::Table(table) => compose::compose(table, source),
            Content::Schema(schema) => Ok(schema.as_ref().clone()),
        }
    }
}

impl From<Application> for Template {
    fn from(table: Application) -> Self {
        Self {
            id: table.id.clone(),
            name: table.name.clone(),
            description: table.description.clone(),
            documentation: table.documentation.clone(),
            profile: table.profile.clone(),
            content: Content::Table(Box::new(table)),
        }
    }
}

/// Templates, each under a name of its own.
#[derive(Clone, Debug)]
pub struct Templates(BTreeMap<String, Template>);

impl Templates {
    /// Those that come with the program.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Templates> = LazyLock::new(|| {
            Templates(gallery::templates().into_iter().map(|template| (template.id.clone(), template)).collect())
        });
        &BUILT_IN
    }

    /// Those that come with the program and those of a folder; one of the folder takes the place of a built-in one of
    /// the same id.
    ///
    /// # Errors
    /// Everything that is wrong with any file of the folder.
    pub fn with_folder(folder: &Path) -> Result<Self, Vec<FolderProblem>> {
        let mut templates = Self::built_in().clone();
        for template in folder::read(folder)? {
            templates.0.insert(template.id.clone(), template);
        }
        Ok(templates)
    }

    /// All of them, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &Template> {
        self.0.values()
    }

    /// The template of exactly this id, or of this former name.
    pub fn named(&self, name: &str) -> Option<&Template> {
        let former = || FORMER_NAMES.iter().find(|(former, _)| *former == name).and_then(|(_, id)| self.0.get(*id));
        self.0.get(name).or_else(former)
    }
}

#[cfg(test)]
mod tests;
