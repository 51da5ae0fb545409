//! How often somebody may ask: a bucket of tokens for each, which fills with time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many are remembered; then those whose bucket is full again are forgotten.
const MOST_REMEMBERED: usize = 10_000;

/// A limit that everybody has for themselves.
pub(super) struct Rate<K> {
    /// Requests a second, once a burst of as many as a second's worth is used up.
    per_second: u32,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Requests that may be sent at once.
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rate<K> {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Counts one request of somebody.
    ///
    /// # Errors
    /// How long to wait before the next, where this one is too many.
    pub(super) fn take(&self, who: K, now: Instant) -> Result<(), Duration> {
        let full = f64::from(self.per_second);
        let filled =
            |bucket: &Bucket| (bucket.left + now.saturating_duration_since(bucket.at).as_secs_f64() * full).min(full);
        // Numbers alone are kept: what a panic left is as good as before.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_REMEMBERED && !buckets.contains_key(&who) {
            buckets.retain(|_, bucket| filled(bucket) < full);
            if buckets.len() >= MOST_REMEMBERED {
                // So many strangers at once are nobody who could be told apart.
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = buckets.entry(who).or_insert(Bucket { left: full, at: now });
        let left = filled(bucket);
        *bucket = Bucket { left: if left < 1.0 { left } else { left - 1.0 }, at: now };
        if left < 1.0 { Err(Duration::from_secs_f64((1.0 - left) / full)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_burst_and_then_their_pace() {
        let (rate, start) = (Rate::new(10), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert!((0..10).all(|_| rate.take("one", at(0)).is_ok()));
        let wait = rate.take("one", at(0)).unwrap_err();
        assert!((99..=101).contains(&wait.as_millis()), "{wait:?}");
        assert!(rate.take("two", at(0)).is_ok(), "others are not held up");
        assert!(rate.take("one", at(101)).is_ok() && rate.take("one", at(102)).is_err());
        let all = (0..1_000).filter(|step| rate.take("one", at(200 + step * 10)).is_ok()).count();
        assert!((99..=102).contains(&all), "ten seconds at ten a second: {all}");
    }

    #[test]
    fn strangers_fill_no_memory() {
        let (rate, start) = (Rate::new(10), Instant::now());
        let refused = (0..20_000_u32).filter(|who| rate.take(*who, start).is_err()).count();
        assert_eq!(refused, 10_000);
        assert!(rate.take(99_999, start + Duration::from_secs(1)).is_ok(), "they are forgotten when they are quiet");
        assert_eq!(rate.buckets.lock().unwrap().len(), 1);
    }
}
