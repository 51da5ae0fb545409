//! The one parser of filters and attribute paths (RFC 7644, figure 1).
//!
//! It is bounded while it reads: length, depth and number of terms. It checks the grammar only; whether an
//! attribute exists is the schema's business.

use std::borrow::Cow;

use serde_json::Number;

use super::filter::{Filter, Literal, Operator};
use super::path::AttributePath;
use super::strictness::Strictness;

const MAX_BYTES: usize = 8 * 1024;
const MAX_DEPTH: usize = 64;
const MAX_TERMS: usize = 200;

/// Where a filter or a path stopped making sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at offset {offset}: expected {expected}")]
pub struct ParseError {
    /// In bytes from the start of the text.
    pub offset: usize,
    pub expected: &'static str,
}

/// Reads a whole filter.
pub(super) fn filter(text: &str, strictness: Strictness) -> Result<Filter, ParseError> {
    let mut parser = Parser::new(text, strictness)?;
    let filter = parser.disjunction()?;
    parser.skip_space();
    parser.end("`and`, `or` or the end")?;
    Ok(filter)
}

/// Reads a whole attribute path.
pub(super) fn path(text: &str, strictness: Strictness) -> Result<AttributePath, ParseError> {
    let mut parser = Parser::new(text, strictness)?;
    parser.skip_space();
    let path = parser.path()?;
    parser.skip_space();
    parser.end("the end of the path")?;
    Ok(path)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
    /// Inside a value path no further one may begin.
    in_brackets: bool,
    strict: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, strictness: Strictness) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(ParseError { offset: MAX_BYTES, expected: "at most 8192 bytes" });
        }
        Ok(Self { text, at: 0, depth: 0, terms: 0, in_brackets: false, strict: strictness.is_strict() })
    }

    fn disjunction(&mut self) -> Result<Filter, ParseError> {
        let first = self.conjunction()?;
        let mut filters = vec![first];
        while self.joint("or") {
            self.gap()?;
            filters.push(self.conjunction()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Or(filters) })
    }

    fn conjunction(&mut self) -> Result<Filter, ParseError> {
        let first = self.factor()?;
        let mut filters = vec![first];
        while self.joint("and") {
            self.gap()?;
            filters.push(self.factor()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::And(filters) })
    }

    fn factor(&mut self) -> Result<Filter, ParseError> {
        self.skip_space();
        if self.peek() == Some(b'(') {
            return self.group();
        }
        // An attribute may be called `not`: only a parenthesis makes it the operator.
        let before = self.at;
        if self.keyword("not") {
            self.skip_space();
            if self.peek() == Some(b'(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
            self.at = before;
        }
        self.term()
    }

    fn group(&mut self) -> Result<Filter, ParseError> {
        if self.depth == MAX_DEPTH {
            return self.fail("at most 64 levels of parentheses");
        }
        self.depth += 1;
        self.at += 1;
        let filter = self.disjunction()?;
        self.skip_space();
        self.expect(b')', "`and`, `or` or `)`")?;
        self.depth -= 1;
        Ok(filter)
    }

    fn term(&mut self) -> Result<Filter, ParseError> {
        if self.terms == MAX_TERMS {
            return self.fail("at most 200 terms");
        }
        self.terms += 1;
        let mut path = self.path()?;
        if self.joint("pr") {
            return Ok(Filter::Present(path));
        }
        let before = self.at;
        self.skip_space();
        let spaced = self.at > before;
        let word = self.word(|byte| byte.is_ascii_alphabetic());
        let Some(operator) = Operator::from_word(word).filter(|_| spaced || !self.strict) else {
            self.at -= word.len();
            return match path.filter.take() {
                Some(filter) if path.sub_attribute.is_none() => {
                    self.at = before;
                    Ok(Filter::ValuePath { path, filter })
                }
                _ => self.fail("an operator: eq, ne, co, sw, ew, gt, ge, lt, le or pr"),
            };
        };
        self.gap()?;
        Ok(Filter::Comparison { path, operator, value: self.literal()? })
    }

    fn path(&mut self) -> Result<AttributePath, ParseError> {
        let start = self.at;
        let word = self.word(|byte| byte.is_ascii_alphanumeric() || b":._-$/~".contains(&byte));
        let (schema, name) = match word.rsplit_once(':') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, word),
        };
        let (attribute, mut sub_attribute) = match name.split_once('.') {
            Some((attribute, sub_attribute)) => (attribute, Some(sub_attribute)),
            None => (name, None),
        };
        let named = |text: &str| is_name(text, self.strict);
        if schema == Some("") || !named(attribute) || !sub_attribute.is_none_or(named) {
            return Err(ParseError { offset: start, expected: "an attribute name" });
        }
        let mut filter = None;
        if self.peek() == Some(b'[') && sub_attribute.is_none() && !self.in_brackets {
            filter = Some(Box::new(self.brackets()?));
            if self.peek() == Some(b'.') {
                self.at += 1;
                let part = self.word(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
                if !is_name(part, self.strict) {
                    return self.fail("the name of a sub-attribute");
                }
                sub_attribute = Some(part);
            }
        }
        Ok(AttributePath {
            schema: schema.map(str::to_owned),
            attribute: attribute.to_owned(),
            filter,
            sub_attribute: sub_attribute.map(str::to_owned),
        })
    }

    fn brackets(&mut self) -> Result<Filter, ParseError> {
        self.at += 1;
        self.in_brackets = true;
        let filter = self.disjunction()?;
        self.in_brackets = false;
        self.skip_space();
        self.expect(b']', "`and`, `or` or `]`")?;
        Ok(filter)
    }

    /// A JSON literal; lenient, a bare word as Entra ID and older clients send it: `true` and `null` in any case mean
    /// what they say, any other word is a text.
    fn literal(&mut self) -> Result<Literal, ParseError> {
        if self.peek() == Some(b'"') {
            return self.quoted().map(Literal::Text);
        }
        let word = self.word(|byte| !byte.is_ascii_whitespace() && !b"()[]\"".contains(&byte));
        if word.is_empty() {
            return self.fail("a value");
        }
        let folded = if self.strict { Cow::Borrowed(word) } else { Cow::Owned(word.to_ascii_lowercase()) };
        Ok(match folded.as_ref() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            "null" => Literal::Null,
            _ => match number(word) {
                Some(number) => Literal::Number(number),
                None if self.strict => {
                    self.at -= word.len();
                    return self.fail("a string in quotation marks, a number, true, false or null");
                }
                None => Literal::Text(word.to_owned()),
            },
        })
    }

    fn quoted(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => {
                    self.at = end + 1;
                    return serde_json::from_str(&self.text[start..=end])
                        .map_err(|_| ParseError { offset: start, expected: "a JSON string" });
                }
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        self.at = self.text.len();
        self.fail("a closing quotation mark")
    }

    /// Reads this word, in any case, if it stands next and, strictly, after a space.
    fn joint(&mut self, word: &str) -> bool {
        let before = self.at;
        self.skip_space();
        if self.strict && self.at == before {
            return false;
        }
        self.at = before;
        self.keyword(word)
    }

    /// Reads this word, in any case, if it stands next.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.at;
        self.skip_space();
        let word = self.word(|byte| byte.is_ascii_alphanumeric() || b":._-$".contains(&byte));
        let found = word.eq_ignore_ascii_case(keyword);
        if !found {
            self.at = before;
        }
        found
    }

    /// Skips the space between two words: strictly, there must be some.
    fn gap(&mut self) -> Result<(), ParseError> {
        let before = self.at;
        self.skip_space();
        if self.strict && self.at == before { self.fail("a space") } else { Ok(()) }
    }

    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn skip_space(&mut self) {
        let strict = self.strict;
        self.word(|byte| if strict { byte == b' ' || byte == b'\t' } else { byte.is_ascii_whitespace() });
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ParseError> {
        if self.peek() != Some(byte) {
            return self.fail(expected);
        }
        self.at += 1;
        Ok(())
    }

    fn end(&self, expected: &'static str) -> Result<(), ParseError> {
        if self.at == self.text.len() { Ok(()) } else { self.fail(expected) }
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError { offset: self.at, expected })
    }
}

/// A JSON number. The standard library rounds fractions exactly, `serde_json` by default does not.
fn number(word: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(word).ok()?;
    if number.is_f64() { Number::from_f64(word.parse().ok()?) } else { Some(number) }
}

/// `ATTRNAME`, and `$ref`; lenient, `_` and `$` anywhere.
fn is_name(text: &str, strict: bool) -> bool {
    let begins = |first: char| first.is_ascii_alphabetic() || (!strict && (first == '$' || first == '_'));
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (!strict && byte == b'$');
    text.eq_ignore_ascii_case("$ref") || (text.starts_with(begins) && text.bytes().all(belongs))
}

#[cfg(test)]
mod tests;
