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

/// How long until a rate limit starts anew, by the value of a `…-Reset` header.
///
/// Seconds from now, or seconds or milliseconds since 1970: no standard says which, and a number that cannot be a wait
/// is a time. At most `cap`.
pub fn rate_limit_reset(value: &str, now: DateTime<Utc>, cap: Duration) -> Option<Duration> {
    const FIRST_TIME: f64 = 1e9;
    const FIRST_IN_MILLISECONDS: f64 = 1e11;
    let number: f64 = value.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
    let seconds = if number < FIRST_TIME {
        number
    } else {
        let time = if number < FIRST_IN_MILLISECONDS { number } else { number / 1000.0 };
        time - now.timestamp_millis() as f64 / 1000.0
    };
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(cap).min(cap))
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

    #[test]
    fn resets_are_waits_or_times() {
        let at = noon().timestamp() + 30;
        let cases = [
            ("17", Some(17.0)),
            ("0.5", Some(0.5)),
            (&at.to_string(), Some(30.0)),
            (&(at * 1000).to_string(), Some(30.0)),
            ("1000000000", Some(0.0)),
            ("7200", Some(3600.0)),
            ("-1", None),
            ("inf", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(rate_limit_reset(text, noon(), CAP), expected.map(Duration::from_secs_f64), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_reset_panics_or_passes_the_cap(text in ".*", number: f64) {
            for text in [text, number.to_string()] {
                prop_assert!(rate_limit_reset(&text, noon(), CAP).is_none_or(|wait| wait <= CAP));
            }
        }

        #[test]
        fn no_text_panics_or_passes_the_cap(text in ".*") {
            prop_assert!(retry_after(&text, noon(), CAP).is_none_or(|wait| wait <= CAP));
        }
    }
}
