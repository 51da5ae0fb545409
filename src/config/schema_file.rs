//! Synchronization schemas in files of their own.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::sync_schema::wire::SynchronizationSchema;

/// The largest schema of a real application has a few hundred kilobytes.
const MAX_BYTES: u64 = 16 << 20;

/// Why a file gives no schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFileError {
    #[error("the schema `{}` cannot be read", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("`{}` is no synchronization schema", file.display())]
    Malformed {
        file: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
}

/// Reads a schema: any JSON object is one, and what is odd in it is for the compiler to say.
///
/// # Errors
/// When the file cannot be read, has more than 16 MiB, or is no JSON object.
pub fn read_schema(file: &Path) -> Result<SynchronizationSchema, SchemaFileError> {
    let text = read_bounded(file).map_err(|cause| SchemaFileError::Unreadable { file: file.to_owned(), cause })?;
    serde_json::from_str(&text).map_err(|cause| SchemaFileError::Malformed { file: file.to_owned(), cause })
}

fn read_bounded(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}
