//! Asking a target what it can do (RFC 7644 section 4), now and then.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ScimTarget;
use crate::scim::urn;
use crate::target::profile::Discovered;
use crate::target::{Profile, TargetError};

/// Targets are upgraded now and then, and not more often.
const GOOD_FOR: Duration = Duration::from_secs(6 * 3600);

/// What the target has said of itself.
#[derive(Default)]
pub(super) struct Discovery {
    /// Held while the target is asked, so that several jobs of an application ask once.
    state: Mutex<State>,
}

/// The documents, `None` until there was an answer to the question; and when all of them were answered last.
#[derive(Default)]
struct State {
    config: Option<Value>,
    resource_types: Option<Value>,
    schemas: Option<Value>,
    asked_at: Option<Instant>,
}

/// What came of asking for one document.
enum Said {
    Document(Value),
    /// The target has no such document.
    NotOffered,
    /// We may not see it, or cannot read it.
    Unclear,
    /// Somebody who asks later may be answered.
    Failed(TargetError),
}

impl ScimTarget {
    /// Asks the target what it can do, unless it was asked within the last hours. A target that does not say, says
    /// nonsense or does not let us see it keeps the profile it has.
    ///
    /// # Errors
    /// When the target fails to answer about what it never told before, or offers none of the documents and no users
    /// either. What it told before counts until it answers again, and it is asked again every time.
    pub async fn discover(&self) -> Result<(), TargetError> {
        let settings = &self.shared.settings;
        let mut state = self.shared.discovery.state.lock().await;
        let state = &mut *state;
        let is_fresh = state.asked_at.is_some_and(|asked_at| asked_at.elapsed() < GOOD_FOR);
        if is_fresh || settings.profile.discover == Some(false) {
            return Ok(());
        }
        let mut config = self.document(urn::SERVICE_PROVIDER_CONFIG_ENDPOINT).await;
        if matches!(config, Said::NotOffered) {
            // Its name in SCIM 1.1, which some targets kept.
            config = self.document("ServiceProviderConfigs").await;
        }
        let resource_types = self.document(urn::RESOURCE_TYPES).await;
        let schemas = self.document(urn::SCHEMAS).await;
        if [&config, &resource_types, &schemas].into_iter().all(|said| matches!(said, Said::NotOffered)) {
            // So does whatever else may stand at the address for a while, say a proxy: what the target told stays.
            self.probe().await?;
        }
        let mut complete = true;
        for (name, known, said) in [
            (urn::SERVICE_PROVIDER_CONFIG_ENDPOINT, &mut state.config, config),
            (urn::RESOURCE_TYPES, &mut state.resource_types, resource_types),
            (urn::SCHEMAS, &mut state.schemas, schemas),
        ] {
            complete &= self.note(name, known, said)?;
        }
        let told = |document: &Option<Value>| document.clone().unwrap_or_default();
        let said = Discovered {
            config: told(&state.config),
            resource_types: told(&state.resource_types),
            schemas: told(&state.schemas),
        };
        let profile =
            settings.profile.beforehand().discovered(&said, self.shared.client.base()).with(&settings.profile);
        self.learn(|known| {
            // What was learned from a group that did not show its members may cost others theirs if it is forgotten.
            let members_readable = profile.members_readable.or(known.members_readable);
            *known = Profile { members_readable, ..profile };
        });
        state.asked_at = complete.then(Instant::now);
        Ok(())
    }

    /// Remembers what was said of a document. False when the target is to be asked again soon.
    fn note(&self, name: &str, known: &mut Option<Value>, said: Said) -> Result<bool, TargetError> {
        match (said, known) {
            (Said::Document(document), known) => *known = Some(document),
            (Said::NotOffered, known) => *known = Some(Value::Null),
            (Said::Unclear, known) => drop(known.get_or_insert(Value::Null)),
            (Said::Failed(error), Some(_)) => {
                tracing::warn!(target.host = %self.shared.client.host(), document = name, %error, "what the target said before counts until it answers again");
                return Ok(false);
            }
            (Said::Failed(error), None) => {
                return Err(TargetError::Undiscovered { document: name.to_owned(), cause: Box::new(error) });
            }
        }
        Ok(true)
    }

    async fn document(&self, name: &str) -> Said {
        let request = match self.query(name, &[]) {
            Ok(request) => request,
            Err(error) => return Said::Failed(error),
        };
        let answer = match self.send(&request).await {
            Ok(answer) => answer,
            Err(error) => return Said::Failed(error),
        };
        match answer.status.as_u16() {
            200..=299 => match serde_json::from_slice::<Value>(&answer.body) {
                Ok(document) if document.is_object() || document.is_array() => Said::Document(document),
                _ => Said::Unclear,
            },
            401 | 403 | 407 => Said::Unclear,
            408 | 425 | 429 | 500 | 502..=599 => Said::Failed(self.shared.client.refusal(&request, &answer)),
            _ => Said::NotOffered,
        }
    }
}
