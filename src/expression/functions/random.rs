//! Functions that draw, each call from a seed of its own: see [`Draw`](crate::expression::Draw).

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngCore, SeedableRng};

use crate::expression::eval::{Arguments, Evaluated, Halt, Reason};
use crate::model::Value;

const DIGITS: &str = "0123456789";
const SPECIAL: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";

/// The longest text that can be asked for.
const MAX_LENGTH: usize = 256;

pub(super) fn guid(arguments: &Arguments<'_>) -> Evaluated {
    let mut bytes = [0; 16];
    generator(arguments).fill_bytes(&mut bytes);
    let guid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Ok(Some(Value::text(guid.hyphenated().to_string())))
}

pub(super) fn string(arguments: &Arguments<'_>) -> Evaluated {
    let avoid = arguments.text(5)?.unwrap_or_default();
    let length = size(arguments, 0)?;
    let mut generator = generator(arguments);
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
    Ok(Some(Value::Text(drawn.into_iter().collect())))
}

fn size(arguments: &Arguments<'_>, index: usize) -> Result<usize, Halt> {
    let number = usize::try_from(arguments.number(index)?).ok().filter(|&number| number <= MAX_LENGTH);
    number.ok_or_else(|| arguments.fail(Reason::OutOfRange(arguments.name(index))))
}

fn generator(arguments: &Arguments<'_>) -> StdRng {
    StdRng::from_seed(arguments.context().draw.seed_at(arguments.position()))
}
