//! What is wrong with a configuration file, said so that it can be put right.
//!
//! It holds no value of the file: a text may be a secret.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A place in the file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u64,
    pub column: u64,
}

impl Position {
    /// The first character of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong: where, what, and how to put it right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub at: Position,
    pub what: String,
    /// What to do; `None` where the fault says it all.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigErrors {
    /// The file cannot be read at all.
    #[error("the configuration `{}` cannot be read; name another file with `-c FILE`", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The file was read, and these are all its problems in the order of the file: never none.
    #[error("{}", listed(file, problems))]
    Invalid { file: PathBuf, problems: Vec<Problem> },
}

fn listed(file: &std::path::Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}:{problem}", file.display())).collect();
    lines.join("\n")
}
