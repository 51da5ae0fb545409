//! One request after the other for each resource: two changes of one resource must not overtake each other.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::{ResourceId, ResourceKind};

/// The resources that somebody is changing right now.
#[derive(Default)]
pub(crate) struct Lanes {
    /// Guards the set alone; never held across an await.
    taken: Mutex<HashSet<(ResourceKind, ResourceId)>>,
    freed: Notify,
}

/// The right to change one resource; gives it back when dropped.
pub(crate) struct Lane<'a> {
    lanes: &'a Lanes,
    key: (ResourceKind, ResourceId),
}

impl Lanes {
    /// Waits until nobody else changes this resource.
    pub(crate) async fn enter(&self, kind: &ResourceKind, id: &ResourceId) -> Lane<'_> {
        let key = (kind.clone(), id.clone());
        loop {
            // Asked for before looking: a lane that is freed in between is not missed.
            let freed = self.freed.notified();
            if self.taken().insert(key.clone()) {
                return Lane { lanes: self, key };
            }
            freed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<(ResourceKind, ResourceId)>> {
        // A set is whole after every call.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.lanes.taken().remove(&self.key);
        self.lanes.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_resource_has_one_lane_and_others_have_their_own() {
        let lanes = Lanes::default();
        let (users, groups) = (ResourceKind::new("Users"), ResourceKind::new("Groups"));
        let one = ResourceId::new("1");
        let lane = lanes.enter(&users, &one).await;
        assert!(lanes.enter(&users, &one).now_or_never().is_none());
        assert!(lanes.enter(&users, &ResourceId::new("2")).now_or_never().is_some());
        assert!(lanes.enter(&groups, &one).now_or_never().is_some());
        drop(lane);
        assert!(lanes.enter(&users, &one).now_or_never().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_waits_forever_and_no_two_are_inside() {
        let lanes = Arc::new(Lanes::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks = (0..50).map(|_| {
            let (lanes, inside) = (Arc::clone(&lanes), Arc::clone(&inside));
            tokio::spawn(async move {
                for _ in 0..20 {
                    let _lane = lanes.enter(&ResourceKind::new("Users"), &ResourceId::new("1")).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            })
        });
        for task in futures::future::join_all(tasks).await {
            task.unwrap();
        }
    }
}
