//! The LDAP source against a real OpenLDAP server, and against servers that mean harm.

mod connecting;
mod hostile;
mod limits;
mod reading;
mod refreshing;

use std::collections::BTreeMap;

use provisor::model::{Anchor, Change, Departure, Name, ObjectKind, SourceObject};
use provisor::secret::Secret;
use provisor::source::ldap::{KindSettings, LdapSettings, LdapSource, Security};
use provisor::source::{
    Checkpoint, Coverage, Fetched, KindSelection, Page, ReadEnd, Selection, Source, SourceError, Start,
};
use tokio::sync::mpsc;

use crate::support::slapd::{READER, SUFFIX, Slapd, SlapdOptions};

const PEOPLE: &str = "ou=people,dc=example,dc=org";
const ENGINEERING: &str = "ou=engineering,ou=people,dc=example,dc=org";
const ADA: &str = "uid=ada,ou=engineering,ou=people,dc=example,dc=org";
const GRACE: &str = "uid=Grace,ou=engineering,ou=people,dc=example,dc=org";

fn user() -> ObjectKind {
    ObjectKind::new("User")
}

fn settings(url: String) -> LdapSettings {
    let kind = |kind: &str, base: &str, filter: &str| KindSettings {
        kind: ObjectKind::new(kind),
        base: base.to_owned(),
        filter: filter.to_owned(),
        disabled_when: Vec::new(),
    };
    let groups = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))";
    LdapSettings {
        urls: vec![url],
        security: Some(Security::Plain),
        ca_file: None,
        verify_name: None,
        bind_dn: READER.to_owned(),
        password: Secret::new("reader"),
        page_size: 500,
        timeout_seconds: 10,
        max_message_bytes: 64 * 1024 * 1024,
        default_domain: None,
        users: kind("User", PEOPLE, "(objectClass=inetOrgPerson)"),
        groups: Some(kind("Group", "ou=groups,dc=example,dc=org", groups)),
        containers: None,
    }
}

fn selection() -> Selection {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let users = KindSelection {
        attributes: names(&["uid", "cn", "mail", "givenName", "surname", "employeeType", "accountEnabled"]),
        references: names(&["manager"]),
    };
    let groups = KindSelection { attributes: names(&["cn"]), references: names(&["members"]) };
    [(user(), users), (ObjectKind::new("Group"), groups)].into()
}

fn source(settings: LdapSettings) -> LdapSource {
    LdapSource::new(settings, selection()).expect("sound settings")
}

/// What a read delivered.
#[derive(Debug, Default)]
struct Read {
    objects: BTreeMap<Anchor, SourceObject>,
    containers: BTreeMap<Anchor, Name>,
    present: Vec<Anchor>,
    departed: BTreeMap<Anchor, Departure>,
    pages: usize,
    largest_page: usize,
}

impl Read {
    /// The object with this `uid` or `cn`.
    fn object(&self, text: &str) -> &SourceObject {
        self.objects
            .values()
            .find(|object| {
                ["uid", "cn"]
                    .iter()
                    .any(|name| object.attributes.get(name).and_then(|value| value.as_text()) == Some(text))
            })
            .unwrap_or_else(|| panic!("no `{text}` in {:?}", self.uids()))
    }

    fn anchor(&self, text: &str) -> Anchor {
        self.object(text).anchor.clone()
    }

    /// The `uid` of everyone who was delivered, sorted.
    fn uids(&self) -> Vec<&str> {
        let mut uids: Vec<_> =
            self.objects.values().filter_map(|object| object.attributes.get("uid")?.as_text()).collect();
        uids.sort();
        uids
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Object(object) => {
                self.objects.insert(object.anchor.clone(), object);
            }
            Change::Container { anchor, name } => {
                self.containers.insert(anchor, name);
            }
            Change::Present(anchors) => self.present.extend(anchors),
            Change::Departed { anchor, departure, .. } => {
                self.departed.insert(anchor, departure);
            }
            Change::Partial(_) => panic!("an LDAP source delivers whole objects"),
        }
    }
}

/// Reads a feed; the channel holds one page, so the source waits for this consumer.
async fn try_read(source: &LdapSource, feed: &str, start: Start) -> (Read, Result<ReadEnd, SourceError>) {
    let feed = source.feeds().into_iter().find(|known| known.id.as_str() == feed).expect("a feed of the source");
    let (sender, mut receiver) = mpsc::channel::<Page>(1);
    let consume = async {
        let mut read = Read::default();
        while let Some(page) = receiver.recv().await {
            read.pages += 1;
            read.largest_page = read.largest_page.max(page.changes.len());
            page.changes.into_iter().for_each(|change| read.take(change));
        }
        read
    };
    let (end, read) = tokio::join!(source.changes(&feed, start, sender), consume);
    (read, end)
}

async fn read_from(source: &LdapSource, feed: &str, start: Start) -> (Read, ReadEnd) {
    let (read, end) = try_read(source, feed, start).await;
    (read, end.unwrap_or_else(|error| panic!("{}", chain(&error))))
}

/// A full read of a server that follows changes, with the checkpoint it leaves.
async fn read_all(source: &LdapSource, feed: &str) -> (Read, Checkpoint) {
    let (read, end) = read_from(source, feed, Start::Full).await;
    assert_eq!(end.coverage, Coverage::Everything);
    (read, end.checkpoint.expect("a checkpoint"))
}

async fn read_since(source: &LdapSource, feed: &str, checkpoint: &Checkpoint) -> (Read, ReadEnd) {
    read_from(source, feed, Start::Since(checkpoint.clone())).await
}

/// An error with its causes, as a person sees it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
