//! When a job runs. Pure: time comes in as what has passed on a clock that nobody sets.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::JobId;

/// The longest pause between two attempts of a job that fails.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How often a job runs, and how far it stands aside for other jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the start of one cycle to the start of the next. A cycle that takes longer is followed by one more at once,
    /// however many there would have been.
    pub interval: Duration,
    /// The first cycle comes up to this much after the gateway's start, and all others keep their distance from it, so
    /// that jobs with one interval do not strike together.
    pub jitter: Duration,
}

impl Timing {
    /// From the start of the gateway to the first cycle: at most [`Timing::jitter`], and always the same for a job.
    pub fn first(&self, job: &JobId) -> Duration {
        let digest = Sha256::digest(job.as_str().as_bytes());
        let place = digest.iter().take(4).fold(0, |place, byte| place << 8 | u64::from(*byte));
        let nanoseconds = self.jitter.as_nanos() * u128::from(place) / u128::from(u32::MAX);
        // Not more than the jitter, so the conversion only fails for one of 500 years.
        u64::try_from(nanoseconds).map_or(self.jitter, Duration::from_nanos)
    }

    /// From now to the next cycle, when the last one began so long ago. Failures in a row double the interval, up to an
    /// hour.
    pub fn rest(&self, failures: u32, since_start: Duration) -> Duration {
        let doubled = self.interval.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let distance = if failures == 0 { self.interval } else { doubled.min(LONGEST_PAUSE.max(self.interval)) };
        distance.saturating_sub(since_start)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn every(interval: Duration) -> Timing {
        Timing { interval, jitter: Duration::ZERO }
    }

    #[test]
    fn failures_slow_a_job_down_and_success_restores_its_pace() {
        let minute = Duration::from_secs(60);
        let rest = |failures| every(minute).rest(failures, Duration::ZERO);
        assert_eq!((rest(0), rest(1), rest(4), rest(u32::MAX)), (minute, minute, minute * 8, LONGEST_PAUSE));
        let day = Duration::from_secs(86_400);
        assert_eq!(every(day).rest(9, Duration::ZERO), day);
    }

    #[test]
    fn jobs_with_one_interval_begin_apart() {
        let timing = Timing { interval: Duration::from_secs(60), jitter: Duration::from_secs(6) };
        let first = |number: u32| timing.first(&JobId::new(format!("job-{number}")));
        let seconds: BTreeSet<u64> = (0..100).map(|number| first(number).as_secs()).collect();
        assert_eq!(seconds, BTreeSet::from([0, 1, 2, 3, 4, 5]), "they spread over the whole jitter");
        assert_eq!(first(1), first(1));
    }

    proptest! {
        #[test]
        fn a_job_stands_aside_within_its_jitter(name in "\\PC{0,12}", jitter: u64, nanoseconds in 0..1_000_000_000_u32) {
            let timing = Timing { interval: Duration::ZERO, jitter: Duration::new(jitter, nanoseconds) };
            prop_assert!(timing.first(&JobId::new(name)) <= timing.jitter);
        }

        #[test]
        fn cycles_begin_an_interval_apart_or_at_once(interval: u32, failures: u32, passed: u64) {
            let (interval, passed) = (Duration::from_secs(interval.into()), Duration::from_secs(passed));
            let rest = every(interval).rest(failures, passed);
            prop_assert!(rest + passed >= interval && rest <= interval.max(LONGEST_PAUSE));
            prop_assert!(passed < interval.max(LONGEST_PAUSE) || rest.is_zero(), "what was missed waits no longer");
        }
    }
}
