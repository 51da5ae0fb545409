//! Whether anything may still be sent: asked before every request, and while one waits for its turn.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

/// Lets requests pass until it is closed, by a stop or because the sender lost the right to send. One that was sent
/// before is not called back.
#[derive(Clone, Default)]
pub struct Gate {
    stop: CancellationToken,
    /// The right to send; `None` where nobody can lose it.
    right: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl Gate {
    /// Open until `stop` is cancelled or `right` answers false, which is asked before every request.
    pub fn new(stop: CancellationToken, right: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { stop, right: Some(Arc::new(right)) }
    }

    /// What `wait` brought, if a request may be sent after it. A stop ends the wait.
    pub(super) async fn pass<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let waited = self.stop.run_until_cancelled(wait).await?;
        self.is_open().then_some(waited)
    }

    fn is_open(&self) -> bool {
        !self.stop.is_cancelled() && self.right.as_ref().is_none_or(|right| right())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
