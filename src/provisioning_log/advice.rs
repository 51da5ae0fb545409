//! What the reason codes mean, and what a person does about them.

use super::StepType;

/// One reason code.
pub(super) struct Advice {
    pub(super) code: &'static str,
    pub(super) at: At,
    pub(super) meaning: &'static str,
    pub(super) action: &'static str,
}

/// The step at which an object stays when it has the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Step(StepType),
    /// Any request: a search while it is matched, a change when it is exported.
    Request,
}

const SCOPING: At = At::Step(StepType::Scoping);
const MATCHING: At = At::Step(StepType::Matching);
const PROCESSING: At = At::Step(StepType::Processing);
const REFERENCES: At = At::Step(StepType::References);
const EXPORT: At = At::Step(StepType::Export);

const fn advice(code: &'static str, at: At, meaning: &'static str, action: &'static str) -> Advice {
    Advice { code, at, meaning, action }
}

/// Every code that this product writes. Errors of a request come first, then those of an object, then why nothing was
/// sent.
pub(super) const TABLE: &[Advice] = &[
    advice(
        "EntryConflict",
        At::Request,
        "The target has another resource with a value that must be unique.",
        "Find that resource in the target. If it is the same person, let a matching attribute find it; if not, change \
         the value on one side.",
    ),
    advice(
        "InvalidAnchor",
        At::Request,
        "The linked resource is not in the target any more.",
        "Nothing, if somebody deleted it there: it is matched again and created anew. If many vanish, check that the \
         base URL and the tenant are the right ones.",
    ),
    advice(
        "TooManyRequests",
        At::Request,
        "The target throttles.",
        "Nothing: it is tried again. If it goes on, lower `concurrency` of the target.",
    ),
    advice(
        "Timeout",
        At::Request,
        "The target did not answer in time.",
        "Nothing: it is tried again. If it goes on, raise `timeout_seconds`.",
    ),
    advice(
        "InternalServerError",
        At::Request,
        "The target answered with an error of its own.",
        "Nothing: it is tried again. If it goes on, tell the application's support the request and the time.",
    ),
    advice(
        "WebExceptionProtocolError",
        At::Request,
        "The target cannot be reached, or the connection broke.",
        "Check network, proxy and certificates with `provisor check`; it is tried again by itself.",
    ),
    advice(
        "InternalError",
        At::Request,
        "The settings of the target cannot work.",
        "Run `provisor check` and correct what it names.",
    ),
    advice(
        "Unauthorized",
        At::Request,
        "The target does not accept the credentials.",
        "Renew the credentials in `auth`, then run `provisor check`.",
    ),
    advice(
        "InsufficientRights",
        At::Request,
        "The credentials are not allowed to do this.",
        "Give the gateway's account in the target the right to manage users and groups.",
    ),
    advice(
        "NotPermitted",
        At::Request,
        "The configuration protects the resource.",
        "Nothing, if that is meant; else take it off the list `protected`.",
    ),
    advice(
        "MethodNotAllowed",
        At::Request,
        "The target cannot do this.",
        "Run `provisor probe` and set the target's `profile` to what it finds.",
    ),
    advice(
        "NotImplemented",
        At::Request,
        "The target does not implement the request.",
        "Run `provisor probe` and set the target's `profile` to what it finds.",
    ),
    advice(
        "UnprocessableEntity",
        At::Request,
        "The target refuses what was sent.",
        "Read the target's answer and correct the mapping of the attribute that it names, or the value in the source.",
    ),
    advice(
        "SystemForCrossDomainIdentityManagementServiceIncompatible",
        At::Request,
        "What answered is no SCIM service, or does not keep to SCIM.",
        "Check `base_url`, then look at the target with `provisor probe`.",
    ),
    advice(
        "OutcomeUnknown",
        EXPORT,
        "A request ended without an answer: nobody knows yet whether it was done.",
        "Nothing: the target is asked before anything is sent again. If the object stays in escrow, look for \
         duplicates of it in the target.",
    ),
    advice(
        "SettledAsDone",
        EXPORT,
        "The answer to the request was lost, and the target shows that it was done.",
        "Nothing.",
    ),
    advice(
        "SettledAsNotDone",
        EXPORT,
        "The answer to the request was lost, and the target does not show that it was done.",
        "Nothing: the object is decided again.",
    ),
    advice(
        "DuplicateTargetEntries",
        MATCHING,
        "Several resources of the target match the object.",
        "Remove or rename all but one of them in the target.",
    ),
    advice(
        "DuplicateSourceEntries",
        MATCHING,
        "The resource that matches is linked to another object.",
        "Give one of the two objects another matching value in the source.",
    ),
    advice(
        "Relinked",
        MATCHING,
        "The object has the resource of one that is gone from the source: both are the same, under another id.",
        "Nothing.",
    ),
    advice(
        "ImportSkipped",
        MATCHING,
        "The object has no value to match it by.",
        "Fill a matching attribute of the object in the source.",
    ),
    advice(
        "MissingValues",
        PROCESSING,
        "The target requires an attribute that the object has no value for.",
        "Fill the attribute in the source, or give its mapping a default.",
    ),
    advice(
        "AttributeFlowFailed",
        PROCESSING,
        "The expression of a mapping failed for the object.",
        "Try the expression on the object with `provisor expr`, then correct the mapping or the value in the source.",
    ),
    advice(
        "NoUniqueValue",
        PROCESSING,
        "Every value that the mapping offers is taken.",
        "Add candidates to `SelectUniqueValue`, or free one of the values in the target.",
    ),
    advice(
        "UniqueValueNotSupported",
        PROCESSING,
        "The target cannot be asked which values are free.",
        "Map the attribute without `SelectUniqueValue`.",
    ),
    advice(
        "ScopeUndecided",
        SCOPING,
        "Nobody can tell whether the object is in scope.",
        "Read which test is undecided; give a group that a filter names by a name of several its id.",
    ),
    advice("RedundantExport", PROCESSING, "The target already is as it should be.", "Nothing."),
    advice(
        "NotInScope",
        SCOPING,
        "The object is not in scope.",
        "Nothing, if that is meant; else change the scoping filter or the object. `provisor schema scope` tries it out.",
    ),
    advice(
        "NotEffectivelyEntitled",
        SCOPING,
        "The object is assigned to the application, with no role that entitles to it.",
        "Nothing, if that is meant; else assign another role, or switch the role on in the directory.",
    ),
    advice(
        "IgnoredByMapping",
        PROCESSING,
        "The mapping leaves the object alone (`IgnoreObjectFlow`).",
        "Nothing, if that is meant; else change the mapping.",
    ),
    advice(
        "FlowDisabled",
        PROCESSING,
        "The object mapping does not do this (`flowTypes`).",
        "Nothing, if that is meant; else add it to `flowTypes` of the object mapping.",
    ),
    advice(
        "Protected",
        PROCESSING,
        "The configuration protects the name or the resource.",
        "Nothing, if that is meant; else take it off the list `protected`.",
    ),
    advice(
        "NestedGroupNotProvisioned",
        REFERENCES,
        "A group in the group has no resource in the target, so it is no member there.",
        "Bring that group into scope, or set `nested_groups: flatten` to have the people in it as members.",
    ),
    advice(
        "NestedGroupNotSupported",
        REFERENCES,
        "The target takes no groups as members of groups.",
        "Set `nested_groups: flatten` to have the people in them as members.",
    ),
    advice(
        "NestedGroupIgnored",
        REFERENCES,
        "The job leaves groups in groups out.",
        "Nothing, if that is meant; else set `nested_groups` to `groups` or `flatten`.",
    ),
    advice(
        "NestingTooDeep",
        PROCESSING,
        "Groups lie in each other too deep to tell who is in them.",
        "Take one of them out of the chain; nothing is added to the group or taken from it until then.",
    ),
    advice(
        "KeptByPolicy",
        PROCESSING,
        "The policy of the job leaves the resource as it is.",
        "Nothing, if that is meant; else change `policy` of the job.",
    ),
    advice(
        "CannotDisable",
        PROCESSING,
        "The mapping gives no way to disable the resource.",
        "Map `active` by an expression of `[IsSoftDeleted]`.",
    ),
    advice(
        "RemovalHeld",
        PROCESSING,
        "A removal waits until all changes of the cycle are known.",
        "Nothing, unless it is staged: then `provisor removals release` or `reject`.",
    ),
    advice(
        "RemovalStaged",
        PROCESSING,
        "Too much would be taken away at once: the removal waits for a person.",
        "Find out why so many leave, then release or reject it with `provisor removals`.",
    ),
    advice(
        "WaitsForRemoval",
        MATCHING,
        "Whoever has its name leaves: it waits for the name.",
        "Nothing, unless that removal is staged: then `provisor removals release` or `reject`.",
    ),
];

pub(super) fn row(code: &str) -> Option<&'static Advice> {
    TABLE.iter().find(|advice| advice.code == code)
}

/// What the code means, in a sentence. `None` for a code that this product does not write.
pub fn explanation(code: &str) -> Option<&'static str> {
    row(code).map(|advice| advice.meaning)
}

/// What a person does about it. `None` for a code that this product does not write.
pub fn recommended_action(code: &str) -> Option<&'static str> {
    row(code).map(|advice| advice.action)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_one_row_of_sentences() {
        let codes: BTreeSet<&str> = TABLE.iter().map(|advice| advice.code).collect();
        assert_eq!(codes.len(), TABLE.len(), "a code has two rows");
        for Advice { code, meaning, action, .. } in TABLE {
            assert!(meaning.ends_with('.') && action.ends_with('.'), "{code}");
        }
    }
}
