//! `provisor.yaml`: what a person wrote, checked and completed.
//!
//! The file is read in steps: a tree in which every value knows its place, references put in, typed values, checks
//! that need several of them. Each step goes on past what it finds wrong, so that one look shows all there is to
//! mend. Nothing here connects to anything.

mod api;
mod document;
mod duration;
mod escrow;
mod job;
mod problem;
mod quarantine;
mod read;
mod relink;
mod resolve;
mod resolved;
mod schedule;
mod schema_file;
mod scope;
mod secrets;
mod template;
mod written;

#[cfg(test)]
mod tests;

pub use duration::parse as parse_duration;
pub use job::{Adopt, EscrowSettings, GuardSettings, Leaving, LimitSettings, Policy, QuarantineSettings, Schedule};
pub use problem::{ConfigErrors, Position, Problem};
pub use resolved::{
    Application, Config, Connector, JobConfig, JobSchema, SchedulerSettings, SchemaOrigin, SourceConfig, StoreSettings,
    TargetConfig, Wiring,
};
pub use schema_file::{SchemaFileError, read_schema};
pub use scope::{AssignedBy, ScopeSettings};
pub use template::templates_of;

use std::path::Path;

use serde::Serialize;

use serde::de::DeserializeOwned;

use self::document::{Document, NodeId};
use self::resolve::Resolver;
use self::secrets::Surroundings;
use self::written::WrittenConfig;
use crate::target::ProfileOverrides;

/// What is known of a target, as an entry of the file has it under `scim`.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn profile_yaml(profile: &ProfileOverrides) -> Result<String, serde_saphyr::SerializeError> {
    #[derive(Serialize)]
    struct Written<'a> {
        profile: &'a ProfileOverrides,
    }
    serde_saphyr::to_string(&Written { profile })
}

impl Config {
    /// Reads and checks a configuration file, with the environment of this process.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let text =
            std::fs::read_to_string(file).map_err(|cause| ConfigErrors::Unreadable { file: file.to_owned(), cause })?;
        Self::parse(&text, file, &secrets::environment_variable)
    }

    /// Checks the text of a configuration file. `file` is where it lies: relative paths start there.
    fn parse(text: &str, file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let invalid = |problems: Vec<Problem>| ConfigErrors::Invalid { file: file.to_owned(), problems };
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut document = Document::parse(text).map_err(|problem| invalid(vec![problem]))?;
        let mut problems = secrets::put_in(&mut document, &Surroundings { environment, folder });
        let reading = read::read::<WrittenConfig>(&document, secrets::nodes(&problems));
        problems.extend(reading.problems);
        let mut resolver = Resolver::new(&document, file, folder, problems);
        let config = reading.value.map(|written| resolver.config(written));
        match config {
            Some(config) if resolver.problems.is_empty() => Ok(config),
            _ => Err(invalid(in_order(resolver.problems))),
        }
    }
}

/// Reads the text of another file that is written like a configuration: YAML with references, every problem at its
/// place. `file` is where it lies.
pub fn read_settings<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, ConfigErrors> {
    let invalid = |problems: Vec<Problem>| ConfigErrors::Invalid { file: file.to_owned(), problems };
    let mut document = Document::parse(text).map_err(|problem| invalid(vec![problem]))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let surroundings = Surroundings { environment: &secrets::environment_variable, folder };
    let mut problems = secrets::put_in(&mut document, &surroundings);
    let reading = read::read::<T>(&document, secrets::nodes(&problems));
    problems.extend(reading.problems);
    match reading.value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(invalid(in_order(problems))),
    }
}

fn in_order(problems: Vec<(NodeId, Problem)>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = problems.into_iter().map(|(_, problem)| problem).collect();
    problems.sort_by_key(|problem| problem.at);
    problems
}
