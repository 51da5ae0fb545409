//! Functions of dates. Everything is UTC; the clock is the one of the evaluation.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};

use super::row::{constant, example, function, optional, required};
use super::{Function, Parameter, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::date_format::{DateFormat, Moment, Styles, common_date};
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::{Halt, Reason};
use crate::expression::parser::ParseError;
use crate::expression::tree::{Node, Prepared};
use crate::model::Value;

use ValueType::{Integer, Text};

/// Seconds from 1601-01-01, where Windows file times begin, to 1970-01-01.
const FILE_TIME_EPOCH_SECONDS: i64 = 11_644_473_600;

/// Windows file times count units of 100 nanoseconds.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// What was written before there were styles.
const FORMER_FORMAT_DATE_TIME: &[Parameter] =
    &[required("source", Text), required("inputFormat", Text), required("outputFormat", Text)];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        prepare: Some(check_date),
        ..function(
            "CDate",
            &[required("expression", Text)],
            ValueType::DateTime,
            to_date,
            "The instant that a date in a common form names; without an offset it is UTC.",
            &[
                example("CDate([hireDate])", r#"{"hireDate": "2024-02-29"}"#, r#""2/29/2024 12:00:00 AM""#),
                example("CDate([start])", r#"{"start": "2024-12-31T22:30:00-05:00"}"#, r#""1/1/2025 3:30:00 AM""#),
            ],
        )
    },
    Function {
        prepare: Some(check_interval),
        ..function(
            "DateAdd",
            &[required("interval", Text), required("value", Integer), required("dateTime", ValueType::DateTime)],
            ValueType::DateTime,
            add,
            "The date moved by a number of intervals: yyyy, m, d, ww, h, n or s. Months end on their last day.",
            &[example(r#"DateAdd("m", 1, CDate("2024-01-31"))"#, "{}", r#""2/29/2024 12:00:00 AM""#)],
        )
    },
    Function {
        prepare: Some(check_interval),
        ..function(
            "DateDiff",
            &[
                required("interval", Text),
                required("date1", ValueType::DateTime),
                required("date2", ValueType::DateTime),
            ],
            Integer,
            difference,
            "How many intervals the second date lies after the first: elapsed ones for d, h, n and s, calendar ones for ww, m and yyyy.",
            &[example(r#"DateDiff("d", CDate("2024-02-28"), CDate([start]))"#, r#"{"start": "2024-03-01"}"#, r#""2""#)],
        )
    },
    function(
        "DateFromNum",
        &[required("value", Integer)],
        ValueType::DateTime,
        from_file_time,
        "The instant of a Windows file time.",
        &[example(
            "DateFromNum([accountExpires])",
            r#"{"accountExpires": "133801631990000000"}"#,
            r#""12/31/2024 11:59:59 PM""#,
        )],
    ),
    Function {
        prepare: Some(prepare_formats),
        former: Some(FORMER_FORMAT_DATE_TIME),
        ..function(
            "FormatDateTime",
            &[
                required("source", Text),
                optional("dateTimeStyles", Text),
                required("inputFormat", Text),
                required("outputFormat", Text),
            ],
            Text,
            format,
            "A date in one format written in another; the formats and styles are those of .NET.",
            &[
                example(
                    r#"FormatDateTime([hireDate], , "dd.MM.yyyy", "yyyy-MM-dd")"#,
                    r#"{"hireDate": "07.03.2024"}"#,
                    r#""2024-03-07""#,
                ),
                example(
                    r#"FormatDateTime([hireDate], "yyyyMMdd", "MMM d, yyyy")"#,
                    r#"{"hireDate": "20240307"}"#,
                    r#""Mar 7, 2024""#,
                ),
            ],
        )
    },
    function(
        "Now",
        &[],
        ValueType::DateTime,
        now,
        "The instant of the evaluation, the same for all mappings of an object.",
        &[example("Now()", "{}", r#""6/10/2024 3:04:05 PM""#)],
    ),
    function(
        "NumFromDate",
        &[required("value", ValueType::DateTime)],
        Integer,
        to_file_time,
        "The Windows file time of a date.",
        &[example("NumFromDate([start])", r#"{"start": "2024-01-01T00:00:00Z"}"#, r#""133485408000000000""#)],
    ),
];

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

impl Interval {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "yyyy" => Self::Year,
            "m" => Self::Month,
            "ww" => Self::Week,
            "d" => Self::Day,
            "h" => Self::Hour,
            "n" => Self::Minute,
            "s" => Self::Second,
            _ => return None,
        })
    }
}

fn now<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::Made(Value::DateTime(arguments.context().now))))
}

fn to_date<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::Made(Value::DateTime(instant(arguments, 0)?))))
}

fn add<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
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
    // .NET has the years 1 to 9999.
    match moved.filter(|moved| (1..=9999).contains(&moved.year())) {
        Some(moved) => Ok(Some(Operand::Made(Value::DateTime(moved)))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(1)))),
    }
}

fn difference<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let interval = interval(arguments)?;
    let (from, to) = (instant(arguments, 1)?, instant(arguments, 2)?);
    let elapsed = to.signed_duration_since(from);
    let count = match interval {
        Interval::Year => i64::from(to.year()) - i64::from(from.year()),
        Interval::Month => month_index(to) - month_index(from),
        Interval::Week => sunday(to).signed_duration_since(sunday(from)).num_weeks(),
        Interval::Day => elapsed.num_days(),
        Interval::Hour => elapsed.num_hours(),
        Interval::Minute => elapsed.num_minutes(),
        Interval::Second => elapsed.num_seconds(),
    };
    Ok(Some(Operand::integer(count)))
}

