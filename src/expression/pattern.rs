//! Regular expressions in the .NET spelling that mappings and scoping filters are written in.
//!
//! Bounded, not linear: lookaround and back references run with a limit on steps, everything else in linear time.

use fancy_regex::{Captures, Regex, RegexBuilder};

/// Steps one match may take before it is given up.
const BACKTRACK_LIMIT: usize = 100_000;

/// Bytes a compiled pattern may take.
const SIZE_LIMIT: usize = 1 << 20;

/// Texts longer than this, in bytes, are not searched.
const MAX_TEXT: usize = 1 << 18;

/// A compiled regular expression. A match anywhere counts, unless the pattern is anchored.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// .NET numbers the groups without a name first; this says which group of ours each number means.
    numbering: Vec<usize>,
}

/// Why a pattern cannot be used. Never says what it was matched against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("`{pattern}` is not a regular expression: {problem}")]
    Invalid { pattern: String, problem: String },
    #[error("the regular expression takes too many steps; make it simpler")]
    TooManySteps,
    #[error("the text is too long for a regular expression")]
    TextTooLong,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        let regex = RegexBuilder::new(&translated(text))
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| PatternError::Invalid { pattern: text.to_owned(), problem: error.to_string() })?;
        let names: Vec<Option<&str>> = regex.capture_names().collect();
        let unnamed = (1..names.len()).filter(|&group| names[group].is_none());
        let named = (1..names.len()).filter(|&group| names[group].is_some());
        let numbering = std::iter::once(0).chain(unnamed).chain(named).collect();
        Ok(Self { regex, numbering })
    }

    /// True when the pattern matches somewhere in `text`.
    pub fn is_match(&self, text: &str) -> Result<bool, PatternError> {
        bounded(text)?;
        self.regex.is_match(text).map_err(|_| PatternError::TooManySteps)
    }

    /// True when the pattern names this group.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.regex.capture_names().flatten().any(|group| group == name)
    }

    /// Every match from left to right.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Result<Vec<Captures<'t, str>>, PatternError> {
        bounded(text)?;
        self.regex.captures_iter(text).collect::<Result<_, _>>().map_err(|_| PatternError::TooManySteps)
    }

    /// Appends `replacement` to `output`, with `${name}`, `${1}`, `$1`, `$&` and `$$` expanded. What names no group
    /// stays as it is; a group that took no part expands to nothing.
    pub(super) fn expand(&self, captures: &Captures<'_, str>, replacement: &str, output: &mut String) {
        let mut rest = replacement;
        while let Some(dollar) = rest.find('$') {
            output.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            let length = self.expand_one(captures, &rest[1..], output).map_or(0, |length| length + 1);
            if length == 0 {
                output.push('$');
                rest = &rest[1..];
            } else {
                rest = &rest[length..];
            }
        }
        output.push_str(rest);
    }

    /// What follows a dollar sign; answers how many bytes of it were understood.
    fn expand_one(&self, captures: &Captures<'_, str>, text: &str, output: &mut String) -> Option<usize> {
        if text.starts_with('$') {
            output.push('$');
            return Some(1);
        }
        if text.starts_with('&') {
            output.push_str(captures.get(0)?.as_str());
            return Some(1);
        }
        if let Some(braced) = text.strip_prefix('{') {
            let name = &braced[..braced.find('}')?];
            let group = match name.parse::<usize>() {
                Ok(number) => captures.get(*self.numbering.get(number)?),
                Err(_) if self.has_group(name) => captures.name(name),
                Err(_) => return None,
            };
            output.push_str(group.map_or("", |group| group.as_str()));
            return Some(name.len() + 2);
        }
        // The longest run of digits that is a group wins, so `$10` may mean group 1 and a zero.
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (length, group) = (1..=digits).rev().find_map(|length| {
            let number = text[..length].parse::<usize>().ok()?;
            self.numbering.get(number).map(|&group| (length, group))
        })?;
        output.push_str(captures.get(group).map_or("", |group| group.as_str()));
        Some(length)
    }
}

fn bounded(text: &str) -> Result<(), PatternError> {
    if text.len() > MAX_TEXT { Err(PatternError::TextTooLong) } else { Ok(()) }
}

/// The same pattern in our engine's spelling: `\<` and `\>` are characters, not word boundaries; inside a class `[`,
/// `&` and `~` are characters, and `-[` begins a class to subtract.
fn translated(pattern: &str) -> String {
    let mut output = String::with_capacity(pattern.len() + 8);
    let mut classes = 0_usize;
    let mut previous = None;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, classes) {
            ('\\', _) => match characters.next() {
                Some(escaped @ ('<' | '>')) => output.push(escaped),
                Some(escaped) => output.extend(['\\', escaped]),
                None => output.push('\\'),
            },
            ('[', 0) => {
                classes = 1;
                output.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    output.push('^');
                }
                // A bracket right at the beginning of a class is one of its characters.
                if characters.next_if_eq(&']').is_some() {
                    output.push_str("\\]");
                }
            }
            ('[', _) if previous == Some('-') => {
                classes += 1;
                output.push_str("-[");
            }
            ('[' | '&' | '~', 1..) => output.extend(['\\', character]),
            (']', 1..) => {
                classes -= 1;
                output.push(']');
            }
            _ => output.push(character),
        }
        previous = Some(character);
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, text: &str, replacement: &str) -> String {
        let pattern = Pattern::compile(pattern).unwrap();
        let captures = pattern.captures(text).unwrap();
        let mut output = String::new();
        pattern.expand(&captures[0], replacement, &mut output);
        output
    }

    #[test]
    fn a_replacement_expands_groups_and_keeps_what_names_none() {
        assert_eq!(replaced("(?<a>x)(y)", "xy", "${a}-$1-$2-$&-$$-${none}-$9-$"), "x-y-x-xy-$-${none}-$9-$");
        assert_eq!(replaced("(x)(y)?", "x", "<$2$10>"), "<x0>");
    }

    #[test]
    fn dot_net_spellings_mean_the_same() {
        assert!(Pattern::compile(r"\<b\>").unwrap().is_match("<b>").unwrap());
        assert!(Pattern::compile("^[a-z-[aeiou]]+$").unwrap().is_match("bcd").unwrap());
        assert!(!Pattern::compile("^[a-z-[aeiou]]+$").unwrap().is_match("bad").unwrap());
        assert!(Pattern::compile("^[[&&]+$").unwrap().is_match("[&").unwrap());
        assert!(Pattern::compile(r#"^\"\@\,\_\-\!\%\:\;\=\/\'\#$"#).unwrap().is_match(r#""@,_-!%:;=/'#"#).unwrap());
    }

    #[test]
    fn hostile_patterns_end() {
        assert!(matches!(Pattern::compile("("), Err(PatternError::Invalid { .. })));
        assert!(Pattern::compile("(?:(?:a{1000}){1000}){1000}").is_err());
        let backtracking = Pattern::compile(r"(?=(a+)+$)(a|aa)+\1b").unwrap();
        assert_eq!(backtracking.is_match(&"a".repeat(5_000)), Err(PatternError::TooManySteps));
        assert_eq!(backtracking.is_match(&"a".repeat(MAX_TEXT + 1)), Err(PatternError::TextTooLong));
    }
}
