//! One fault that serde found, in the words of a person who writes YAML.
//!
//! It never quotes a text value: that may be a secret.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::config::document::NodeId;

/// What serde complained about, and where as soon as that is known.
#[derive(Debug)]
pub(super) struct ReadFault {
    pub(super) node: Option<NodeId>,
    /// True when the fault only follows from another one that was told already.
    pub(super) follows: bool,
    /// The key whose absence is the fault.
    pub(super) missing: Option<&'static str>,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

impl ReadFault {
    /// Places the fault, unless it has its place already.
    pub(super) fn at(mut self, node: NodeId) -> Self {
        self.node.get_or_insert(node);
        self
    }

    fn new(what: String, hint: Option<String>) -> Self {
        Self { node: None, follows: false, missing: None, what, hint }
    }
}

impl de::Error for ReadFault {
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        // The URL type quotes what it cannot parse behind its reason.
        match message.split_once(": \"") {
            Some((reason, _)) => Self::new(
                format!("this is no URL: {reason}"),
                Some("write it whole, such as `https://host/path`".into()),
            ),
            None => Self::new(message, None),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("this is {}, not {}", described(unexpected), wanted(expected)), None)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} is not allowed here", described(unexpected)), Some(format!("give {}", wanted(expected))))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("this has {length} elements, not {}", wanted(expected)), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        // Not quoted: somebody may have put a token where the name of a choice belongs.
        Self::new("this is none of the choices".into(), Some(suggestion(variant, expected, "choices")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown key `{field}`"), Some(suggestion(field, expected, "known keys")))
    }

    fn missing_field(field: &'static str) -> Self {
        let mut fault = Self::new(format!("the key `{field}` is missing"), Some(format!("add `{field}: …` here")));
        fault.missing = Some(field);
        fault
    }
}

impl Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ReadFault {}

fn described(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Unit | Unexpected::Option => "empty".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map | Unexpected::StructVariant => "a mapping".into(),
        _ => "a text".into(),
    }
}

/// Serde names Rust types; the reader of the message knows YAML.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.split_whitespace().next() {
        Some("struct") => "a mapping".into(),
        Some("tuple") | Some("sequence") => "a list".into(),
        Some("enum") | Some("variant") => "one of the choices".into(),
        Some("u8") => "a whole number from 0 to 255".into(),
        Some("u16") => "a whole number from 0 to 65535".into(),
        Some("u32" | "u64" | "usize" | "nonzero") => "a positive whole number".into(),
        Some("i8" | "i16" | "i32" | "i64") => "a whole number".into(),
        _ => match text.as_str() {
            "a nonzero u8" => "a whole number from 1 to 255".into(),
            "a sequence" => "a list".into(),
            "a map" => "a mapping".into(),
            "a string" | "str" | "string" | "path string" => "a text".into(),
            "a boolean" => "`true` or `false`".into(),
            _ => text,
        },
    }
}

/// True when somebody who wrote the one may have meant the other.
pub(super) fn is_slip_for(written: &str, name: &str) -> bool {
    edits(written, name) <= 1 + name.len() / 4
}

fn suggestion(written: &str, known: &'static [&'static str], title: &str) -> String {
    match known.iter().min_by_key(|known| edits(written, known)) {
        Some(name) if is_slip_for(written, name) => format!("did you mean `{name}`?"),
        _ => format!("{title}: {}", known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The number of letters to insert, drop, change or swap with the next one. Both texts are cut, for the cost.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut least = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised() {
        let known: &'static [&'static str] = &["name", "password", "bind_dn"];
        for (written, hint) in [
            ("paswword", "did you mean `password`?"),
            ("nmae", "did you mean `name`?"),
            ("binddn", "did you mean `bind_dn`?"),
            ("zzz", "known keys: `name`, `password`, `bind_dn`"),
        ] {
            assert_eq!(suggestion(written, known, "known keys"), hint);
        }
        assert_eq!(suggestion("x", &[], "choices"), "choices: ");
    }
}
