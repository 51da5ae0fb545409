//! The `Retry-After` header (RFC 9110 section 10.2.3). Pure: the caller brings the time.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long the other side asks us to wait: seconds, or a date against `now` (a past date is no wait).
///
/// At most `cap`, so that a wrong clock or a hostile server cannot stop us for a year. `None` when the text is neither.
pub fn retry_after(value: &str, now: DateTime<Utc>, cap: Duration) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than 64 bits hold still mean "very long".
        return Some(value.parse().map_or(cap, Duration::from_secs).min(cap));
    }
    let date = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
    Some((date - now).to_std().unwrap_or(Duration::ZERO).min(cap))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const CAP: Duration = Duration::from_secs(3600);

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
    }

    #[test]
    fn seconds_and_dates_become_waits() {
        let cases = [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("99999999999999999999999999", Some(3600)),
            ("7200", Some(3600)),
            ("Sun, 01 Mar 2026 12:00:30 GMT", Some(30)),
            ("Sunday, 01-Mar-26 12:00:30 GMT", Some(30)),
            ("Sun Mar  1 12:00:30 2026", Some(30)),
            ("Sun, 01 Mar 2026 11:59:00 GMT", Some(0)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(text, noon(), CAP), expected.map(Duration::from_secs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_or_passes_the_cap(text in ".*") {
            prop_assert!(retry_after(&text, noon(), CAP).is_none_or(|wait| wait <= CAP));
        }
    }
}
