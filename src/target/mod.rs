//! Where resources are written: one target application, spoken to over SCIM.
//!
//! It carries out what it is asked to and says how that ended. It decides nothing, and knows no source and no store.

pub mod probe;
pub mod profile;
pub mod scim;

mod gate;
mod lanes;
mod pace;

pub use gate::Gate;
pub use profile::{Profile, ProfileOverrides};
pub use scim::paging::{ListPage, PageStart};
pub use scim::write;
pub use scim::{Auth, Deletion, Protected, ScimSettings, ScimTarget, SettingsProblem};

use std::sync::Arc;

use crate::model::FailureClass;
use crate::net::{NetError, OAuthError, Trouble};

/// Whether a request that failed may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target is as it was.
    NotDone,
    /// It may have happened: ask the target before doing it again.
    Unknown,
}

/// Why a target did not do what it was asked. `request` is a method with a route template: `PATCH /Users/{id}`.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The settings cannot work.
    #[error("the settings of the target are wrong: {problem}")]
    Settings { problem: String },
    /// The HTTP client cannot be set up.
    #[error("cannot set up the connection to the target `{host}`")]
    Setup {
        host: String,
        #[source]
        cause: NetError,
    },
    /// The target fails to say what it can do, and has not said it before; nothing was written.
    #[error(
        "cannot find out what the target can do from its /{document}: it is asked again in the next cycle; where it \
         never answers, set `discover: false` in its profile"
    )]
    Undiscovered {
        document: String,
        #[source]
        cause: Box<TargetError>,
    },
    /// The configuration keeps the gateway away from this resource; nothing was sent.
    #[error("{subject} is protected by the configuration: the gateway neither creates, changes nor deletes it")]
    Protected { subject: String },
    /// A resource id that cannot stand in a URL; nothing was sent.
    #[error("`{id}` cannot be the id of a resource: match the object again")]
    ImpossibleId { id: String },
    /// No connection; nothing was sent.
    #[error("cannot reach the target at `{host}`: {hint}")]
    Unreachable {
        host: String,
        hint: String,
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The request was sent and no complete answer came back.
    #[error("no answer from `{host}` to {request}: {hint}")]
    NoAnswer {
        host: String,
        request: String,
        hint: String,
        trouble: Trouble,
        outcome: Outcome,
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The target does not accept who we are, or what we may see at all.
    #[error("`{host}` refused the credentials on {request} (status {status}){detail}: check the token and its rights")]
    Credentials { host: String, request: String, status: u16, detail: Detail, outcome: Outcome },
    /// There is no token to show to the target.
    #[error("no token for the target `{host}`")]
    Token {
        host: String,
        outcome: Outcome,
        #[source]
        cause: OAuthError,
    },
    /// The address leads to something else than SCIM: 404 on a collection, a redirect.
    #[error("`{host}` does not serve {request} (status {status}){detail}: check `base_url` and the resource type")]
    NotServed { host: String, request: String, status: u16, detail: Detail },
    /// No resource has this id any more.
    #[error("`{host}` has no such resource ({request}): it was removed there; match the object again")]
    Gone { host: String, request: String },
    /// Another resource holds a value that must be unique.
    #[error("`{host}` reports a conflict on {request}{detail}: a resource with a unique value of this object exists")]
    Conflict { host: String, request: String, detail: Detail },
    /// Every other status that is no success.
    #[error("`{host}` refused {request} with status {status}{detail}")]
    Refused { host: String, request: String, status: u16, detail: Detail, outcome: Outcome },
    /// The target cannot do it in any way that we know; nothing was sent for it.
    #[error("`{host}` cannot do {request}: {problem}")]
    Unsupported { host: String, request: String, problem: String },
    /// A group was created, and its members could not be added.
    #[error("`{host}` created a group without its members: they are added when it is looked at again")]
    HalfCreated {
        host: String,
        #[source]
        cause: Box<TargetError>,
    },
    /// One of several operations of a Bulk request that ended as a whole.
    #[error(transparent)]
    OfBulk(Arc<TargetError>),
    /// The gate was closed before the request went out, or before it was repeated.
    #[error("{request} was not sent to `{host}`: the work was stopped, and goes on later")]
    Stopped { host: String, request: String, outcome: Outcome },
    /// A success status with something that is no SCIM answer: a web page, broken JSON, an error body.
    #[error("`{host}` answered {request} with status {status}, but {problem}: is `base_url` that of a SCIM service?")]
    Unusable { host: String, request: String, status: u16, problem: String, outcome: Outcome },
}

impl TargetError {
    /// What the failure asks of the engine.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Settings { .. } | Self::Setup { .. } | Self::NotServed { .. } => FailureClass::Configuration,
            Self::Protected { .. } => FailureClass::Object,
            Self::Unreachable { .. } | Self::Stopped { .. } => FailureClass::Outage,
            Self::NoAnswer { .. } | Self::Unusable { .. } => FailureClass::Transient,
            Self::Credentials { .. } => FailureClass::Credentials,
            Self::Token { cause, .. } if cause.is_transient() => FailureClass::Outage,
            Self::Token { .. } => FailureClass::Credentials,
            Self::Gone { .. } | Self::ImpossibleId { .. } | Self::Conflict { .. } => FailureClass::Conflict,
            // 412: somebody else changes the resource as often as we look.
            Self::Refused { status: 408 | 412 | 425 | 429 | 500 | 502..=599, .. } => FailureClass::Transient,
            Self::Refused { .. } | Self::Unsupported { .. } => FailureClass::Object,
            Self::OfBulk(error) => error.class(),
            Self::HalfCreated { cause, .. } | Self::Undiscovered { cause, .. } => cause.class(),
        }
    }

    /// The error code under which the provisioning log and the synchronization API report it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } | Self::Setup { .. } | Self::Stopped { .. } => "InternalError",
            Self::Protected { .. } => "NotPermitted",
            Self::NoAnswer { trouble: Trouble::Timeout, .. } => "Timeout",
            Self::Unreachable { .. } | Self::NoAnswer { .. } => "WebExceptionProtocolError",
            Self::Credentials { status: 403, .. } | Self::Refused { status: 403, .. } => "InsufficientRights",
            Self::Credentials { .. } | Self::Token { .. } => "Unauthorized",
            Self::Gone { .. } | Self::ImpossibleId { .. } => "InvalidAnchor",
            Self::Conflict { .. } => "EntryConflict",
            Self::NotServed { .. } | Self::Unusable { .. } => {
                "SystemForCrossDomainIdentityManagementServiceIncompatible"
            }
            Self::Refused { status: 429, .. } => "TooManyRequests",
            Self::Refused { status: 405, .. } | Self::Unsupported { .. } => "MethodNotAllowed",
            Self::Refused { status: 501, .. } => "NotImplemented",
            Self::Refused { status: 408, .. } => "Timeout",
            Self::Refused { status: 500..=599, .. } => "InternalServerError",
            Self::Refused { .. } => "UnprocessableEntity",
            Self::OfBulk(error) => error.code(),
            Self::HalfCreated { cause, .. } | Self::Undiscovered { cause, .. } => cause.code(),
        }
    }

    /// Whether what was asked may have happened all the same.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoAnswer { outcome, .. }
            | Self::Stopped { outcome, .. }
            | Self::Credentials { outcome, .. }
            | Self::Token { outcome, .. }
            | Self::Refused { outcome, .. }
            | Self::Unusable { outcome, .. } => *outcome,
            Self::OfBulk(error) => error.outcome(),
            Self::HalfCreated { .. } => Outcome::Unknown,
            _ => Outcome::NotDone,
        }
    }

    /// True when nothing failed: the request was not sent because its gate was closed.
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped { .. } => true,
            Self::OfBulk(error) => error.is_stop(),
            Self::HalfCreated { cause, .. } | Self::Undiscovered { cause, .. } => cause.is_stop(),
            _ => false,
        }
    }

    /// The HTTP status that the target answered with, if it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Credentials { status, .. }
            | Self::NotServed { status, .. }
            | Self::Refused { status, .. }
            | Self::Unusable { status, .. } => Some(*status),
            Self::Gone { .. } => Some(404),
            Self::Conflict { .. } => Some(409),
            Self::OfBulk(error) => error.status(),
            _ => None,
        }
    }

    /// The reason that the target gave, in the protocol's word (RFC 7644 section 3.12).
    pub fn scim_type(&self) -> Option<&str> {
        self.detail()?.scim_type.as_deref()
    }

    /// What the SCIM error of the answer says, if there was one.
    pub fn detail(&self) -> Option<&Detail> {
        match self {
            Self::Credentials { detail, .. }
            | Self::NotServed { detail, .. }
            | Self::Conflict { detail, .. }
            | Self::Refused { detail, .. } => Some(detail),
            Self::OfBulk(error) => error.detail(),
            Self::HalfCreated { cause, .. } | Self::Undiscovered { cause, .. } => cause.detail(),
            _ => None,
        }
    }

    /// The request that failed: a method with a route template, `PATCH /Users/{id}`. `None` when none was sent.
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::NoAnswer { request, .. }
            | Self::Credentials { request, .. }
            | Self::NotServed { request, .. }
            | Self::Gone { request, .. }
            | Self::Conflict { request, .. }
            | Self::Refused { request, .. }
            | Self::Unsupported { request, .. }
            | Self::Stopped { request, .. }
            | Self::Unusable { request, .. } => Some(request),
            Self::OfBulk(error) => error.request(),
            Self::HalfCreated { cause, .. } | Self::Undiscovered { cause, .. } => cause.request(),
            _ => None,
        }
    }
}

/// What a SCIM error body says (RFC 7644 section 3.12), cut to a length that fits a log line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    pub scim_type: Option<String>,
    pub text: Option<String>,
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(scim_type) = &self.scim_type {
            write!(f, ", {scim_type}")?;
        }
        match &self.text {
            Some(text) => write!(f, ", `{text}`"),
            None => Ok(()),
        }
    }
}
