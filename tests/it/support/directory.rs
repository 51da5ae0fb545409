//! A small company in LDIF, person by person.

use super::slapd::SUFFIX;

/// A company without people and groups, with an account that reads.
pub(crate) const NOBODY: &str = "\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

";

pub(crate) fn dn_of(uid: &str) -> String {
    format!("uid={uid},ou=people,{SUFFIX}")
}

/// Somebody with further lines, each with its end.
pub(crate) fn person_with(uid: &str, lines: &str) -> String {
    format!("dn: {}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n{lines}\n", dn_of(uid))
}

pub(crate) fn person(uid: &str) -> String {
    person_with(uid, "")
}

pub(crate) fn group(cn: &str, members: &[&str]) -> String {
    let members: String = members.iter().map(|uid| format!("member: {}\n", dn_of(uid))).collect();
    format!("dn: cn={cn},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {cn}\n{members}\n")
}
