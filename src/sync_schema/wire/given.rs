//! What a member of a document holds: nothing, null, what the contract says, or something else.

use serde_json::{Map, Value as Json};

/// A member of a document. It is written as it was read, whatever it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Given<T> {
    /// The member is not there.
    #[default]
    Absent,
    Null,
    Is(T),
    /// A value of another type than the contract has; kept, and told by [`Shape::oddities`].
    Odd(Json),
}

/// A type of the contract: read from any JSON, written back equal.
pub trait Shape: Sized {
    /// What it is called where something else stands.
    const EXPECTED: &'static str;

    /// The value as this type, or the value itself when it is of another one.
    fn read(json: Json) -> Result<Self, Json>;

    /// Exactly what was read.
    fn write(&self) -> Json;

    /// Adds whatever below this value is not of the contract's type. `pointer` is where this value stands.
    fn oddities(&self, _pointer: &str, _found: &mut Vec<Oddity>) {}

    /// Writes out what may be left out, in the contract's spelling.
    fn complete(&mut self) {}

    /// What a member of this type is that nobody has set.
    fn unset() -> Given<Self> {
        Given::Null
    }
}

/// A value that is not of the contract's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// JSON pointer (RFC 6901).
    pub pointer: String,
    pub expected: &'static str,
    /// The kind of what is there, never the value.
    pub found: &'static str,
}

impl<T> Given<T> {
    /// The value, where there is one of the contract's type.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Null | Self::Odd(_) => None,
        }
    }
}

impl<T> Given<T> {
    /// The value, where there is one of the contract's type.
    pub(in crate::sync_schema) fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Null | Self::Odd(_) => None,
        }
    }
}

impl<T: Copy> Given<T> {
    /// The value, or what it stands for when it is not given.
    pub fn or(&self, default: T) -> T {
        self.get().copied().unwrap_or(default)
    }
}

impl Given<String> {
    /// The text, where there is one.
    pub fn text(&self) -> Option<&str> {
        self.get().map(String::as_str)
    }
}

impl<T> From<T> for Given<T> {
    fn from(value: T) -> Self {
        Self::Is(value)
    }
}

impl<T: Shape> Given<T> {
    pub(super) fn read(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            json => T::read(json).map_or_else(Self::Odd, Self::Is),
        }
    }

    /// `None` for a member that is not there.
    pub(super) fn write(&self) -> Option<Json> {
        match self {
            Self::Absent => None,
            Self::Null => Some(Json::Null),
            Self::Is(value) => Some(value.write()),
            Self::Odd(json) => Some(json.clone()),
        }
    }

    pub(super) fn take(members: &mut Map<String, Json>, key: &str) -> Self {
        members.remove(key).map_or(Self::Absent, Self::read)
    }

    pub(super) fn put(&self, members: &mut Map<String, Json>, key: &str) {
        if let Some(json) = self.write() {
            members.insert(key.to_owned(), json);
        }
    }

    pub(super) fn oddities(&self, pointer: &str, found: &mut Vec<Oddity>) {
        match self {
            Self::Is(value) => value.oddities(pointer, found),
            Self::Odd(json) => found.push(Oddity::new::<T>(pointer, json)),
            Self::Absent | Self::Null => {}
        }
    }

    /// Completes the value, or puts `unset` where there is none.
    pub(super) fn complete(&mut self, unset: Self) {
        match self {
            Self::Is(value) => value.complete(),
            Self::Absent | Self::Null => *self = unset,
            Self::Odd(_) => {}
        }
    }
}

impl Oddity {
    fn new<T: Shape>(pointer: &str, json: &Json) -> Self {
        let found = match json {
            Json::Null => "null",
            Json::Bool(_) => "a Boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a text",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        };
        Self { pointer: pointer.to_owned(), expected: T::EXPECTED, found }
    }
}

/// An array of the contract. Its elements are never [`Given::Absent`].
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(Vec<Given<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().map(Given::Is).collect())
    }
}

impl<T> List<T> {
    /// The number of elements, of whatever type.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Given<List<T>> {
    /// The elements of the contract's type, each with its index in the document.
    pub fn items(&self) -> impl Iterator<Item = (usize, &T)> + Clone {
        let elements = self.get().map(|list| list.0.as_slice()).unwrap_or_default();
        elements.iter().enumerate().filter_map(|(index, element)| Some((index, element.get()?)))
    }

    /// The elements of the contract's type.
    pub(in crate::sync_schema) fn items_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.get_mut().into_iter().flat_map(|list| &mut list.0).filter_map(Given::get_mut)
    }

    /// The number of elements, of whatever type.
    pub fn len(&self) -> usize {
        self.get().map_or(0, List::len)
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Shape> Shape for List<T> {
    const EXPECTED: &'static str = "an array";

    fn read(json: Json) -> Result<Self, Json> {
        match json {
            Json::Array(elements) => Ok(Self(elements.into_iter().map(Given::read).collect())),
            json => Err(json),
        }
    }

    fn write(&self) -> Json {
        self.0.iter().filter_map(Given::write).collect()
    }

    fn oddities(&self, pointer: &str, found: &mut Vec<Oddity>) {
        for (index, element) in self.0.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match element {
                Given::Null | Given::Absent => found.push(Oddity::new::<T>(&pointer, &Json::Null)),
                element => element.oddities(&pointer, found),
            }
        }
    }

    fn complete(&mut self) {
        for element in &mut self.0 {
            element.complete(Given::Null);
        }
    }

    fn unset() -> Given<Self> {
        Given::Is(Self::default())
    }
}

impl Shape for String {
    const EXPECTED: &'static str = "a text";

    fn read(json: Json) -> Result<Self, Json> {
        match json {
            Json::String(text) => Ok(text),
            json => Err(json),
        }
    }

    fn write(&self) -> Json {
        Json::from(self.as_str())
    }
}

impl Shape for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(json: Json) -> Result<Self, Json> {
        json.as_bool().ok_or(json)
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }

    fn unset() -> Given<Self> {
        Given::Is(false)
    }
}

impl Shape for i32 {
    const EXPECTED: &'static str = "a whole number of 32 bits";

    fn read(json: Json) -> Result<Self, Json> {
        json.as_i64().and_then(|number| Self::try_from(number).ok()).ok_or(json)
    }

    fn write(&self) -> Json {
        Json::from(*self)
    }

    fn unset() -> Given<Self> {
        Given::Is(0)
    }
}

/// A text that some clients write as a number or a Boolean.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    json: Json,
    text: String,
}

impl Scalar {
    /// The value as a text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Given<Scalar> {
    /// The value as a text, where there is one.
    pub fn text(&self) -> Option<&str> {
        self.get().map(Scalar::text)
    }
}

impl<T: Into<String>> From<T> for Scalar {
    fn from(text: T) -> Self {
        let text = text.into();
        Self { json: Json::from(text.as_str()), text }
    }
}

impl Shape for Scalar {
    const EXPECTED: &'static str = "a text";

    fn read(json: Json) -> Result<Self, Json> {
        let text = match &json {
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) => json.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => return Err(json),
        };
        Ok(Self { json, text })
    }

    fn write(&self) -> Json {
        self.json.clone()
    }

    fn complete(&mut self) {
        *self = Self::from(std::mem::take(&mut self.text));
    }
}
