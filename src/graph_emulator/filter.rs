//! `$filter`, as far as it is supported: properties that equal a text, any of several.

use serde::{Deserialize, Serialize};

use super::{error::GraphError, object::Object};

/// The longest filter, in bytes.
const MOST_BYTES: usize = 4096;

/// Any of these properties has the text beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filter(Vec<(String, String)>);

impl Filter {
    /// Reads `property eq 'text' or property eq 'text' …`; within a text, a quote is written twice.
    pub(super) fn parse(text: &str) -> Result<Self, GraphError> {
        let unsupported =
            || GraphError::unsupported_query("Only 'eq' with a text, and 'or', are supported in $filter.");
        let mut rest = Some(text).filter(|text| text.len() <= MOST_BYTES).ok_or_else(unsupported)?;
        let mut tests = Vec::new();
        loop {
            let (property, after) = rest.trim_start().split_once(" eq '").ok_or_else(unsupported)?;
            if property.is_empty() || !property.chars().all(|character| character.is_ascii_alphanumeric()) {
                return Err(unsupported());
            }
            let (value, after) = quoted(after).ok_or_else(unsupported)?;
            tests.push((property.to_owned(), value));
            match after.trim() {
                "" => return Ok(Self(tests)),
                after => rest = after.strip_prefix("or ").ok_or_else(unsupported)?,
            }
        }
    }

    /// True when the object satisfies it. Texts are compared without regard to case.
    pub(super) fn accepts(&self, object: &Object) -> bool {
        let is = |(property, value): &(String, String)| {
            object.text(property).is_some_and(|text| text.to_lowercase() == value.to_lowercase())
        };
        self.0.iter().any(is)
    }
}

/// The text up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_read_between_their_quotes() {
        let tests = |text| Filter::parse(text).map(|filter| filter.0).ok();
        let test = |property: &str, value: &str| (property.to_owned(), value.to_owned());
        assert_eq!(tests("mail eq 'a@b'"), Some(vec![test("mail", "a@b")]));
        let both = Some(vec![test("mail", "O'Hara or "), test("displayName", "")]);
        assert_eq!(tests("mail eq 'O''Hara or ' or displayName eq ''"), both);
        for text in ["", "mail", "mail eq a", "mail eq 'a", "mail eq 'a' and id eq 'b'", "a b eq 'c'", "mail ne 'a'"] {
            assert_eq!(tests(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_filter_can_break_the_reader(text in ".*") {
            let _ = Filter::parse(&text);
        }
    }
}
