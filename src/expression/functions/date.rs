//! Functions of dates. Everything is UTC; the clock is the one of the evaluation.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::expression::eval::{Arguments, Evaluated, Halt, Reason};
use crate::model::Value;

/// Seconds from 1601-01-01, where Windows file times begin, to 1970-01-01.
const FILE_TIME_EPOCH_SECONDS: i64 = 11_644_473_600;

/// Windows file times count units of 100 nanoseconds.
const TICKS_PER_SECOND: i64 = 10_000_000;

#[derive(Clone, Copy)]
enum Interval {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

pub(super) fn now(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::DateTime(arguments.context().now)))
}

pub(super) fn to_date(arguments: &Arguments<'_>) -> Evaluated {
    Ok(Some(Value::DateTime(instant(arguments, 0)?)))
}

pub(super) fn add(arguments: &Arguments<'_>) -> Evaluated {
    let interval = interval(arguments)?;
    let count = arguments.number(1)?;
    let from = instant(arguments, 2)?;
    let seconds = |unit: i64| {
        let delta = count.checked_mul(unit).and_then(TimeDelta::try_seconds)?;
        from.checked_add_signed(delta)
    };
    let moved = match interval {
        Interval::Year => count.checked_mul(12).and_then(|months| moved_by_months(from, months)),
        Interval::Month => moved_by_months(from, count),
        Interval::Week => seconds(7 * 86_400),
        Interval::Day => seconds(86_400),
        Interval::Hour => seconds(3_600),
        Interval::Minute => seconds(60),
        Interval::Second => seconds(1),
    };
    match moved {
        Some(moved) => Ok(Some(Value::DateTime(moved))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(1)))),
    }
}

pub(super) fn difference(arguments: &Arguments<'_>) -> Evaluated {
    let interval = interval(arguments)?;
    let (from, to) = (instant(arguments, 1)?, instant(arguments, 2)?);
    let elapsed = to.signed_duration_since(from);
    let count = match interval {
        Interval::Year => i64::from(to.year() - from.year()),
        Interval::Month => month_index(to) - month_index(from),
        Interval::Week => sunday(to).signed_duration_since(sunday(from)).num_weeks(),
        Interval::Day => elapsed.num_days(),
        Interval::Hour => elapsed.num_hours(),
        Interval::Minute => elapsed.num_minutes(),
        Interval::Second => elapsed.num_seconds(),
    };
    Ok(Some(Value::Integer(count)))
}

/// Zero and the greatest number mean "never" in Active Directory, which is no date.
pub(super) fn from_file_time(arguments: &Arguments<'_>) -> Evaluated {
    let ticks = arguments.number(0)?;
    let seconds = ticks.div_euclid(TICKS_PER_SECOND) - FILE_TIME_EPOCH_SECONDS;
    let nanoseconds = u32::try_from(ticks.rem_euclid(TICKS_PER_SECOND) * 100).unwrap_or(0);
    match DateTime::from_timestamp(seconds, nanoseconds).filter(|_| ticks > 0 && ticks < i64::MAX) {
        Some(instant) => Ok(Some(Value::DateTime(instant))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(0)))),
    }
}

pub(super) fn to_file_time(arguments: &Arguments<'_>) -> Evaluated {
    let instant = instant(arguments, 0)?;
    let seconds = instant.timestamp() + FILE_TIME_EPOCH_SECONDS;
    let ticks = i64::from(instant.timestamp_subsec_nanos() / 100);
    match seconds.checked_mul(TICKS_PER_SECOND).and_then(|whole| whole.checked_add(ticks)) {
        Some(ticks) => Ok(Some(Value::Integer(ticks))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(0)))),
    }
}

/// The argument as an instant; null, empty and unreadable text are errors.
fn instant(arguments: &Arguments<'_>, index: usize) -> Result<DateTime<Utc>, Halt> {
    match arguments.one(index)? {
        None => Err(arguments.fail(Reason::Missing(arguments.name(index)))),
        Some(Value::DateTime(instant)) => Ok(instant),
        Some(value) => {
            let text = arguments.text_of(&value, index)?;
            parsed(text.trim()).ok_or_else(|| arguments.fail(Reason::NotADate(arguments.name(index))))
        }
    }
}

/// ISO 8601 with `T` or a blank, month/day/year, LDAP's generalized time; without an offset in UTC.
fn parsed(text: &str) -> Option<DateTime<Utc>> {
    const WITH_OFFSET: [&str; 6] = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
        "%Y%m%d%H%M%S%.f%#z",
    ];
    const WITHOUT_OFFSET: [&str; 9] = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M %p",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M",
        "%Y%m%d%H%M%S",
    ];
    let with_zone = match text.strip_suffix(['Z', 'z']) {
        Some(text) => std::borrow::Cow::Owned(format!("{text}+00:00")),
        None => std::borrow::Cow::Borrowed(text),
    };
    WITH_OFFSET
        .into_iter()
        .find_map(|format| DateTime::parse_from_str(&with_zone, format).ok())
        .map(|instant| instant.with_timezone(&Utc))
        .or_else(|| {
            let times = WITHOUT_OFFSET.into_iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
            times.or_else(|| date_only(text)).map(|time| time.and_utc())
        })
        .or_else(|| date_with_offset(text))
}

fn date_only(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%d", "%m/%d/%Y", "%Y%m%d"];
    formats.into_iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())?.and_hms_opt(0, 0, 0)
}

/// `2024-03-10+09:00`: midnight there.
fn date_with_offset(text: &str) -> Option<DateTime<Utc>> {
    let (date, offset) = text.split_at_checked(10)?;
    let midnight = format!("{date}T00:00:00{}", if offset == "Z" { "+00:00" } else { offset });
    DateTime::parse_from_str(&midnight, "%Y-%m-%dT%H:%M:%S%#z").ok().map(|instant| instant.with_timezone(&Utc))
}

fn interval(arguments: &Arguments<'_>) -> Result<Interval, Halt> {
    Ok(match arguments.text(0)?.unwrap_or_default().as_str() {
        "yyyy" => Interval::Year,
        "m" => Interval::Month,
        "ww" => Interval::Week,
        "d" => Interval::Day,
        "h" => Interval::Hour,
        "n" => Interval::Minute,
        "s" => Interval::Second,
        _ => return Err(arguments.fail(Reason::Unknown(arguments.name(0)))),
    })
}

/// A day that the month does not have becomes its last day.
fn moved_by_months(from: DateTime<Utc>, months: i64) -> Option<DateTime<Utc>> {
    let distance = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 { from.checked_sub_months(distance) } else { from.checked_add_months(distance) }
}

fn month_index(instant: DateTime<Utc>) -> i64 {
    i64::from(instant.year()) * 12 + i64::from(instant.month0())
}

/// The Sunday that begins the week of an instant.
fn sunday(instant: DateTime<Utc>) -> NaiveDate {
    let date = instant.date_naive();
    let back = Days::new(u64::from(date.weekday().num_days_from_sunday()));
    date.checked_sub_days(back).unwrap_or(date)
}
