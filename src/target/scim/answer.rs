//! What the end of a request means: whether it may be repeated, and what a status asks of the engine.
//!
//! Pure: it looks at statuses and bodies, and sends nothing.

use reqwest::{Method, StatusCode};

use super::client::{Answer, Failure};
use crate::net::Trouble;
use crate::scim::ScimError;
use crate::target::{Detail, Outcome, TargetError};

const LONGEST_DETAIL: usize = 300;

/// What a request is for; decides what may be repeated and what a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Lists, finds or discovers.
    Query,
    Read,
    Create,
    Change,
    Replace,
    Delete,
    /// Several creates in one request.
    Bulk,
}

impl Purpose {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Query | Self::Read => Method::GET,
            Self::Create | Self::Bulk => Method::POST,
            Self::Change => Method::PATCH,
            Self::Replace => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }

    pub(super) fn is_write(self) -> bool {
        !matches!(self, Self::Query | Self::Read)
    }

    /// Everything but POST has the same effect when it is done twice: a PATCH as we build it sets, adds and removes
    /// by value.
    fn is_repeatable(self) -> bool {
        !matches!(self, Self::Create | Self::Bulk)
    }

    fn is_about_one(self) -> bool {
        matches!(self, Self::Read | Self::Change | Self::Replace | Self::Delete)
    }

    /// Only writes have effects to be unsure of.
    pub(super) fn outcome(self, ambiguous: bool) -> Outcome {
        if ambiguous && self.is_write() { Outcome::Unknown } else { Outcome::NotDone }
    }
}

/// What follows from the end of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer, good or bad.
    Final,
    /// Certainly not carried out, because we are too fast.
    PutOff,
    /// Try again; with `ambiguous`, it may have been carried out.
    Again { ambiguous: bool },
}

/// Judges the end of one attempt.
pub(super) fn verdict(purpose: Purpose, exchange: &Result<Answer, Failure>) -> Verdict {
    match exchange {
        Ok(answer) => match answer.status.as_u16() {
            429 => Verdict::PutOff,
            // Also a 503 with `Retry-After`: it may come from a proxy that had passed the request on.
            500 | 502..=504 if purpose.is_repeatable() => Verdict::Again { ambiguous: true },
            _ => Verdict::Final,
        },
        Err(Failure { before_sending: true, trouble, .. }) => match trouble {
            Trouble::Refused | Trouble::Unreachable | Trouble::Timeout => Verdict::Again { ambiguous: false },
            _ => Verdict::Final,
        },
        Err(Failure { trouble: Trouble::Protocol, .. }) => Verdict::Final,
        Err(_) if purpose.is_repeatable() => Verdict::Again { ambiguous: true },
        Err(_) => Verdict::Final,
    }
}

/// True when the end of an attempt says that the target has too much to do.
pub(super) fn is_complaint(exchange: &Result<Answer, Failure>) -> bool {
    match exchange {
        Ok(answer) => matches!(answer.status.as_u16(), 429 | 500 | 502..=504),
        Err(failure) => !failure.before_sending && matches!(failure.trouble, Trouble::Timeout | Trouble::Reset),
    }
}

/// Who answered what; the subject of a refusal.
pub(super) struct Refused<'a> {
    pub(super) host: &'a str,
    /// The method with the route.
    pub(super) request: String,
    pub(super) purpose: Purpose,
    pub(super) status: StatusCode,
    pub(super) body: &'a [u8],
    /// An earlier attempt, or this one, may have been carried out.
    pub(super) ambiguous: bool,
}

impl Refused<'_> {
    /// What an answer means that is not the one hoped for.
    pub(super) fn error(self) -> TargetError {
        let Self { host, request, purpose, status, body, ambiguous } = self;
        let (host, status, detail) = (host.to_owned(), status.as_u16(), detail(body));
        let outcome = purpose.outcome(ambiguous || matches!(status, 500 | 502..=599));
        match status {
            401 | 407 => TargetError::Credentials { host, request, status, detail, outcome },
            403 if purpose == Purpose::Query => TargetError::Credentials { host, request, status, detail, outcome },
            404 | 410 if purpose.is_about_one() => TargetError::Gone { host, request },
            300..=399 | 404 | 410 => TargetError::NotServed { host, request, status, detail },
            409 => TargetError::Conflict { host, request, detail },
            // Some targets report a clash of unique values as a bad request.
            400 | 422 if detail.scim_type.as_deref() == Some("uniqueness") => {
                TargetError::Conflict { host, request, detail }
            }
            200..=299 => TargetError::Unusable {
                host,
                request,
                status,
                problem: "with something else than was asked for".to_owned(),
                outcome: purpose.outcome(true),
            },
            _ => TargetError::Refused { host, request, status, detail, outcome },
        }
    }
}

fn detail(body: &[u8]) -> Detail {
    let Ok(error) = serde_json::from_slice::<ScimError>(body) else { return Detail::default() };
    Detail {
        scim_type: error.scim_type.map(|scim_type| printable(scim_type.as_str(), 40)),
        text: error.detail.as_deref().map(|detail| printable(detail, LONGEST_DETAIL)),
    }
}

/// Foreign text on one line of bounded length.
fn printable(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut cut: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        cut.push('…');
    }
    cut
}
