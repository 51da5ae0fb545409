//! Formats row by row, and what is printed is read again.

use chrono::{TimeZone, Timelike};
use proptest::prelude::*;

use super::*;

const ROWS: &str = include_str!("../../../fixtures/expressions/date_formats.txt");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_718_031_845, 0).unwrap()
}

/// What a row comes to: the moment of its text in its format, in ISO 8601, or `NONE`.
fn read(format: &str, styles: &str, text: &str) -> String {
    let Ok(format) = DateFormat::read(format) else { return "INVALID".to_owned() };
    let Some(styles) = Styles::read(styles) else { return "INVALID".to_owned() };
    match format.parse(text, styles, now()) {
        Some(moment) => DateFormat::read("o").unwrap().print(moment),
        None => "NONE".to_owned(),
    }
}

#[test]
fn every_row_is_read_or_printed_as_written() {
    let mut failures = Vec::new();
    for (number, line) in ROWS.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(" :: ").collect();
        let (found, expected) = match cells[..] {
            ["read", format, styles, text, expected] => (read(format, styles.trim(), text), expected),
            ["print", format, instant, expected] => {
                let moment = Moment { instant: instant.parse().unwrap(), has_zone: true };
                let printed = DateFormat::read(format).map(|format| format.print(moment));
                (printed.unwrap_or("INVALID".to_owned()), expected)
            }
            ["common", text, expected] => {
                let date = common_date(text).map(|instant| Moment { instant, has_zone: true });
                let iso = DateFormat::read("s").unwrap();
                (date.map_or("NONE".to_owned(), |moment| iso.print(moment)), expected)
            }
            _ => panic!("line {}: `{line}`", number + 1),
        };
        if found != expected {
            failures.push(format!("line {}: {line} gives {found}", number + 1));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

proptest! {
    #[test]
    fn what_a_complete_format_prints_it_reads(
        seconds in -62_135_596_800_i64..253_402_300_799,
        ticks in 0_u32..10_000_000,
        format in prop_oneof![
            Just("o"),
            Just("yyyy-MM-dd HH:mm:ss.fffffff"),
            Just("dddd, d MMMM yyyy h:m:s.FFFFFFF tt"),
            Just("yyyyMMddHHmmssfffffff"),
            Just("ddd M/d/yyyy hh:mm:ss.fffffff t zzz"),
        ],
    ) {
        let instant = Utc.timestamp_opt(seconds, ticks * 100).unwrap();
        let format = DateFormat::read(format).unwrap();
        let printed = format.print(Moment { instant, has_zone: true });
        let read = format.parse(&printed, Styles::read("").unwrap(), now()).map(|moment| moment.instant);
        prop_assert_eq!(read, Some(instant), "{}", printed);
        prop_assert!(instant.nanosecond() < 1_000_000_000);
    }

    #[test]
    fn no_format_and_no_text_make_it_panic(
        format in r#"[yMdhHmsfFtgzK'"\\%/: .,a-z]{0,16}"#,
        text in r#"[0-9A-Za-z:/.,+ -]{0,24}|\PC{0,12}"#,
    ) {
        let _ = common_date(&text);
        let styles = Styles::read("AllowWhiteSpaces").unwrap();
        if let Ok(format) = DateFormat::read(&format)
            && let Some(moment) = format.parse(&text, styles, now())
        {
            let _ = format.print(moment);
        }
    }
}
