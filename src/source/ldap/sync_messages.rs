//! The messages of the content synchronization operation (RFC 4533 section 2), written and read.

use uuid::Uuid;

use super::ber::{self, BerError, ENUMERATED, OCTET_STRING, Reader, SEQUENCE, SET};

/// Control and message identifiers.
pub(super) const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
pub(super) const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
pub(super) const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
pub(super) const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";

/// A cookie: the server's resume token, opaque.
pub(super) type Cookie = Vec<u8>;

/// What an entry's control says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryState {
    Present,
    /// Added or modified; servers do not tell the two apart.
    Changed,
    Deleted,
}

/// The control on an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncState {
    pub(super) state: EntryState,
    pub(super) uuid: Uuid,
    pub(super) cookie: Option<Cookie>,
}

/// The control on the final result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncDone {
    pub(super) cookie: Option<Cookie>,
    /// True when only what was named as deleted is gone.
    pub(super) refresh_deletes: bool,
}

/// An intermediate message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SyncInfo {
    NewCookie(Cookie),
    /// The end of a phase in which deletions are named.
    RefreshDelete {
        cookie: Option<Cookie>,
    },
    /// The end of a phase in which whatever exists is named.
    RefreshPresent {
        cookie: Option<Cookie>,
    },
    IdSet {
        cookie: Option<Cookie>,
        deleted: bool,
        uuids: Vec<Uuid>,
    },
}

/// The value of the request control for one refresh.
pub(super) fn refresh_request(cookie: Option<&[u8]>) -> Vec<u8> {
    const REFRESH_ONLY: i32 = 1;
    let mut content = ber::number(ENUMERATED, REFRESH_ONLY);
    if let Some(cookie) = cookie {
        content.extend(ber::element(OCTET_STRING, cookie));
    }
    ber::element(SEQUENCE, &content)
}

impl SyncState {
    pub(super) fn read(value: &[u8]) -> Result<Self, BerError> {
        let mut parts = Reader::new(value).inside(SEQUENCE)?;
        let state = match parts.number(ENUMERATED)? {
            0 => EntryState::Present,
            1 | 2 => EntryState::Changed,
            3 => EntryState::Deleted,
            _ => return Err(BerError::Number),
        };
        let uuid = uuid(parts.expect(OCTET_STRING)?)?;
        Ok(Self { state, uuid, cookie: cookie(&mut parts)? })
    }
}

impl SyncDone {
    pub(super) fn read(value: &[u8]) -> Result<Self, BerError> {
        let mut parts = Reader::new(value).inside(SEQUENCE)?;
        Ok(Self { cookie: cookie(&mut parts)?, refresh_deletes: parts.flag(false)? })
    }
}

impl SyncInfo {
    pub(super) fn read(value: &[u8]) -> Result<Self, BerError> {
        let (tag, content) = Reader::new(value).element()?;
        let mut parts = Reader::new(content);
        match tag {
            0x80 => Ok(Self::NewCookie(content.to_vec())),
            0xa1 => Ok(Self::RefreshDelete { cookie: cookie(&mut parts)? }),
            0xa2 => Ok(Self::RefreshPresent { cookie: cookie(&mut parts)? }),
            0xa3 => {
                let cookie = cookie(&mut parts)?;
                let deleted = parts.flag(false)?;
                let mut set = parts.inside(SET)?;
                let mut uuids = Vec::new();
                while !set.is_empty() {
                    uuids.push(uuid(set.expect(OCTET_STRING)?)?);
                }
                Ok(Self::IdSet { cookie, deleted, uuids })
            }
            found => Err(BerError::Unexpected { found }),
        }
    }
}

fn cookie(parts: &mut Reader<'_>) -> Result<Option<Cookie>, BerError> {
    Ok(parts.optional(OCTET_STRING)?.map(<[u8]>::to_vec))
}

fn uuid(bytes: &[u8]) -> Result<Uuid, BerError> {
    Uuid::from_slice(bytes).map_err(|_| BerError::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::ldap::ber::{BOOLEAN, element, number};

    const UUID: [u8; 16] =
        [0x50, 0x70, 0x68, 0x01, 0xa7, 0xa5, 0x48, 0xf5, 0x94, 0x32, 0x83, 0x87, 0x41, 0x21, 0x82, 0x98];

    #[test]
    fn requests_are_those_of_the_rfc() {
        assert_eq!(refresh_request(None), [0x30, 0x03, 0x0a, 0x01, 0x01]);
        assert_eq!(refresh_request(Some(b"ab")), [0x30, 0x07, 0x0a, 0x01, 0x01, 0x04, 0x02, b'a', b'b']);
    }

    #[test]
    fn an_entrys_state_is_read() {
        for (number_on_wire, state) in
            [(0, EntryState::Present), (1, EntryState::Changed), (2, EntryState::Changed), (3, EntryState::Deleted)]
        {
            let value = element(SEQUENCE, &[number(ENUMERATED, number_on_wire), element(OCTET_STRING, &UUID)].concat());
            let expected = SyncState { state, uuid: Uuid::from_bytes(UUID), cookie: None };
            assert_eq!(SyncState::read(&value), Ok(expected));
        }
        let short = element(SEQUENCE, &[number(ENUMERATED, 1), element(OCTET_STRING, &UUID[1..])].concat());
        assert_eq!(SyncState::read(&short), Err(BerError::Number));
    }

    #[test]
    fn an_end_without_cookie_differs_from_one_with_an_empty_cookie() {
        let nothing = SyncDone { cookie: None, refresh_deletes: false };
        assert_eq!(SyncDone::read(&[0x30, 0x00]), Ok(nothing));
        let empty = SyncDone { cookie: Some(Vec::new()), refresh_deletes: true };
        assert_eq!(SyncDone::read(&[0x30, 0x05, 0x04, 0x00, 0x01, 0x01, 0xff]), Ok(empty));
    }

    #[test]
    fn every_intermediate_message_is_read() {
        let set = element(SET, &[element(OCTET_STRING, &UUID), element(OCTET_STRING, &UUID)].concat());
        let flagged = [element(OCTET_STRING, b"c"), element(BOOLEAN, &[0xff]), set.clone()].concat();
        let uuids = vec![Uuid::from_bytes(UUID); 2];
        for (bytes, expected) in [
            (element(0x80, b"c"), SyncInfo::NewCookie(b"c".to_vec())),
            (element(0xa1, b""), SyncInfo::RefreshDelete { cookie: None }),
            (element(0xa2, &element(OCTET_STRING, b"c")), SyncInfo::RefreshPresent { cookie: Some(b"c".to_vec()) }),
            (element(0xa3, &set), SyncInfo::IdSet { cookie: None, deleted: false, uuids: uuids.clone() }),
            (element(0xa3, &flagged), SyncInfo::IdSet { cookie: Some(b"c".to_vec()), deleted: true, uuids }),
        ] {
            assert_eq!(SyncInfo::read(&bytes), Ok(expected));
        }
        assert_eq!(SyncInfo::read(&[0xa4, 0x00]), Err(BerError::Unexpected { found: 0xa4 }));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = SyncState::read(&bytes);
            let _ = SyncDone::read(&bytes);
            let _ = SyncInfo::read(&bytes);
        }
    }
}
