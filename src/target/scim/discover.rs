//! Asking a target what it can do (RFC 7644 section 4), now and then.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ScimTarget;
use super::settings::ScimSettings;
use crate::scim::urn;
use crate::target::profile::Discovered;
use crate::target::{Profile, TargetError};

/// Targets are upgraded now and then, and not more often.
const GOOD_FOR: Duration = Duration::from_secs(6 * 3600);

/// When the target was asked last.
#[derive(Default)]
pub(super) struct Discovery {
    /// Held while the target is asked, so that several jobs of an application ask once.
    asked_at: Mutex<Option<Instant>>,
}

impl ScimSettings {
    /// What is known before the target says anything, the operator's own word left aside.
    pub(super) fn preset(&self) -> Profile {
        match self.profile.preset {
            Some(preset) => Profile::default().with(&preset.overrides()),
            None => Profile::default(),
        }
    }
}

impl ScimTarget {
    /// Asks the target what it can do, unless it was asked within the last hours. A target that does not say, says
    /// nonsense or does not let us see it keeps the preset; only one that does not answer is an error.
    pub async fn discover(&self) -> Result<(), TargetError> {
        let mut asked_at = self.shared.discovery.asked_at.lock().await;
        if asked_at.is_some_and(|asked_at| asked_at.elapsed() < GOOD_FOR) {
            return Ok(());
        }
        let said = Discovered {
            config: match self.document(urn::SERVICE_PROVIDER_CONFIG_ENDPOINT).await? {
                Some(config) => config,
                // Its name in SCIM 1.1, which some targets kept.
                None => self.document("ServiceProviderConfigs").await?.unwrap_or_default(),
            },
            resource_types: self.further_document(urn::RESOURCE_TYPES).await?,
            schemas: self.further_document(urn::SCHEMAS).await?,
        };
        let settings = &self.shared.settings;
        let profile = settings.preset().discovered(&said, self.shared.client.base()).with(&settings.profile);
        self.learn(|known| {
            let has_hidden_members = !known.members_readable && settings.profile.members_readable.is_none();
            *known = profile;
            // What was learned from a group that did not show its members may cost others theirs if it is forgotten.
            known.members_readable &= !has_hidden_members;
        });
        *asked_at = Some(Instant::now());
        Ok(())
    }

    /// A document that a target can do without, even if it breaks off over it.
    async fn further_document(&self, name: &str) -> Result<Value, TargetError> {
        match self.document(name).await {
            Err(TargetError::NoAnswer { .. }) => Ok(Value::Null),
            document => Ok(document?.unwrap_or_default()),
        }
    }

    /// A discovery document; `None` where there is none that we may see and can read.
    async fn document(&self, name: &str) -> Result<Option<Value>, TargetError> {
        let request = self.query(name, &[])?;
        let answer = self.shared.client.send(&request).await?;
        let document = answer.status.is_success().then(|| serde_json::from_slice::<Value>(&answer.body).ok()).flatten();
        Ok(document.filter(|document| document.is_object() || document.is_array()))
    }
}
