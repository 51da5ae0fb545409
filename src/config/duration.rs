//! Durations as a person writes them: `30s`, `5m`, `1h30m`, `1d`.
//!
//! A number without a unit is refused: nobody can tell seconds from minutes.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// The units, largest first: each may stand once, in this order.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Ten years: what is longer is a slip, and cannot overflow a point in time.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A duration in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrittenDuration(pub(super) Duration);

/// A duration in the shortest form that [`parse`] reads.
pub(super) fn print(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, milliseconds) in UNITS {
        let count = rest / u128::from(milliseconds);
        rest %= u128::from(milliseconds);
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// The duration that a text such as `1h30m` says; `None` when it is none, or longer than ten years.
pub fn parse(text: &str) -> Option<Duration> {
    let mut units = UNITS.iter();
    let mut rest = text.trim();
    let mut total = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, next) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(*milliseconds)?)?;
        rest = next;
    }
    let duration = Duration::from_millis(total);
    (duration <= LONGEST).then_some(duration)
}

impl<'de> Deserialize<'de> for WrittenDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DurationVisitor)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = WrittenDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit such as `30s`, `5m`, `1h30m` or `1d`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WrittenDuration, E> {
        parse(text).map(WrittenDuration).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_need_units_in_falling_order() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1d", 86_400_000),
            (" 40m ", 2_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "1m1h", "1m1m", "-5s", "1.5h", "5 s", "99999999999999999999d", "99999999999d", "5m3"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(milliseconds in 0..=LONGEST.as_millis() as u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&print(duration)), Some(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            let _ = parse(&text);
        }
    }
}
