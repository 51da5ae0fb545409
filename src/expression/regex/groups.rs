//! What .NET calls the groups of a pattern.

use std::collections::BTreeMap;

/// How a group is written, or referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Unnamed,
    Number(usize),
    Word(String),
}

/// The groups of a pattern by what they are called. Groups of one name or number are one group in several places.
///
/// .NET numbers the groups without a name first, from left to right, and then those with one; a name of digits is a
/// number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// In the order of the engine, which counts from 1.
    written: Vec<Name>,
}

impl Name {
    /// A name between its brackets; `None` for what is no word, and for zero, which is the whole match.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().filter(|&number| number > 0).map(Self::Number);
        }
        let is_word = text.chars().all(|character| character.is_alphanumeric() || character == '_');
        (is_word && !text.starts_with(|first: char| first.is_ascii_digit())).then(|| Self::Word(text.to_owned()))
    }
}

impl Names {
    pub(super) fn add(&mut self, name: Name) {
        self.written.push(name);
    }

    /// The engine's numbers of the groups that are called this.
    pub(super) fn groups(&self, name: &Name) -> Vec<usize> {
        match name {
            Name::Unnamed => Vec::new(),
            Name::Number(number) => self.numbers().remove(number).unwrap_or_default(),
            Name::Word(_) => self.places(name),
        }
    }

    /// The engine's numbers by the number of .NET.
    pub(super) fn numbers(&self) -> BTreeMap<usize, Vec<usize>> {
        let mut numbers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut unnamed = 0;
        for (index, name) in self.written.iter().enumerate() {
            let number = match name {
                Name::Unnamed => {
                    unnamed += 1;
                    unnamed
                }
                Name::Number(number) => *number,
                Name::Word(_) => continue,
            };
            numbers.entry(number).or_default().push(index + 1);
        }
        let mut next = unnamed + 1;
        for (index, name) in self.written.iter().enumerate() {
            if !matches!(name, Name::Word(_)) || self.written[..index].contains(name) {
                continue;
            }
            while numbers.contains_key(&next) {
                next += 1;
            }
            numbers.insert(next, self.places(name));
        }
        numbers
    }

    fn places(&self, wanted: &Name) -> Vec<usize> {
        self.written.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(index, _)| index + 1).collect()
    }
}
