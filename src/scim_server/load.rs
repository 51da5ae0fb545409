//! Loading very many users at once, before the server listens: for benchmarks and tests at full size.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::changes::{self, draft_to_create};
use super::projection::Projection;
use super::resource_types::ResourceTypes;
use super::service::Scene;
use super::storage::{Failure, OpenError, Transaction};
use super::tenant::{Manner, Tenant};
use crate::scim::{Strictness, urn};

/// Users in one transaction.
const BATCH: usize = 20_000;

/// Why a file of users was not loaded. What came before the line that is named has been.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error("the users in `{}` cannot be read", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("line {line} of `{}` is no JSON object", file.display())]
    Json { file: PathBuf, line: usize, source: serde_json::Error },
    #[error("line {line} of `{}` cannot be stored", file.display())]
    Line { file: PathBuf, line: usize, source: Box<dyn std::error::Error + Send + Sync> },
}

/// Creates a user of the default tenant from each line of a file: one JSON object, in which `schemas` may be missing.
/// Durability is set aside meanwhile: a load that breaks off is begun again with a new database.
pub(super) fn users(tx: &mut Transaction<'_>, types: &Arc<ResourceTypes>, file: &Path) -> Result<(), LoadError> {
    let opened = File::open(file).map_err(|source| LoadError::Read { file: file.to_owned(), source })?;
    let failed = |failure: Failure| LoadError::Line { file: file.to_owned(), line: 0, source: Box::new(failure) };
    tx.configure("PRAGMA synchronous = OFF; PRAGMA cache_size = -524288;").map_err(failed)?;
    let catalog = tx.attempt(|tx| tx.open_catalog(&Tenant::default(), types)).map_err(failed)?;
    let scene =
        Scene { types: types.clone(), catalog: Arc::new(catalog), base: String::new(), manner: Manner::STANDARD };
    let mut source = Source { file, lines: BufReader::new(opened).lines(), line: 0 };
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH
            && let Some(user) = source.next_user()?
        {
            batch.push(user);
        }
        if batch.is_empty() {
            break;
        }
        store(tx, &scene, file, batch)?;
    }
    tx.configure("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;")
        .map_err(failed)
}

fn store(tx: &mut Transaction<'_>, scene: &Scene, file: &Path, batch: Vec<Numbered>) -> Result<(), LoadError> {
    let mut at = 0;
    let stored = tx.attempt(|tx| {
        let Some(kind) = scene.types.at_endpoint(urn::USERS) else { return Ok(()) };
        for (line, body) in batch {
            at = line;
            changes::create(tx, scene, kind, draft_to_create(kind, body, Strictness::Lenient)?, &Projection::All)?;
        }
        Ok(())
    });
    stored.map_err(|failure: Failure| LoadError::Line { file: file.to_owned(), line: at, source: Box::new(failure) })
}

/// A user with the number of its line.
type Numbered = (usize, Map<String, Value>);

/// The lines of a file, read one after the other.
struct Source<'a> {
    file: &'a Path,
    lines: Lines<BufReader<File>>,
    line: usize,
}

impl Source<'_> {
    /// The next user; lines without text are passed over.
    fn next_user(&mut self) -> Result<Option<Numbered>, LoadError> {
        for text in self.lines.by_ref() {
            self.line += 1;
            let file = || self.file.to_owned();
            let text = text.map_err(|source| LoadError::Read { file: file(), source })?;
            if text.trim().is_empty() {
                continue;
            }
            let mut user: Map<String, Value> = serde_json::from_str(&text).map_err(|source| LoadError::Json {
                file: file(),
                line: self.line,
                source,
            })?;
            if !user.contains_key("schemas") {
                let extended = user.contains_key(urn::ENTERPRISE_USER);
                let schemas = if extended { json!([urn::USER, urn::ENTERPRISE_USER]) } else { json!([urn::USER]) };
                user.insert("schemas".to_owned(), schemas);
            }
            return Ok(Some((self.line, user)));
        }
        Ok(None)
    }
}
