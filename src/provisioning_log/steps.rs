//! The steps that an object went through, as they follow from its summary.

use super::advice::{self, At};
use super::{Act, Status, Summary, words};
use serde::{Deserialize, Serialize};
use std::fmt;

words! {
    /// The steps, in their order.
    StepType {
        Import = "import",
        Scoping = "scoping",
        Matching = "matching",
        Processing = "processing",
        References = "referenceResolution",
        Export = "export",
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: StepType,
    /// `EntryImport`, `EntryExportAdd`: as the wire contract names it.
    pub name: &'static str,
    pub status: Status,
    pub description: String,
    /// More of it, name by name.
    pub details: Vec<(&'static str, String)>,
}

/// The steps of a summary. An object goes from step to step until one of them keeps it.
pub fn steps(summary: &Summary) -> Vec<Step> {
    let last = last(summary);
    StepType::ALL
        .iter()
        .copied()
        .take_while(|kind| *kind as u8 <= last as u8)
        .filter(|kind| *kind != StepType::References || *kind == last || !summary.event.references.is_empty())
        .map(|kind| if kind == last { ending(kind, summary) } else { passed(kind, summary) })
        .collect()
}

/// The step that the object ended with.
fn last(summary: &Summary) -> StepType {
    let event = &summary.event;
    let Some(reason) = &event.reason else {
        return if event.action == Act::Link { StepType::Matching } else { StepType::Export };
    };
    match advice::row(&reason.code).map(|advice| advice.at) {
        Some(At::Step(kind)) => kind,
        // Nothing was decided yet: the request was a search.
        Some(At::Request) if event.action == Act::Other => StepType::Matching,
        Some(At::Request) | None => StepType::Export,
    }
}

fn passed(kind: StepType, summary: &Summary) -> Step {
    Step {
        kind,
        name: name(kind, summary),
        status: Status::Success,
        description: said(kind, summary),
        details: details(kind, summary),
    }
}

fn ending(kind: StepType, summary: &Summary) -> Step {
    let mut step = Step { status: summary.event.status, ..passed(kind, summary) };
    let Some(reason) = &summary.event.reason else { return step };
    let meaning = || advice::explanation(&reason.code).map(str::to_owned);
    if let Some(text) = reason.text.clone().or_else(meaning) {
        step.description = text;
    }
    let key = match summary.event.status {
        Status::Success => "Note",
        Status::Skipped => "SkipReason",
        Status::Failure | Status::Warning => "ErrorCode",
    };
    step.details.push((key, reason.code.clone()));
    if let Some(request) = &reason.request {
        step.details.push(("Request", request.request.clone()));
        step.details.extend(request.status.map(|status| ("Status", status.to_string())));
        step.details.extend(request.scim_type.clone().map(|scim_type| ("ScimType", scim_type)));
        step.details.extend(request.detail.clone().map(|detail| ("Detail", detail)));
    }
    step
}

fn name(kind: StepType, summary: &Summary) -> &'static str {
    let by_action = |add, update, delete, other| match summary.event.action {
        Act::Create => add,
        Act::Update | Act::Disable => update,
        Act::Delete => delete,
        Act::Link | Act::Other => other,
    };
    match kind {
        StepType::Import => "EntryImport",
        StepType::Scoping => "EntrySynchronizationScoping",
        StepType::Matching => "EntryMatching",
        StepType::Processing if summary.event.status == Status::Skipped => "EntrySynchronizationSkip",
        StepType::Processing => by_action(
            "EntrySynchronizationAdd",
            "EntrySynchronizationUpdate",
            "EntrySynchronizationDelete",
            "EntrySynchronization",
        ),
        StepType::References => "EntryReferenceResolution",
        StepType::Export => by_action("EntryExportAdd", "EntryExportUpdate", "EntryExportDelete", "EntryExport"),
    }
}

/// What is said of a step that the object passed.
fn said(kind: StepType, summary: &Summary) -> String {
    let (subject, event) = (&summary.subject, &summary.event);
    match kind {
        StepType::Import => format!("The source holds the {}.", subject.source_kind),
        StepType::Scoping if subject.scope.is_some() => "Not in scope.".to_owned(),
        StepType::Scoping => "In scope, or left it with a resource.".to_owned(),
        StepType::Matching if event.adopted => match &subject.resource {
            Some(resource) => format!("The existing resource {resource} matches."),
            None => "An existing resource matches.".to_owned(),
        },
        StepType::Matching if event.action == Act::Create => "No resource of the target matches.".to_owned(),
        StepType::Matching => match &subject.resource {
            Some(resource) => format!("Linked to the resource {resource}."),
            None => "Not looked for.".to_owned(),
        },
        StepType::Processing => match event.modified.len() {
            1 => "1 attribute differs.".to_owned(),
            many => format!("{many} attributes differ."),
        },
        StepType::References => {
            format!("{} references added, {} removed.", event.references.added, event.references.removed)
        }
        StepType::Export => format!("The target confirmed the {}.", event.action),
    }
}

fn details(kind: StepType, summary: &Summary) -> Vec<(&'static str, String)> {
    match (kind, &summary.subject.scope) {
        (StepType::Scoping, Some(scope)) => vec![("ScopeEvaluationResult", scope.clone())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning_log::{Event, FailedRequest, Reason, ReferenceChanges, Subject};

    fn summary(event: Event, scope: Option<&str>) -> Summary {
        let subject = Subject {
            source_kind: "User".into(),
            target_kind: crate::model::ResourceKind::new("Users"),
            name: None,
            resource: None,
            scope: scope.map(str::to_owned),
        };
        Summary { subject, event }
    }

    fn told(summary: &Summary) -> String {
        let steps = steps(summary).into_iter().map(|step| format!("{}={}", step.kind, step.status));
        steps.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_object_goes_on_until_a_step_keeps_it() {
        use Status::{Failure, Skipped, Success, Warning};
        let because =
            |action, status, code: &str| Event { reason: Some(Reason::code(code)), ..Event::of(action, status) };
        let members = ReferenceChanges { added: 2, ..ReferenceChanges::default() };
        for (event, expected) in [
            (
                Event::of(Act::Create, Success),
                "import=success scoping=success matching=success processing=success export=success",
            ),
            (
                Event { references: members, ..Event::of(Act::Update, Success) },
                "import=success scoping=success matching=success processing=success referenceResolution=success export=success",
            ),
            (Event::of(Act::Link, Success), "import=success scoping=success matching=success"),
            (because(Act::Other, Skipped, "NotInScope"), "import=success scoping=skipped"),
            (because(Act::Other, Failure, "DuplicateTargetEntries"), "import=success scoping=success matching=failure"),
            (because(Act::Other, Failure, "Timeout"), "import=success scoping=success matching=failure"),
            (because(Act::Other, Warning, "InvalidAnchor"), "import=success scoping=success matching=warning"),
            (
                because(Act::Update, Failure, "Timeout"),
                "import=success scoping=success matching=success processing=success export=failure",
            ),
            (
                because(Act::Create, Failure, "SomethingNew"),
                "import=success scoping=success matching=success processing=success export=failure",
            ),
            (
                because(Act::Other, Skipped, "KeptByPolicy"),
                "import=success scoping=success matching=success processing=skipped",
            ),
        ] {
            assert_eq!(told(&summary(event.clone(), None)), expected, "{event:?}");
        }
    }

    #[test]
    fn the_last_step_says_why_and_scoping_says_its_tests() {
        let request = FailedRequest {
            request: "POST /Users".to_owned(),
            status: Some(409),
            scim_type: Some("uniqueness".to_owned()),
            detail: Some("taken".to_owned()),
        };
        let reason =
            Reason { text: Some("refused".to_owned()), request: Some(request), ..Reason::code("EntryConflict") };
        let event = Event { reason: Some(reason), ..Event::of(Act::Create, Status::Failure) };
        let all = steps(&summary(event, Some("out of scope: …")));
        assert_eq!(all[1].details, [("ScopeEvaluationResult", "out of scope: …".to_owned())]);
        let last = all.last().unwrap();
        assert_eq!((last.name, last.description.as_str()), ("EntryExportAdd", "refused"));
        let details: Vec<String> = last.details.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            details,
            [
                "ErrorCode: EntryConflict",
                "Request: POST /Users",
                "Status: 409",
                "ScimType: uniqueness",
                "Detail: taken"
            ]
        );
    }
}