/// Zero and the greatest number mean "never" in Active Directory, which is no date.
fn from_file_time<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let ticks = arguments.number(0)?;
    let seconds = ticks.div_euclid(TICKS_PER_SECOND) - FILE_TIME_EPOCH_SECONDS;
    let nanoseconds = u32::try_from(ticks.rem_euclid(TICKS_PER_SECOND) * 100).unwrap_or(0);
    let instant = DateTime::from_timestamp(seconds, nanoseconds);
    match instant.filter(|instant| ticks > 0 && ticks < i64::MAX && instant.year() <= 9999) {
        Some(instant) => Ok(Some(Operand::Made(Value::DateTime(instant)))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(0)))),
    }
}

fn to_file_time<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let instant = instant(arguments, 0)?;
    let seconds = instant.timestamp() + FILE_TIME_EPOCH_SECONDS;
    let ticks = i64::from(instant.timestamp_subsec_nanos() / 100);
    match seconds.checked_mul(TICKS_PER_SECOND).and_then(|whole| whole.checked_add(ticks)) {
        Some(ticks) => Ok(Some(Operand::integer(ticks))),
        None => Err(arguments.fail(Reason::OutOfRange(arguments.name(0)))),
    }
}

/// The argument as an instant; null, empty and unreadable text are errors.
fn instant(arguments: &Arguments<'_, '_>, index: usize) -> Result<DateTime<Utc>, Halt> {
    let value = arguments.one(index)?.ok_or_else(|| arguments.fail(Reason::Missing(arguments.name(index))))?;
    if let Some(instant) = value.as_instant() {
        return Ok(instant);
    }
    let text = arguments.text_of(value, index)?;
    common_date(text.trim()).ok_or_else(|| arguments.fail(Reason::NotADate(arguments.name(index))))
}

fn interval(arguments: &Arguments<'_, '_>) -> Result<Interval, Halt> {
    let name = arguments.text(0)?.unwrap_or_default();
    Interval::named(&name).ok_or_else(|| arguments.fail(Reason::Unknown(arguments.name(0))))
}

fn check_interval(arguments: &[Option<Node>], _: usize) -> Result<Prepared, ParseError> {
    match constant(arguments, 0) {
        Some((name, position)) if Interval::named(name).is_none() => {
            Err(ParseError::new(position, "an interval: yyyy, m, d, ww, h, n or s", format!("`{name}`")))
        }
        _ => Ok(Prepared::Nothing),
    }
}

fn check_date(arguments: &[Option<Node>], _: usize) -> Result<Prepared, ParseError> {
    match constant(arguments, 0).and_then(|(text, position)| Some((ValueType::DateTime.refuses(text)?, position))) {
        Some((expected, position)) => Err(ParseError::new(position, expected, "another constant")),
        None => Ok(Prepared::Nothing),
    }
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

/// Where the styles and the formats of `FormatDateTime` stand.
fn slots(arguments: usize) -> (Option<usize>, [usize; 2]) {
    if arguments == FORMER_FORMAT_DATE_TIME.len() { (None, [1, 2]) } else { (Some(1), [2, 3]) }
}

/// Reads constant formats and styles.
fn prepare_formats(arguments: &[Option<Node>], _: usize) -> Result<Prepared, ParseError> {
    let (styles, formats) = slots(arguments.len());
    if let Some((names, position)) = styles.and_then(|index| constant(arguments, index))
        && Styles::read(names).is_none()
    {
        return Err(ParseError::new(position, "names of DateTimeStyles that go together", "another text"));
    }
    let mut prepared = [None, None];
    for (slot, index) in prepared.iter_mut().zip(formats) {
        let Some((text, position)) = constant(arguments, index) else { continue };
        let format = DateFormat::read(text);
        *slot = Some(format.map_err(|problem| {
            ParseError::new(position, format!("a date and time format of .NET ({problem})"), "another text")
        })?);
    }
    Ok(Prepared::DateFormats(prepared))
}

/// A value that is a date already is not read again.
fn format<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let (styles, [input, output]) = slots(arguments.len());
    let input_format = date_format(arguments, 0, input)?;
    let output_format = date_format(arguments, 1, output)?;
    let Some(value) = arguments.one(0)? else { return Ok(None) };
    let moment = match value.as_instant() {
        Some(instant) => Moment { instant, has_zone: true },
        None => {
            let text = arguments.text_of(value, 0)?;
            let names = styles.map(|index| arguments.text(index)).transpose()?.flatten();
            let styles = Styles::read(names.as_deref().unwrap_or_default());
            let styles = styles.ok_or_else(|| arguments.fail(Reason::Unknown("dateTimeStyles")))?;
            let moment = input_format.parse(&text, styles, arguments.context().now);
            moment.ok_or_else(|| arguments.fail(Reason::NotADate(arguments.name(0))))?
        }
    };
    Ok(Some(Operand::text(output_format.print(moment))))
}

fn date_format<'a>(
    arguments: &Arguments<'a, '_>,
    slot: usize,
    index: usize,
) -> Result<std::borrow::Cow<'a, DateFormat>, Halt> {
    if let Prepared::DateFormats(formats) = arguments.prepared()
        && let Some(format) = &formats[slot]
    {
        return Ok(std::borrow::Cow::Borrowed(format));
    }
    let text = arguments.text(index)?.ok_or_else(|| arguments.fail(Reason::Missing(arguments.name(index))))?;
    let format = DateFormat::read(&text).map_err(|_| arguments.fail(Reason::Unknown(arguments.name(index))))?;
    Ok(std::borrow::Cow::Owned(format))
}
