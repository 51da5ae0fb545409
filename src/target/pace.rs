//! How fast we send: so many requests at once, fewer after the target complained, none while it asked us to wait.
//!
//! It adapts by additive increase and multiplicative decrease. It knows nothing of what is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// An answer that takes this long, and several times as long as usual, says that the target is overloaded.
const SLOW: Duration = Duration::from_secs(2);
const TIMES_AS_LONG: u32 = 4;

/// The right to send, for all requests to one target.
pub(crate) struct Pace {
    slots: Semaphore,
    most: usize,
    /// Guards the numbers below; never held across an await.
    state: Mutex<State>,
}

struct State {
    /// How many requests may be under way.
    limit: usize,
    /// Slots that are still in use and no longer exist once they come back.
    surplus: usize,
    /// Counts decreases: of the requests that were under way together, only the first complaint counts.
    decreases: u64,
    successes: usize,
    /// How long answers took lately, the last few counting most.
    usual: Duration,
    paused_until: Instant,
}

/// One request under way; gives its slot back when dropped.
pub(crate) struct Slot<'a> {
    pace: &'a Pace,
    permit: Option<SemaphorePermit<'a>>,
    decreases: u64,
}

impl Pace {
    /// At most `concurrency` requests at once (at least one).
    pub(crate) fn new(concurrency: usize) -> Self {
        let most = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            slots: Semaphore::new(most),
            most,
            state: Mutex::new(State {
                limit: most,
                surplus: 0,
                decreases: 0,
                successes: 0,
                usual: Duration::ZERO,
                paused_until: Instant::now(),
            }),
        }
    }

    /// Waits until a request may be sent.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        // The semaphore is never closed, so this cannot fail; a slot without a permit would still be correct.
        let permit = self.slots.acquire().await.ok();
        loop {
            let until = self.state().paused_until;
            if until <= Instant::now() {
                break;
            }
            sleep_until(until).await;
        }
        let decreases = self.state().decreases;
        Slot { pace: self, permit, decreases }
    }

    /// Nobody sends for `wait`: the target asked for it.
    pub(crate) fn pause(&self, wait: Duration) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(Instant::now() + wait);
    }

    /// How many requests may be under way now.
    #[cfg(test)]
    pub(crate) fn limit(&self) -> usize {
        self.state().limit
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a handful of numbers, whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// The target answered in its normal way, after `took`. One more slot after as many successes as there are slots;
    /// an answer far slower than usual counts as a complaint.
    pub(crate) fn succeeded(&self, took: Duration) {
        let mut state = self.pace.state();
        let usual = state.usual;
        state.usual = if usual.is_zero() { took } else { (usual * 7 + took) / 8 };
        if took >= SLOW && took > usual * TIMES_AS_LONG && !usual.is_zero() {
            return self.decrease(&mut state);
        }
        state.successes += 1;
        if state.successes >= state.limit && state.limit < self.pace.most {
            state.successes = 0;
            state.limit += 1;
            match state.surplus.checked_sub(1) {
                Some(rest) => state.surplus = rest,
                None => self.pace.slots.add_permits(1),
            }
        }
    }

    /// The target complained: half as many requests from here on.
    pub(crate) fn throttled(&self) {
        self.decrease(&mut self.pace.state());
    }

    fn decrease(&self, state: &mut State) {
        if self.decreases != state.decreases {
            return;
        }
        state.decreases += 1;
        state.successes = 0;
        let fewer = state.limit.div_ceil(2);
        let dropped = state.limit - fewer;
        state.limit = fewer;
        state.surplus += dropped - self.pace.slots.forget_permits(dropped);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if let Some(rest) = state.surplus.checked_sub(1)
            && let Some(permit) = self.permit.take()
        {
            state.surplus = rest;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn only_so_many_requests_are_under_way() {
        let pace = Pace::new(2);
        let first = pace.slot().await;
        let _second = pace.slot().await;
        assert!(pace.slot().now_or_never().is_none());
        drop(first);
        assert!(pace.slot().now_or_never().is_some());
    }

    #[tokio::test]
    async fn complaints_of_one_burst_halve_once() {
        let pace = Pace::new(8);
        let burst = [pace.slot().await, pace.slot().await, pace.slot().await];
        burst.iter().for_each(Slot::throttled);
        assert_eq!(pace.limit(), 4);
        drop(burst);
        pace.slot().await.throttled();
        pace.slot().await.throttled();
        pace.slot().await.throttled();
        assert_eq!(pace.limit(), 1, "one request always goes");
        let only = pace.slot().await;
        assert!(pace.slot().now_or_never().is_none());
        drop(only);
        assert!(pace.slot().now_or_never().is_some());
    }

    #[tokio::test]
    async fn slots_in_use_vanish_when_they_come_back() {
        let pace = Pace::new(4);
        let mut used = vec![pace.slot().await, pace.slot().await, pace.slot().await, pace.slot().await];
        used[0].throttled();
        used.truncate(2);
        assert!(pace.slot().now_or_never().is_none(), "two are under way and two is the limit");
        used.clear();
        let _both = (pace.slot().await, pace.slot().await);
        assert!(pace.slot().now_or_never().is_none());
    }

    #[tokio::test]
    async fn successes_bring_the_slots_back_one_by_one_and_no_more() {
        let pace = Pace::new(4);
        pace.slot().await.throttled();
        assert_eq!(pace.limit(), 2);
        for expected in [2, 3, 3, 3, 4, 4] {
            pace.slot().await.succeeded(Duration::from_millis(1));
            assert_eq!(pace.limit(), expected);
        }
        for _ in 0..20 {
            pace.slot().await.succeeded(Duration::from_millis(1));
        }
        assert_eq!(pace.limit(), 4);
        assert_eq!(pace.slots.available_permits(), 4);
    }

    #[tokio::test]
    async fn answers_far_slower_than_usual_are_a_complaint() {
        let pace = Pace::new(8);
        pace.slot().await.succeeded(Duration::from_secs(5));
        assert_eq!(pace.limit(), 8, "nothing is usual yet");
        for _ in 0..60 {
            pace.slot().await.succeeded(Duration::from_millis(100));
        }
        pace.slot().await.succeeded(Duration::from_millis(1900));
        assert_eq!(pace.limit(), 8, "slower, but not slow");
        pace.slot().await.succeeded(Duration::from_secs(3));
        assert_eq!(pace.limit(), 4);
        for _ in 0..100 {
            pace.slot().await.succeeded(Duration::from_secs(3));
        }
        assert_eq!(pace.limit(), 8, "what lasts is usual");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_stops_everybody_until_it_is_over() {
        let pace = Pace::new(4);
        pace.pause(Duration::from_secs(30));
        pace.pause(Duration::from_secs(10));
        let before = Instant::now();
        let _slot = pace.slot().await;
        assert!(before.elapsed() >= Duration::from_secs(30));
    }
}
