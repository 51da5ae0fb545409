//! Creating one resource: a POST, sent at most once.

use super::address::{id_in, is_possible};
use super::answer::Purpose;
use super::{ScimTarget, dialect, json};
use crate::model::{ResourceId, ResourceKind};
use crate::scim::Resource;
use crate::target::TargetError;

impl ScimTarget {
    /// Creates a resource and returns the id it got. Sent at most once: after an error with
    /// [`Outcome::Unknown`](crate::target::Outcome::Unknown), look whether it is there.
    pub async fn create(&self, kind: &ResourceKind, resource: &Resource) -> Result<ResourceId, TargetError> {
        self.shared.protection.admit_create(resource)?;
        let profile = self.profile();
        let endpoint = profile.endpoint(kind);
        let body = match profile.dialect.text_booleans {
            true => json(&dialect::spelled(resource.clone(), &profile.dialect))?,
            false => json(resource)?,
        };
        let request = self.request(Purpose::Create, endpoint, &[], Some(body))?;
        let answer = self.shared.client.send(&request).await?;
        if !matches!(answer.status.as_u16(), 200..=202) {
            return Err(self.shared.client.refusal(&request, &answer));
        }
        let id = match answer.body.is_empty() {
            true => answer.location.as_deref().and_then(|to| id_in(to, self.shared.client.base(), endpoint)),
            false => {
                let echo = self.resource(&request, &answer)?;
                self.notice_members(kind, &echo);
                echo.id().map(ResourceId::new)
            }
        };
        id.filter(is_possible).ok_or_else(|| self.shared.client.unusable(&request, &answer, "without the id it gave"))
    }
}
