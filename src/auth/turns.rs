//! Turns to compute a hash. It takes a core and a good deal of memory on purpose, and everybody who can send a request may
//! ask for it: so one is computed at a time, few wait for theirs, and a wrong password costs a pause.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

/// Those who wait or have their turn. More are sent away.
const PLACES: usize = 16;
/// How long nobody has a turn after a wrong password.
const PAUSE: Duration = Duration::from_millis(50);

/// The turns of one audience, so that nobody waits for what is tried on another one.
pub(super) struct Turns {
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Turns {
    /// Computes whether a password is right, on a thread of its own. `None` when too many wait already.
    pub(super) async fn verify(&self, verify: impl FnOnce() -> bool + Send + 'static) -> Option<bool> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        let (tell, told) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let right = verify();
            // The caller may have gone; the turn is over only now all the same.
            let _ = tell.send(right);
            if !right {
                std::thread::sleep(PAUSE);
            }
            drop((turn, place));
        });
        Some(told.await.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_is_computed_at_a_time_and_few_wait() {
        let turns = Arc::new(Turns::default());
        let (go, wait) = mpsc::channel::<()>();
        let first = turns.verify(move || wait.recv().is_ok());
        let running = Arc::new(AtomicUsize::new(0));
        let others = (1..PLACES).map(|_| {
            let running = Arc::clone(&running);
            turns.verify(move || {
                let alone = running.fetch_add(1, Ordering::SeqCst) == 0;
                running.fetch_sub(1, Ordering::SeqCst);
                alone
            })
        });
        let late = async {
            // Polled last: all places are taken, and nobody has had a turn but the first.
            assert_eq!(turns.verify(|| true).now_or_never(), Some(None));
            go.send(()).unwrap();
        };
        let (first, others, ()) = tokio::join!(biased; first, futures::future::join_all(others), late);
        assert_eq!(first, Some(true));
        assert!(others.iter().all(|right| *right == Some(true)), "{others:?}");
    }

    #[tokio::test]
    async fn who_goes_away_does_not_give_the_turn_to_two() {
        let turns = Arc::new(Turns::default());
        let (go, wait) = mpsc::channel::<()>();
        let gone = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.verify(move || wait.recv().is_ok()).await }
        });
        while turns.turn.available_permits() == 1 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.is_err());
        assert_eq!(turns.turn.available_permits(), 0);
        go.send(()).unwrap();
        assert_eq!(turns.verify(|| true).await, Some(true));
    }
}
