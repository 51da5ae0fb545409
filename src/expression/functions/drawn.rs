//! Functions that draw, each call from a seed of its own: see [`Draw`](crate::expression::Draw).

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngCore, SeedableRng};

use super::row::{constant_number, example, function, optional, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::{Halt, Reason};
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, Prepared};

use ValueType::{Integer, Text};

const DIGITS: &str = "0123456789";
const SPECIAL: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";

/// The longest text that can be asked for.
const MAX_LENGTH: usize = 256;

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "Guid",
        &[],
        Text,
        guid,
        "A random UUID of version 4. Map it only when an object is created.",
        &[example("Guid()", "{}", "~^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")],
    ),
    Function {
        prepare: Some(check_sizes),
        ..function(
            "RandomString",
            &[
                required("length", Integer),
                required("minNumbers", Integer),
                required("minSpecial", Integer),
                required("minCapital", Integer),
                required("minLower", Integer),
                optional("charactersToAvoid", Text),
            ],
            Text,
            string,
            "Random characters, with at least so many of each class. Map it only when an object is created.",
            &[example(r#"Redact(RandomString(16, 2, 0, 2, 2, "0O1lI"))"#, "{}", "~^[2-9A-HJ-NP-Za-km-z]{16}$")],
        )
    },
];

fn guid<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let mut bytes = [0; 16];
    StdRng::from_seed(arguments.seed()).fill_bytes(&mut bytes);
    let guid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Ok(Some(Operand::text(guid.hyphenated().to_string())))
}

fn string<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let avoid = arguments.text(5)?.unwrap_or_default();
    let length = size(arguments, 0)?;
    let mut generator = StdRng::from_seed(arguments.seed());
    let mut drawn = Vec::with_capacity(length);
    let mut filler: Vec<char> = Vec::new();
    for (index, class) in [(1, DIGITS), (2, SPECIAL), (3, CAPITALS), (4, SMALL)] {
        let minimum = size(arguments, index)?;
        let class: Vec<char> = class.chars().filter(|&character| !avoid.contains(character)).collect();
        for _ in 0..minimum {
            let character = class.choose(&mut generator);
            drawn.push(*character.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(5))))?);
        }
        if minimum > 0 {
            filler.extend(class);
        }
    }
    if drawn.len() > length {
        return Err(arguments.fail(Reason::OutOfRange(arguments.name(0))));
    }
    if drawn.is_empty() {
        filler.extend([DIGITS, SMALL].concat().chars().filter(|&character| !avoid.contains(character)));
    }
    while drawn.len() < length {
        let character = filler.choose(&mut generator);
        drawn.push(*character.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(5))))?);
    }
    drawn.shuffle(&mut generator);
    Ok(Some(Operand::text(drawn.into_iter().collect::<String>())))
}

/// Refuses constant sizes of which no text can be drawn.
fn check_sizes(arguments: &[Option<Node>], position: usize) -> Result<Prepared, ParseError> {
    let mut least = 0;
    for index in 0..=4 {
        let Some((number, position)) = constant_number(arguments, index) else { continue };
        if !(0..=MAX_LENGTH as i64).contains(&number) {
            return Err(ParseError::new(position, format!("a number from 0 to {MAX_LENGTH}"), format!("`{number}`")));
        }
        least += if index > 0 { number } else { 0 };
    }
    match constant_number(arguments, 0) {
        Some((length, _)) if least > length => {
            let expected = format!("a `length` of at least {least}, which the other numbers add up to");
            Err(ParseError::new(position, expected, format!("`{length}`")))
        }
        _ => Ok(Prepared::Nothing),
    }
}

fn size(arguments: &Arguments<'_, '_>, index: usize) -> Result<usize, Halt> {
    let number = usize::try_from(arguments.number(index)?).ok().filter(|&number| number <= MAX_LENGTH);
    number.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(index))))
}
