//! Times and durations as the API writes them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

/// What stands for a time that is not known, where there has to be one.
pub(in crate::api) const NEVER: &str = "0001-01-01T00:00:00Z";

/// ISO 8601, UTC, to the microsecond at most: `2026-02-11T08:40:02.447190Z`.
pub(in crate::api) fn time(time: DateTime<Utc>) -> String {
    time.trunc_subsecs(6).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// [`time`], or [`NEVER`].
pub(in crate::api) fn time_or_never(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| NEVER.to_owned(), time)
}

/// ISO 8601, in hours, minutes and seconds: `PT40M`, `PT1H30M`, `PT0S`. What is less than a second is left out.
pub(in crate::api) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, 'H'), (seconds % 3600 / 60, 'M'), (seconds % 60, 'S')];
    let parts: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if parts.is_empty() { "PT0S".to_owned() } else { format!("PT{parts}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_times_are_those_of_the_contract() {
        for (seconds, expected) in
            [(2400, "PT40M"), (60, "PT1M"), (5400, "PT1H30M"), (0, "PT0S"), (90_061, "PT25H1M1S")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(duration(Duration::from_millis(1_500)), "PT1S");
        let at = DateTime::from_timestamp(1_770_800_402, 447_190_123).unwrap();
        assert_eq!(time(at), "2026-02-11T09:00:02.447190Z");
        assert_eq!(time(DateTime::from_timestamp(1_770_800_402, 0).unwrap()), "2026-02-11T09:00:02Z");
        assert_eq!(time_or_never(None), NEVER);
    }
}
