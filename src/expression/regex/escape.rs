//! What follows a backslash, in a class or outside.

use super::groups::Name;
use super::translate::{Untranslatable, invalid, unsupported};

/// What an escape stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    Character(char),
    /// The members of a class, as they stand between brackets of our engine.
    Class {
        members: String,
        negated: bool,
    },
    Assertion(&'static str),
    /// `\Z`
    End,
    Reference(Name),
}

/// What .NET takes for a word character.
const WORD: &str = r"\p{L}\p{Mn}\p{Nd}\p{Pc}";

/// The general categories that .NET and our engine both know.
const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn",
];

/// The named blocks that names of people and places are written in.
const BLOCKS: &[(&str, char, char)] = &[
    ("IsBasicLatin", '\u{0}', '\u{7f}'),
    ("IsLatin-1Supplement", '\u{80}', '\u{ff}'),
    ("IsLatinExtended-A", '\u{100}', '\u{17f}'),
    ("IsLatinExtended-B", '\u{180}', '\u{24f}'),
    ("IsCombiningDiacriticalMarks", '\u{300}', '\u{36f}'),
    ("IsGreek", '\u{370}', '\u{3ff}'),
    ("IsGreekandCoptic", '\u{370}', '\u{3ff}'),
    ("IsCyrillic", '\u{400}', '\u{4ff}'),
    ("IsCyrillicSupplement", '\u{500}', '\u{52f}'),
    ("IsArmenian", '\u{530}', '\u{58f}'),
    ("IsHebrew", '\u{590}', '\u{5ff}'),
    ("IsArabic", '\u{600}', '\u{6ff}'),
    ("IsDevanagari", '\u{900}', '\u{97f}'),
    ("IsThai", '\u{e00}', '\u{e7f}'),
    ("IsGeorgian", '\u{10a0}', '\u{10ff}'),
    ("IsHangulJamo", '\u{1100}', '\u{11ff}'),
    ("IsLatinExtendedAdditional", '\u{1e00}', '\u{1eff}'),
    ("IsGreekExtended", '\u{1f00}', '\u{1fff}'),
    ("IsGeneralPunctuation", '\u{2000}', '\u{206f}'),
    ("IsCurrencySymbols", '\u{20a0}', '\u{20cf}'),
    ("IsLetterlikeSymbols", '\u{2100}', '\u{214f}'),
    ("IsCJKSymbolsandPunctuation", '\u{3000}', '\u{303f}'),
    ("IsHiragana", '\u{3040}', '\u{309f}'),
    ("IsKatakana", '\u{30a0}', '\u{30ff}'),
    ("IsCJKUnifiedIdeographsExtensionA", '\u{3400}', '\u{4dbf}'),
    ("IsCJKUnifiedIdeographs", '\u{4e00}', '\u{9fff}'),
    ("IsHangulSyllables", '\u{ac00}', '\u{d7af}'),
    ("IsCJKCompatibilityIdeographs", '\u{f900}', '\u{faff}'),
    ("IsHalfwidthandFullwidthForms", '\u{ff00}', '\u{ffef}'),
];

/// The character as our engine reads it, in a class and outside.
pub(super) fn literal(character: char) -> String {
    if character.is_alphanumeric() { character.to_string() } else { hexadecimal(character) }
}

fn hexadecimal(character: char) -> String {
    format!("\\x{{{:X}}}", u32::from(character))
}

/// The escape whose backslash stands at `start`, and its length in bytes.
pub(super) fn read(pattern: &str, start: usize) -> Result<(Escape, usize), Untranslatable> {
    let rest = &pattern[start + 1..];
    let Some(letter) = rest.chars().next() else {
        return Err(invalid(start, "a backslash ends the pattern"));
    };
    if let Some(escape) = by_letter(letter) {
        return Ok((escape, 2));
    }
    match letter {
        'p' | 'P' => property(rest, letter == 'P', start),
        'k' => reference(rest, start),
        '1'..='9' => Ok(number(rest)),
        '0' => {
            let digits = rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            character_of(u32::from_str_radix(&rest[..digits], 8).ok(), digits + 1, start)
        }
        'x' => character_of(digits(rest, 1, 2), 4, start),
        'u' => utf16(rest, start),
        'c' => control(rest, start),
        'G' => Err(unsupported(start, "`\\G`")),
        letter if letter.is_alphanumeric() => Err(invalid(start, format!("`\\{letter}` is no escape"))),
        other => Ok((Escape::Character(other), 1 + other.len_utf8())),
    }
}

