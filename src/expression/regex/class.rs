//! Classes of characters: `[a-z_-[aeiou]]`.

use super::escape::{self, Escape};
use super::translate::{Untranslatable, invalid, unsupported};

/// How deep classes may subtract from each other.
const MAX_DEPTH: usize = 16;

/// The class whose bracket stands at `start`, in our engine's spelling, and its length in bytes.
pub(super) fn translate(pattern: &str, start: usize) -> Result<(String, usize), Untranslatable> {
    let mut reader = Reader { pattern, position: start };
    let class = reader.class(0)?;
    Ok((class, reader.position - start))
}

struct Reader<'p> {
    pattern: &'p str,
    position: usize,
}

/// One member: a character may begin a range.
enum Member {
    Character(char),
    Class(String),
}

impl<'p> Reader<'p> {
    fn rest(&self) -> &'p str {
        &self.pattern[self.position..]
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.position += if found { text.len() } else { 0 };
        found
    }

    /// From the bracket that opens it to the one that closes it; depth is bounded.
    fn class(&mut self, depth: usize) -> Result<String, Untranslatable> {
        let start = self.position;
        if depth > MAX_DEPTH {
            return Err(unsupported(start, "classes that subtract more than 16 deep"));
        }
        self.position += 1;
        let negation = if self.take("^") { "^" } else { "" };
        let mut members = String::new();
        let mut first = true;
        loop {
            if self.rest().is_empty() {
                return Err(invalid(start, "a `[` is not closed"));
            }
            // Right at the beginning a bracket is a character.
            if !first && self.take("]") {
                return Ok(format!("[{negation}{members}]"));
            }
            if !first && self.rest().starts_with("-[") {
                self.position += 1;
                let subtracted = self.class(depth + 1)?;
                if !self.take("]") {
                    return Err(invalid(self.position, "a subtraction has to end its class"));
                }
                return Ok(format!("[[{negation}{members}]--{subtracted}]"));
            }
            first = false;
            self.member_or_range(&mut members)?;
        }
    }

    fn member_or_range(&mut self, members: &mut String) -> Result<(), Untranslatable> {
        let start = self.position;
        let low = match self.member()? {
            Member::Class(class) => {
                members.push_str(&class);
                return Ok(());
            }
            Member::Character(character) => character,
        };
        let rest = self.rest();
        // A hyphen before the end, or before a subtraction, is a character.
        if !rest.starts_with('-') || rest.starts_with("-]") || rest.starts_with("-[") || rest.len() < 2 {
            members.push_str(&escape::literal(low));
            return Ok(());
        }
        self.position += 1;
        match self.member()? {
            Member::Character(high) if low <= high => {
                members.push_str(&format!("{}-{}", escape::literal(low), escape::literal(high)));
                Ok(())
            }
            Member::Character(_) => Err(invalid(start, "a range ends before it begins")),
            Member::Class(_) => Err(invalid(start, "a class cannot end a range")),
        }
    }

    fn member(&mut self) -> Result<Member, Untranslatable> {
        let start = self.position;
        if self.rest().starts_with("\\b") {
            self.position += 2;
            return Ok(Member::Character('\u{8}'));
        }
        if self.rest().starts_with('\\') {
            let (escape, length) = escape::read(self.pattern, start)?;
            self.position += length;
            return match escape {
                Escape::Character(character) => Ok(Member::Character(character)),
                Escape::Class { members, negated: false } => Ok(Member::Class(members)),
                Escape::Class { members, negated: true } => Ok(Member::Class(format!("[^{members}]"))),
                Escape::Reference(_) => Err(unsupported(start, "a number after a backslash in a class")),
                Escape::Assertion(_) | Escape::End => Err(invalid(start, "this escape is no character")),
            };
        }
        if self.rest().starts_with("[:") {
            return Err(unsupported(start, "a POSIX class"));
        }
        let character = self.rest().chars().next().ok_or_else(|| invalid(start, "a `[` is not closed"))?;
        self.position += character.len_utf8();
        Ok(Member::Character(character))
    }
}
