//! When a failed object is tried again. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Escrow, Failure, FailureClass};

/// How long an object failure is retried before it is abandoned: visible, and due again only when the object changes.
pub const ABANDONED_AFTER: TimeDelta = TimeDelta::days(28);

/// The next attempt after a failure at `now`. Passing causes are due in the next cycle; object errors 6, 12 and 24
/// hours after the first failure and then daily, for 28 days. `None` gives up.
pub fn next_attempt(failure: &Failure, former: Option<&Escrow>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let first = former.map_or(now, |escrow| escrow.first_failed_at);
    match failure.class {
        FailureClass::Transient | FailureClass::Conflict | FailureClass::Outage | FailureClass::Resync => Some(now),
        FailureClass::Object | FailureClass::Credentials | FailureClass::Configuration => {
            let age = now - first;
            let steps = [TimeDelta::hours(6), TimeDelta::hours(12), TimeDelta::hours(24)];
            let next = steps
                .into_iter()
                .find(|step| *step > age)
                .unwrap_or_else(|| TimeDelta::days(age.num_days().saturating_add(1)));
            (next <= ABANDONED_AFTER).then(|| first + next)
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
            let next = next_attempt(&failure(FailureClass::Object), Some(&escrow(first)), at(now));
            assert_eq!(next, expected.map(at), "after {now} h");
        }
    }

    proptest! {
        #[test]
        fn the_next_attempt_never_lies_in_the_past(hours in 0i64..2000) {
            let first = DateTime::UNIX_EPOCH;
            let now = first + TimeDelta::hours(hours);
            for class in [FailureClass::Object, FailureClass::Transient] {
                if let Some(next) = next_attempt(&failure(class), Some(&escrow(first)), now) {
                    prop_assert!(next >= now && next <= first + ABANDONED_AFTER || class == FailureClass::Transient);
                }
            }
        }
    }
}
