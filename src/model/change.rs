//! What a source says has changed.

use std::collections::BTreeMap;

use super::{Anchor, Name, ObjectKind, SourceObject, Value};

/// One change of the source. Applying the same change twice is the same as applying it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object as it is now, complete: what it does not hold is gone.
    Object(SourceObject),
    /// Part of an object: what is not named is unchanged (Graph delta).
    Partial(PartialObject),
    /// These objects exist and are unchanged: the present phase of RFC 4533.
    Present(Vec<Anchor>),
    /// The object is no longer what it was. The kind belongs to it: the feed of one kind may tell of anchors that are
    /// another's (a directory names everything that is not in a feed as gone from it).
    Departed { kind: ObjectKind, anchor: Anchor, departure: Departure },
    /// A container (an OU) is known under `name` now; every name below its former one moves along.
    Container { anchor: Anchor, name: Name },
}

/// How an object left. Distinct events, because each has an effect and a policy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// In the recycle bin: it may come back under the same anchor.
    SoftDeleted,
    /// Gone for good.
    Deleted,
    /// It still exists, but the source no longer delivers it (its filter or base does not cover it any more).
    LeftFeed,
}

/// The named attributes and references of an object; everything else is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialObject {
    pub kind: ObjectKind,
    pub anchor: Anchor,
    pub names: Vec<Name>,
    /// `None` clears the attribute.
    pub attributes: BTreeMap<String, Option<Value>>,
    pub references: Vec<ReferenceChange>,
}

/// One reference that appeared or disappeared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceChange {
    /// The reference attribute: `manager`, `members`.
    pub attribute: String,
    pub to: Name,
    /// False when the reference is gone.
    pub present: bool,
}
