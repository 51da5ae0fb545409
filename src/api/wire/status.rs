//! `synchronizationStatus` and what it consists of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::time::{NEVER, time, time_or_never};
use crate::control::{Declared, JobStatus, StatusCode};
use crate::model::{Counters, CycleKind, CycleState, PastCycle, Quarantine, QuarantineError};
use crate::store::CycleRecord;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    code: StatusCode,
    count_successive_complete_failures: u64,
    /// No failure is ever forgotten to make a cycle end.
    escrows_pruned: bool,
    last_execution: Option<Execution>,
    last_successful_execution: Option<Execution>,
    last_successful_execution_with_exports: Option<Execution>,
    progress: Vec<Progress>,
    quarantine: Option<InQuarantine>,
    steady_state_first_achieved_time: String,
    steady_state_last_achieved_time: String,
    synchronized_entry_count_by_type: Vec<Count>,
    troubleshooting_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    activity_identifier: String,
    count_entitled: u64,
    count_entitled_for_provisioning: u64,
    count_escrowed: u64,
    count_escrowed_raw: u64,
    count_exported: u64,
    count_exports: u64,
    count_imported: u64,
    count_imported_deltas: u64,
    count_imported_reference_deltas: u64,
    state: &'static str,
    time_began: String,
    time_ended: String,
    error: Option<ExecutionError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionError {
    code: String,
    message: String,
    tenant_actionable: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    completed_units: u64,
    total_units: u64,
    units: &'static str,
    progress_observation_date_time: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InQuarantine {
    reason: crate::model::QuarantineReason,
    current_began: String,
    /// [`NEVER`] where the schedule goes on as usual.
    next_attempt: String,
    series_began: String,
    series_count: u64,
    error: ExecutionError,
}

#[derive(Debug, Serialize)]
struct Count {
    key: String,
    value: u64,
}

impl Status {
    pub(super) fn new(declared: &Declared, status: &JobStatus) -> Self {
        let milestones = &status.milestones;
        Self {
            code: status.code,
            count_successive_complete_failures: status.standing.health.successive_failures,
            escrows_pruned: false,
            last_execution: status.last_ended.as_ref().map(Execution::of_record),
            last_successful_execution: milestones.last_succeeded.as_ref().map(Execution::of_past),
            last_successful_execution_with_exports: milestones.last_that_exported.as_ref().map(Execution::of_past),
            progress: status.last_ended.as_ref().map(Progress::after).into_iter().collect(),
            quarantine: status.standing.health.quarantine.as_ref().map(InQuarantine::new),
            steady_state_first_achieved_time: time_or_never(milestones.steady_since),
            steady_state_last_achieved_time: time_or_never(milestones.last_steady),
            synchronized_entry_count_by_type: counts(declared, status),
            troubleshooting_url: None,
        }
    }
}

/// Mappings that bring the same to the same count together.
fn counts(declared: &Declared, status: &JobStatus) -> Vec<Count> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (mapping, in_words) in &declared.mappings {
        *counts.entry(in_words).or_default() += status.linked.get(mapping).copied().unwrap_or_default();
    }
    counts.into_iter().map(|(key, value)| Count { key: key.to_owned(), value }).collect()
}

impl Execution {
    fn of_record(cycle: &CycleRecord) -> Self {
        let (state, error) = match cycle.state {
            CycleState::Succeeded => ("Succeeded", None),
            CycleState::Partial | CycleState::Running => ("EntryLevelErrors", None),
            CycleState::Failed => ("Failed", Some(("CycleFailed", cycle.error.clone().unwrap_or_default()))),
            CycleState::Interrupted => (
                "EntryLevelErrors",
                Some(("Interrupted", "The cycle was stopped; the next one goes on where it stood.".to_owned())),
            ),
        };
        let error =
            error.map(|(code, message)| ExecutionError { code: code.to_owned(), message, tenant_actionable: false });
        let new = Self::new(cycle.id.as_str(), cycle.kind, &cycle.counters, cycle.started_at, cycle.ended_at);
        Self { state, error, ..new }
    }

    fn of_past(cycle: &PastCycle) -> Self {
        Self::new(cycle.id.as_str(), cycle.kind, &cycle.counters, cycle.started_at, Some(cycle.ended_at))
    }

    fn new(id: &str, kind: CycleKind, counters: &Counters, began: DateTime<Utc>, ended: Option<DateTime<Utc>>) -> Self {
        Self {
            activity_identifier: id.to_owned(),
            count_entitled: counters.entitled,
            count_entitled_for_provisioning: counters.in_scope,
            count_escrowed: counters.escrowed,
            count_escrowed_raw: counters.escrowed,
            count_exported: counters.exported(),
            count_exports: counters.exported() + counters.failed,
            count_imported: counters.changes,
            count_imported_deltas: match kind {
                CycleKind::Initial => 0,
                CycleKind::Incremental => counters.changes,
            },
            count_imported_reference_deltas: counters.reference_changes,
            state: "Succeeded",
            time_began: time(began),
            time_ended: time_or_never(ended),
            error: None,
        }
    }
}

impl Progress {
    /// Of a cycle that has ended there is nothing left to do.
    fn after(cycle: &CycleRecord) -> Self {
        let units = cycle.counters.changes;
        let at = cycle.ended_at.unwrap_or(cycle.started_at);
        Self { completed_units: units, total_units: units, units: "entries", progress_observation_date_time: time(at) }
    }
}

impl InQuarantine {
    fn new(quarantine: &Quarantine) -> Self {
        let QuarantineError { code, message, tenant_actionable } = quarantine.error.clone();
        Self {
            reason: quarantine.reason,
            current_began: time(quarantine.current_began),
            next_attempt: quarantine.next_attempt.map_or_else(|| NEVER.to_owned(), time),
            series_began: time(quarantine.series_began),
            series_count: quarantine.series_count,
            error: ExecutionError { code, message, tenant_actionable },
        }
    }
}
