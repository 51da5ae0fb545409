//! What a person asks of a job as a whole, told to the store, which every process looks at.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Application, Control, ControlError, Declared};
use crate::model::{JobState, Reset, ResetScope};

/// Requests in flight end in this time, or their outcome is asked for later.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);

impl Control {
    /// Has the job go on from where it stands, at once; a quarantine is lifted.
    ///
    /// # Errors
    /// The store's.
    pub async fn start(&self, application: &Application, job: &Declared) -> Result<(), ControlError> {
        self.know(application, job).await?;
        Ok(self.store.start(&job.id).await?)
    }

    /// Asks the job to send nothing new from now on.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause(&self, application: &Application, job: &Declared) -> Result<JobState, ControlError> {
        self.know(application, job).await?;
        Ok(self.store.pause(&job.id).await?)
    }

    /// The same, and waits until nothing of it is in flight: true then, false when that takes long.
    ///
    /// # Errors
    /// The store's.
    pub async fn stand_still(&self, application: &Application, job: &Declared) -> Result<bool, ControlError> {
        let (began, patience) = (Instant::now(), PATIENCE + self.store.lease_length());
        let mut state = self.pause(application, job).await?;
        while state != JobState::Paused && began.elapsed() < patience {
            // Nobody runs it: whoever did has died.
            if let Ok(writer) = self.store.lock_job(&job.id, &application.name).await {
                self.store.under(&writer).settle_pause(&job.id, (self.now)()).await?;
            } else {
                sleep(LOOK).await;
            }
            state = self.store.standing(&job.id).await?.state;
        }
        Ok(state == JobState::Paused)
    }

    /// Has the job begin anew with what the scope names. A cycle under way ends first, by itself where that is soon.
    ///
    /// # Errors
    /// The store's: unsettled work keeps links from being dropped, and then the job may stand still.
    pub async fn restart(
        &self,
        application: &Application,
        job: &Declared,
        scope: &ResetScope,
    ) -> Result<(), ControlError> {
        self.know(application, job).await?;
        if !scope.resets(Reset::ConnectorDataStore) {
            // A cycle that ends by itself leaves no request behind whose outcome must be asked for.
            self.stand_still(application, job).await?;
        }
        Ok(self.store.restart(&job.id, scope, (self.now)()).await?)
    }

    /// What the store knows of a job may be changed by nobody but the process that drives it.
    async fn know(&self, application: &Application, job: &Declared) -> Result<(), ControlError> {
        if !self.store.knows_job(&job.id).await? {
            self.store.ensure_job(&job.id, &application.name, &job.target).await?;
        }
        Ok(())
    }
}
