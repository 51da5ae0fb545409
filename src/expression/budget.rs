//! How much one evaluation may do. Counted, not timed, so that the same input always ends the same.

use std::cell::Cell;

/// Steps of one evaluation: a part of the expression is one, 64 bytes of a text that is read or made are one, and a
/// search costs what it reads.
pub const MAX_STEPS: usize = 2_000_000;

/// Bytes of a text that count as one step.
const BYTES_PER_STEP: usize = 64;

/// The steps that are left.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MAX_STEPS))
    }
}

impl Budget {
    /// Takes so many steps; false when there are not as many left.
    pub(super) fn spend(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Takes the steps of a text of so many bytes.
    pub(super) fn spend_bytes(&self, bytes: usize) -> bool {
        self.spend(bytes / BYTES_PER_STEP)
    }

    /// How many were taken.
    #[cfg(test)]
    pub(super) fn spent(&self) -> usize {
        MAX_STEPS - self.0.get()
    }
}
