//! Attempts with growing pauses between them. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The first attempt after `now` of the series that begins at `began`: `first` after it, then each pause as long as the
/// series has lasted, up to `longest`. It depends on these alone, so that an attempt which somebody makes in between
/// neither brings the next one forward nor puts it off.
pub(super) fn next(began: DateTime<Utc>, first: Duration, longest: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let elapsed = (now - began).to_std().unwrap_or_default();
    // Not zero, else the series would stand still.
    let first = first.max(Duration::from_secs(1));
    let longest = longest.max(first);
    let mut offset = first;
    while offset <= elapsed && offset < longest {
        offset = offset.saturating_add(offset.min(longest));
    }
    if offset <= elapsed {
        // From here on every pause is the longest one.
        let pauses = (elapsed - offset).as_nanos() / longest.as_nanos() + 1;
        offset =
            u32::try_from(pauses).map_or(Duration::MAX, |pauses| offset.saturating_add(longest.saturating_mul(pauses)));
    }
    let pause = (offset - elapsed).min(longest);
    TimeDelta::from_std(pause).ok().and_then(|pause| now.checked_add_signed(pause)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
