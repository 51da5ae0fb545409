//! Words of enumerations, alone and as flags.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value as Json;

use super::given::{Given, Shape};

/// The words of an enumeration, in the order of the contract's numbers.
pub trait Vocabulary: Copy + Default + PartialEq + fmt::Debug + 'static {
    /// Every word with its spelling.
    const WORDS: &'static [(Self, &'static str)];

    /// The spelling of the contract.
    fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(word, _)| *word == self).map_or("", |(_, name)| name)
    }

    /// The word of this spelling, in any letter case.
    fn named(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(word, _)| *word)
    }
}

/// One word: in any letter case, or the number that the contract gives it. A word we do not know is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Word<T> {
    word: Option<T>,
    written: Json,
}

impl<T: Vocabulary> Word<T> {
    /// The word, `None` for one we do not know.
    pub fn known(&self) -> Option<T> {
        self.word
    }

    /// The word as it is written in the document.
    pub fn written(&self) -> String {
        self.written.as_str().map_or_else(|| self.written.to_string(), str::to_owned)
    }
}

impl<T: Vocabulary> Given<Word<T>> {
    /// The word, or the default where none is given that we know.
    pub fn word(&self) -> T {
        self.get().and_then(Word::known).unwrap_or_default()
    }
}

impl<T: Vocabulary> From<T> for Word<T> {
    fn from(word: T) -> Self {
        Self { word: Some(word), written: Json::from(word.name()) }
    }
}

impl<T: Vocabulary> Shape for Word<T> {
    const EXPECTED: &'static str = "a word";

    fn read(json: Json) -> Result<Self, Json> {
        let word = match &json {
            Json::String(text) => T::named(text),
            Json::Number(number) => {
                let index = number.as_u64().and_then(|number| usize::try_from(number).ok());
                index.and_then(|index| T::WORDS.get(index)).map(|(word, _)| *word)
            }
            _ => return Err(json),
        };
        Ok(Self { word, written: json })
    }

    fn write(&self) -> Json {
        self.written.clone()
    }

    fn complete(&mut self) {
        if let Some(word) = self.word {
            *self = Self::from(word);
        }
    }

    fn unset() -> Given<Self> {
        Given::Is(Self::from(T::default()))
    }
}

/// Several words: in one text between commas, as an array of texts, or as the sum of their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Flags<T> {
    written: Json,
    words: PhantomData<T>,
}

impl<T: Vocabulary> Flags<T> {
    /// All words.
    pub fn all() -> Self {
        Self::of(|_| true)
    }

    /// True when the word is among them.
    pub fn has(&self, word: T) -> bool {
        match &self.written {
            Json::Number(number) => {
                let bit = T::WORDS.iter().position(|(known, _)| *known == word).unwrap_or(63);
                number.as_u64().is_some_and(|number| number & (1 << bit) != 0)
            }
            _ => self.names().any(|name| T::named(name) == Some(word)),
        }
    }

    /// What is written there and is no word.
    pub fn unknown(&self) -> Vec<String> {
        if let Json::Number(number) = &self.written {
            let beyond = number.as_u64().is_none_or(|number| number >> T::WORDS.len() != 0);
            return beyond.then(|| number.to_string()).into_iter().collect();
        }
        let is_unknown = |name: &&str| T::named(name).is_none() && !name.eq_ignore_ascii_case("None");
        self.names().filter(is_unknown).map(str::to_owned).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let texts: Vec<&str> = match &self.written {
            Json::String(text) => vec![text],
            Json::Array(elements) => elements.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        texts.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty())
    }

    fn of(chosen: impl Fn(T) -> bool) -> Self {
        let words = T::WORDS.iter().filter(|(word, _)| chosen(*word)).map(|(_, name)| *name);
        Self::spelled(words.collect())
    }

    fn spelled(names: Vec<&str>) -> Self {
        let text = if names.is_empty() { "None".to_owned() } else { names.join(", ") };
        Self { written: Json::from(text), words: PhantomData }
    }
}

impl<T: Vocabulary> Shape for Flags<T> {
    const EXPECTED: &'static str = "words in one text, or an array of them";

    fn read(json: Json) -> Result<Self, Json> {
        let is_flags = match &json {
            Json::String(_) | Json::Number(_) => true,
            Json::Array(elements) => elements.iter().all(Json::is_string),
            _ => false,
        };
        if is_flags { Ok(Self { written: json, words: PhantomData }) } else { Err(json) }
    }

    fn write(&self) -> Json {
        self.written.clone()
    }

    fn complete(&mut self) {
        let unknown = self.unknown();
        let known = T::WORDS.iter().filter(|(word, _)| self.has(*word)).map(|(_, name)| *name);
        *self = Self::spelled(known.chain(unknown.iter().map(String::as_str)).collect());
    }

    fn unset() -> Given<Self> {
        Given::Is(Self::of(|_| false))
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident, $($(#[$word_doc:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            #[default]
            $(#[$first_doc])*
            $first,
            $($(#[$word_doc])* $word,)*
        }

        impl Vocabulary for $name {
            const WORDS: &'static [(Self, &'static str)] =
                &[(Self::$first, stringify!($first)), $((Self::$word, stringify!($word)),)*];
        }
    };
}

vocabulary! {
    /// `attributeMappingSourceType`
    SourceType { Attribute, Constant, Function, }
}
vocabulary! {
    /// `attributeFlowType`
    FlowType {
        Always,
        /// Only when the resource is created.
        ObjectAddOnly,
        /// Only additions to a multi-valued attribute.
        MultiValueAddOnly,
        /// Additions flow, removals never.
        ValueAddOnly,
        /// Only while the target has no value.
        AttributeAddOnly,
    }
}
vocabulary! {
    /// `attributeFlowBehavior`
    FlowBehavior {
        FlowWhenChanged,
        /// Exported even when unchanged.
        FlowAlways,
    }
}
vocabulary! {
    /// `attributeType`
    AttributeType { String, Integer, Reference, Binary, Boolean, DateTime, }
}
vocabulary! {
    /// `mutability`
    Mutability { ReadWrite, ReadOnly, Immutable, WriteOnly, }
}
vocabulary! {
    /// `objectFlowTypes`
    ObjectFlowType { Add, Update, Delete, }
}
vocabulary! {
    /// `directoryDefinitionDiscoverabilities`
    Discoverability { AttributeNames, AttributeDataTypes, AttributeReadOnly, ReferenceAttributes, UnknownFutureValue, }
}
vocabulary! {
    /// `scopeOperatorType`
    OperatorArity { Binary, Unary, }
}
vocabulary! {
    /// `scopeOperatorMultiValuedComparisonType`
    MultivaluedComparison { All, Any, }
}

pub(super) use vocabulary;
