//! LDAP search filters (RFC 4515), built by constructors that escape and never from pieces of text.

use std::fmt;

/// The longest filter an operator may write, in bytes, and how deep it may nest.
const MAX_BYTES: usize = 8 * 1024;
const MAX_DEPTH: usize = 32;

/// A search filter. `Display` prints it as RFC 4515 wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Every part matches; of no parts, everything (RFC 4526).
    And(Vec<Filter>),
    /// Any part matches.
    Or(Vec<Filter>),
    /// The attribute has this value.
    Equal(&'static str, String),
    /// The attribute has a value.
    Present(&'static str),
    /// A filter the operator wrote, checked by [`Filter::parse`].
    Written(String),
}

/// Why an operator's filter is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FilterError {
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("not in parentheses")]
    Bare,
    #[error(
        "not a filter in the form of RFC 4515, such as `(&(objectClass=person)(mail=*))`, without blanks between its parts"
    )]
    Syntax,
}

impl Filter {
    /// Takes a filter an operator wrote.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(FilterError::TooLong);
        }
        // The parser below recurses, so depth is judged first. Parentheses inside values are escaped.
        let mut depth = 0usize;
        for byte in text.bytes() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Err(FilterError::TooDeep);
            }
        }
        if !(text.starts_with('(') && text.ends_with(')')) {
            return Err(FilterError::Bare);
        }
        ldap3::parse_filter(text).map_err(|()| FilterError::Syntax)?;
        Ok(Self::Written(text.to_owned()))
    }

    /// Entries that match this filter and `other`.
    pub(super) fn and(&self, other: Filter) -> Self {
        Self::And(vec![self.clone(), other])
    }

    /// Entries with any of these entryUUIDs.
    pub(super) fn any_entry_uuid(anchors: impl IntoIterator<Item = String>) -> Self {
        Self::Or(anchors.into_iter().map(|anchor| Self::Equal("entryUUID", anchor)).collect())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => write_set(f, '&', parts),
            Self::Or(parts) => write_set(f, '|', parts),
            Self::Equal(attribute, value) => {
                write!(f, "({attribute}=")?;
                write_value(f, value)?;
                f.write_str(")")
            }
            Self::Present(attribute) => write!(f, "({attribute}=*)"),
            Self::Written(text) => f.write_str(text),
        }
    }
}

fn write_set(f: &mut fmt::Formatter<'_>, operator: char, parts: &[Filter]) -> fmt::Result {
    write!(f, "({operator}")?;
    for part in parts {
        write!(f, "{part}")?;
    }
    f.write_str(")")
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    for character in value.chars() {
        match character {
            '(' | ')' | '*' | '\\' | '\0' => write!(f, "\\{:02x}", u32::from(character))?,
            _ => write!(f, "{character}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_escaped() {
        let filter = Filter::Equal("entryUUID", "a)(uid=*\\\0".to_owned());
        assert_eq!(filter.to_string(), r"(entryUUID=a\29\28uid=\2a\5c\00)");
        let both = Filter::Written("(mail=*)".to_owned()).and(Filter::any_entry_uuid(["x".to_owned(), "y".to_owned()]));
        assert_eq!(both.to_string(), "(&(mail=*)(|(entryUUID=x)(entryUUID=y)))");
    }

    #[test]
    fn an_operators_filter_is_checked() {
        for good in ["(objectClass=person)", " (&(a=b)(!(c=d))) ", r"(cn=a\28b)", "(userAccountControl:1.2.3:=2)"] {
            assert!(Filter::parse(good).is_ok(), "{good}");
        }
        let deep = format!("{}(a=b){}", "(!".repeat(40), ")".repeat(40));
        let long = format!("(cn={})", "x".repeat(9_000));
        for (bad, expected) in [
            ("objectClass=person", FilterError::Bare),
            ("", FilterError::Bare),
            ("(objectClass=person", FilterError::Bare),
            ("(a=b)(c=d)", FilterError::Syntax),
            ("(&(a=b) (c=d))", FilterError::Syntax),
            ("(ä=b)", FilterError::Syntax),
            (deep.as_str(), FilterError::TooDeep),
            (long.as_str(), FilterError::TooLong),
        ] {
            assert_eq!(Filter::parse(bad), Err(expected), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_value_makes_a_filter(value in ".{0,30}") {
            let text = Filter::Equal("uid", value).to_string();
            prop_assert!(ldap3::parse_filter(&text).is_ok(), "{text}");
        }

        #[test]
        fn no_input_panics(text in r"([()&|!=*\\a-z]|\PC){0,40}") {
            let _ = Filter::parse(&text);
        }
    }
}