fn by_letter(letter: char) -> Option<Escape> {
    let class = |members: &str, negated| Escape::Class { members: members.to_owned(), negated };
    Some(match letter {
        'd' => class("\\p{Nd}", false),
        'D' => class("\\p{Nd}", true),
        'w' => class(WORD, false),
        'W' => class(WORD, true),
        's' => class("\\s", false),
        'S' => class("\\s", true),
        'b' => Escape::Assertion("\\b"),
        'B' => Escape::Assertion("\\B"),
        'A' => Escape::Assertion("\\A"),
        'z' => Escape::Assertion("\\z"),
        'Z' => Escape::End,
        't' => Escape::Character('\t'),
        'n' => Escape::Character('\n'),
        'r' => Escape::Character('\r'),
        'f' => Escape::Character('\u{c}'),
        'v' => Escape::Character('\u{b}'),
        'a' => Escape::Character('\u{7}'),
        'e' => Escape::Character('\u{1b}'),
        _ => return None,
    })
}

/// `\p{Lu}`, `\P{IsGreek}`
fn property(rest: &str, negated: bool, start: usize) -> Result<(Escape, usize), Untranslatable> {
    let name = rest[1..].strip_prefix('{').and_then(|name| Some(&name[..name.find('}')?]));
    let name = name.ok_or_else(|| invalid(start, "`\\p` needs a name in braces"))?;
    let members = if CATEGORIES.contains(&name) {
        format!("\\p{{{name}}}")
    } else if let Some((_, first, last)) = BLOCKS.iter().find(|(block, ..)| *block == name) {
        format!("{}-{}", hexadecimal(*first), hexadecimal(*last))
    } else if name == "Cs" || name.starts_with("Is") {
        return Err(unsupported(start, "this named block of `\\p`"));
    } else {
        return Err(invalid(start, "`\\p` names no category"));
    };
    Ok((Escape::Class { members, negated }, name.len() + 4))
}

/// `\k<name>` or `\k'name'`
fn reference(rest: &str, start: usize) -> Result<(Escape, usize), Untranslatable> {
    let problem = || invalid(start, "`\\k` needs the name of a group in angle brackets");
    let close = match rest.as_bytes().get(1) {
        Some(b'<') => '>',
        Some(b'\'') => '\'',
        _ => return Err(problem()),
    };
    let name = rest[2..].find(close).map(|end| &rest[2..2 + end]).ok_or_else(problem)?;
    Ok((Escape::Reference(Name::read(name).ok_or_else(problem)?), name.len() + 4))
}

/// `\1`: a reference, or from `\10` on a character where no group has the number.
fn number(rest: &str) -> (Escape, usize) {
    let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().unwrap_or(usize::MAX);
    (Escape::Reference(Name::Number(number)), digits + 1)
}

/// What `\10` and the like mean where no group has the number: up to three octal digits, and what is left as it is.
pub(super) fn octal(number: usize) -> Option<String> {
    let written = number.to_string();
    let digits = written.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let code = u32::from_str_radix(written.get(..digits)?, 8).ok()? & 0xff;
    Some(literal(char::from_u32(code)?) + &written[digits..])
}

/// Exactly `count` hexadecimal digits from `from` on.
fn digits(rest: &str, from: usize, count: usize) -> Option<u32> {
    let digits = rest.get(from..from + count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

fn character_of(code: Option<u32>, length: usize, start: usize) -> Result<(Escape, usize), Untranslatable> {
    let character = code.and_then(char::from_u32).ok_or_else(|| invalid(start, "too few digits after an escape"))?;
    Ok((Escape::Character(character), length))
}

/// `\u20AC`; two of them may be a pair of surrogates.
fn utf16(rest: &str, start: usize) -> Result<(Escape, usize), Untranslatable> {
    let first = digits(rest, 1, 4).ok_or_else(|| invalid(start, "`\\u` needs four hexadecimal digits"))?;
    if let Some(character) = char::from_u32(first) {
        return Ok((Escape::Character(character), 6));
    }
    let second = rest.get(5..7).filter(|escape| *escape == "\\u").and_then(|_| digits(rest, 7, 4));
    let units = [Some(first), second].map(|unit| unit.and_then(|unit| u16::try_from(unit).ok()).unwrap_or_default());
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => Ok((Escape::Character(character), 12)),
        _ => Err(unsupported(start, "half of a surrogate pair")),
    }
}

/// `\cA`
fn control(rest: &str, start: usize) -> Result<(Escape, usize), Untranslatable> {
    match rest.as_bytes().get(1).map(u8::to_ascii_uppercase) {
        Some(letter @ b'@'..=b'_') => Ok((Escape::Character(char::from(letter & 0x1f)), 3)),
        _ => Err(invalid(start, "`\\c` needs a letter")),
    }
}
