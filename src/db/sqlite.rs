//! Opening a SQLite database.

use std::fs::OpenOptions;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection};
use diesel::sqlite::SqliteConnection;

use super::DbError;

/// How long opening waits for others who open the same file. Every later statement waits as long (`busy_timeout`).
const PATIENCE: Duration = Duration::from_secs(15);

/// How long to leave the file alone before the write-ahead log is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// What comes before the file is read. Large pages suit rows that are documents; their size is that of a new file for
/// good.
const BEFORE: &str = "
    PRAGMA busy_timeout = 15000;
    PRAGMA page_size = 8192;
";

/// Lets readers go on beside the writer. The file keeps it, so this costs nothing where it is on.
const WRITE_AHEAD_LOG: &str = "PRAGMA journal_mode = WAL;";

/// What a connection is for, which decides how much of the file it keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// One of several; what it reads often, the system keeps in memory for all of them.
    Reader,
    /// The one whose pages change.
    Writer,
}

impl Role {
    /// In KiB, which SQLite wants as a negative number.
    fn cache(self) -> &'static str {
        match self {
            Self::Reader => "PRAGMA cache_size = -4000;",
            Self::Writer => "PRAGMA cache_size = -16000;",
        }
    }
}

/// The settings of every connection. `synchronous = FULL` makes a commit survive a power failure; a longer log before
/// it is folded back means fewer syncs.
const SETTINGS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 2000;
";

/// Opens the file, or creates it for its owner alone: it holds personal data.
pub(super) fn open_file(path: &Path, role: Role) -> Result<SqliteConnection, DbError> {
    let failed = |problem: &str, cause: Option<Box<dyn std::error::Error + Send + Sync>>| DbError::Open {
        store: path.display().to_string(),
        problem: problem.to_owned(),
        cause,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        failed("the file cannot be read and written; check the path, its folder and their owner", Some(Box::new(error)))
    })?;
    // A path that begins with `file:` would be read as a URI.
    let absolute = std::path::absolute(path).map_err(|error| failed("the path has no end", Some(Box::new(error))))?;
    let Some(text) = absolute.to_str() else {
        return Err(failed("the path is not UTF-8; choose another", None));
    };
    let mut connection = SqliteConnection::establish(text)
        .map_err(|error| failed("SQLite cannot open the file", Some(Box::new(error))))?;
    let settled = connection
        .batch_execute(BEFORE)
        .map_err(DbError::from)
        .and_then(|()| turn_on_write_ahead_log(&mut connection))
        .and_then(|()| connection.batch_execute(SETTINGS).map_err(DbError::from))
        .and_then(|()| connection.batch_execute(role.cache()).map_err(DbError::from));
    settled.map_err(|error| {
        let problem = match error {
            DbError::Damaged { cause } if is_other_kind(&cause) => {
                ("the file is not a SQLite database; choose another path", Some(cause))
            }
            DbError::Damaged { cause } => ("the file is damaged; restore it from a backup", Some(cause)),
            DbError::Unavailable { .. } => ("another process holds it locked; stop that one, or wait", None),
            DbError::Statement { cause } => ("SQLite cannot use the file", Some(cause)),
            _ => ("SQLite cannot use the file", None),
        };
        failed(problem.0, problem.1.map(Into::into))
    })?;
    Ok(connection)
}

/// Two who read a new file and both want to change its kind would wait for each other forever. SQLite sees that and
/// refuses at once, whatever the busy timeout says; so the waiting is done here.
fn turn_on_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), DbError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connection.batch_execute(WRITE_AHEAD_LOG).map_err(DbError::from) {
            Err(DbError::Unavailable { .. }) if Instant::now() < deadline => thread::sleep(PAUSE),
            settled => return settled,
        }
    }
}

/// SQLite tells a file of another kind from one of its own that is damaged.
fn is_other_kind(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, details) if details.message().contains("not a database"))
}

/// Opens a database in memory; every connection has one of its own.
pub(super) fn open_memory() -> Result<SqliteConnection, DbError> {
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| DbError::Open {
        store: "sqlite::memory:".to_owned(),
        problem: "SQLite cannot be started".to_owned(),
        cause: Some(cause),
    };
    let mut connection = SqliteConnection::establish(":memory:").map_err(|error| failed(Box::new(error)))?;
    connection.batch_execute("PRAGMA foreign_keys = ON;").map_err(|error| failed(Box::new(error)))?;
    Ok(connection)
}
