//! The small part of BER that LDAP uses: one bounded reader for what a server sends, one writer for control values.
//!
//! It knows no LDAP message; definite lengths of at most four bytes and low tag numbers only (RFC 4511 section 5.1).

/// Tags of universal types.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// How deep elements may nest. A search result needs seven levels; more is an attack on recursive readers.
const MAX_DEPTH: usize = 32;

/// Why bytes are not acceptable BER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BerError {
    #[error("an element ends before its length says")]
    Truncated,
    #[error("a length is indefinite or longer than four bytes")]
    Length,
    #[error("a tag number above 30")]
    HighTag,
    #[error("elements nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("an element reaches beyond the one that holds it")]
    BeyondParent,
    #[error("a message of {bytes} bytes, where at most {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    #[error("an element with tag {found:#04x} where another is due")]
    Unexpected { found: u8 },
    #[error("a number that does not fit")]
    Number,
    #[error("a text that is not UTF-8")]
    Encoding,
}

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    tag: u8,
    /// Bytes of tag and length.
    bytes: usize,
    /// Bytes of the content.
    content: usize,
}

/// Reads the header at the start of `bytes`; `None` when more bytes are needed.
fn header(bytes: &[u8]) -> Result<Option<Header>, BerError> {
    let Some(&tag) = bytes.first() else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(BerError::HighTag);
    }
    let Some(&first) = bytes.get(1) else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some(Header { tag, bytes: 2, content: usize::from(first) }));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(BerError::Length);
    }
    let Some(octets) = bytes.get(2..2 + count) else { return Ok(None) };
    let content = octets.iter().fold(0usize, |length, &octet| (length << 8) | usize::from(octet));
    Ok(Some(Header { tag, bytes: 2 + count, content }))
}

/// The size of the LDAP message at the start of `bytes`, known as soon as its header is there. It never exceeds
/// `limit`, so the caller may wait for that many bytes.
pub(super) fn message_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, BerError> {
    let Some(header) = header(bytes)? else { return Ok(None) };
    if header.tag != SEQUENCE {
        return Err(BerError::Unexpected { found: header.tag });
    }
    let total = header.content.saturating_add(header.bytes);
    if total > limit {
        return Err(BerError::TooLarge { bytes: total, limit });
    }
    Ok(Some(total))
}

/// Checks a whole element without recursion: every length inside its parent, nothing nested too deep.
pub(super) fn check(element: &[u8]) -> Result<(), BerError> {
    // The ends of the constructed elements that are open at this point; never longer than `MAX_DEPTH`.
    let mut open: Vec<usize> = vec![element.len()];
    let mut position = 0;
    while position < element.len() {
        while open.last() == Some(&position) {
            open.pop();
        }
        let end = open.last().copied().unwrap_or(element.len());
        let header = header(&element[position..])?.ok_or(BerError::Truncated)?;
        let content_end = position.saturating_add(header.bytes).saturating_add(header.content);
        if content_end > end {
            return Err(BerError::BeyondParent);
        }
        if header.tag & 0x20 == 0 {
            position = content_end;
            continue;
        }
        if open.len() > MAX_DEPTH {
            return Err(BerError::TooDeep);
        }
        open.push(content_end);
        position += header.bytes;
    }
    Ok(())
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True when nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next element: tag and content.
    pub(super) fn element(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let header = header(self.rest)?.ok_or(BerError::Truncated)?;
        let end = header.bytes.saturating_add(header.content);
        let content = self.rest.get(header.bytes..end).ok_or(BerError::Truncated)?;
        self.rest = &self.rest[end..];
        Ok((header.tag, content))
    }

    /// The content of the next element, which must have `tag`.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            (found, _) => Err(BerError::Unexpected { found }),
        }
    }

    /// The content of the next element if it has `tag`; otherwise nothing is consumed.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.rest.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// A reader of the next element's content, which must have `tag`.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, BerError> {
        self.expect(tag).map(Reader::new)
    }

    /// A whole number with `tag` (INTEGER or ENUMERATED) that fits 32 bits.
    pub(super) fn number(&mut self, tag: u8) -> Result<i32, BerError> {
        let octets = self.expect(tag)?;
        let Some(&first) = octets.first().filter(|_| octets.len() <= 4) else { return Err(BerError::Number) };
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Ok(octets.iter().fold(sign, |number, &octet| (number << 8) | i32::from(octet)))
    }

    /// An optional BOOLEAN.
    pub(super) fn flag(&mut self, default: bool) -> Result<bool, BerError> {
        match self.optional(BOOLEAN)? {
            None => Ok(default),
            Some([octet]) => Ok(*octet != 0),
            Some(_) => Err(BerError::Number),
        }
    }
}

