//! A .NET pattern in the spelling of our engine, or the reason why it has none.

use super::class;
use super::escape::{self, Escape};
use super::groups::{Name, Names};

/// Why a pattern cannot be translated: where, in bytes, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Untranslatable {
    /// Nothing .NET would take either.
    Invalid { offset: usize, problem: String },
    /// .NET takes it; our engine has nothing that means the same.
    Unsupported { offset: usize, construct: &'static str },
}

/// A translated pattern.
#[derive(Debug)]
pub(super) struct Translated {
    /// Where the text does not end with a line feed.
    pub(super) text: String,
    /// Where it does: `$` and `\Z` also match before the last line feed. `None` when that makes no difference.
    pub(super) before_line_feed: Option<String>,
    pub(super) names: Names,
    /// True when the engine has to backtrack.
    pub(super) backtracks: bool,
}

/// What holds from here to the end of the group.
#[derive(Clone, Copy, Default)]
struct Options {
    multiline: bool,
    dot_matches_line_feed: bool,
    explicit_capture: bool,
    ignore_white_space: bool,
}

/// An open parenthesis.
struct Open {
    options: Options,
    lookbehind: bool,
}

/// A part of the translation.
enum Piece {
    Text(String),
    /// `$` without `(?m)`, or `\Z`.
    End,
    Reference {
        name: Name,
        offset: usize,
    },
}

/// What the next quantifier would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Quantifier,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, Untranslatable> {
    let mut translator = Translator {
        pattern,
        position: 0,
        pieces: Vec::new(),
        names: Names::default(),
        options: Options::default(),
        open: Vec::new(),
        before: Before::Nothing,
        backtracks: false,
    };
    while let Some(character) = translator.peek() {
        translator.step(character)?;
    }
    if !translator.open.is_empty() {
        return Err(invalid(pattern.len(), "a `(` is not closed"));
    }
    translator.finish()
}

pub(super) fn invalid(offset: usize, problem: impl Into<String>) -> Untranslatable {
    Untranslatable::Invalid { offset, problem: problem.into() }
}

pub(super) fn unsupported(offset: usize, construct: &'static str) -> Untranslatable {
    Untranslatable::Unsupported { offset, construct }
}

struct Translator<'p> {
    pattern: &'p str,
    position: usize,
    pieces: Vec<Piece>,
    names: Names,
    options: Options,
    open: Vec<Open>,
    before: Before,
    backtracks: bool,
}

impl<'p> Translator<'p> {
    fn rest(&self) -> &'p str {
        &self.pattern[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn push(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    fn atom(&mut self, text: &str) {
        self.push(text);
        self.before = Before::Atom;
    }

    fn step(&mut self, character: char) -> Result<(), Untranslatable> {
        let start = self.position;
        if self.options.ignore_white_space && self.skip_comment(character) {
            return Ok(());
        }
        if let Some(length) = quantifier(self.rest()) {
            return self.quantifier(start, length);
        }
        self.position += character.len_utf8();
        match character {
            '(' => self.group(start)?,
            ')' => {
                let open = self.open.pop().ok_or_else(|| invalid(start, "a `)` closes nothing"))?;
                self.options = open.options;
                self.atom(")");
            }
            '|' => {
                self.push("|");
                self.before = Before::Nothing;
            }
            '[' => {
                let (class, length) = class::translate(self.pattern, start)?;
                self.position = start + length;
                self.atom(&class);
            }
            '^' => self.atom(if self.options.multiline { "(?m:^)" } else { "\\A" }),
            '$' if self.options.multiline => self.atom("(?m:$)"),
            '$' => self.end(),
            '.' => self.atom(if self.options.dot_matches_line_feed { "(?s:.)" } else { "." }),
            '\\' => self.escape(start)?,
            character => self.atom(&escape::literal(character)),
        }
        Ok(())
    }

    fn end(&mut self) {
        self.pieces.push(Piece::End);
        self.before = Before::Atom;
    }

    /// White space, and comments from `#` to the end of the line, under `(?x)`.
    fn skip_comment(&mut self, character: char) -> bool {
        if character == '#' {
            self.position += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
        } else if matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}') {
            self.position += 1;
        } else {
            return false;
        }
        true
    }

