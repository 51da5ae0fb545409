//! Fits a job to its target, where what the target does not have is not mapped, and to its source. Pure.

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    engine::{assignments, run::Job},
    model::{Reach, ResourceKind, TargetPath},
    sync_schema::{AttributeMapping, ObjectMapping, Schema},
    target::Profile,
};

/// An attribute of a job that its target lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The endpoint of its resources.
    pub kind: ResourceKind,
    pub path: TargetPath,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of /{}", self.path, self.kind)
    }
}

/// The attributes that the job maps and the target says it lacks, in the order of the schema. What objects are found by
/// is never among them.
pub fn left_out(schema: &Schema, profile: &Profile) -> Vec<LeftOut> {
    let mappings = schema.mappings.iter();
    let attributes = mappings.flat_map(|mapping| mapping.attributes.iter().map(move |attribute| (mapping, attribute)));
    let lacking = attributes.filter(|(mapping, attribute)| is_lacking(mapping, attribute, profile));
    let left_out =
        lacking.map(|(mapping, attribute)| LeftOut { kind: mapping.target_kind.clone(), path: attribute.path.clone() });
    left_out.collect()
}

/// The job without the attributes that the target says it lacks, under a schema version of its own, so that everything
/// is looked at again when the target has them one day.
pub(super) fn fitted(job: Job, left_out: &[LeftOut], profile: &Profile) -> Job {
    if left_out.is_empty() {
        return job;
    }
    let mut schema = job.schema.as_ref().clone();
    for mapping in &mut schema.mappings {
        let attributes = std::mem::take(&mut mapping.attributes);
        mapping.attributes =
            attributes.into_iter().filter(|attribute| !is_lacking(mapping, attribute, profile)).collect();
    }
    let schema_version = version_with(job.schema_version, left_out.iter().map(|attribute| attribute.path.as_str()));
    Job { schema: Arc::new(schema), schema_version, ..job }
}

fn is_lacking(mapping: &ObjectMapping, attribute: &AttributeMapping, profile: &Profile) -> bool {
    attribute.matching_priority.is_none() && profile.lacks(&mapping.target_kind, &attribute.target)
}

/// The job under a schema version of its own where expressions ask for this default domain, so that everything is looked
/// at again when it is another one.
pub(super) fn in_domain(job: Job, domain: Option<&str>) -> Job {
    match domain.filter(|_| job.schema.asks_for_default_domain()) {
        Some(domain) => Job { schema_version: version_with(job.schema_version, ["@", domain]), ..job },
        None => job,
    }
}

/// The job under a schema version of its own where only the assigned are provisioned, so that everything is looked at again
/// when that changes.
pub(super) fn in_scope(job: Job) -> Job {
    match assignments::word(job.policy.scope) {
        Some(word) => Job { schema_version: version_with(job.schema_version, ["scope", word]), ..job },
        None => job,
    }
}

/// The job under a schema version of its own where filters ask for members of groups in groups, too.
pub(super) fn reaching(job: Job) -> Job {
    match job.policy.is_member_of {
        Reach::Nested if job.schema.groups.is_some() => {
            Job { schema_version: version_with(job.schema_version, ["is_member_of", "nested"]), ..job }
        }
        Reach::Direct | Reach::Nested => job,
    }
}

/// A version that depends on nothing but its parts: it is compared with what an earlier program stored.
fn version_with<'a>(schema_version: i64, parts: impl IntoIterator<Item = &'a str>) -> i64 {
    let mut digest = Sha256::new();
    digest.update(schema_version.to_be_bytes());
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
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
        expression::Expression,
        model::JobId,
    };

    fn fitted(job: Job, profile: &Profile) -> Job {
        let left_out = left_out(&job.schema, profile);
        super::fitted(job, &left_out, profile)
    }

    fn job() -> Job {
        Job {
            id: JobId::new("job"),
            application: "application".to_owned(),
            schema: Arc::new(Schema { version: "1".to_owned(), mappings: vec![users()], groups: None }),
            schema_version: 7,
            policy: Policy::default(),
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
    fn another_default_domain_is_another_version_where_it_is_asked_for() {
        let version = |domain, expression: &str| {
            let mut mapping = users();
            mapping.attributes[0].expression = Some(Expression::parse(expression).unwrap());
            let schema = Arc::new(Schema { version: "1".to_owned(), mappings: vec![mapping], groups: None });
            in_domain(Job { schema, ..job() }, domain).schema_version
        };
        let asking = r#"Append("a@", DefaultDomain())"#;
        assert_eq!([version(None, asking), version(Some("a.example"), "[mail]")], [7, 7]);
        assert_ne!(version(Some("a.example"), asking), 7);
        assert_ne!(version(Some("a.example"), asking), version(Some("b.example"), asking));
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
