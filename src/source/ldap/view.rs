//! From settings and selection to feeds, checked, and the digest that tells one view of a directory from another.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::model::{FeedId, ObjectKind};
use crate::source::{KindSelection, Selection, SourceError};

use super::attribute_names::{canonical, is_credential, is_description};
use super::dn::Dn;
use super::feed::LdapFeed;
use super::filter::Filter;
use super::object::{ObjectShape, Shape};
use super::servers::configuration;
use super::settings::{KindSettings, LdapSettings};

/// Changes when the way of reading does, so that checkpoints of another way are not used.
const VERSION: &str = "ldap 1";

/// The object classes that hold others (RFC 4519, RFC 2247 and Active Directory).
const CONTAINER_CLASSES: [&str; 8] =
    ["organizationalUnit", "organization", "country", "locality", "domain", "dcObject", "container", "nsContainer"];

/// What is wrong with the settings, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    text: String,
    hint: &'static str,
}

impl Problem {
    fn new(text: String, hint: &'static str) -> Self {
        Self { text, hint }
    }

    /// The problem as an error of the source at `server`.
    pub(super) fn at(self, server: &str) -> SourceError {
        configuration(server, self.text, self.hint)
    }
}

/// Containers, users, groups, as far as the schema reads them.
pub(super) fn feeds(settings: &LdapSettings, selection: &Selection) -> Result<Vec<LdapFeed>, Problem> {
    let kinds: Vec<(&str, &KindSettings)> = [("users", Some(&settings.users)), ("groups", settings.groups.as_ref())]
        .into_iter()
        .filter_map(|(name, kind)| kind.map(|kind| (name, kind)))
        .collect();
    for kind in selection.keys() {
        if !kinds.iter().any(|(_, known)| known.kind == *kind) {
            return Err(Problem::new(
                format!("the synchronization schema reads `{kind}`, which is not configured"),
                "add it to the source as the `kind` of `users` or `groups`",
            ));
        }
    }
    if kinds.len() == 2 && kinds[0].1.kind == kinds[1].1.kind {
        return Err(Problem::new(
            format!("`users` and `groups` are both `{}`", kinds[0].1.kind),
            "give each the name the synchronization schema uses for it",
        ));
    }
    let mut feeds = vec![containers(settings)?];
    for (name, kind) in kinds {
        if let Some(selected) = selection.get(&kind.kind) {
            feeds.push(objects(name, kind, selected)?);
        }
    }
    Ok(feeds)
}