    fn quantifier(&mut self, start: usize, length: usize) -> Result<(), Untranslatable> {
        match self.before {
            Before::Nothing => return Err(invalid(start, "a quantifier follows nothing")),
            Before::Quantifier => return Err(invalid(start, "a quantifier follows a quantifier")),
            Before::Atom => {}
        }
        if is_reversed(&self.rest()[..length]) {
            return Err(invalid(start, "a quantifier asks for at least more than at most"));
        }
        self.push(&self.rest()[..length]);
        self.position += length;
        if self.peek() == Some('?') {
            self.push("?");
            self.position += 1;
        }
        self.before = Before::Quantifier;
        Ok(())
    }

    fn escape(&mut self, start: usize) -> Result<(), Untranslatable> {
        let (escape, length) = escape::read(self.pattern, start)?;
        self.position = start + length;
        match escape {
            Escape::Character(character) => self.atom(&escape::literal(character)),
            Escape::Class { members, negated: false } => self.atom(&format!("[{members}]")),
            Escape::Class { members, negated: true } => self.atom(&format!("[^{members}]")),
            Escape::Assertion(text) => self.atom(text),
            Escape::End => self.end(),
            Escape::Reference(name) => {
                self.pieces.push(Piece::Reference { name, offset: start });
                self.before = Before::Atom;
                self.backtracks = true;
            }
        }
        Ok(())
    }

    /// After `(`.
    fn group(&mut self, start: usize) -> Result<(), Untranslatable> {
        let Some(kind) = self.rest().strip_prefix('?') else {
            if self.options.explicit_capture {
                return self.opened("(?:", 0, false);
            }
            return self.capturing(start, Name::Unnamed, 0);
        };
        match kind.as_bytes() {
            [b':', ..] => self.opened("(?:", 2, false),
            [b'=', ..] => self.looking("(?=", 2, false),
            [b'!', ..] => self.looking("(?!", 2, false),
            [b'>', ..] => self.looking("(?>", 2, false),
            [b'<', b'=', ..] => self.looking("(?<=", 3, true),
            [b'<', b'!', ..] => self.looking("(?<!", 3, true),
            [b'<', ..] => self.named(start, '>'),
            [b'\'', ..] => self.named(start, '\''),
            [b'(', ..] => Err(unsupported(start, "an alternation that depends on a condition, `(?(`")),
            [b'#', ..] => {
                let end = self.rest().find(')').ok_or_else(|| invalid(start, "a comment is not closed"))?;
                self.position += end + 1;
                Ok(())
            }
            _ => self.inline_options(start),
        }
    }

    /// Opens a group; `length` bytes stand behind the parenthesis.
    fn opened(&mut self, text: &str, length: usize, lookbehind: bool) -> Result<(), Untranslatable> {
        self.position += length;
        self.push(text);
        let lookbehind = lookbehind || self.open.last().is_some_and(|open| open.lookbehind);
        self.open.push(Open { options: self.options, lookbehind });
        self.before = Before::Nothing;
        Ok(())
    }

    fn looking(&mut self, text: &str, length: usize, lookbehind: bool) -> Result<(), Untranslatable> {
        self.backtracks = true;
        self.opened(text, length, lookbehind)
    }

    fn capturing(&mut self, start: usize, name: Name, length: usize) -> Result<(), Untranslatable> {
        if self.open.last().is_some_and(|open| open.lookbehind) {
            // .NET runs it from right to left there and captures something else.
            return Err(unsupported(start, "a capturing group inside a lookbehind"));
        }
        self.names.add(name);
        self.opened("(", length, false)
    }

