//! What an operator may look at and ask for, once for everybody who asks: the command line and the management API.
//!
//! It knows what is declared ([`Catalogue`]), and the store; no HTTP, no command line, no file. What it returns is what
//! there is, not yet in the words of the synchronization API.

mod catalogue;
mod error;
mod jobs;
mod status;

pub use catalogue::{Application, Catalogue, Declared, Identities, derived};
pub use error::ControlError;
pub use status::{JobStatus, Schedule, StatusCode};

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::store::Store;

/// The front door. Copies share everything.
#[derive(Clone)]
pub struct Control {
    store: Store,
    catalogue: Arc<Catalogue>,
    now: fn() -> DateTime<Utc>,
}

impl Control {
    /// Of what is declared, with the state that this store keeps.
    pub fn new(store: Store, catalogue: Catalogue, now: fn() -> DateTime<Utc>) -> Self {
        Self { store, catalogue: Arc::new(catalogue), now }
    }

    /// What is declared.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Waits until others may drive what this process has driven: for the end of a program that drives nothing any more.
    pub async fn leave(&self) {
        self.store.settle_leases().await;
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn is_ready(&self) -> Result<(), ControlError> {
        // Any question will do; that nobody drives an application without a name is known.
        self.store.driver("").await?;
        Ok(())
    }
}
