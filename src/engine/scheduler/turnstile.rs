//! Lets cycles begin when it is their turn: [`Turns`] with whoever waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::turns::{Bounds, Claim, Ticket, Turns};

/// Where the jobs of a process wait for each other.
#[derive(Clone, Debug)]
pub(super) struct Turnstile(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    turns: Turns,
    callers: HashMap<Ticket, oneshot::Sender<()>>,
}

/// The right to run a cycle, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turnstile: Turnstile,
    ticket: Ticket,
}

impl Turnstile {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Mutex::new(Queue { turns: Turns::new(bounds), callers: HashMap::new() })))
    }

    /// Waits for the claim's turn. Whoever drops the future has given it up.
    pub(super) async fn turn(&self, claim: Claim) -> Turn {
        let (call, called) = oneshot::channel();
        let turn = {
            let mut queue = self.queue();
            let ticket = queue.turns.enter(claim);
            queue.callers.insert(ticket, call);
            Turn { turnstile: self.clone(), ticket }
        };
        self.queue().call();
        // The sender is dropped with the turnstile alone, which this turn holds.
        let _ = called.await;
        turn
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn call(&mut self) {
        while let Some(ticket) = self.turns.grant() {
            if let Some(caller) = self.callers.remove(&ticket) {
                // Whoever does not listen any more gives up its turn by itself.
                let _ = caller.send(());
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turnstile.queue();
        queue.turns.leave(self.ticket);
        queue.callers.remove(&self.ticket);
        queue.call();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use futures::FutureExt;

    use super::*;
    use crate::engine::scheduler::turns::AskedBy;
    use crate::model::JobId;

    #[tokio::test]
    async fn a_turn_that_ends_or_is_given_up_is_the_next_ones() {
        let turnstile = Turnstile::new(Bounds { in_all: NonZeroUsize::MIN, per_application: NonZeroUsize::MIN });
        let turn = |job: &str| {
            turnstile.turn(Claim { job: JobId::new(job), application: "crm".to_owned(), by: AskedBy::Schedule })
        };
        let first = turn("a").now_or_never().expect("nobody stands in its way");
        let (mut second, mut third) = (Box::pin(turn("b")), Box::pin(turn("c")));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(first);
        // It was called, and gives up before it hears of it.
        drop(second);
        let third = third.now_or_never().expect("it is called");
        assert!(turn("d").now_or_never().is_none(), "one at a time");
        drop(third);
        assert!(turn("d").now_or_never().is_some());
    }
}
