//! A text in a format to a moment. Strict: a text that does not follow the format, names a day that does not exist or
//! contradicts itself is none.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::fields::{DateFormat, Field};
use super::{DAYS, MONTHS, Moment, SHORT, Styles};

/// Two digits are a year of 1950 to 2049.
const CENTURY_TURN: i32 = 50;

/// What the fields of a text said. Each may be said twice, if it is the same.
#[derive(Default)]
struct Said {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    weekday: Option<usize>,
    hour12: Option<u32>,
    hour24: Option<u32>,
    minute: Option<u32>,
    second: Option<u32>,
    nanoseconds: Option<u32>,
    is_afternoon: Option<bool>,
    /// Minutes east of UTC.
    offset: Option<i32>,
}

impl DateFormat {
    /// Reads a text. `now` says which day is meant where the format has none.
    pub(in crate::expression) fn parse(&self, text: &str, styles: Styles, now: DateTime<Utc>) -> Option<Moment> {
        let mut rest = text;
        if styles.leading_white {
            rest = rest.trim_start();
        }
        if styles.trailing_white {
            rest = rest.trim_end();
        }
        let mut said = Said::default();
        for field in &self.fields {
            if styles.inner_white && *field != Field::Literal(' ') {
                rest = rest.trim_start();
            }
            rest = said.read(field, rest, styles)?;
        }
        rest.is_empty().then(|| said.moment(styles, now))?
    }
}

