//! The kinds of source, and what each calls the things that a mapping speaks of.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::application::{Pair, Row};

/// How a source names what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vocabulary {
    /// Microsoft Graph: the reference, whose names the tables of applications are written in.
    Graph,
    /// `inetOrgPerson` (RFC 2798) and `groupOfNames` (RFC 4519).
    Ldap,
    /// Active Directory, read over LDAP.
    ActiveDirectory,
}

/// The table of a source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) directory: Directory,
    /// By object and by the name in the reference directory: the expression that stands for it here. A name that is
    /// not listed is the attribute of that name, and a source that has neither does not have it.
    words: BTreeMap<String, BTreeMap<String, String>>,
}

/// `directoryDefinition`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Directory {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) discoverabilities: String,
    pub(super) objects: Vec<SourceObject>,
}

/// `objectDefinition`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SourceObject {
    pub(super) name: String,
    pub(super) supported_apis: Vec<String>,
    pub(super) metadata: Vec<Pair>,
    pub(super) attributes: Vec<Row>,
}

impl Vocabulary {
    /// All of them, the reference first.
    pub const ALL: [Self; 3] = [Self::Graph, Self::Ldap, Self::ActiveDirectory];

    /// As it is written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Ldap => "ldap",
            Self::ActiveDirectory => "active-directory",
        }
    }

    pub(super) fn source(self) -> &'static Source {
        static GRAPH: LazyLock<Source> = LazyLock::new(|| read(include_str!("sources/graph.json")));
        static LDAP: LazyLock<Source> = LazyLock::new(|| read(include_str!("sources/ldap.json")));
        static ACTIVE_DIRECTORY: LazyLock<Source> =
            LazyLock::new(|| read(include_str!("sources/active-directory.json")));
        match self {
            Self::Graph => &GRAPH,
            Self::Ldap => &LDAP,
            Self::ActiveDirectory => &ACTIVE_DIRECTORY,
        }
    }
}

fn read(text: &str) -> Source {
    serde_json::from_str(text).expect("the tables are part of the program, and a test reads each")
}

impl Source {
    /// What stands for a name of the reference directory in an object of this source; `None` where it has no such
    /// thing.
    pub(super) fn word(&self, object: &str, name: &str) -> Option<String> {
        if let Some(expression) = self.words.get(object).and_then(|words| words.get(name)) {
            return Some(expression.clone());
        }
        let object = self.directory.objects.iter().find(|known| known.name == object)?;
        object.attributes.iter().any(|row| row.name == name).then(|| ["[", name, "]"].concat())
    }
}
