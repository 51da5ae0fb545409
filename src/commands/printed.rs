//! Values as tables show them: short, on one line, and powerless.

use serde_json::Value as Json;

use crate::provisioning_log::ModifiedProperty;

/// The longest value that a table shows, in characters.
const LONGEST_VALUE: usize = 60;

/// `title: "Engineer" → "Lead"`; what has no value before or after is left out.
pub(super) fn told(property: &ModifiedProperty) -> String {
    let value =
        |value: &Option<Json>| value.as_ref().map_or_else(|| "none".to_owned(), |value| cut(&value.to_string()));
    match &property.old {
        None => format!("{}: {}", property.path, value(&property.new)),
        old => format!("{}: {} → {}", property.path, value(old), value(&property.new)),
    }
}

/// The beginning of a long value.
pub(super) fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut kept: String = characters.by_ref().take(LONGEST_VALUE).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    kept
}

/// A text that keeps to its line and cannot command the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let (escaped, kept) = if character.is_control() || is_bidirectional(character) {
                (Some(character.escape_default()), None)
            } else {
                (None, Some(character))
            };
            escaped.into_iter().flatten().chain(kept)
        })
        .collect()
}

/// A character that turns the order of those around it.
fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(printable("Zoë 日本 🙂"), "Zoë 日本 🙂");
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
    }
}