/// One element from its tag and content.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..0x80 => bytes.push(short as u8),
        long => {
            let octets = long.to_be_bytes();
            let significant = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len() - 1);
            bytes.push(0x80 | (octets.len() - significant) as u8);
            bytes.extend_from_slice(&octets[significant..]);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A whole number under `tag`, in as few bytes as it needs.
pub(super) fn number(tag: u8, number: i32) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let spare = octets
        .windows(2)
        .take_while(|pair| (pair[0] == 0 && pair[1] & 0x80 == 0) || (pair[0] == 0xff && pair[1] & 0x80 != 0))
        .count();
    element(tag, &octets[spare..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(vec![OCTET_STRING, 0], |inner, _| element(SEQUENCE, &inner))
    }

    #[test]
    fn a_header_tells_the_length_of_the_message() {
        let cases = [
            (&[][..], Ok(None)),
            (&[0x30], Ok(None)),
            (&[0x30, 0x05], Ok(Some(7))),
            (&[0x30, 0x82, 0x01], Ok(None)),
            (&[0x30, 0x82, 0x01, 0x00], Ok(Some(260))),
            (&[0x30, 0x84, 0x00, 0x00, 0x00, 0x05], Ok(Some(11))),
            (&[0x30, 0x80], Err(BerError::Length)),
            (&[0x30, 0x85, 0, 0, 0, 0, 1], Err(BerError::Length)),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], Err(BerError::TooLarge { bytes: 0x1_0000_0005, limit: 1000 })),
            (b"HTTP/1.1 400", Err(BerError::Unexpected { found: b'H' })),
            (&[0x3f, 0x81], Err(BerError::HighTag)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(message_length(bytes, 1000), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn nesting_is_bounded_without_recursion() {
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(BerError::TooDeep));
        assert_eq!(check(&nested(5_000)), Err(BerError::TooDeep));
    }

    #[test]
    fn an_inner_length_stays_inside_its_parent() {
        assert_eq!(check(&[0x30, 0x03, 0x04, 0x02, 0x00]), Err(BerError::BeyondParent));
        assert_eq!(check(&[0x30, 0x04, 0x30, 0x00, 0x04, 0x01]), Err(BerError::BeyondParent));
        assert_eq!(check(&[0x30, 0x02, 0x04, 0x00, 0x04, 0x00]), Ok(()));
        assert_eq!(check(&[0x30, 0x05, 0x30, 0x00, 0x04, 0x01, 0x41]), Ok(()));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = message_length(&bytes, 1 << 20);
            let _ = check(&bytes);
            let mut reader = Reader::new(&bytes);
            while reader.element().is_ok() {}
            let _ = Reader::new(&bytes).number(INTEGER);
        }

        #[test]
        fn numbers_come_back(value in any::<i32>()) {
            prop_assert_eq!(Reader::new(&number(INTEGER, value)).number(INTEGER), Ok(value));
        }

        #[test]
        fn elements_come_back(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let bytes = element(OCTET_STRING, &content);
            prop_assert_eq!(check(&bytes), Ok(()));
            prop_assert_eq!(Reader::new(&bytes).expect(OCTET_STRING), Ok(content.as_slice()));
        }
    }
}
