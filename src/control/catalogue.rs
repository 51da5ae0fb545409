//! The applications and jobs that are declared, under the identifiers that the synchronization API knows them by.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{JobId, ObjectMappingId, TargetIdentity};
use crate::sync_schema::wire::SynchronizationSchema;
use crate::templates::{Template, Vocabulary};

/// Everything that is declared.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// In the order in which they were declared; names are unique.
    pub applications: Vec<Application>,
    /// What a job may be made from, in the order of their ids.
    pub templates: Vec<Template>,
}

/// An application and its jobs.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    pub identities: Identities,
    /// In the order in which they were declared.
    pub jobs: Vec<Declared>,
}

/// What the synchronization API calls an application by. They follow from the name, so they are the same in every process,
/// and after every restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identities {
    /// The id of the service principal: the application as this tenant has it.
    pub service_principal: Uuid,
    /// The id of the application object.
    pub application: Uuid,
    /// The id that both share.
    pub app_id: Uuid,
}

/// One job, as it was declared.
#[derive(Clone, Debug)]
pub struct Declared {
    pub id: JobId,
    /// The template that it was made from, if it was.
    pub template: Option<String>,
    /// What its source calls its attributes.
    pub vocabulary: Vocabulary,
    /// Its synchronization schema, as it was written.
    pub document: SynchronizationSchema,
    /// What each object mapping brings to what: `User to User`.
    pub mappings: BTreeMap<ObjectMappingId, String>,
    /// From the end of a cycle to the next.
    pub interval: Duration,
    /// More removals than this, in a cycle, wait for a person.
    pub most_removals: u64,
    pub target: TargetIdentity,
}

impl Identities {
    /// Of the application of this name, in this tenant.
    pub fn of(tenant: Uuid, name: &str) -> Self {
        let id = |what: &str| derived(&[tenant.as_bytes(), what.as_bytes(), b"\0", name.as_bytes()]);
        Self { service_principal: id("servicePrincipal"), application: id("application"), app_id: id("appId") }
    }
}

impl Catalogue {
    /// The job of this id, with its application.
    pub fn job(&self, id: &str) -> Option<(&Application, &Declared)> {
        self.applications.iter().find_map(|application| Some((application, application.job(id)?)))
    }
}

impl Application {
    pub fn job(&self, id: &str) -> Option<&Declared> {
        self.jobs.iter().find(|job| job.id.as_str() == id)
    }
}

/// A UUID of version 8 (RFC 9562 section 5.8): the beginning of the SHA-256 of what it stands for.
pub fn derived(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.finalize()).for_each(|(byte, from)| *byte = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_from_tenant_and_name_alone() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let of = Identities::of(one, "crm");
        assert_eq!(of, Identities::of(one, "crm"));
        let all = [of, Identities::of(one, "crn"), Identities::of(other, "crm")];
        let mut ids: Vec<Uuid> = all.iter().flat_map(|of| [of.service_principal, of.application, of.app_id]).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 9);
        assert!(ids.iter().all(|id| id.get_version_num() == 8));
        assert_eq!(of.service_principal.to_string(), Identities::of(one, "crm").service_principal.to_string());
    }
}
