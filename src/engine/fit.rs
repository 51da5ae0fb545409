//! Fits a job to its target: what the target does not have is not mapped. Pure.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::{
    engine::run::Job,
    model::TargetPath,
    sync_schema::{AttributeMapping, ObjectMapping},
    target::Profile,
};

/// The job without the attributes that the target says it lacks, under a schema version of its own, so that everything
/// is looked at again when the target has them one day. What objects are found by stays.
pub(super) fn fitted(job: Job, profile: &Profile) -> Job {
    let lacking = |mapping: &ObjectMapping, attribute: &AttributeMapping| {
        attribute.matching_priority.is_none() && profile.lacks(&mapping.target_kind, &attribute.target)
    };
    let left_out: Vec<TargetPath> = job
        .schema
        .mappings
        .iter()
        .flat_map(|mapping| mapping.attributes.iter().filter(|attribute| lacking(mapping, attribute)))
        .map(|attribute| attribute.path.clone())
        .collect();
    if left_out.is_empty() {
        return job;
    }
    tracing::info!(job.id = %job.id, attributes = ?left_out, "the target has no such attributes: they are not provisioned");
    let mut schema = job.schema.as_ref().clone();
    for mapping in &mut schema.mappings {
        let attributes = std::mem::take(&mut mapping.attributes);
        mapping.attributes = attributes.into_iter().filter(|attribute| !lacking(mapping, attribute)).collect();
    }
    let schema_version = version_without(job.schema_version, &left_out);
    Job { schema: Arc::new(schema), schema_version, ..job }
}

/// A version that depends on nothing but its parts: it is compared with what an earlier program stored.
fn version_without(schema_version: i64, left_out: &[TargetPath]) -> i64 {
    let mut digest = Sha256::new();
    digest.update(schema_version.to_be_bytes());
    for path in left_out {
        digest.update(path.as_str().len().to_be_bytes());
        digest.update(path.as_str());
    }
    let bytes: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    i64::from_be_bytes([a, b, c, d, e, f, g, h]) & i64::MAX
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use chrono::Utc;

    use super::*;
    use crate::{
        engine::{decide::tests::users, policy::Policy},
        model::JobId,
        sync_schema::Schema,
    };

    fn job() -> Job {
        Job {
            id: JobId::new("job"),
            application: "application".to_owned(),
            schema: Arc::new(Schema { version: "1".to_owned(), mappings: vec![users()] }),
            schema_version: 7,
            policy: Policy::default(),
            default_domain: None,
            full_read: Duration::from_secs(1),
            now: Utc::now,
        }
    }

    fn publishing(attributes: &[&str]) -> Profile {
        let attributes: BTreeSet<String> = attributes.iter().map(|name| name.to_ascii_lowercase()).collect();
        let schema = crate::scim::urn::USER.to_ascii_lowercase();
        Profile { attributes: [(schema, attributes)].into(), ..Profile::default() }
    }

    fn paths(job: &Job) -> Vec<&str> {
        job.schema.mappings[0].attributes.iter().map(|attribute| attribute.path.as_str()).collect()
    }

    #[test]
    fn only_what_the_target_lacks_is_left_out() {
        let whole = job();
        let same = fitted(job(), &Profile::default());
        assert_eq!((paths(&same), same.schema_version), (paths(&whole), 7));
        let little = fitted(job(), &publishing(&["active"]));
        assert!(paths(&little).contains(&"active"));
        assert!(paths(&little).len() < paths(&whole).len());
        let matching = whole.schema.mappings[0].matching().map(|attribute| attribute.path.as_str());
        for path in matching {
            assert!(paths(&little).contains(&path), "{path} is how objects are found");
        }
        assert_ne!(little.schema_version, 7);
        assert_eq!(little.schema_version, fitted(job(), &publishing(&["active"])).schema_version);
    }
}
