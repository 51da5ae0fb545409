//! What several modules of the integration tests need.

pub(crate) mod directory;
pub(crate) mod fixture_source;
pub(crate) mod gateway;
pub(crate) mod plain_source;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod provisor;
pub(crate) mod recorder;
pub(crate) mod seeded;
pub(crate) mod slapd;

use std::path::PathBuf;

/// A path from the root of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