    /// `(?<name>` or `(?'name'`.
    fn named(&mut self, start: usize, close: char) -> Result<(), Untranslatable> {
        let written = &self.rest()[2..];
        let end = written.find(close).ok_or_else(|| invalid(start, "the name of a group is not closed"))?;
        let name = &written[..end];
        if name.contains('-') {
            return Err(unsupported(start, "a balancing group"));
        }
        let name = Name::read(name).ok_or_else(|| invalid(start, "the name of a group is no word"))?;
        self.capturing(start, name, end + 3)
    }

    /// `(?imnsx-imnsx)` or `(?imnsx-imnsx:`.
    fn inline_options(&mut self, start: usize) -> Result<(), Untranslatable> {
        let written = &self.rest()[1..];
        let outer = self.options;
        let (mut on, mut ignore_case) = (true, None);
        for (index, letter) in written.char_indices() {
            match letter {
                '-' => on = false,
                'i' => ignore_case = Some(on),
                'm' => self.options.multiline = on,
                'n' => self.options.explicit_capture = on,
                's' => self.options.dot_matches_line_feed = on,
                'x' => self.options.ignore_white_space = on,
                ')' | ':' => {
                    let flag = match ignore_case {
                        Some(true) => "i",
                        Some(false) => "-i",
                        None => "",
                    };
                    let inner = self.options;
                    if letter == ')' {
                        self.position += index + 2;
                        if !flag.is_empty() {
                            self.push(&format!("(?{flag})"));
                        }
                        self.before = Before::Nothing;
                        return Ok(());
                    }
                    self.options = outer;
                    self.opened(&format!("(?{flag}:"), index + 2, false)?;
                    self.options = inner;
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(invalid(start, "`(?` begins no kind of group"))
    }

    fn finish(self) -> Result<Translated, Untranslatable> {
        let mut text = String::new();
        let mut before_line_feed = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => {
                    text.push_str(part);
                    before_line_feed.push_str(part);
                }
                Piece::End => {
                    text.push_str("\\z");
                    before_line_feed.push_str("(?=\\n?\\z)");
                }
                Piece::Reference { name, offset } => {
                    let part = self.reference(name, *offset)?;
                    text.push_str(&part);
                    before_line_feed.push_str(&part);
                }
            }
        }
        let differs = self.pieces.iter().any(|piece| matches!(piece, Piece::End));
        Ok(Translated {
            text,
            before_line_feed: differs.then_some(before_line_feed),
            names: self.names,
            backtracks: self.backtracks,
        })
    }

    fn reference(&self, name: &Name, offset: usize) -> Result<String, Untranslatable> {
        match (self.names.groups(name).as_slice(), name) {
            ([group], _) => Ok(format!("(?:\\{group})")),
            ([], Name::Number(number @ 10..)) => {
                escape::octal(*number).ok_or_else(|| invalid(offset, "no group has this number"))
            }
            ([], _) => Err(invalid(offset, "a reference names no group of the pattern")),
            _ => Err(unsupported(offset, "a reference to a group that stands in several places")),
        }
    }
}

/// The length of the quantifier that `text` begins with, without the mark of a lazy one. A brace that is none is a
/// character.
fn quantifier(text: &str) -> Option<usize> {
    if text.starts_with(['*', '+', '?']) {
        return Some(1);
    }
    let inside = &text.strip_prefix('{')?[..text.find('}')?.checked_sub(1)?];
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let counts = match inside.split_once(',') {
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        None => is_number(inside),
    };
    counts.then(|| inside.len() + 2)
}

/// `{3,2}`
fn is_reversed(quantifier: &str) -> bool {
    let numbers = quantifier.trim_matches(['{', '}']).split_once(',');
    let parsed = numbers.and_then(|(least, most)| Some((least.parse::<u64>().ok()?, most.parse::<u64>().ok()?)));
    parsed.is_some_and(|(least, most)| least > most)
}
