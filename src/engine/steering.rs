//! What people ask of a job while it runs or waits, by way of the store: whichever process they ask.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    model::{CycleId, JobId, Standing},
    store::{JobLock, Store},
};

/// How often the store is asked. A pause is to be felt within two seconds.
const LOOK: Duration = Duration::from_secs(1);

/// Cancels `stop` once the job is paused, the cycle cut off, or the lock lost. It looks until what it returns is dropped.
pub(super) fn stop_when_asked(
    store: &Store,
    writer: &Arc<JobLock>,
    job: &JobId,
    cycle: &CycleId,
    stop: &CancellationToken,
) -> DropGuard {
    let (store, job, cycle, stop) = (store.clone(), job.clone(), cycle.clone(), stop.clone());
    let writer = Arc::downgrade(writer);
    let over = CancellationToken::new();
    let watched = over.clone();
    tokio::spawn(async move {
        let asked = async {
            loop {
                tokio::time::sleep(LOOK).await;
                if !writer.upgrade().is_some_and(|writer| writer.is_held()) {
                    break;
                }
                // A store that does not answer now is asked again; without it the cycle ends by itself.
                if let Ok(false) = store.goes_on(&job, &cycle).await {
                    break;
                }
            }
        };
        if watched.run_until_cancelled(asked).await.is_some() {
            stop.cancel();
        }
    });
    over.drop_guard()
}

/// Returns once somebody asks for something else than what was known: to pause, to start, to begin anew.
pub(super) async fn asked(store: &Store, job: &JobId, known: &Standing) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Ok(standing) = store.standing(job).await
            && (standing.state, standing.starts) != (known.state, known.starts)
        {
            return;
        }
    }
}
