//! `synchronizationJob`.

use serde::Serialize;

use super::status::Status;
use super::time::duration;
use crate::control::{Declared, JobStatus, Schedule as State};

/// A job, without the navigations `schema` and `bulkUpload`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct Job {
    id: String,
    template_id: Option<String>,
    schedule: Schedule,
    status: Status,
    synchronization_job_settings: Vec<KeyValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Schedule {
    /// Jobs do not expire.
    expiration: Option<String>,
    interval: String,
    state: State,
}

#[derive(Debug, Serialize)]
struct KeyValue {
    name: &'static str,
    value: String,
}

impl Job {
    pub(in crate::api) fn new(declared: &Declared, status: &JobStatus) -> Self {
        Self {
            id: declared.id.as_str().to_owned(),
            template_id: declared.template.clone(),
            schedule: Schedule { expiration: None, interval: duration(declared.interval), state: status.schedule },
            status: Status::new(declared, status),
            synchronization_job_settings: vec![KeyValue {
                name: "QuarantineTooManyDeletesThreshold",
                value: declared.most_removals.to_string(),
            }],
        }
    }
}
