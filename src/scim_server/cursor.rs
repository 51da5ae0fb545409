//! Cursors of RFC 9865: where a walk through a list stands, sealed so that only this server can have made it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::scim::{ScimError, ScimType};

/// How long a walk may rest between two pages, in seconds.
pub(super) const TIMEOUT_SECONDS: u64 = 600;
/// The bytes of a seal.
const SEAL_BYTES: usize = 32;

/// The place of a resource in a list, in the order of the list. Without a sort key, resources stand in the order of
/// their creation, one type after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Rank {
    /// What has no value to sort by comes last.
    pub(super) missing: bool,
    pub(super) key: Option<String>,
    /// Which of the listed types.
    pub(super) kind: usize,
    pub(super) sequence: i64,
}

/// A walk: where it stands, and what it began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The last resource that was shown.
    pub(super) rank: Rank,
    /// How many resources there were when the walk began.
    pub(super) total: u64,
    /// Resources on a page.
    pub(super) count: u64,
    /// When the page was made, in seconds since 1970.
    pub(super) made: u64,
}

/// Seals cursors with a key that lives as long as the server.
pub(super) struct Seals(hmac::Key);

impl Seals {
    pub(super) fn new() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()))
    }

    /// The cursor as it travels, in letters that need no escape in a URI. It is good for this question alone.
    pub(super) fn seal(&self, cursor: &Cursor, question: &[u8]) -> String {
        let plain = serde_json::to_vec(cursor).expect("numbers and texts always print");
        let mut bytes = self.tag(&plain, question).as_ref().to_vec();
        bytes.extend(plain);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor that was sealed for this question. `count` is what the client asks for this time, if it says.
    pub(super) fn open(
        &self,
        sealed: &str,
        question: &[u8],
        count: Option<u64>,
        now_seconds: u64,
    ) -> Result<Cursor, ScimError> {
        let invalid = || {
            let detail = "the cursor is not one of this list: begin again with an empty one";
            ScimError::bad_request(ScimType::InvalidCursor, detail)
        };
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| invalid())?;
        let (seal, plain) = bytes.split_at_checked(SEAL_BYTES).ok_or_else(invalid)?;
        hmac::verify(&self.0, &message(plain, question), seal).map_err(|_| invalid())?;
        let cursor: Cursor = serde_json::from_slice(plain).map_err(|_| invalid())?;
        if now_seconds.saturating_sub(cursor.made) > TIMEOUT_SECONDS {
            let detail = "the cursor has expired: begin again with an empty one";
            return Err(ScimError::bad_request(ScimType::ExpiredCursor, detail));
        }
        if count.is_some_and(|count| count != cursor.count) {
            let detail = "`count` stays the same on every page of a cursor";
            return Err(ScimError::bad_request(ScimType::InvalidCount, detail));
        }
        Ok(cursor)
    }

    fn tag(&self, plain: &[u8], question: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, &message(plain, question))
    }
}

/// What is sealed: the cursor and the question, with the length of the first so that they cannot be cut elsewhere.
fn message(plain: &[u8], question: &[u8]) -> Vec<u8> {
    [&(plain.len() as u64).to_be_bytes()[..], plain, question].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor() -> Cursor {
        let rank = Rank { missing: false, key: Some("ä".to_owned()), kind: 0, sequence: 7 };
        Cursor { rank, total: 9, count: 2, made: 1_000 }
    }

    #[test]
    fn a_cursor_is_good_for_its_question_its_count_and_its_time() {
        let seals = Seals::new();
        let sealed = seals.seal(&cursor(), b"question");
        assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(seals.open(&sealed, b"question", Some(2), 1_600), Ok(cursor()));
        assert_eq!(seals.open(&sealed, b"question", None, 0), Ok(cursor()));
        for (outcome, scim_type) in [
            (seals.open(&sealed, b"another", Some(2), 1_000), ScimType::InvalidCursor),
            (Seals::new().open(&sealed, b"question", Some(2), 1_000), ScimType::InvalidCursor),
            (seals.open(&sealed, b"question", Some(3), 1_000), ScimType::InvalidCount),
            (seals.open(&sealed, b"question", Some(2), 1_601), ScimType::ExpiredCursor),
            (seals.open("", b"question", None, 0), ScimType::InvalidCursor),
        ] {
            assert_eq!(outcome.unwrap_err().scim_type, Some(scim_type));
        }
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_cursor(at in 0_usize..60, letter in "[A-Za-z0-9_-]", noise in "\\PC{0,80}") {
            let seals = Seals::new();
            let sealed = seals.seal(&cursor(), b"q");
            let mut forged = sealed.clone();
            forged.replace_range(at..=at, &letter);
            prop_assert!(forged == sealed || seals.open(&forged, b"q", None, 1_000).is_err());
            prop_assert!(seals.open(&noise, b"q", None, 1_000).is_err());
        }
    }
}
