//! Source objects and the identifiers the engine keys everything by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Attributes;

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Takes the identifier as its issuer wrote it. Clones share the text.
            pub fn new(text: impl Into<std::sync::Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

pub(super) use text_newtype;

text_newtype! {
    /// The stable, immutable identifier of an object in its source: entryUUID, objectGUID, Graph id.
    Anchor
}
text_newtype! {
    /// The source object name of the synchronization schema, such as `User` or `Group`.
    ObjectKind
}
text_newtype! {
    /// One stream of changes of a source, with a watermark of its own.
    FeedId
}
text_newtype! {
    /// The `id` a target gave to a resource. Opaque: never assume a UUID.
    ResourceId
}

/// A key under which *references* find an object: its normalised DN, its login name, or its id.
///
/// Two names are equal exactly when the source means the same object by both, so comparison is by text. A DN is
/// written **root first** (`dn:dc=org␟ou=people␟uid=ada`, separator U+001F), so that everything below a container is
/// one range of names; [`Name::is_below`] is that test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Separates the parts of a hierarchical name; no directory uses it inside a value.
    pub const SEPARATOR: char = '\u{1f}';

    const DISPLAY: &str = "display:";

    /// The name of an object by its anchor, for sources whose references are ids (Graph).
    pub fn of_anchor(anchor: &Anchor) -> Self {
        Self(format!("id:{anchor}"))
    }

    /// A login name, as `memberUid` holds it.
    pub fn of_login(login: &str) -> Self {
        Self(format!("login:{login}"))
    }

    /// A distinguished name, as its normalised RDNs from the root down.
    pub fn of_path<R: AsRef<str>>(rdns_root_first: impl IntoIterator<Item = R>) -> Self {
        let mut text = String::from("dn:");
        for (index, rdn) in rdns_root_first.into_iter().enumerate() {
            if index > 0 {
                text.push(Self::SEPARATOR);
            }
            text.extend(rdn.as_ref().chars().filter(|&character| character != Self::SEPARATOR));
        }
        Self(text)
    }

    /// A display name, which no reference uses and several objects may have: each has the name of its anchor below it.
    pub fn of_display(display: &str) -> Self {
        let mut text = String::from(Self::DISPLAY);
        text.extend(display.chars().filter(|&character| character != Self::SEPARATOR));
        Self(text)
    }

    /// The display name as that of one object alone.
    pub fn of_display_of(display: &str, anchor: &Anchor) -> Self {
        Self(format!("{}{}{anchor}", Self::of_display(display).0, Self::SEPARATOR))
    }

    /// True for what [`Name::of_display_of`] makes.
    pub fn is_display(&self) -> bool {
        self.0.starts_with(Self::DISPLAY)
    }

    /// A name as the store kept it.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when this name lies strictly below `container`.
    pub fn is_below(&self, container: &Name) -> bool {
        self.0.strip_prefix(&container.0).is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
    }

    /// The bounds, both excluded, between which the names below this one lie.
    pub fn below(&self) -> (String, String) {
        let successor = char::from(Self::SEPARATOR as u8 + 1);
        (format!("{}{}", self.0, Self::SEPARATOR), format!("{}{successor}", self.0))
    }

    /// This name with the container `from` replaced by `to`; `None` when it does not lie below `from`.
    pub fn moved(&self, from: &Name, to: &Name) -> Option<Self> {
        self.is_below(from).then(|| Self(format!("{}{}", to.0, &self.0[from.0.len()..])))
    }
}

/// One entry of the source with everything the schema asked for.
///
/// `references` holds, for each reference attribute that was read, the names of *all* objects it points to; an
/// attribute that was read and points nowhere has an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceObject {
    pub kind: ObjectKind,
    pub anchor: Anchor,
    /// Every name under which references may find this object.
    pub names: Vec<Name>,
    pub attributes: Attributes,
    pub references: BTreeMap<String, Vec<Name>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_not_a_text_prefix() {
        let people = Name::of_path(["dc=org", "ou=people"]);
        let ada = Name::of_path(["dc=org", "ou=people", "uid=ada"]);
        let other = Name::of_path(["dc=org", "ou=people2", "uid=bob"]);
        assert!(ada.is_below(&people));
        assert!(!other.is_below(&people));
        assert!(!people.is_below(&people));
        let staff = Name::of_path(["dc=org", "ou=staff"]);
        assert_eq!(ada.moved(&people, &staff), Some(Name::of_path(["dc=org", "ou=staff", "uid=ada"])));
        assert_eq!(other.moved(&people, &staff), None);
    }
}
