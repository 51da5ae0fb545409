//! What the service says when it does not answer the question.
//!
//! Status and code decide, never the text. A body that is missing or no JSON is as good as any other.

use std::time::Duration;

use serde::Deserialize;

use crate::source::SourceError;

/// Codes by which a 400 says that a token is no longer good. In lower case: the service is not consistent.
const STALE_TOKEN_CODES: [&str; 5] = [
    "syncstatenotfound",
    "resyncrequired",
    "request_unsupportedquery",
    "directory_expiredpagetoken",
    "request_badrequest",
];

/// The longest text of the service that is repeated.
const MOST_MESSAGE_CHARACTERS: usize = 200;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The most specific code that was given; may be empty.
    pub(super) code: String,
    message: String,
    /// How long the service asks to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer; nothing in `body` can make it fail.
    pub(super) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let code = printable(body.error.innermost_code());
        Self { status, code, message: printable(&body.error.message), retry_after }
    }

    /// True when the same request may succeed later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 409 | 412 | 423 | 429 | 500 | 502 | 503 | 504 | 509)
    }

    /// True when it means that the delta or page token of the request is no longer good.
    pub(super) fn is_stale_token(&self) -> bool {
        let code = self.code.to_ascii_lowercase();
        match self.status {
            410 => true,
            400 => STALE_TOKEN_CODES.contains(&code.as_str()),
            status => (401..=499).contains(&status) && code == "syncstatenotfound",
        }
    }

    /// The failure it amounts to when nobody knows better. `subject` is what was asked for: `users`, `organization`.
    pub(super) fn into_error(self, server: &str, principal: &str, subject: &str) -> SourceError {
        let server = server.to_owned();
        let status = self.described();
        match self.status {
            401 => SourceError::Credentials {
                server,
                principal: principal.to_owned(),
                hint: format!("a fresh token was not accepted ({status})"),
            },
            402 | 403 => SourceError::Configuration {
                server,
                problem: format!("the application `{principal}` may not read `{subject}` ({status})"),
                hint: format!("grant it {} and have an administrator consent", permission(subject)),
            },
            404 => SourceError::Configuration {
                server,
                problem: format!("`{subject}` does not exist ({status})"),
                hint: "check `root_url`".into(),
            },
            400 => SourceError::Configuration {
                server,
                problem: format!("the request for `{subject}` is refused ({status}: {})", self.message),
                hint: "check the names of the mapped source attributes".into(),
            },
            501 => SourceError::Configuration {
                server,
                problem: format!("an attribute of `{subject}` is not kept in the directory ({status})"),
                hint: "take attributes such as `skills` or `aboutMe` out of the mapping".into(),
            },
            _ => SourceError::Broken {
                server,
                feed: subject.to_owned(),
                problem: format!("the service answered {status}"),
                cause: None,
            },
        }
    }

    /// Status and code in words.
    pub(super) fn described(&self) -> String {
        if self.code.is_empty() { self.status.to_string() } else { format!("{} {}", self.status, self.code) }
    }
}

/// The least permission that lets an application read `subject`.
fn permission(subject: &str) -> &'static str {
    match subject {
        "users" => "the application permission `User.Read.All`",
        "groups" => "the application permission `GroupMember.Read.All` (or `Group.Read.All`)",
        "servicePrincipals" => "the application permission `Application.Read.All`",
        "organization" => "the application permission `Organization.Read.All`",
        _ => "the application permission `Directory.Read.All`",
    }
}

/// The body of an error, as far as it is one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: String,
    message: String,
    #[serde(alias = "innererror", rename = "innerError")]
    inner: Option<Box<ErrorBody>>,
}

impl ErrorBody {
    fn innermost_code(&self) -> &str {
        let inner = self.inner.as_deref().map(Self::innermost_code).filter(|code| !code.is_empty());
        inner.unwrap_or(&self.code)
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MOST_MESSAGE_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::FailureClass;

    #[test]
    fn the_most_specific_code_wins_and_no_body_is_needed() {
        let nested = br#"{"error":{"code":"a","message":"m","innererror":{"code":"","innerError":{"code":"deep"}}}}"#;
        assert_eq!(Refusal::read(400, nested, None).code, "deep");
        let plain = br#"{"error":{"code":"Request_BadRequest","innerError":{"date":"x","request-id":"y"}}}"#;
        assert_eq!(Refusal::read(400, plain, None).code, "Request_BadRequest");
        for body in ["", "<html>", "[]", "7", r#"{"error":"text"}"#] {
            assert_eq!(Refusal::read(502, body.as_bytes(), None).code, "", "{body}");
        }
    }

    #[test]
    fn a_stale_token_is_recognised_by_status_and_code() {
        let cases = [
            (410, "", true),
            (410, "anything", true),
            (400, "SyncStateNotFound", true),
            (400, "Request_UnsupportedQuery", true),
            (400, "Directory_ExpiredPageToken", true),
            (400, "Request_BadRequest", true),
            (400, "BadRequest", false),
            (404, "syncStateNotFound", true),
            (403, "Authorization_RequestDenied", false),
            (500, "syncStateNotFound", false),
        ];
        for (status, code, expected) in cases {
            let refusal = Refusal { status, code: code.into(), message: String::new(), retry_after: None };
            assert_eq!(refusal.is_stale_token(), expected, "{status} {code}");
        }
    }

    #[test]
    fn each_status_asks_its_own_reaction_of_the_engine() {
        let cases = [
            (401, FailureClass::Credentials),
            (403, FailureClass::Configuration),
            (404, FailureClass::Configuration),
            (400, FailureClass::Configuration),
            (501, FailureClass::Configuration),
            (429, FailureClass::Transient),
            (302, FailureClass::Transient),
        ];
        for (status, class) in cases {
            let error = Refusal::read(status, b"", None).into_error("h", "app", "groups");
            assert_eq!(error.class(), class, "{status}");
        }
        let denied = Refusal::read(403, b"", None).into_error("h", "app", "groups").to_string();
        assert!(denied.contains("`GroupMember.Read.All`"), "{denied}");
    }

    proptest! {
        #[test]
        fn no_body_can_break_the_reader(body: Vec<u8>, status: u16) {
            let _ = Refusal::read(status, &body, None).into_error("h", "app", "users");
        }
    }
}
