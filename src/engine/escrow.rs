//! When a failed object is tried again. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::series;
use crate::model::{Escrow, Failure, FailureClass};

/// When an object whose failure does not pass by itself is tried again, unless it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowRules {
    /// From the first failure to the first retry. Every further pause is as long as the object has failed …
    pub first_retry: Duration,
    /// … up to this.
    pub longest_pause: Duration,
    /// How long after the first failure the last retry may come. The object is abandoned then: visible, and due again
    /// only when it changes.
    pub give_up: Duration,
}

impl Default for EscrowRules {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        Self { first_retry: hours(6), longest_pause: hours(24), give_up: hours(28 * 24) }
    }
}

/// The next attempt after a failure at `now`; `None` gives up.
///
/// Passing causes are due in the next cycle; object errors by the rules: with the defaults 6, 12 and 24 hours after the
/// first failure and then daily, for 28 days.
pub fn next_attempt(
    failure: &Failure,
    former: Option<&Escrow>,
    rules: &EscrowRules,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let first = former.map_or(now, |escrow| escrow.first_failed_at);
    match failure.class {
        FailureClass::Transient | FailureClass::Conflict | FailureClass::Outage | FailureClass::Resync => Some(now),
        FailureClass::Object | FailureClass::Credentials | FailureClass::Configuration => {
            let next = series::next(first, rules.first_retry, rules.longest_pause, now);
            let last = TimeDelta::from_std(rules.give_up).ok().and_then(|give_up| first.checked_add_signed(give_up));
            last.is_none_or(|last| next <= last).then_some(next)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ObjectKey, ObjectMappingId};

    fn failure(class: FailureClass) -> Failure {
        Failure { class, code: "x".into(), message: "x".into() }
    }

    fn escrow(first_failed_at: DateTime<Utc>) -> Escrow {
        Escrow {
            key: ObjectKey { mapping: ObjectMappingId::new("m"), anchor: "a".into() },
            failure: failure(FailureClass::Object),
            attempts: 1,
            first_failed_at,
            next_attempt_at: None,
        }
    }

    #[test]
    fn object_errors_follow_the_schedule_and_are_given_up() {
        let first = DateTime::UNIX_EPOCH;
        let at = |hours| first + TimeDelta::hours(hours);
        for (now, expected) in [
            (0, Some(6)),
            (6, Some(12)),
            (12, Some(24)),
            (24, Some(48)),
            (49, Some(72)),
            (27 * 24, Some(28 * 24)),
            (28 * 24, None),
        ] {
            let next =
                next_attempt(&failure(FailureClass::Object), Some(&escrow(first)), &EscrowRules::default(), at(now));
            assert_eq!(next, expected.map(at), "after {now} h");
        }
    }

    proptest! {
        #[test]
        fn the_next_attempt_never_lies_in_the_past(
            seconds in -1_000_000i64..10_000_000, first_retry: u64, longest_pause: u64, give_up in 0u64..10_000_000,
        ) {
            let first = DateTime::UNIX_EPOCH;
            let now = first + TimeDelta::seconds(seconds);
            let rules = EscrowRules {
                first_retry: Duration::from_secs(first_retry),
                longest_pause: Duration::from_secs(longest_pause),
                give_up: Duration::from_secs(give_up),
            };
            prop_assert_eq!(next_attempt(&failure(FailureClass::Transient), Some(&escrow(first)), &rules, now), Some(now));
            if let Some(next) = next_attempt(&failure(FailureClass::Object), Some(&escrow(first)), &rules, now) {
                prop_assert!(next > now && next <= first + TimeDelta::seconds(give_up as i64));
            }
        }
    }
}
