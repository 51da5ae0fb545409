//! The text of an expression as tokens with their byte positions.

use super::parser::ParseError;
use super::tree::Operator;

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A function name or a keyword.
    Name(String),
    /// The text between the outer brackets.
    Attribute(String),
    /// The text between the quotes, unescaped.
    Text(String),
    /// The number as it was written.
    Number(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
    End,
}

/// Reads one token after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Token, ParseError> {
        self.take_while(|character| matches!(character, ' ' | '\t' | '\r' | '\n'));
        let start = self.position;
        let Some(character) = self.peek() else {
            return Ok(Token { kind: TokenKind::End, start, end: start });
        };
        let kind = match character {
            '(' => self.single(TokenKind::Open),
            ')' => self.single(TokenKind::Close),
            ',' => self.single(TokenKind::Comma),
            '=' | '<' | '>' => self.operator(),
            '[' => self.attribute()?,
            '"' => self.string()?,
            '-' | '&' | '0'..='9' => self.number()?,
            'a'..='z' | 'A'..='Z' => {
                TokenKind::Name(self.take_while(|character| character.is_ascii_alphanumeric()).to_owned())
            }
            _ => return Err(self.error(start, "a function, an `[attribute]` or a \"text\"", character.to_string())),
        };
        Ok(Token { kind, start, end: self.position })
    }

    fn single(&mut self, kind: TokenKind) -> TokenKind {
        self.position += 1;
        kind
    }

    fn operator(&mut self) -> TokenKind {
        let symbols = [
            ("<>", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            (">", Operator::Greater),
            ("<", Operator::Less),
        ];
        let rest = &self.text[self.position..];
        let (length, operator) = symbols
            .into_iter()
            .find(|(symbol, _)| rest.starts_with(symbol))
            .map_or((1, Operator::Equal), |(symbol, operator)| (symbol.len(), operator));
        self.position += length;
        TokenKind::Operator(operator)
    }

    /// Balanced brackets inside the name belong to it: `[emails[type eq "work"].value]`. Those inside the quotes of such
    /// a filter are text.
    fn attribute(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.position;
        let mut open = 0_usize;
        let mut quoted = false;
        while let Some(character) = self.peek() {
            self.position += character.len_utf8();
            match character {
                '"' if open > 1 => quoted = !quoted,
                '\\' if quoted => self.position += self.peek().map_or(0, char::len_utf8),
                _ if quoted => {}
                '[' => open += 1,
                ']' => open -= 1,
                _ => {}
            }
            if open == 0 {
                let name = &self.text[start + 1..self.position - 1];
                if name.is_empty() {
                    return Err(self.error(start, "the name of an attribute between the brackets", "[]".to_owned()));
                }
                return Ok(TokenKind::Attribute(name.to_owned()));
            }
        }
        Err(self.error(start, "a `]` that closes this bracket", "the end".to_owned()))
    }

    /// `\\` and `\"` are escapes; any other backslash stands for itself, as published samples rely on.
    fn string(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.position;
        self.position += 1;
        let mut content = String::new();
        while let Some(character) = self.peek() {
            self.position += character.len_utf8();
            match character {
                '"' => return Ok(TokenKind::Text(content)),
                '\\' => match self.peek() {
                    Some(escaped @ ('"' | '\\')) => {
                        self.position += 1;
                        content.push(escaped);
                    }
                    _ => content.push('\\'),
                },
                _ => content.push(character),
            }
        }
        Err(self.error(start, "a quote that closes this text", "the end".to_owned()))
    }

    fn number(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.position;
        let digits = if self.text[start..].starts_with("&H") {
            self.position += 2;
            self.take_while(|character| character.is_ascii_hexdigit())
        } else {
            self.position += usize::from(self.peek() == Some('-'));
            let whole = self.take_while(|character| character.is_ascii_digit());
            let rest = &self.text.as_bytes()[self.position..];
            if rest.first() == Some(&b'.') && rest.get(1).is_some_and(u8::is_ascii_digit) {
                self.position += 1;
                self.take_while(|character| character.is_ascii_digit());
            }
            whole
        };
        if digits.is_empty() || self.peek().is_some_and(|character| character.is_ascii_alphanumeric()) {
            self.take_while(|character| !matches!(character, ' ' | ',' | ')' | '('));
            let found = self.text[start..self.position].to_owned();
            return Err(self.error(start, "a number, or a text in quotes", found));
        }
        Ok(TokenKind::Number(self.text[start..self.position].to_owned()))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.position..];
        let length = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    fn error(&self, offset: usize, expected: &str, found: String) -> ParseError {
        ParseError::new(offset, expected, found)
    }
}
