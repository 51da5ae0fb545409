//! Functions of text. Positions and lengths count Unicode scalar values; case mapping is one character to one.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use fancy_regex::Regex;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::expression::eval::{Arguments, Evaluated, Halt, Reason};
use crate::model::Value;

pub(super) fn append(arguments: &Arguments<'_>) -> Evaluated {
    let suffix = arguments.text(1)?.unwrap_or_default();
    arguments.map(0, |source| Ok([source, &suffix].concat()))
}

pub(super) fn prepend(arguments: &Arguments<'_>) -> Evaluated {
    let prefix = arguments.text(0)?.unwrap_or_default();
    arguments.map(1, |source| Ok([&prefix, source].concat()))
}

pub(super) fn to_base64(arguments: &Arguments<'_>) -> Evaluated {
    arguments.map(0, |source| {
        let bytes: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Ok(STANDARD.encode(bytes))
    })
}

pub(super) fn to_utf8_hex(arguments: &Arguments<'_>) -> Evaluated {
    arguments.map(0, |source| Ok(source.bytes().map(|byte| format!("{byte:02X}")).collect()))
}

pub(super) fn to_text(arguments: &Arguments<'_>) -> Evaluated {
    Ok(arguments.text(0)?.map(Value::Text))
}

pub(super) fn default_domain(arguments: &Arguments<'_>) -> Evaluated {
    let domain = arguments.context().default_domain;
    domain.map(|domain| Some(Value::text(domain))).ok_or_else(|| arguments.fail(Reason::NoDefaultDomain))
}

pub(super) fn position(arguments: &Arguments<'_>) -> Evaluated {
    let start = if arguments.is_given(2) { arguments.number(2)? } else { 1 };
    let start = start.checked_sub(1).and_then(|start| usize::try_from(start).ok());
    let start = start.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(2))))?;
    let fold = match arguments.text(3)?.as_deref() {
        None | Some("vbBinaryCompare") => |character: char| character,
        Some("vbTextCompare") => lower,
        Some(_) => return Err(arguments.fail(Reason::Unknown(arguments.name(3)))),
    };
    let (Some(text), Some(wanted)) = (arguments.text(0)?, arguments.text(1)?) else {
        return Ok(Some(Value::Integer(0)));
    };
    let wanted: String = wanted.chars().map(fold).collect();
    let rest: String = text.chars().skip(start).map(fold).collect();
    let found = rest.find(&wanted).filter(|_| !text.is_empty());
    let position = found.map_or(0, |byte| start + rest[..byte].chars().count() + 1);
    Ok(Some(count(position)))
}

pub(super) fn left(arguments: &Arguments<'_>) -> Evaluated {
    let wanted = arguments.number(1)?;
    or_empty(arguments.map(0, |source| match usize::try_from(wanted) {
        Ok(wanted) => Ok(source.chars().take(wanted).collect()),
        Err(_) => Ok(source.to_owned()),
    }))
}

pub(super) fn mid(arguments: &Arguments<'_>) -> Evaluated {
    let (start, length) = (arguments.number(1)?, arguments.number(2)?);
    or_empty(arguments.map(0, |source| match (usize::try_from(start), usize::try_from(length)) {
        (Ok(start @ 1..), Ok(length)) => Ok(source.chars().skip(start - 1).take(length).collect()),
        _ => Ok(source.to_owned()),
    }))
}

pub(super) fn length(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(count(arguments.text(0)?.map_or(0, |text| text.chars().count()))))
}

pub(super) fn strip_spaces(arguments: &Arguments<'_>) -> Evaluated {
    arguments.map(0, |source| Ok(source.replace(' ', "")))
}

pub(super) fn word(arguments: &Arguments<'_>) -> Evaluated {
    let number = arguments.number(1)?;
    let delimiters = arguments.text(2)?.unwrap_or_default();
    let text = arguments.text(0)?.unwrap_or_default();
    let mut words = text.split(|character| delimiters.contains(character)).filter(|word| !word.is_empty());
    let word = usize::try_from(number).ok().and_then(|number| words.nth(number.checked_sub(1)?));
    Ok(Some(Value::text(word.unwrap_or_default())))
}

pub(super) fn to_lower(arguments: &Arguments<'_>) -> Evaluated {
    let turkic = is_turkic(arguments)?;
    arguments.map(0, |source| {
        Ok(source
            .chars()
            .map(|character| match character {
                'I' if turkic => 'ı',
                'İ' if turkic => 'i',
                _ => lower(character),
            })
            .collect())
    })
}

pub(super) fn to_upper(arguments: &Arguments<'_>) -> Evaluated {
    let turkic = is_turkic(arguments)?;
    arguments.map(0, |source| {
        Ok(source.chars().map(|character| if turkic && character == 'i' { 'İ' } else { upper(character) }).collect())
    })
}

pub(super) fn proper_case(arguments: &Arguments<'_>) -> Evaluated {
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
pub(super) fn normalize_diacritics(arguments: &Arguments<'_>) -> Evaluated {
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

fn is_turkic(arguments: &Arguments<'_>) -> Result<bool, Halt> {
    let culture = arguments.text(1)?.unwrap_or_default().to_ascii_lowercase();
    Ok(matches!(culture.split(['-', '_']).next(), Some("tr" | "az")))
}

/// `Left` and `Mid` answer an empty text where others answer null; an empty list counts as null.
fn or_empty(evaluated: Evaluated) -> Evaluated {
    evaluated.map(|value| match value {
        Some(value) if !value.is_empty() => Some(value),
        _ => Some(Value::text("")),
    })
}

fn count(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
