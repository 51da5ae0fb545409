//! Whether an object with another anchor is the one that is gone: may it have its resource? Pure.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::model::{Attributes, KnownObject, Lifecycle, Value};

/// Why a person has to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The source has the former object, or may have it again.
    NotGone,
    /// The source does not deliver the other object now.
    NotThere,
    /// The job names no attribute that confirms it (`relink: confirm_by`).
    NotConfigured,
    /// One of the two has no single value of this attribute.
    NoValue { attribute: String },
    /// They have different values of it.
    Differs { attribute: String },
    /// Others have the same values.
    NotUnique,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGone => f.write_str("the former object is not gone for good"),
            Self::NotThere => f.write_str("the source does not deliver the other object"),
            Self::NotConfigured => f.write_str("no attribute confirms it"),
            Self::NoValue { attribute } => write!(f, "`{attribute}` has no single value on both sides"),
            Self::Differs { attribute } => write!(f, "`{attribute}` differs"),
            Self::NotUnique => f.write_str("others have the same values"),
        }
    }
}

/// The values that confirm an object: equal for two objects that may be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a>(Vec<&'a Value>);

impl<'a> Identity<'a> {
    /// The values of these attributes.
    ///
    /// # Errors
    /// The first attribute that has none, or several.
    pub fn of<'n>(attributes: &'a Attributes, confirm_by: &'n [String]) -> Result<Self, &'n str> {
        let value = |name: &'n String| attributes.get(name).and_then(single).ok_or(name.as_str());
        confirm_by.iter().map(value).collect::<Result<_, _>>().map(Self)
    }

    /// A number that equal values share. Two that do not may share it, too, which can only make somebody ask.
    fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for value in &self.0 {
            hash(value, &mut hasher);
        }
        hasher.finish()
    }
}

/// The one value that an attribute has. Text of nothing but white space is none, and what has parts says nothing of who
/// somebody is.
fn single(value: &Value) -> Option<&Value> {
    match value {
        Value::List(values) => match values.as_slice() {
            [one] if !matches!(one, Value::List(_)) => single(one),
            _ => None,
        },
        Value::Text(text) => Some(value).filter(|_| !text.trim().is_empty()),
        Value::Binary(bytes) => Some(value).filter(|_| !bytes.is_empty()),
        Value::Boolean(_) | Value::Record(_) => None,
        Value::Integer(_) | Value::DateTime(_) => Some(value),
    }
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Text(text) => text.hash(hasher),
        Value::Binary(bytes) => bytes.hash(hasher),
        Value::Integer(number) => number.hash(hasher),
        Value::DateTime(time) => time.hash(hasher),
        Value::Boolean(_) | Value::Record(_) | Value::List(_) => {}
    }
}

/// Which identities several objects have. It takes some bytes for each object, whatever its values are.
#[derive(Debug, Default)]
pub struct Bearers {
    once: HashSet<u64>,
    repeated: BTreeSet<u64>,
}

impl Bearers {
    /// One more object has these attributes.
    pub fn add(&mut self, attributes: &Attributes, confirm_by: &[String]) {
        if let Ok(identity) = Identity::of(attributes, confirm_by)
            && !self.once.insert(identity.number())
        {
            self.repeated.insert(identity.number());
        }
    }

    fn has_several(&self, identity: &Identity<'_>) -> bool {
        self.repeated.contains(&identity.number())
    }
}

/// What confirms whoever is gone and has a resource: some bytes for each of them.
#[derive(Debug, Default)]
pub struct Gone {
    identities: HashSet<u64>,
}

