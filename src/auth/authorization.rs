//! The `Authorization` header (RFC 9110 section 11.6.2), cut.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What a header carries.
pub(super) enum Credential<'a> {
    Bearer(&'a [u8]),
    Basic { name: Vec<u8>, password: Vec<u8> },
}

impl<'a> Credential<'a> {
    /// Reads a header value. `None` for another scheme, and for what is broken.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        let end = header.iter().position(|byte| *byte == b' ')?;
        let (scheme, rest) = header.split_at(end);
        let rest = rest.trim_ascii();
        if rest.is_empty() {
            return None;
        }
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(Self::Bearer(rest));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let mut name = BASE64_STANDARD.decode(rest).ok()?;
        // The first colon ends the name; a password may have more of them (RFC 7617 section 2).
        let colon = name.iter().position(|byte| *byte == b':')?;
        let password = name.split_off(colon + 1);
        name.truncate(colon);
        Some(Self::Basic { name, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_cut_at_the_first_space_and_the_first_colon() {
        assert!(matches!(Credential::parse(b"bEaReR  abc "), Some(Credential::Bearer(b"abc"))));
        let basic = [b"Basic ".as_slice(), BASE64_STANDARD.encode("ada:a:b").as_bytes()].concat();
        let Some(Credential::Basic { name, password }) = Credential::parse(&basic) else { panic!("basic") };
        assert_eq!((name.as_slice(), password.as_slice()), (b"ada".as_slice(), b"a:b".as_slice()));
        for broken in ["", "Bearer", "Bearer ", "Basic !", "Basic YWRh", "Digest x", " Bearer x", "Bearerx"] {
            assert!(Credential::parse(broken.as_bytes()).is_none(), "{broken}");
        }
    }
}
