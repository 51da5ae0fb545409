//! Distinguished names (RFC 4514): parsed, and normalised so that two spellings of one name are equal.
//!
//! The normalised form is a look-up key only. What goes back to a server is always the text the server or the
//! operator wrote.

use unicode_normalization::UnicodeNormalization;

use crate::model::Name;

use super::attribute_names::canonical_type;
use super::ber::Reader;

/// The longest name that is read, in bytes, and the most RDNs it may have.
const MAX_BYTES: usize = 16 * 1024;
const MAX_RDNS: usize = 256;

/// Why a text is not a distinguished name; the position counts bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DnError {
    #[error("longer than {MAX_BYTES} bytes or {MAX_RDNS} parts")]
    TooLong,
    #[error("an attribute type followed by `=` is due at byte {0}")]
    Type(usize),
    #[error("a backslash without two hexadecimal digits or a special character at byte {0}")]
    Escape(usize),
    #[error("a quote that is not closed, or text behind one, at byte {0}")]
    Quote(usize),
    #[error("a value that is not UTF-8 before byte {0}")]
    Encoding(usize),
}

/// A parsed name.
#[derive(Clone, Debug)]
pub(super) struct Dn {
    text: String,
    /// Leaf first, as written.
    rdns: Vec<Rdn>,
}

#[derive(Clone, Debug)]
struct Rdn {
    /// Normalised: equal for equal RDNs.
    key: String,
    /// Where it begins in the text.
    start: usize,
}

impl Dn {
    /// Reads a name. The empty text is the root.
    pub(super) fn parse(text: &str) -> Result<Self, DnError> {
        if text.len() > MAX_BYTES {
            return Err(DnError::TooLong);
        }
        let mut scanner = Scanner { bytes: text.as_bytes(), position: 0 };
        let mut rdns = Vec::new();
        scanner.skip_blanks();
        if scanner.at_end() {
            return Ok(Self { text: text.to_owned(), rdns });
        }
        loop {
            let start = scanner.position;
            let mut pairs = vec![scanner.pair()?];
            while scanner.take(b"+") {
                pairs.push(scanner.pair()?);
            }
            pairs.sort();
            rdns.push(Rdn { key: pairs.join("+"), start });
            if rdns.len() > MAX_RDNS {
                return Err(DnError::TooLong);
            }
            if scanner.at_end() {
                return Ok(Self { text: text.to_owned(), rdns });
            }
            // A pair ends at the end of the text, `+`, `,` or `;` and nowhere else.
            scanner.position += 1;
            scanner.skip_blanks();
        }
    }