impl Gone {
    /// Somebody who is gone had these attributes.
    pub fn add(&mut self, attributes: &Attributes, confirm_by: &[String]) {
        if let Ok(identity) = Identity::of(attributes, confirm_by) {
            self.identities.insert(identity.number());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// True where an object with these attributes may be one of them; no link goes over to another by itself.
    pub fn may_be(&self, attributes: &Attributes, confirm_by: &[String]) -> bool {
        Identity::of(attributes, confirm_by).is_ok_and(|identity| self.identities.contains(&identity.number()))
    }
}

/// Judges whether `new`, which matches the resource of `former`, may have it without asking.
///
/// `bearers` knows every object of the mapping that is not gone for good; without it, nobody else is taken to have the same
/// values.
///
/// # Errors
/// Why not.
pub fn confirm(
    former: &KnownObject,
    new: &KnownObject,
    confirm_by: &[String],
    bearers: Option<&Bearers>,
) -> Result<(), Doubt> {
    may_be_confirmed(former, new)?;
    if confirm_by.is_empty() {
        return Err(Doubt::NotConfigured);
    }
    let no_value = |name: &str| Doubt::NoValue { attribute: name.to_owned() };
    let before = Identity::of(&former.attributes, confirm_by).map_err(no_value)?;
    let now = Identity::of(&new.attributes, confirm_by).map_err(no_value)?;
    for (name, (before, now)) in confirm_by.iter().zip(before.0.iter().zip(&now.0)) {
        if before != now {
            return Err(Doubt::Differs { attribute: name.clone() });
        }
    }
    match bearers {
        Some(bearers) if bearers.has_several(&now) => Err(Doubt::NotUnique),
        _ => Ok(()),
    }
}

/// What nobody can say away: the one is gone for good, and the other is there.
///
/// # Errors
/// Which of the two it is not.
fn may_be_confirmed(former: &KnownObject, new: &KnownObject) -> Result<(), Doubt> {
    match (former.lifecycle, new.lifecycle) {
        (Lifecycle::Deleted, Lifecycle::Present) => Ok(()),
        (Lifecycle::Deleted, _) => Err(Doubt::NotThere),
        _ => Err(Doubt::NotGone),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Extent, ObjectKey, ObjectKind, ObjectMappingId};

    fn object(lifecycle: Lifecycle, attributes: &[(&str, Value)]) -> KnownObject {
        KnownObject {
            key: ObjectKey { mapping: ObjectMappingId::new("users"), anchor: "a".into() },
            kind: ObjectKind::new("User"),
            revision: 1,
            lifecycle,
            attributes: attributes.iter().cloned().collect(),
            link: None,
            edges: Vec::new(),
            extent: Extent::Whole,
            escrow: None,
            removals: Vec::new(),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_equal_values_confirm() {
        let text = Value::text;
        let differs = |name: &str| Err(Doubt::Differs { attribute: name.to_owned() });
        let no_value = |name: &str| Err(Doubt::NoValue { attribute: name.to_owned() });
        let number = |value: Value| vec![("number", value)];
        for (confirm_by, before, now, expected) in [
            (vec!["number"], number(text("7")), number(text("7")), Ok(())),
            (vec!["number"], number(Value::texts(["7"])), number(text("7")), Ok(())),
            (vec!["number"], number(text("7")), number(text("8")), differs("number")),
            (vec!["number"], number(text("a7")), number(text("A7")), differs("number")),
            (vec!["number"], number(text("7")), number(Value::Integer(7)), differs("number")),
            (vec!["number"], number(text("7")), vec![], no_value("number")),
            (vec!["number"], vec![], number(text("7")), no_value("number")),
            (vec!["number"], vec![], vec![], no_value("number")),
            (vec!["number"], number(text(" ")), number(text(" ")), no_value("number")),
            (vec!["number"], number(Value::texts(["7", "8"])), number(Value::texts(["7", "8"])), no_value("number")),
            (vec!["number"], number(Value::Boolean(true)), number(Value::Boolean(true)), no_value("number")),
            (vec![], number(text("7")), number(text("7")), Err(Doubt::NotConfigured)),
            (vec!["number", "born"], number(text("7")), number(text("7")), no_value("born")),
            (
                vec!["number", "born"],
                vec![("number", text("7")), ("born", text("1815"))],
                vec![("number", text("7")), ("born", text("1816"))],
                differs("born"),
            ),
        ] {
            let (former, new) = (object(Lifecycle::Deleted, &before), object(Lifecycle::Present, &now));
            assert_eq!(
                confirm(&former, &new, &names(&confirm_by), None),
                expected,
                "{confirm_by:?} {before:?} {now:?}"
            );
        }
    }

    /// The former value of an attribute, and the other object's.
    type Sides = (Option<Value>, Option<Value>);

    fn any_value() -> impl Strategy<Value = Option<Value>> {
        let one = prop_oneof!["[ a1]{0,2}".prop_map(Value::Text), (0_i64..2).prop_map(Value::Integer)];
        let one_or_many = prop_oneof![
            one.clone(),
            proptest::collection::vec(one, 0..3).prop_map(Value::List),
            Just(Value::Boolean(true))
        ];
        proptest::option::of(one_or_many)
    }

    fn any_lifecycle() -> impl Strategy<Value = Lifecycle> {
        use Lifecycle::{Deleted, LeftFeed, Present, SoftDeleted};
        proptest::sample::select(vec![Present, SoftDeleted, LeftFeed, Deleted])
    }

    proptest! {
        /// Nobody gets a resource whose former owner may come back, or who has a value that is not the same, not there or
        /// somebody else's.
        #[test]
        fn a_link_moves_only_to_who_is_the_same_beyond_doubt(
            values in proptest::collection::vec((any_value(), any_value()), 0..3),
            (before, now) in (any_lifecycle(), any_lifecycle()),
            others in proptest::collection::vec(any_value(), 0..4),
        ) {
            let confirm_by: Vec<String> = (0..values.len()).map(|number| number.to_string()).collect();
            let side = |pick: fn(&Sides) -> &Option<Value>| -> Vec<(&str, Value)> {
                let values = confirm_by.iter().zip(&values);
                values.filter_map(|(name, pair)| Some((name.as_str(), pick(pair).clone()?))).collect()
            };
            let (former, new) = (object(before, &side(|pair| &pair.0)), object(now, &side(|pair| &pair.1)));
            let mut bearers = Bearers::default();
            bearers.add(&new.attributes, &confirm_by);
            let mut same = 0;
            for other in others {
                let other = confirm_by.iter().filter_map(|name| Some((name.clone(), other.clone()?)));
                let other: Attributes = other.collect();
                let equal = |name: &String| {
                    let pair = (other.get(name).and_then(single), new.attributes.get(name).and_then(single));
                    matches!(pair, (Some(one), Some(two)) if one == two)
                };
                same += usize::from(confirm_by.iter().all(equal));
                bearers.add(&other, &confirm_by);
            }
            let equal = |(before, now): &Sides| {
                matches!((before.as_ref().and_then(single), now.as_ref().and_then(single)), (Some(one), Some(two)) if one == two)
            };
            let is_same = !values.is_empty() && values.iter().all(equal);
            let may = before == Lifecycle::Deleted && now == Lifecycle::Present && is_same && same == 0;
            prop_assert_eq!(confirm(&former, &new, &confirm_by, Some(&bearers)).is_ok(), may);
        }
    }
}
