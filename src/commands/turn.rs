//! A turn at an application that another process drives.

use tokio_util::sync::CancellationToken;

use crate::store::{Lease, Store, StoreError};

/// Makes this process the driver of the application. A driver that is not busy gives way, and one that died is waited
/// for; `None` when a stop comes first.
///
/// # Errors
/// [`StoreError::Driven`] when the other process is busy with the application for longer than a lease.
pub(super) async fn take(
    store: &Store,
    application: &str,
    stop: &CancellationToken,
) -> Result<Option<Lease>, StoreError> {
    match store.drive(application).await {
        Err(StoreError::Driven { by, .. }) => {
            eprintln!("`{by}` drives the application `{application}`; it is asked for a turn")
        }
        driven => return driven.map(Some),
    }
    stop.run_until_cancelled(store.drive_in_turn(application)).await.transpose()
}
