//! A report as JSON: one entry of what the synchronization API answers to `provisionOnDemand`.

use serde_json::{Map, Value as Json, json};

use super::{Report, Step, StepKind};
use crate::provisioning_log::{Act, Status, explanation, property, recommended_action};

/// The entry. Names of the two systems are the caller's: `source` and `target`. Times are UTC, values are texts.
pub fn document(report: &Report, source: &str, target: &str) -> Json {
    let (subject, event) = (&report.summary.subject, &report.summary.event);
    let system = |name: &str| json!({ "id": null, "name": name, "details": null });
    let mut document = json!({
        "action": action(event.action),
        "changeId": report.change,
        "cycleId": report.cycle,
        "startTime": report.began_at,
        "endTime": report.ended_at,
        "reportableIdentifier": subject.name.as_deref().unwrap_or(report.key.anchor.as_str()),
        "statusInfo": status_info(report),
        "provisioningSteps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "modifiedProperties": event.modified.iter().map(property).collect::<Vec<_>>(),
        "sourceSystem": system(source),
        "targetSystem": system(target),
        "sourceIdentity": {
            "id": report.key.anchor, "type": subject.source_kind, "displayName": subject.name, "details": null,
        },
        "targetIdentity": {
            "id": subject.resource, "type": subject.target_kind, "displayName": subject.name, "details": null,
        },
    });
    if let (Json::Object(members), false) = (&mut document, event.references.is_empty()) {
        members.insert("references".to_owned(), json!(event.references));
    }
    document
}

/// How it ended.
pub fn status_info(report: &Report) -> Json {
    let event = &report.summary.event;
    let reason = event.reason.as_ref().filter(|_| event.status != Status::Success);
    let code = reason.map(|reason| reason.code.as_str());
    let details = report.waits.join("; ");
    json!({
        "status": capitalised(event.status.word()),
        "errorCode": code,
        "reason": reason.and_then(|reason| reason.text.as_deref().or_else(|| explanation(&reason.code))),
        "additionalDetails": Some(details).filter(|details| !details.is_empty()),
        "errorCategory": (event.status == Status::Failure).then_some("Failure"),
        "recommendedAction": code.and_then(recommended_action),
        "request": reason.and_then(|reason| reason.request.as_ref()),
    })
}

fn step(step: &Step) -> Json {
    let details: Map<String, Json> =
        step.details.iter().map(|(name, text)| (name.clone(), Json::from(text.as_str()))).collect();
    let kind = match step.kind {
        StepKind::Import => "Import",
        StepKind::Scope => "Scoping",
        StepKind::Match => "Matching",
        StepKind::Action => "Export",
    };
    json!({
        "name": step.name,
        "type": kind,
        "status": capitalised(step.status.word()),
        "description": step.description,
        "timestamp": step.at,
        "details": details,
    })
}

/// As the contract spells an action; it has no word for the adoption of a resource.
fn action(action: Act) -> String {
    capitalised(if action == Act::Link { Act::Other } else { action }.word())
}

/// The text with its first letter as a capital.
pub(super) fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
