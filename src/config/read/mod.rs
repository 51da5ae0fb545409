//! Typed values out of the tree, with *all* that is wrong and not only the first of it.
//!
//! A settings struct is read by serde, which stops at the first fault. So the value at fault is set aside and the
//! struct is read again, until it reads or nothing is left to set aside. It knows no setting by name.

mod deserializer;
mod fault;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, SeqAccess, Visitor};

use self::deserializer::NodeReader;
use self::fault::ReadFault;
use super::document::{Document, NodeId};
use super::problem::Problem;

/// Stops a hostile file from costing a reading for each of its keys.
const MAX_PROBLEMS: usize = 50;

/// The name by which [`Located`] asks the deserializer for a place.
const LOCATED: &str = "provisor::config::Located";

/// A value together with the place where it was written.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) node: NodeId,
}

/// What could be read and what was wrong with the rest.
pub(super) struct Reading<T> {
    /// The value without what is at fault; `None` when a part that must be there is.
    pub(super) value: Option<T>,
    pub(super) problems: Vec<(NodeId, Problem)>,
}

/// Reads the whole document as `T`. What is in `set_aside` is known to be at fault and treated as absent.
pub(super) fn read<T: DeserializeOwned>(document: &Document, mut set_aside: BTreeSet<NodeId>) -> Reading<T> {
    let mut problems = Vec::new();
    loop {
        let fault = match T::deserialize(NodeReader { node: &document.root, set_aside: &set_aside }) {
            Ok(value) => return Reading { value: Some(value), problems },
            Err(fault) => fault,
        };
        let ReadFault { node, follows, what, hint, .. } = fault;
        let node = node.unwrap_or(document.root.id);
        if !follows {
            problems.push((node, Problem { at: document.position(node), what, hint }));
        }
        if node == document.root.id || !set_aside.insert(node) || problems.len() >= MAX_PROBLEMS {
            return Reading { value: None, problems };
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(LOCATED, LocatedVisitor(std::marker::PhantomData))
    }
}

struct LocatedVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Self::Value, A::Error> {
        let node = pair.next_element()?.map(NodeId);
        let value = pair.next_element()?;
        match (node, value) {
            (Some(node), Some(value)) => Ok(Located { value, node }),
            _ => Err(de::Error::custom("a value without a place")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it reads matters here")]
    struct Outer {
        list: Vec<Inner>,
        #[serde(default)]
        mode: Mode,
        #[serde(default)]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        name: Located<String>,
        #[serde(default)]
        count: u8,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        #[default]
        One,
        Two(u8),
    }

    fn problems(text: &str) -> (Option<Outer>, Vec<String>) {
        let document = Document::parse(text).expect("it is YAML");
        let reading = read(&document, BTreeSet::new());
        (reading.value, reading.problems.into_iter().map(|(_, problem)| problem.to_string()).collect())
    }

    #[test]
    fn a_sound_file_reads_with_names_that_look_like_numbers() {
        let (value, problems) = problems("list: [{name: 007}, {name: yes, count: '5'}]\nmode: {two: 3}\n");
        let value = value.expect("it reads");
        assert!(problems.is_empty());
        assert_eq!((value.list[0].name.value.as_str(), value.list[1].name.value.as_str()), ("007", "yes"));
        assert_eq!((value.list[1].count, &value.mode), (5, &Mode::Two(3)));
    }

    #[test]
    fn all_faults_are_told_at_once_and_none_that_only_follows_from_another() {
        let (value, problems) = problems(
            "list:\n  - name: a\n    cuont: 1\n  - name: [x]\n  - count: 300\n  - {name: b, count: many}\n\
             mode: three\ninner: 5\nextra: 1\n",
        );
        assert_eq!(value.expect("the sound rest reads").list.len(), 2);
        insta::assert_snapshot!(problems.join("\n"), @r"
        3:5: unknown key `cuont`; did you mean `count`?
        4:11: this is a list, not a text
        5:12: the number 300 is not allowed here; give a whole number from 0 to 255
        5:5: the key `name` is missing; add `name: …` here
        6:22: this is a text, not a whole number from 0 to 255
        7:7: this is none of the choices; choices: `one`, `two`
        8:8: this is the number 5, not a mapping
        9:1: unknown key `extra`; known keys: `list`, `mode`, `inner`
        ");
    }

    #[test]
    fn a_missing_part_ends_the_reading_of_what_needs_it() {
        let (value, problems) = problems("mode: one");
        assert!(value.is_none());
        insta::assert_snapshot!(problems.join("\n"), @"1:1: the key `list` is missing; add `list: …` here");
    }
}
