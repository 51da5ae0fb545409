//! How long the provisioning log is kept, and the record of the cycles that wrote it.

use chrono::TimeDelta;

use crate::{engine::run::Run, store::StoreError};

/// Rows deleted in one transaction: short ones, since cycles of other jobs wait for it.
const ROWS_AT_ONCE: u32 = 50;

/// Transactions in one cycle. What is left waits for the next: nothing depends on it.
const STEPS: u32 = 40;

/// The guard compares with what there was when the day began.
const SHORTEST_RECORD: TimeDelta = TimeDelta::days(2);

/// Deletes lines of the log that are older than the job keeps them, and cycles that are as old, the oldest first, in
/// steps.
pub(super) async fn prune(run: &Run) -> Result<(), StoreError> {
    let keep = TimeDelta::from_std(run.job.policy.keep_log).unwrap_or(TimeDelta::MAX);
    if let Some(before) = run.now().checked_sub_signed(keep) {
        for _ in 0..STEPS {
            if run.store.prune_log(&run.job.id, before, ROWS_AT_ONCE).await? < ROWS_AT_ONCE as usize {
                break;
            }
        }
    }
    if let Some(before) = run.now().checked_sub_signed(keep.max(SHORTEST_RECORD)) {
        for _ in 0..STEPS {
            if run.store.prune_cycles(&run.job.id, before, ROWS_AT_ONCE).await? < ROWS_AT_ONCE as usize {
                break;
            }
        }
    }
    Ok(())
}
