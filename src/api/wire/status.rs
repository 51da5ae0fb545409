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
            progress: status.last_ended.as_ref().and_then(Progress::after).into_iter().collect(),
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
    /// A cycle that came to its end has gone through all that it read; of another, nobody can tell.
    fn after(cycle: &CycleRecord) -> Option<Self> {
        if !matches!(cycle.state, CycleState::Succeeded | CycleState::Partial) {
            return None;
        }
        let (units, at) = (cycle.counters.changes, cycle.ended_at.unwrap_or(cycle.started_at));
        let at = time(at);
        Some(Self { completed_units: units, total_units: units, units: "entries", progress_observation_date_time: at })
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::control::Schedule;
    use crate::model::{CycleId, Health, JobId, Milestones, QuarantineReason, Standing, TargetIdentity};
    use crate::store::JobCounts;
    use crate::templates::Vocabulary;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_770_800_400, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    /// A job whose last cycle was refused by its target, after another had succeeded.
    #[test]
    fn a_quarantine_is_told_as_the_contract_has_it() {
        let declared = Declared {
            id: JobId::new("hr"),
            template: None,
            vocabulary: Vocabulary::Ldap,
            document: Default::default(),
            mappings: [("Users-1", "User to User"), ("Users-2", "User to User"), ("Groups-1", "Group to Group")]
                .map(|(mapping, words)| (mapping.into(), words.to_owned()))
                .into(),
            interval: std::time::Duration::from_secs(2400),
            most_removals: 500,
            target: TargetIdentity::new("t"),
        };
        let failed = CycleRecord {
            id: CycleId::new("c2"),
            kind: CycleKind::Incremental,
            state: CycleState::Failed,
            counters: Counters {
                changes: 3,
                reference_changes: 1,
                failed: 2,
                created: 1,
                escrowed: 2,
                ..Default::default()
            },
            error: Some("the target refuses the credentials".to_owned()),
            started_at: at(40),
            ended_at: Some(at(41)),
        };
        let error = QuarantineError { code: "Refused".to_owned(), message: "m".to_owned(), tenant_actionable: true };
        let quarantine = Quarantine {
            reason: QuarantineReason::EncounteredQuarantineException,
            current_began: at(41),
            series_began: at(1),
            series_count: 3,
            next_attempt: None,
            error,
        };
        let health = Health { successive_failures: 3, failing_since: Some(at(1)), quarantine: Some(quarantine) };
        let status = JobStatus {
            schedule: Schedule::Active,
            code: StatusCode::Quarantine,
            standing: Standing { health, ..Standing::default() },
            counts: JobCounts::default(),
            linked: [("Users-1".into(), 400), ("Users-2".into(), 12), ("Groups-1".into(), 37)].into(),
            last: Some(failed.clone()),
            last_ended: Some(failed),
            milestones: Milestones { steady_since: Some(at(0)), last_steady: Some(at(0)), ..Milestones::default() },
            driven_by: None,
        };
        let told = serde_json::to_value(Status::new(&declared, &status)).unwrap();
        let expected = json!({
            "code": "Quarantine", "countSuccessiveCompleteFailures": 3, "escrowsPruned": false,
            "lastExecution": {
                "activityIdentifier": "c2", "countEntitled": 0, "countEntitledForProvisioning": 0, "countEscrowed": 2,
                "countEscrowedRaw": 2, "countExported": 1, "countExports": 3, "countImported": 3, "countImportedDeltas": 3,
                "countImportedReferenceDeltas": 1, "state": "Failed",
                "timeBegan": "2026-02-11T09:40:00Z", "timeEnded": "2026-02-11T09:41:00Z",
                "error": { "code": "CycleFailed", "message": "the target refuses the credentials", "tenantActionable": false },
            },
            "lastSuccessfulExecution": null, "lastSuccessfulExecutionWithExports": null,
            "progress": [],
            "quarantine": {
                "reason": "EncounteredQuarantineException", "currentBegan": "2026-02-11T09:41:00Z",
                "nextAttempt": "0001-01-01T00:00:00Z", "seriesBegan": "2026-02-11T09:01:00Z", "seriesCount": 3,
                "error": { "code": "Refused", "message": "m", "tenantActionable": true },
            },
            "steadyStateFirstAchievedTime": "2026-02-11T09:00:00Z", "steadyStateLastAchievedTime": "2026-02-11T09:00:00Z",
            "synchronizedEntryCountByType": [{ "key": "Group to Group", "value": 37 }, { "key": "User to User", "value": 412 }],
            "troubleshootingUrl": null,
        });
        assert_eq!(told, expected);
    }
}