/// Digest of everything that shapes what is read: servers, login, bases, filters, rules and attributes.
pub(super) fn digest(settings: &LdapSettings, feeds: &[LdapFeed], selection: &Selection) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        // The length keeps neighbouring texts apart.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(VERSION);
    settings.urls.iter().for_each(|url| add(url));
    add(&settings.bind_dn);
    for feed in feeds {
        add(feed.id.as_str());
        add(&feed.base);
        add(&feed.filter.to_string());
    }
    for kind in [Some(&settings.users), settings.groups.as_ref()].into_iter().flatten() {
        for rule in &kind.disabled_when {
            add(&rule.attribute);
            add(rule.equals.as_deref().unwrap_or("*"));
        }
    }
    for (kind, selected) in selection {
        add(kind.as_str());
        selected.attributes.iter().for_each(|name| add(name));
        add("references");
        selected.references.iter().for_each(|name| add(name));
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn containers(settings: &LdapSettings) -> Result<LdapFeed, Problem> {
    let base = match &settings.containers {
        Some(base) => checked_base("containers", base)?,
        None => {
            let users = checked_base("users.base", &settings.users.base)?;
            match &settings.groups {
                None => users,
                Some(groups) => users.common_ancestor(&checked_base("groups.base", &groups.base)?),
            }
        }
    };
    if base.is_root() {
        return Err(Problem::new(
            "`users.base` and `groups.base` have nothing in common".to_owned(),
            "set `containers` to the DN below which organizational units are to be watched",
        ));
    }
    let classes = CONTAINER_CLASSES.map(|class| Filter::Equal("objectClass", class.to_owned()));
    Ok(LdapFeed {
        id: FeedId::new("containers"),
        kind: None,
        base: base.as_str().to_owned(),
        filter: Filter::Or(classes.to_vec()),
        shape: Shape::Container,
    })
}

fn objects(name: &str, kind: &KindSettings, selected: &KindSelection) -> Result<LdapFeed, Problem> {
    let base = checked_base(&format!("{name}.base"), &kind.base)?;
    let filter = Filter::parse(&kind.filter)
        .map_err(|error| Problem::new(format!("`{name}.filter` is {error}"), "correct the filter"))?;
    let rules = kind.disabled_when.iter().map(|rule| &rule.attribute);
    for attribute in selected.attributes.iter().chain(&selected.references).chain(rules) {
        check_attribute(&kind.kind, attribute)?;
    }
    let has_logins = name == "users";
    Ok(LdapFeed {
        id: FeedId::new(name),
        kind: Some(kind.kind.clone()),
        base: base.as_str().to_owned(),
        filter,
        shape: Shape::Object(ObjectShape::new(&kind.kind, selected, &kind.disabled_when, has_logins)),
    })
}

fn checked_base(name: &str, text: &str) -> Result<Dn, Problem> {
    match Dn::parse(text.trim()) {
        Ok(dn) if !dn.is_root() => Ok(dn),
        Ok(_) => Err(Problem::new(format!("`{name}` is empty"), "write a DN such as `ou=people,dc=example,dc=org`")),
        Err(error) => Err(Problem::new(
            format!("`{name}` is not a distinguished name: {error}"),
            "write a DN such as `ou=people,dc=example,dc=org`",
        )),
    }
}

fn check_attribute(kind: &ObjectKind, attribute: &str) -> Result<(), Problem> {
    if !is_description(attribute) {
        return Err(Problem::new(
            format!("`{attribute}` of `{kind}` is not the name of an LDAP attribute"),
            "correct the name in the synchronization schema or in `disabled_when`",
        ));
    }
    if is_credential(&canonical(attribute)) {
        return Err(Problem::new(
            format!("`{attribute}` of `{kind}` holds a credential, which is never read"),
            "remove it from the synchronization schema",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::source::ldap::settings::DisabledRule;

    fn kind(name: &str, base: &str, filter: &str) -> KindSettings {
        KindSettings {
            kind: ObjectKind::new(name),
            base: base.to_owned(),
            filter: filter.to_owned(),
            disabled_when: Vec::new(),
        }
    }

    fn settings() -> LdapSettings {
        LdapSettings {
            urls: vec!["ldaps://dc1".to_owned()],
            security: None,
            ca_file: None,
            verify_name: None,
            bind_dn: "cn=reader".to_owned(),
            password: Secret::new("secret"),
            page_size: 500,
            timeout_seconds: 30,
            max_message_bytes: 1 << 20,
            default_domain: None,
            users: kind("User", "ou=people,dc=example,dc=org", "(objectClass=person)"),
            groups: Some(kind("Group", "ou=groups,dc=example,dc=org", "(objectClass=groupOfNames)")),
            containers: None,
        }
    }

    fn selection(kinds: &[(&str, &[&str])]) -> Selection {
        let selected = |attributes: &[&str]| KindSelection {
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            references: Default::default(),
        };
        kinds.iter().map(|(kind, attributes)| (ObjectKind::new(*kind), selected(attributes))).collect()
    }

    #[test]
    fn containers_come_first_and_only_selected_kinds_follow() {
        let ids = |selection: &Selection| -> Vec<String> {
            feeds(&settings(), selection).unwrap().iter().map(|feed| feed.id.to_string()).collect()
        };
        assert_eq!(ids(&selection(&[("User", &["mail"]), ("Group", &["cn"])])), ["containers", "users", "groups"]);
        assert_eq!(ids(&selection(&[("User", &["mail"])])), ["containers", "users"]);
        let all = feeds(&settings(), &selection(&[])).unwrap();
        assert_eq!(all[0].base, "dc=example,dc=org");
        assert!(all[0].filter.to_string().starts_with("(|(objectClass=organizationalUnit)"));
    }

    type Kinds = &'static [(&'static str, &'static [&'static str])];
    type Case = (&'static str, fn(&mut LdapSettings), Kinds);

    #[test]
    fn wrong_settings_are_named() {
        let cases: [Case; 8] = [
            ("`users.base` is not a distinguished name", |s| s.users.base = "people".into(), &[]),
            ("`users.base` is empty", |s| s.users.base = " ".into(), &[]),
            ("`users.filter` is not in parentheses", |s| s.users.filter = "mail=*".into(), &[("User", &[])]),
            ("have nothing in common", |s| s.users.base = "dc=net".into(), &[]),
            ("reads `Device`", |_| {}, &[("Device", &[])]),
            ("are both `Group`", |s| s.users.kind = ObjectKind::new("Group"), &[("Group", &[])]),
            ("holds a credential", |_| {}, &[("User", &["userPassword"])]),
            ("is not the name of an LDAP attribute", |_| {}, &[("User", &["a)(b"])]),
        ];
        for (expected, change, kinds) in cases {
            let mut settings = settings();
            change(&mut settings);
            let problem = feeds(&settings, &selection(kinds)).map(|_| ()).unwrap_err();
            assert!(problem.text.contains(expected), "{expected}: {problem:?}");
        }
    }

    #[test]
    fn every_part_of_the_view_counts() {
        let view = |settings: &LdapSettings, kinds: &[(&str, &[&str])]| {
            let selection = selection(kinds);
            digest(settings, &feeds(settings, &selection).unwrap(), &selection)
        };
        let kinds: &[(&str, &[&str])] = &[("User", &["mail"])];
        let original = view(&settings(), kinds);
        assert_eq!(original.len(), 64);
        assert_eq!(view(&settings(), kinds), original);
        assert_ne!(view(&settings(), &[("User", &["mail", "cn"])]), original);
        let changes: [fn(&mut LdapSettings); 6] = [
            |s| s.urls.push("ldaps://dc2".into()),
            |s| s.bind_dn = "cn=other".into(),
            |s| s.users.base = "ou=staff,dc=example,dc=org".into(),
            |s| s.users.filter = "(mail=*)".into(),
            |s| s.containers = Some("ou=people,dc=example,dc=org".into()),
            |s| s.users.disabled_when.push(DisabledRule { attribute: "loginShell".into(), equals: None }),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut settings = settings();
            change(&mut settings);
            assert_ne!(view(&settings, kinds), original, "change {index}");
        }
        let mut same = settings();
        same.password = Secret::new("renewed");
        assert_eq!(view(&same, kinds), original);
    }
}