    /// The name as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// True for the empty name.
    pub(super) fn is_root(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The key under which references find the object.
    pub(super) fn name(&self) -> Name {
        Name::of_path(self.rdns.iter().rev().map(|rdn| &rdn.key))
    }

    /// True when this name is `base` or lies below it.
    pub(super) fn is_within(&self, base: &Dn) -> bool {
        self.shared_depth(base) == base.rdns.len()
    }

    /// The deepest name that holds both, as this name spells it.
    pub(super) fn common_ancestor(&self, other: &Dn) -> Dn {
        let depth = self.shared_depth(other);
        let rdns = &self.rdns[self.rdns.len() - depth..];
        let cut = rdns.first().map_or(self.text.len(), |rdn| rdn.start);
        let rdns = rdns.iter().map(|rdn| Rdn { key: rdn.key.clone(), start: rdn.start - cut }).collect();
        Dn { text: self.text[cut..].to_owned(), rdns }
    }

    /// How many RDNs from the root on are equal.
    fn shared_depth(&self, other: &Dn) -> usize {
        self.rdns.iter().rev().zip(other.rdns.iter().rev()).take_while(|(one, two)| one.key == two.key).count()
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.rdns.len() == other.rdns.len() && self.is_within(other)
    }
}

/// Walks over the text once, without recursion.
struct Scanner<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    fn take(&mut self, any_of: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| any_of.contains(&byte));
        self.position += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while self.take(b" \t\r\n") {}
    }

    /// One `type=value`, normalised. Ends before `+`, `,`, `;` or at the end of the text.
    fn pair(&mut self) -> Result<String, DnError> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
            self.position += 1;
        }
        let kind = self.bytes[start..self.position].to_ascii_lowercase();
        self.skip_blanks();
        if kind.is_empty() || !self.take(b"=") {
            return Err(DnError::Type(self.position));
        }
        self.skip_blanks();
        let value = match self.peek() {
            Some(b'"') => self.quoted()?,
            Some(b'#') => self.hexadecimal()?,
            _ => self.plain()?,
        };
        let kind = String::from_utf8(kind).map_err(|_| DnError::Type(start))?;
        let value = String::from_utf8(value).map_err(|_| DnError::Encoding(self.position))?;
        Ok(format!("{}={}", canonical_type(&kind), escaped(&prepared(&value))))
    }

    fn plain(&mut self) -> Result<Vec<u8>, DnError> {
        let mut value = Vec::new();
        // Trailing blanks are no part of the value, unless a backslash stands before them.
        let mut significant = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b';' | b'+' => break,
                b'\\' => {
                    value.push(self.escape()?);
                    significant = value.len();
                }
                _ => {
                    self.position += 1;
                    value.push(byte);
                    if byte != b' ' {
                        significant = value.len();
                    }
                }
            }
        }
        value.truncate(significant);
        Ok(value)
    }

    fn quoted(&mut self) -> Result<Vec<u8>, DnError> {
        let start = self.position;
        self.position += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None => return Err(DnError::Quote(start)),
                Some(b'\\') => value.push(self.escape()?),
                Some(b'"') => break,
                Some(byte) => {
                    value.push(byte);
                    self.position += 1;
                }
            }
        }
        self.position += 1;
        self.skip_blanks();
        match self.peek() {
            None | Some(b',' | b';' | b'+') => Ok(value),
            Some(_) => Err(DnError::Quote(self.position)),
        }
    }

    /// `#` and the BER encoding of the value in hexadecimal: the string inside, where there is one.
    fn hexadecimal(&mut self) -> Result<Vec<u8>, DnError> {
        let start = self.position;
        let text = self.plain()?;
        let (pairs, rest) = text[1..].as_chunks::<2>();
        let octets: Option<Vec<u8>> = pairs.iter().map(|[high, low]| hex_byte(*high, *low)).collect();
        let octets = octets.filter(|octets| rest.is_empty() && !octets.is_empty()).ok_or(DnError::Escape(start))?;
        let mut reader = Reader::new(&octets);
        match reader.element() {
            // A primitive string type of any kind: its bytes are what the plain form would have held.
            Ok((tag, content)) if tag & 0x20 == 0 && reader.is_empty() && std::str::from_utf8(content).is_ok() => {
                Ok(content.to_vec())
            }
            _ => Ok(text.to_ascii_lowercase()),
        }
    }

    fn escape(&mut self) -> Result<u8, DnError> {
        let start = self.position;
        let (first, second) = (self.bytes.get(start + 1).copied(), self.bytes.get(start + 2).copied());
        if let (Some(high), Some(low)) = (first, second)
            && let Some(byte) = hex_byte(high, low)
        {
            self.position += 3;
            return Ok(byte);
        }
        match first {
            Some(byte) if b",+\"\\<>;= #".contains(&byte) => {
                self.position += 2;
                Ok(byte)
            }
            _ => Err(DnError::Escape(start)),
        }
    }
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

/// The value as comparison sees it (after RFC 4518): NFKC, case folded, blanks trimmed and runs of them made one.
fn prepared(value: &str) -> String {
    let normal = if value.is_ascii() {
        // ASCII is its own normal form, whatever its case.
        fold(value)
    } else {
        fold(&value.nfkc().collect::<String>()).nfkc().collect()
    };
    let mut words = normal.split_whitespace();
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        text.push(' ');
        text.push_str(word);
    }
    text
}

/// Case folding that depends on no locale. Going down, up and down again unites what plain lower-casing keeps apart
/// (`ß` and `ss`, the two forms of sigma); the dotless i stays itself, as Unicode's table has it.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .flat_map(|character| {
            let unchanged = (character == 'ı').then_some(character);
            let changed = (character != 'ı').then_some(character).into_iter();
            let changed =
                changed.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
            unchanged.into_iter().chain(changed)
        })
        .collect()
}

/// Keeps the parts of a key apart: `+` joins the pairs of an RDN and U+001F the RDNs of a name.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | '+' => text.extend(['\\', character]),
            Name::SEPARATOR => text.push_str("\\1f"),
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests;