impl Said {
    /// Reads one field; answers what is left of the text.
    fn read<'t>(&mut self, field: &Field, text: &'t str, styles: Styles) -> Option<&'t str> {
        match field {
            Field::Year(width) => {
                let most = match width {
                    1 | 2 => 2,
                    3 => 4,
                    width => *width,
                };
                let (digits, rest) = digits(text, *width, most)?;
                let year: i32 = digits.parse().ok()?;
                let full = if *width > 2 { year } else { year + if year < CENTURY_TURN { 2000 } else { 1900 } };
                set(&mut self.year, full).then_some(rest)
            }
            Field::Month(width) => number(&mut self.month, text, *width),
            Field::Day(width) => number(&mut self.day, text, *width),
            Field::Hour12(width) => number(&mut self.hour12, text, *width),
            Field::Hour24(width) => number(&mut self.hour24, text, *width),
            Field::Minute(width) => number(&mut self.minute, text, *width),
            Field::Second(width) => number(&mut self.second, text, *width),
            Field::MonthName { short } => {
                let (index, rest) = name(&MONTHS, text, *short)?;
                set(&mut self.month, u32::try_from(index + 1).ok()?).then_some(rest)
            }
            Field::DayName { short } => {
                let (index, rest) = name(&DAYS, text, *short)?;
                set(&mut self.weekday, index).then_some(rest)
            }
            Field::Fraction(width) => {
                let (digits, rest) = digits(text, *width, *width)?;
                set(&mut self.nanoseconds, nanoseconds(digits)).then_some(rest)
            }
            Field::ShortFraction { digits: most, point } => {
                let after = if *point { text.strip_prefix('.') } else { Some(text) };
                match after.and_then(|after| digits(after, 1, *most)) {
                    Some((digits, rest)) => set(&mut self.nanoseconds, nanoseconds(digits)).then_some(rest),
                    None => set(&mut self.nanoseconds, 0).then_some(text),
                }
            }
            Field::Half { short } => {
                let (half, rest) = text.split_at_checked(if *short { 1 } else { 2 })?;
                let wanted = if *short { ["A", "P"] } else { ["AM", "PM"] };
                let index = wanted.iter().position(|wanted| half.eq_ignore_ascii_case(wanted))?;
                set(&mut self.is_afternoon, index == 1).then_some(rest)
            }
            Field::Era => text.strip_prefix("A.D.").or_else(|| text.strip_prefix("AD")),
            Field::Offset(_) => self.offset(text),
            Field::Zone => match text.strip_prefix(['Z', 'z']) {
                Some(rest) => set(&mut self.offset, 0).then_some(rest),
                None if text.starts_with(['+', '-']) => self.offset(text),
                None => Some(text),
            },
            Field::Literal(' ') if styles.inner_white => Some(text.trim_start()),
            Field::Literal(letter) => text.strip_prefix(*letter),
        }
    }

    /// `+1`, `+01`, `+0100`, `+01:00`
    fn offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let sign = match text.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let (hours, mut rest) = digits(&text[1..], 1, 2)?;
        let mut minutes = "0";
        let after_colon = rest.strip_prefix(':').unwrap_or(rest);
        if let Some((found, behind)) = digits(after_colon, 2, 2) {
            (minutes, rest) = (found, behind);
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        // .NET: no zone is further away than this.
        (hours <= 14 && minutes < 60 && set(&mut self.offset, sign * (hours * 60 + minutes))).then_some(rest)
    }

    fn moment(self, styles: Styles, now: DateTime<Utc>) -> Option<Moment> {
        let today = now.date_naive();
        let first = NaiveDate::from_ymd_opt(1, 1, 1)?;
        let date = match (self.year, self.month, self.day) {
            (None, None, None) if styles.no_current_date => first,
            (None, None, None) => today,
            (year, month, day) => {
                NaiveDate::from_ymd_opt(year.unwrap_or(today.year()), month.unwrap_or(1), day.unwrap_or(1))?
            }
        };
        if !(1..=9999).contains(&date.year()) {
            return None;
        }
        if self.weekday.is_some_and(|said| said != date.weekday().num_days_from_monday() as usize) {
            return None;
        }
        let (minute, second) = (self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let time = NaiveTime::from_hms_nano_opt(self.hour()?, minute, second, self.nanoseconds.unwrap_or(0))?;
        let east = TimeDelta::minutes(i64::from(self.offset.unwrap_or(0)));
        let instant = date.and_time(time).and_utc().checked_sub_signed(east)?;
        Some(Moment { instant, has_zone: self.offset.is_some() || styles.assume_zone })
    }

    /// The hour of the day. One of twelve without its half is of the morning.
    fn hour(&self) -> Option<u32> {
        let hour = match (self.hour12, self.hour24) {
            (Some(hour), other) => {
                let of_half = (hour <= 12).then_some(hour % 12)?;
                let hour = of_half + if self.is_afternoon == Some(true) { 12 } else { 0 };
                other.is_none_or(|other| other == hour).then_some(hour)?
            }
            (None, Some(hour)) => {
                self.is_afternoon.is_none_or(|is_afternoon| is_afternoon == (hour >= 12)).then_some(hour)?
            }
            (None, None) if self.is_afternoon == Some(true) => 12,
            (None, None) => 0,
        };
        Some(hour)
    }
}

/// Says a value, unless another was said.
fn set<T: PartialEq + Copy>(slot: &mut Option<T>, value: T) -> bool {
    *slot.get_or_insert(value) == value
}

/// A number of one or two digits, or of exactly two.
fn number<'t>(slot: &mut Option<u32>, text: &'t str, width: usize) -> Option<&'t str> {
    let (digits, rest) = digits(text, width, 2)?;
    set(slot, digits.parse().ok()?).then_some(rest)
}

/// The digits that the text begins with, at least and at most so many.
fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (count >= least).then(|| text.split_at(count))
}

/// The full name, in any case, or its first letters.
fn name<'t>(names: &[&str], text: &'t str, short: bool) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if short { name.get(..SHORT)? } else { name };
        let (found, rest) = text.split_at_checked(name.len())?;
        found.eq_ignore_ascii_case(name).then_some((index, rest))
    })
}

/// Digits behind the point; those beyond nine are dropped.
fn nanoseconds(digits: &str) -> u32 {
    let digits: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    digits.parse().unwrap_or(0)
}
