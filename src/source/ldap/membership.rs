//! References: which attributes hold them, and which name each value means.
//!
//! `members` is no attribute of LDAP: it unites the three ways in which directories list the members of a group. What
//! a name stands for is resolved elsewhere; many values never resolve (placeholders of `groupOfNames`, leavers).

use std::collections::BTreeSet;

use crate::model::{Anchor, Name};

use super::attribute_names::canonical;
use super::dn::{Dn, fold};
use super::entry::Entry;

/// The attribute by whose values `memberUid` names people (RFC 2307).
pub(super) const LOGIN: &str = "uid";

/// The virtual attribute that unites the ways to list members.
const MEMBERS: &str = "members";

/// How the values of an attribute name objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// A DN.
    Dn,
    /// A DN, perhaps with a bit string behind it (`#'0101'B`, RFC 4517 section 3.3.21).
    DnAndUid,
    /// A login name.
    Login,
}

/// One reference attribute of the synchronization schema.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// As the schema spells it.
    pub(super) spelling: String,
    /// The canonical names of the attributes of the directory it is read from.
    parts: Vec<(String, Naming)>,
}

impl Reference {
    pub(super) fn new(spelling: &str) -> Self {
        let parts = match canonical(spelling).as_str() {
            MEMBERS => vec![
                ("member".to_owned(), Naming::Dn),
                ("uniquemember".to_owned(), Naming::DnAndUid),
                ("memberuid".to_owned(), Naming::Login),
            ],
            "uniquemember" => vec![("uniquemember".to_owned(), Naming::DnAndUid)],
            "memberuid" => vec![("memberuid".to_owned(), Naming::Login)],
            other => vec![(other.to_owned(), Naming::Dn)],
        };
        Self { spelling: spelling.to_owned(), parts }
    }

    /// The attributes to ask the server for.
    pub(super) fn requested(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(attribute, _)| attribute.as_str())
    }

    /// The names this reference of `entry` holds, each once. Empty values are dropped, and the group itself as its own
    /// member: `groupOfNames` needs a member, so directories use these as placeholders. Somebody who is their own
    /// manager is meant. What cannot be read is dropped and logged.
    pub(super) fn names(&self, entry: &Entry, own_name: &Name, anchor: &Anchor) -> Vec<Name> {
        let mut names = BTreeSet::new();
        for (attribute, naming) in &self.parts {
            let own_is_placeholder = matches!(attribute.as_str(), "member" | "uniquemember");
            let mut unreadable = 0;
            for value in entry.values(attribute) {
                match read(value, *naming) {
                    Read::Name(name) if !own_is_placeholder || name != *own_name => {
                        names.insert(name);
                    }
                    Read::Name(_) | Read::Placeholder => {}
                    Read::Unreadable => unreadable += 1,
                }
            }
            if unreadable > 0 {
                tracing::warn!(object.anchor = %anchor, attribute, unreadable, "references that cannot be read are skipped");
            }
        }
        names.into_iter().collect()
    }
}

/// The names under which references find an object: its DN and, for people, its login names. `memberUid` compares
/// exactly where `uid` ignores case, so a login is known as written and folded.
pub(super) fn own_names(dn: &Dn, entry: &Entry, has_logins: bool) -> Vec<Name> {
    let mut names = vec![dn.name()];
    if !has_logins {
        return names;
    }
    let logins: BTreeSet<&str> =
        entry.values(LOGIN).iter().filter_map(|value| std::str::from_utf8(value).ok()).map(str::trim).collect();
    let written = logins.iter().map(|login| Name::of_login(login));
    let folded = logins.iter().map(|login| Name::of_login(&fold(login)));
    let all: BTreeSet<Name> = written.chain(folded).collect();
    names.extend(all);
    names
}

enum Read {
    Name(Name),
    Placeholder,
    Unreadable,
}

fn read(value: &[u8], naming: Naming) -> Read {
    let Ok(text) = std::str::from_utf8(value) else { return Read::Unreadable };
    let text = match naming {
        Naming::DnAndUid => without_uid(text),
        Naming::Dn | Naming::Login => text,
    };
    let text = text.trim();
    if text.is_empty() {
        return Read::Placeholder;
    }
    match naming {
        Naming::Login => Read::Name(Name::of_login(text)),
        Naming::Dn | Naming::DnAndUid => Dn::parse(text).map_or(Read::Unreadable, |dn| Read::Name(dn.name())),
    }
}

/// Cuts a trailing `#'0101'B`; a `#` inside the DN is escaped, so the form is unmistakable.
fn without_uid(text: &str) -> &str {
    let Some(bits) = text.strip_suffix("'B") else { return text };
    match bits.rsplit_once("#'") {
        Some((dn, bits)) if !dn.ends_with('\\') && bits.bytes().all(|bit| matches!(bit, b'0' | b'1')) => dn,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect()));
        Entry::new(b"cn=staff,dc=org".to_vec(), attributes)
    }

    fn name(dn: &str) -> Name {
        Dn::parse(dn).unwrap().name()
    }

    fn members(entry: &Entry) -> Vec<Name> {
        Reference::new("members").names(entry, &name("cn=staff,dc=org"), &Anchor::new("a"))
    }

    #[test]
    fn members_unite_the_three_ways_to_list_them() {
        let group = entry(&[
            ("member", &["uid=ada,dc=org", "UID=Ada, DC=org"]),
            ("uniqueMember", &["uid=bob,dc=org#'0101'B", "uid=cy,dc=org"]),
            ("memberUid", &["Dan"]),
        ]);
        let mut expected =
            vec![name("uid=ada,dc=org"), name("uid=bob,dc=org"), name("uid=cy,dc=org"), Name::of_login("Dan")];
        expected.sort();
        assert_eq!(members(&group), expected);
    }

    #[test]
    fn placeholders_and_unreadable_values_are_dropped() {
        let group = entry(&[("member", &["", " ", "CN=Staff,DC=org", "not a dn"]), ("memberUid", &[""])]);
        assert_eq!(members(&group), []);
    }

    #[test]
    fn an_escaped_number_sign_is_part_of_the_name() {
        assert_eq!(without_uid(r"cn=a\#'01'B"), r"cn=a\#'01'B");
        assert_eq!(without_uid("cn=a,dc=org#'01'B"), "cn=a,dc=org");
        assert_eq!(without_uid("cn=a,dc=org#'02'B"), "cn=a,dc=org#'02'B");
        assert_eq!(without_uid("cn='B"), "cn='B");
    }

    #[test]
    fn other_references_are_names_in_the_directory() {
        let person = entry(&[("manager", &["uid=boss,dc=org"])]);
        let manager = Reference::new("Manager");
        assert_eq!(manager.requested().collect::<Vec<_>>(), ["manager"]);
        assert_eq!(manager.spelling, "Manager");
        assert_eq!(manager.names(&person, &name("uid=x"), &Anchor::new("a")), [name("uid=boss,dc=org")]);
    }

    #[test]
    fn people_are_found_by_login_as_written_and_folded() {
        let person = entry(&[("uid", &["Ada"])]);
        let dn = Dn::parse("uid=Ada,dc=org").unwrap();
        assert_eq!(own_names(&dn, &person, true), [dn.name(), Name::of_login("Ada"), Name::of_login("ada")]);
        assert_eq!(own_names(&dn, &person, false), [dn.name()]);
    }
}
