//! Why something that was asked for is not done.

use crate::store::StoreError;

/// Why not. The texts hold no secret and may be told to whoever asks.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nothing is called so.
    #[error("there is no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    /// The store says why: somebody else is at work, or the state does not allow it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
