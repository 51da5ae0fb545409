//! Functions of letters. Case mapping is one character to one, without a culture unless one is named.

use std::sync::LazyLock;

use fancy_regex::Regex;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::row::{constant, example, function, optional, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::outcome::{Halt, Reason};
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, Prepared};

use ValueType::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        prepare: Some(check_culture),
        ..function(
            "ToLower",
            &[required("source", Text), optional("culture", Text)],
            Text,
            to_lower,
            "The text in small letters, by the rules of a culture such as tr-TR where one is named.",
            &[
                example("ToLower([mail])", r#"{"mail": "Kim@Northwind.Example"}"#, r#""kim@northwind.example""#),
                example(r#"ToLower("ISTANBUL", "tr-TR")"#, "{}", r#""ıstanbul""#),
            ],
        )
    },
    Function {
        prepare: Some(check_culture),
        ..function(
            "ToUpper",
            &[required("source", Text), optional("culture", Text)],
            Text,
            to_upper,
            "The text in capital letters, by the rules of a culture such as tr-TR where one is named.",
            &[example("ToUpper([surname])", r#"{"surname": "Müller"}"#, r#""MÜLLER""#)],
        )
    },
    function(
        "PCase",
        &[required("source", Text), optional("wordSeparators", Text)],
        Text,
        proper_case,
        "Every word with a capital first letter and small ones after it.",
        &[
            example("PCase([displayName])", r#"{"displayName": "o'hara & sons"}"#, r#""O'Hara & Sons""#),
            example(r#"PCase([surname], " ")"#, r#"{"surname": "SMITH-JONES OBRIEN"}"#, r#""Smith-jones Obrien""#),
        ],
    ),
    function(
        "NormalizeDiacritics",
        &[required("source", Text)],
        Text,
        normalize_diacritics,
        "Latin letters without their marks, ligatures written out; everything else unchanged.",
        &[example("NormalizeDiacritics([surname])", r#"{"surname": "Weiß Sørensen"}"#, r#""Weiss Soerensen""#)],
    ),
];

fn to_lower<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let turkic = is_turkic(arguments)?;
    arguments.map(0, |source| {
        let lowered = |character| match character {
            'I' if turkic => 'ı',
            'İ' if turkic => 'i',
            _ => lower(character),
        };
        Ok(source.chars().map(lowered).collect())
    })
}

fn to_upper<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let turkic = is_turkic(arguments)?;
    arguments.map(0, |source| {
        Ok(source.chars().map(|character| if turkic && character == 'i' { 'İ' } else { upper(character) }).collect())
    })
}

fn proper_case<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let separators = arguments.text(1)?;
    arguments.map(0, |source| {
        let mut output = String::with_capacity(source.len());
        let mut inside_word = false;
        for character in source.chars() {
            let separates = match &separators {
                Some(separators) => separators.contains(character),
                None => separates_words(character),
            };
            output.push(match (separates, inside_word) {
                (true, _) => character,
                (false, true) => lower(character),
                (false, false) => upper(character),
            });
            inside_word = !separates;
        }
        Ok(output)
    })
}

/// Decomposes, drops the marks of Latin letters, writes out what does not decompose, and composes what is left.
fn normalize_diacritics<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    arguments.map(0, |source| {
        let mut after_latin = false;
        let mut letters = String::with_capacity(source.len());
        for character in source.nfd() {
            if is_combining_mark(character) {
                if !after_latin {
                    letters.push(character);
                }
                continue;
            }
            after_latin = is_latin(character);
            match written_out(character) {
                Some(text) => letters.push_str(text),
                None => letters.push(character),
            }
        }
        Ok(letters.nfc().collect())
    })
}

fn written_out(character: char) -> Option<&'static str> {
    Some(match character {
        'æ' => "ae",
        'Æ' => "AE",
        'ø' => "oe",
        'Ø' => "OE",
        'œ' => "oe",
        'Œ' => "OE",
        'ß' => "ss",
        'ẞ' => "SS",
        'ı' => "i",
        'ł' => "l",
        'Ł' => "L",
        'đ' => "d",
        'Đ' => "D",
        _ => return None,
    })
}

fn is_latin(character: char) -> bool {
    character.is_ascii_alphabetic()
        || matches!(character, '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}')
}

fn separates_words(character: char) -> bool {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[\p{Cc}\p{Cf}\p{P}\p{S}\p{Z}]$").expect("the pattern is a constant that compiles")
    });
    if character.is_ascii() {
        return !character.is_ascii_alphanumeric();
    }
    let mut buffer = [0; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    character.is_whitespace() || OTHER.is_match(text).unwrap_or(false)
}

/// The small letter, where it is one character: sharp s and its like stay as they are in both directions.
pub(super) fn lower(character: char) -> char {
    single(character.to_lowercase()).unwrap_or(character)
}

fn upper(character: char) -> char {
    single(character.to_uppercase()).unwrap_or(character)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    if characters.next().is_some() { None } else { first }
}

/// Of all cultures only those of the Turkic languages map letters differently.
fn is_turkic(arguments: &Arguments<'_, '_>) -> Result<bool, Halt> {
    let culture = arguments.text(1)?.unwrap_or_default();
    if !is_culture(&culture) {
        return Err(arguments.fail(Reason::Unknown(arguments.name(1))));
    }
    Ok(matches!(culture.to_ascii_lowercase().split(['-', '_']).next(), Some("tr" | "az")))
}

fn check_culture(arguments: &[Option<Node>], _: usize) -> Result<Prepared, ParseError> {
    match constant(arguments, 1) {
        Some((culture, position)) if !is_culture(culture) => {
            Err(ParseError::new(position, "the name of a culture, such as `tr-TR`", "another text"))
        }
        _ => Ok(Prepared::Nothing),
    }
}

/// A name in the form of RFC 4646, or none.
fn is_culture(name: &str) -> bool {
    name.is_empty()
        || name
            .split(['-', '_'])
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}
