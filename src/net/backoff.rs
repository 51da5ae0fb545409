//! How long to wait before the next attempt: exponential, with full jitter. Pure; the caller brings the randomness.

use std::time::Duration;

/// Waits grow from `first`, doubling, up to `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// The longest wait after `failures` failed attempts; the first failure counts as 1.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait after `failures` failed attempts: a uniform share of the ceiling, so that many clients which failed
    /// together do not return together. `random` is uniform in `0.0..1.0`; whatever lies outside is clamped.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let share = if random.is_nan() { 1.0 } else { random.clamp(0.0, 1.0) };
        let ceiling = self.ceiling(failures);
        Duration::try_from_secs_f64(ceiling.as_secs_f64() * share).unwrap_or(ceiling).min(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        (any::<u64>(), any::<u64>())
            .prop_map(|(first, cap)| Backoff { first: Duration::from_millis(first), cap: Duration::from_millis(cap) })
    }

    proptest! {
        #[test]
        fn a_wait_never_exceeds_the_cap(backoff in any_backoff(), failures: u32, random: f64) {
            prop_assert!(backoff.delay(failures, random) <= backoff.cap);
        }

        #[test]
        fn ceilings_never_shrink(backoff in any_backoff(), failures in 0u32..u32::MAX) {
            prop_assert!(backoff.ceiling(failures) <= backoff.ceiling(failures + 1));
        }
    }

    #[test]
    fn waits_double_until_the_cap() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(6) };
        let ceilings: Vec<u64> = (1..=5).map(|failures| backoff.ceiling(failures).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 6, 6]);
        assert_eq!(backoff.delay(3, 0.5), Duration::from_secs(2));
        assert_eq!(backoff.delay(3, 0.0), Duration::ZERO);
        assert_eq!(backoff.delay(3, f64::NAN), Duration::from_secs(4));
    }
}
