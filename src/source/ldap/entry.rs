//! A search result as it came: names and bytes, nothing interpreted.

use ldap3::asn1::{PL, StructureTag, TagClass};

use super::attribute_names::canonical;
use super::failure::Failure;

/// Application tag numbers of what a search delivers (RFC 4511 sections 4.5.2 and 4.13).
const SEARCH_ENTRY: u64 = 4;
const SEARCH_REFERENCE: u64 = 19;
const INTERMEDIATE_RESPONSE: u64 = 25;

/// One message of a search.
#[derive(Debug)]
pub(super) enum Message {
    Entry(Entry),
    Intermediate(Intermediate),
    Reference,
}

/// An entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its DN, in the bytes the server sent.
    pub(super) dn: Vec<u8>,
    /// Canonical attribute name → values in arrival order.
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// An intermediate response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Intermediate {
    pub(super) oid: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Message {
    /// Reads what the library parsed.
    pub(super) fn decode(tag: StructureTag) -> Result<Self, Failure> {
        match (tag.class, tag.id) {
            (TagClass::Application, SEARCH_ENTRY) => Entry::decode(tag.payload).map(Self::Entry),
            (TagClass::Application, SEARCH_REFERENCE) => Ok(Self::Reference),
            (TagClass::Application, INTERMEDIATE_RESPONSE) => Intermediate::decode(tag.payload).map(Self::Intermediate),
            _ => Err(Failure::Incomplete("a search result")),
        }
    }
}

impl Entry {
    /// An entry made of parts; several attributes of one name are one.
    pub(super) fn new(dn: Vec<u8>, attributes: impl IntoIterator<Item = (String, Vec<Vec<u8>>)>) -> Self {
        let mut entry = Self { dn, attributes: Vec::new() };
        for (description, values) in attributes {
            let name = canonical(&description);
            match entry.attributes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.extend(values),
                None => entry.attributes.push((name, values)),
            }
        }
        entry
    }

    /// The values of an attribute, by its canonical name.
    pub(super) fn values(&self, canonical: &str) -> &[Vec<u8>] {
        self.attributes.iter().find(|(name, _)| name == canonical).map_or(&[], |(_, values)| values.as_slice())
    }

    /// The first value of an attribute as text, if it is one.
    pub(super) fn text(&self, canonical: &str) -> Option<&str> {
        self.values(canonical).first().and_then(|value| std::str::from_utf8(value).ok())
    }

    fn decode(payload: PL) -> Result<Self, Failure> {
        let mut parts = constructed(payload, "the parts of an entry")?.into_iter();
        let dn = primitive(parts.next(), "the name of an entry")?;
        let list = constructed(parts.next().map_or(PL::P(Vec::new()), |tag| tag.payload), "an entry's attributes")?;
        let mut attributes = Vec::with_capacity(list.len());
        for attribute in list {
            let mut parts = constructed(attribute.payload, "the parts of an attribute")?.into_iter();
            let description = primitive(parts.next(), "the name of an attribute")?;
            let values = parts.next().ok_or(Failure::Incomplete("the values of an attribute"))?;
            let values = constructed(values.payload, "the values of an attribute")?
                .into_iter()
                .map(|value| primitive(Some(value), "the value of an attribute"))
                .collect::<Result<_, _>>()?;
            attributes.push((String::from_utf8_lossy(&description).into_owned(), values));
        }
        Ok(Self::new(dn, attributes))
    }
}

impl Intermediate {
    fn decode(payload: PL) -> Result<Self, Failure> {
        let mut intermediate = Self::default();
        for part in constructed(payload, "the parts of an intermediate response")? {
            match (part.class, part.id, part.payload) {
                (TagClass::Context, 0, PL::P(bytes)) => intermediate.oid = bytes,
                (TagClass::Context, 1, PL::P(bytes)) => intermediate.value = bytes,
                _ => {}
            }
        }
        Ok(intermediate)
    }
}

fn constructed(payload: PL, what: &'static str) -> Result<Vec<StructureTag>, Failure> {
    match payload {
        PL::C(parts) => Ok(parts),
        PL::P(_) => Err(Failure::Incomplete(what)),
    }
}

fn primitive(tag: Option<StructureTag>, what: &'static str) -> Result<Vec<u8>, Failure> {
    match tag.map(|tag| tag.payload) {
        Some(PL::P(bytes)) => Ok(bytes),
        _ => Err(Failure::Incomplete(what)),
    }
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::parse_tag;
    use proptest::prelude::*;

    use super::*;
    use crate::source::ldap::ber::{self, OCTET_STRING, SEQUENCE, SET, element};

    fn decode(bytes: &[u8]) -> Result<Message, Failure> {
        Message::decode(parse_tag(bytes).expect("well-formed BER").1)
    }

    fn attribute(name: &str, values: &[&[u8]]) -> Vec<u8> {
        let values: Vec<u8> = values.iter().flat_map(|value| element(OCTET_STRING, value)).collect();
        element(SEQUENCE, &[element(OCTET_STRING, name.as_bytes()), element(SET, &values)].concat())
    }

    #[test]
    fn values_keep_their_bytes_and_order() {
        let attributes = [attribute("objectGUID", &[&[0x41; 16], &[0xff; 16]]), attribute("MAIL", &[b"a@b"])].concat();
        let bytes = element(0x64, &[element(OCTET_STRING, b"cn=x"), element(SEQUENCE, &attributes)].concat());
        let Message::Entry(entry) = decode(&bytes).unwrap() else { panic!("an entry") };
        assert_eq!(entry.dn, b"cn=x");
        assert_eq!(entry.values("objectguid"), [vec![0x41; 16], vec![0xff; 16]]);
        assert_eq!(entry.text("mail"), Some("a@b"));
        assert!(entry.values("cn").is_empty());
    }

    #[test]
    fn one_attribute_under_two_spellings_is_one() {
        let values = |text: &str| vec![text.as_bytes().to_vec()];
        let entry = Entry::new(Vec::new(), [("cn".into(), values("a")), ("commonName".into(), values("b"))]);
        assert_eq!(entry.values("cn"), [b"a".to_vec(), b"b".to_vec()]);
    }

    #[test]
    fn odd_structures_are_errors() {
        for bytes in [
            element(0x64, b""),
            element(0x44, b"primitive"),
            element(0x64, &element(OCTET_STRING, b"cn=x")),
            element(0x64, &[element(OCTET_STRING, b"cn=x"), element(OCTET_STRING, b"no list")].concat()),
            element(0x65, b""),
        ] {
            assert!(decode(&bytes).is_err(), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_well_formed_message_panics(bytes in proptest::collection::vec(any::<u8>(), 2..80)) {
            if ber::check(&bytes).is_ok() && let Ok((_, tag)) = parse_tag(&bytes) {
                let _ = Message::decode(tag);
            }
        }
    }
}
