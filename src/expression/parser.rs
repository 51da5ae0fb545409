//! Tokens to a tree, with every rule that can be checked before an object is at hand.

use super::functions::{Function, Parameter, ValueType, function_named};
use super::lexer::{Lexer, Token, TokenKind};
use super::tree::{Call, Comparison, Keyword, Node, NodeKind, Prepared};
use super::{FUNCTIONS, nearest};

/// How deep calls may be nested.
pub const MAX_DEPTH: usize = 64;

/// How long an expression may be.
pub const MAX_CHARACTERS: usize = 10_000;

/// How much of the text an error repeats.
const MAX_FOUND: usize = 40;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at position {offset}, found {found}{}", did_you_mean(.suggestion))]
pub struct ParseError {
    /// Where, in bytes from the beginning of the text.
    pub offset: usize,
    pub expected: String,
    pub found: String,
    /// The known name that may have been meant.
    pub suggestion: Option<String>,
}

impl ParseError {
    pub(super) fn new(offset: usize, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let mut found: String = found.into();
        if let Some((cut, _)) = found.char_indices().nth(MAX_FOUND) {
            found.truncate(cut);
            found.push('…');
        }
        Self { offset, expected: expected.into(), found, suggestion: None }
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    if let Some((offset, _)) = text.char_indices().nth(MAX_CHARACTERS) {
        return Err(ParseError::new(offset, format!("at most {MAX_CHARACTERS} characters"), "more"));
    }
    let mut lexer = Lexer::new(text);
    let token = lexer.next()?;
    let mut parser = Parser { lexer, token };
    let root = parser.operand(Place { parameter: None, outermost: true }, 0)?;
    match &parser.token.kind {
        TokenKind::End => Ok(root),
        TokenKind::Operator(_) => Err(misplaced_comparison(&parser.token)),
        _ => Err(ParseError::new(parser.token.start, "the end of the expression", described(&parser.token))),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
}

/// Where an operand stands, which decides what may stand there.
#[derive(Clone, Copy)]
struct Place {
    /// The parameter it is given to; `None` for the whole expression.
    parameter: Option<&'static Parameter>,
    /// True while only outermost functions surround it.
    outermost: bool,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, ParseError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// An operand, and in a condition the comparison that it may begin.
    fn argument(&mut self, place: Place, depth: usize) -> Result<Node, ParseError> {
        let left = self.operand(place, depth)?;
        let TokenKind::Operator(operator) = self.token.kind else { return Ok(left) };
        if !place.parameter.is_some_and(|parameter| parameter.kind == ValueType::Condition) {
            return Err(misplaced_comparison(&self.token));
        }
        self.advance()?;
        let right = self.operand(place, depth)?;
        let position = left.position;
        Ok(Node { kind: NodeKind::Comparison(Box::new(Comparison { left, operator, right })), position })
    }

    fn operand(&mut self, place: Place, depth: usize) -> Result<Node, ParseError> {
        let token = self.advance()?;
        let position = token.start;
        let kind = match token.kind {
            TokenKind::Attribute(name) => NodeKind::Attribute(name),
            TokenKind::Text(text) => NodeKind::Text(text),
            TokenKind::Number(digits) => NodeKind::Number(digits),
            TokenKind::Name(name) => match Keyword::ALL.into_iter().find(|keyword| keyword.name() == name) {
                Some(keyword) => NodeKind::Keyword(placed_keyword(keyword, position, place)?),
                None => NodeKind::Call(self.call(&name, position, place, depth)?),
            },
            _ => {
                let found = described(&token);
                return Err(ParseError::new(position, "a function, an `[attribute]`, a \"text\" or a number", found));
            }
        };
        Ok(Node { kind, position })
    }

    fn call(&mut self, name: &str, position: usize, place: Place, depth: usize) -> Result<Call, ParseError> {
        let Some(function) = function_named(name) else {
            let names = FUNCTIONS.iter().map(|function| function.name);
            let names = names.chain(Keyword::ALL.into_iter().map(Keyword::name));
            let suggestion = nearest(name, names).map(str::to_owned);
            return Err(ParseError {
                suggestion,
                ..ParseError::new(position, "the name of a function", format!("`{name}`"))
            });
        };
        if depth >= MAX_DEPTH {
            return Err(ParseError::new(position, format!("at most {MAX_DEPTH} nested functions"), "more"));
        }
        if function.outermost && !place.outermost {
            let expected = format!("`{name}` around the whole expression");
            return Err(ParseError::new(position, expected, "it inside another function"));
        }
        if self.token.kind != TokenKind::Open {
            return Err(ParseError::new(self.token.start, format!("`(` after `{name}`"), described(&self.token)));
        }
        self.advance()?;
        let arguments = self.arguments(function, depth + 1)?;
        let close = self.advance()?;
        check_arguments(function, &arguments, close.start)?;
        let prepared = match function.prepare {
            Some(prepare) => prepare(&arguments, position)?,
            None => Prepared::Nothing,
        };
        Ok(Call { function, arguments, prepared })
    }

    /// Everything up to the closing parenthesis, which stays the current token.
    fn arguments(&mut self, function: &'static Function, depth: usize) -> Result<Vec<Option<Node>>, ParseError> {
        let mut arguments = Vec::new();
        if self.token.kind == TokenKind::Close {
            return Ok(arguments);
        }
        loop {
            let argument = match self.token.kind {
                TokenKind::Comma | TokenKind::Close => None,
                _ => {
                    let parameter = function.parameter(arguments.len());
                    if parameter.is_none() {
                        return Err(ParseError::new(self.token.start, limit(function), "one more"));
                    }
                    Some(self.argument(Place { parameter, outermost: function.outermost }, depth)?)
                }
            };
            arguments.push(argument);
            match self.token.kind {
                TokenKind::Comma => self.advance()?,
                TokenKind::Close => return Ok(arguments),
                _ => return Err(ParseError::new(self.token.start, "`,` or `)`", described(&self.token))),
            };
        }
    }
}

fn check_arguments(function: &'static Function, arguments: &[Option<Node>], end: usize) -> Result<(), ParseError> {
    if !arguments.is_empty() && function.parameter(arguments.len() - 1).is_none() {
        return Err(ParseError::new(end, limit(function), format!("{}", arguments.len())));
    }
    let is_former = function.former.is_some_and(|former| former.len() == arguments.len());
    let expected = if is_former { arguments.len() } else { arguments.len().max(function.parameters.len()) };
    for index in 0..expected {
        let Some(parameter) = function.parameter_of(index, arguments.len()) else { continue };
        let argument = arguments.get(index).and_then(Option::as_ref);
        if parameter.required && argument.is_none() {
            let expected = format!("the argument `{}` of `{}`", parameter.name, function.name);
            return Err(ParseError::new(end, expected, "nothing"));
        }
        // What is the same for every object fails for every object.
        if let Some(Node { kind: NodeKind::Text(text) | NodeKind::Number(text), position }) = argument
            && let Some(expected) = parameter.kind.refuses(text)
        {
            let expected = format!("{expected} for `{}`", parameter.name);
            return Err(ParseError::new(*position, expected, "another constant"));
        }
    }
    Ok(())
}

fn limit(function: &Function) -> String {
    format!("at most {} arguments of `{}`", function.parameters.len(), function.name)
}

fn placed_keyword(keyword: Keyword, position: usize, place: Place) -> Result<Keyword, ParseError> {
    let kind = place.parameter.map(|parameter| parameter.kind);
    let (wanted, expected) = match keyword {
        Keyword::TextCompare | Keyword::BinaryCompare => (ValueType::CompareType, "a value"),
        Keyword::IgnoreAttributeFlow | Keyword::IgnoreObjectFlow => {
            (ValueType::Branch, "this keyword as a value of `IIF` or `Switch`")
        }
    };
    if kind == Some(wanted) {
        Ok(keyword)
    } else {
        Err(ParseError::new(position, expected, format!("`{}`", keyword.name())))
    }
}

fn misplaced_comparison(token: &Token) -> ParseError {
    let takes_condition =
        |function: &&&Function| function.parameters.iter().any(|parameter| parameter.kind == ValueType::Condition);
    let names: Vec<String> =
        FUNCTIONS.iter().filter(takes_condition).map(|function| format!("`{}`", function.name)).collect();
    let expected = format!("a comparison only as a condition of {}", names.join(", "));
    ParseError::new(token.start, expected, described(token))
}

fn described(token: &Token) -> String {
    match &token.kind {
        TokenKind::Name(name) => format!("`{name}`"),
        TokenKind::Attribute(name) => format!("`[{name}]`"),
        TokenKind::Text(_) => "a text".to_owned(),
        TokenKind::Number(digits) => format!("`{digits}`"),
        TokenKind::Operator(operator) => format!("`{}`", operator.symbol()),
        TokenKind::Open => "`(`".to_owned(),
        TokenKind::Close => "`)`".to_owned(),
        TokenKind::Comma => "`,`".to_owned(),
        TokenKind::End => "the end".to_owned(),
    }
}
