//! How long the provisioning log is kept.

use chrono::TimeDelta;

use crate::{engine::run::Run, store::StoreError};

/// Pages deleted in one transaction: short ones, since cycles of other jobs wait for it.
const PAGES_AT_ONCE: u32 = 50;

/// Transactions in one cycle. What is left waits for the next: nothing depends on it.
const STEPS: u32 = 40;

/// Deletes lines of the log that are older than the job keeps them, the oldest first, in steps.
pub(super) async fn prune_log(run: &Run) -> Result<(), StoreError> {
    let keep = TimeDelta::from_std(run.job.policy.keep_log).unwrap_or(TimeDelta::MAX);
    let Some(before) = run.now().checked_sub_signed(keep) else { return Ok(()) };
    for _ in 0..STEPS {
        if run.store.prune_log(&run.job.id, before, PAGES_AT_ONCE).await? < PAGES_AT_ONCE as usize {
            break;
        }
    }
    Ok(())
}
