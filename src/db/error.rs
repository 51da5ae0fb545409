//! Why a database could not be opened or used.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the database itself. No text holds a password: `store` is the URL without it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL names nothing we can open.
    #[error("`{store}` is no database we know: {problem}")]
    Url { store: String, problem: String },
    /// It is not there, or not for us.
    #[error("cannot open the database `{store}`: {problem}")]
    Open {
        store: String,
        problem: String,
        #[source]
        cause: Option<Cause>,
    },
    /// A newer program wrote it.
    #[error(
        "the database `{store}` has the migration `{version}`, which this version does not know: use the version that wrote it, or a newer one"
    )]
    Newer { store: String, version: String },
    /// A migration failed; the transaction took everything back.
    #[error("cannot migrate the database `{store}`")]
    Migrate {
        store: String,
        #[source]
        cause: Cause,
    },
    /// It was there, but does not answer now: the connection was lost, another process holds the write lock for too
    /// long, the disk is full. The unit of work did not happen; it may be repeated.
    #[error("the database does not answer: {problem}")]
    Unavailable {
        problem: String,
        #[source]
        cause: Option<Cause>,
    },
    /// The work is not the caller's any more: it was cut off, or another has taken it over. Nothing was stored.
    #[error(
        "the work was cut off: by a restart, by another process that took it over, or because the lease ran out; nothing more of it is stored"
    )]
    Fenced,
    /// The file is damaged.
    #[error("the database is damaged: restore it from a backup")]
    Damaged {
        #[source]
        cause: DieselError,
    },
    /// The statement contradicts what is stored: a unique key, a foreign key or a check.
    #[error("the database refused a row that contradicts what is stored")]
    Conflict {
        #[source]
        cause: DieselError,
    },
    /// The statement could not be carried out for another reason.
    #[error("a statement of the database failed")]
    Statement {
        #[source]
        cause: DieselError,
    },
}

impl DbError {
    /// The database does not answer, for the reason in `problem`.
    pub(super) fn unavailable(problem: impl Into<String>) -> Self {
        Self::Unavailable { problem: problem.into(), cause: None }
    }
}

impl From<DieselError> for DbError {
    fn from(cause: DieselError) -> Self {
        let DieselError::DatabaseError(kind, details) = &cause else {
            return match cause {
                DieselError::BrokenTransactionManager => Self::unavailable("the connection broke in a transaction"),
                cause => Self::Statement { cause },
            };
        };
        match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation => Self::Conflict { cause },
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                lost("the connection was closed", cause)
            }
            DatabaseErrorKind::SerializationFailure => lost("another transaction was in the way", cause),
            DatabaseErrorKind::ReadOnlyTransaction => lost("it is read-only", cause),
            _ => {
                // diesel keeps no code for these, so the back ends' fixed English texts tell them apart.
                let text = details.message();
                let holds = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
                if holds(&["malformed", "not a database"]) {
                    Self::Damaged { cause }
                } else if holds(&["database is locked", "lock timeout", "deadlock detected"]) {
                    lost("another transaction was in the way for too long", cause)
                } else if holds(&["disk is full", "No space left", "could not extend file"]) {
                    lost("the disk is full", cause)
                } else if holds(&["disk I/O error", "readonly database", "unable to open database file"]) {
                    lost("its file cannot be written", cause)
                } else if holds(&["terminating connection", "connection closed", "statement timeout"]) {
                    lost("the connection was closed", cause)
                } else {
                    Self::Statement { cause }
                }
            }
        }
    }
}

fn lost(problem: &str, cause: DieselError) -> DbError {
    DbError::Unavailable { problem: problem.to_owned(), cause: Some(Box::new(cause)) }
}
