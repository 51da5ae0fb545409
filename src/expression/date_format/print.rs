//! A moment in a format.

use std::fmt::Write;

use chrono::{Datelike, Timelike};

use super::fields::{DateFormat, Field};
use super::{DAYS, MONTHS, Moment, SHORT};

impl DateFormat {
    pub(in crate::expression) fn print(&self, moment: Moment) -> String {
        let mut output = String::new();
        for field in &self.fields {
            // Writing to a text cannot fail.
            let _ = print(*field, moment, &mut output);
        }
        output
    }
}

fn print(field: Field, moment: Moment, output: &mut String) -> std::fmt::Result {
    let instant = moment.instant;
    let (is_afternoon, hour) = instant.hour12();
    match field {
        Field::Year(width @ (1 | 2)) => write!(output, "{:0width$}", instant.year() % 100),
        Field::Year(width) => write!(output, "{:0width$}", instant.year()),
        Field::Month(width) => write!(output, "{:0width$}", instant.month()),
        Field::MonthName { short } => output.write_str(name(&MONTHS, instant.month0() as usize, short)),
        Field::Day(width) => write!(output, "{:0width$}", instant.day()),
        Field::DayName { short } => {
            output.write_str(name(&DAYS, instant.weekday().num_days_from_monday() as usize, short))
        }
        Field::Hour12(width) => write!(output, "{hour:0width$}"),
        Field::Hour24(width) => write!(output, "{:0width$}", instant.hour()),
        Field::Minute(width) => write!(output, "{:0width$}", instant.minute()),
        Field::Second(width) => write!(output, "{:0width$}", instant.second()),
        Field::Fraction(digits) => output.write_str(first(&fraction(moment), digits)),
        Field::ShortFraction { digits, point } => {
            let fraction = fraction(moment);
            let written = first(&fraction, digits).trim_end_matches('0');
            let point = if point && !written.is_empty() { "." } else { "" };
            write!(output, "{point}{written}")
        }
        Field::Half { short } => {
            let half = if is_afternoon { "PM" } else { "AM" };
            output.write_str(if short { &half[..1] } else { half })
        }
        Field::Era => output.write_str("A.D."),
        Field::Offset(1) => output.write_str("+0"),
        Field::Offset(2) => output.write_str("+00"),
        Field::Offset(_) => output.write_str("+00:00"),
        Field::Zone => output.write_str(if moment.has_zone { "Z" } else { "" }),
        Field::Literal(letter) => output.write_char(letter),
    }
}

fn name(names: &[&'static str], index: usize, short: bool) -> &'static str {
    let name = names.get(index).copied().unwrap_or_default();
    if short { name.get(..SHORT).unwrap_or(name) } else { name }
}

/// Nine digits.
fn fraction(moment: Moment) -> String {
    // A leap second counts beyond its second.
    format!("{:09}", moment.instant.nanosecond() % 1_000_000_000)
}

fn first(digits: &str, count: usize) -> &str {
    digits.get(..count).unwrap_or(digits)
}
