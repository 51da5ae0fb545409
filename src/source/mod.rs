//! Where objects come from.
//!
//! A source delivers pages of [`Change`]s and knows nothing of targets, mappings or the store.

pub mod graph;
pub mod ldap;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::model::{Anchor, Assignment, Change, FailureClass, FeedId, Name, ObjectKind, SourceObject};

pub use crate::sync_schema::{KindSelection, Selection};

/// One stream of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    pub id: FeedId,
    /// The kind it delivers; `None` for a feed of containers.
    pub kind: Option<ObjectKind>,
}

/// The source's own resume token. It may hold a credential (a delta link does), so it never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint(pub String);

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checkpoint(…)")
    }
}

/// Where a read begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Everything.
    Full,
    /// A full read that broke off after the page with this checkpoint.
    Resume(Checkpoint),
    /// The changes since this checkpoint of a completed read.
    Since(Checkpoint),
}

/// Some changes, in arrival order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub changes: Vec<Change>,
    /// Given when the read may resume after this page.
    pub checkpoint: Option<Checkpoint>,
}

/// What a completed read covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Only changes: nothing follows from silence.
    Changes,
    /// Every existing object was delivered or named as present: what was not, is a candidate for being gone.
    Everything,
}

/// The end of a read that went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEnd {
    pub coverage: Coverage,
    /// The checkpoint of the next read; `None` when the former one stays good ("nothing changed").
    pub checkpoint: Option<Checkpoint>,
}

/// Who answered, and what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// Identity of the directory itself. Another value means another world: stop, create and remove nothing.
    pub directory: String,
    /// Digest of server, credentials' name, base, filter and attributes: another value voids checkpoints only.
    pub view: String,
    /// What `DefaultDomain` answers, without `@`: configured, or the directory's own choice.
    pub default_domain: Option<String>,
}

/// Objects that [`Source::find`] answers with at most: whoever means one of more has to say which.
pub const MOST_FOUND: usize = 5;

/// Assignments that a list may have: one that is longer is refused, for it is held in memory as a whole.
pub const MOST_ASSIGNMENTS: usize = 500_000;

/// One object, asked for by its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    Object(SourceObject),
    /// It exists, but the feed does not cover it.
    OutsideFeed,
    SoftDeleted,
    Gone,
}

/// A source directory.
#[async_trait]
pub trait Source: Send + Sync {
    /// The feeds, in the order in which they are read: containers, users, groups.
    fn feeds(&self) -> Vec<Feed>;

    /// Checks credentials and reachability, and says who answers.
    async fn probe(&self) -> Result<ServerIdentity, SourceError>;

    /// Reads one feed into `pages`, in order, waiting whenever the channel is full. Returns only after a *complete*
    /// read; whatever ends early is an error. A closed channel ends the read with [`SourceError::Stopped`].
    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError>;

    /// The name that a text stands for where references name objects by it: a DN, say. `None` for any other text.
    fn name_of(&self, _text: &str) -> Option<Name> {
        None
    }

    /// The objects of this kind that a person means by a text: an anchor, or what the directory calls somebody (a DN, a
    /// login name, a mail address). Few of them, [`MOST_FOUND`] at most; nobody, where the source has no names.
    async fn find(&self, _kind: &ObjectKind, _text: &str) -> Result<Vec<Anchor>, SourceError> {
        Ok(Vec::new())
    }

    /// Who is assigned to the application of the job: the *complete* list, in any order, or an error. `None` where nothing
    /// says who is.
    async fn assignments(&self) -> Result<Option<Vec<Assignment>>, SourceError> {
        Ok(None)
    }

    /// Reads one object as it is now.
    async fn fetch(&self, kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError>;
}

/// Why a source could not be read. The text says which step failed on what, the cause is the error's source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The other side cannot be reached.
    #[error("cannot reach the source at `{server}`: {hint}")]
    Unreachable {
        server: String,
        hint: String,
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The other side refused who we are.
    #[error("the source `{server}` refused the credentials of `{principal}`: {hint}")]
    Credentials { server: String, principal: String, hint: String },
    /// The configuration asks for something the source does not have.
    #[error("the source `{server}` cannot serve what the configuration asks for: {problem}; {hint}")]
    Configuration { server: String, problem: String, hint: String },
    /// The read broke off; nothing may be concluded from what is missing.
    #[error("reading `{feed}` from `{server}` broke off: {problem}")]
    Broken {
        server: String,
        feed: String,
        problem: String,
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The checkpoint is no longer good.
    #[error("the source `{server}` no longer accepts the watermark of `{feed}`: {problem}")]
    Resync { server: String, feed: String, problem: String },
    /// The receiver of the pages has gone away.
    #[error("reading `{feed}` was stopped")]
    Stopped { feed: String },
}

impl SourceError {
    /// What the failure asks of the engine.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable { .. } => FailureClass::Outage,
            Self::Credentials { .. } => FailureClass::Credentials,
            Self::Configuration { .. } => FailureClass::Configuration,
            Self::Broken { .. } | Self::Stopped { .. } => FailureClass::Transient,
            Self::Resync { .. } => FailureClass::Resync,
        }
    }
}
