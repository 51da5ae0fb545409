//! A line as a JSON document: a `provisioningObjectSummary` of the synchronization API, with two additions, the
//! references that changed and the request that failed.

use serde_json::{Map, Value as Json, json};

use super::advice::{explanation, recommended_action};
use super::{Logged, ModifiedProperty, Status, Step, steps};

/// The document. Times are UTC, values of properties are texts.
pub fn document(line: &Logged) -> Json {
    let (subject, event) = (&line.summary.subject, &line.summary.event);
    let mut document = json!({
        "id": line.id.to_string(),
        "activityDateTime": line.at,
        "jobId": line.job,
        "cycleId": line.cycle,
        "changeId": line.id.to_string(),
        "provisioningAction": event.action,
        "durationInMilliseconds": milliseconds(line),
        "sourceIdentity": { "id": line.key.anchor, "displayName": subject.name, "identityType": subject.source_kind },
        "targetIdentity": { "id": subject.resource, "displayName": subject.name, "identityType": subject.target_kind },
        "provisioningStatusInfo": { "status": event.status, "errorInformation": error(line) },
        "provisioningSteps": steps(&line.summary).iter().map(step).collect::<Vec<_>>(),
        "modifiedProperties": event.modified.iter().map(property).collect::<Vec<_>>(),
    });
    if let (Json::Object(members), false) = (&mut document, event.references.is_empty()) {
        members.insert("references".to_owned(), json!(event.references));
    }
    document
}

/// How long its requests took, as the contract counts: 32 bits.
pub(super) fn milliseconds(line: &Logged) -> i32 {
    i32::try_from(line.summary.event.duration.as_millis()).unwrap_or(i32::MAX)
}

fn error(line: &Logged) -> Option<Json> {
    let event = &line.summary.event;
    let reason = event.reason.as_ref().filter(|_| event.status != Status::Success)?;
    let category = if event.status == Status::Failure { "failure" } else { "nonServiceFailure" };
    Some(json!({
        "errorCode": reason.code,
        "reason": reason.text.as_deref().or_else(|| explanation(&reason.code)),
        "additionalDetails": line.summary.subject.scope,
        "recommendedAction": recommended_action(&reason.code),
        "errorCategory": category,
        "request": reason.request,
    }))
}

fn step(step: &Step) -> Json {
    let details: Map<String, Json> =
        step.details.iter().map(|(name, value)| ((*name).to_owned(), Json::from(value.as_str()))).collect();
    json!({
        "name": step.name,
        "provisioningStepType": step.kind,
        "status": step.status,
        "description": step.description,
        "details": details,
    })
}

/// One attribute with its value before and after.
pub fn property(property: &ModifiedProperty) -> Json {
    json!({
        "displayName": property.path,
        "oldValue": property.old.as_ref().map(text),
        "newValue": property.new.as_ref().map(text),
    })
}

/// A value as text: texts as they are, all else as JSON.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        value => value.to_string(),
    }
}
