//! What an object should look like in the target: scope and flow together. Pure.

use chrono::{DateTime, Utc};

use crate::{
    engine::{
        flow::{self, Desired, DesiredAttribute},
        scope::{self, Assignments, Memberships, Standing, Undecided},
    },
    expression::{Context as ExpressionContext, Draw, Seed},
    model::{Attributes, Failure, JobId, Lifecycle, MatchingValue, ObjectKey, Value},
    sync_schema::{APP_ROLE_ASSIGNMENTS, ObjectMapping, ScopeResult},
};

/// What evaluation needs of the world: handed in, so that the same input always evaluates the same.
#[derive(Clone, Debug)]
pub struct Context {
    pub now: DateTime<Utc>,
    pub job: JobId,
    /// Seeds whatever draws random values, together with job, object and target attribute.
    pub seed: Seed,
    /// The default domain of the source, without `@`.
    pub default_domain: Option<String>,
    /// Where filters ask for members of groups: what is known of them.
    pub memberships: Memberships,
    /// Where only the assigned are provisioned: what is known of them.
    pub assignments: Assignments,
}

/// What should be, for one object under one object mapping.
#[derive(Clone, Debug)]
pub enum Evaluation<'m> {
    Wanted(Wanted<'m>),
    /// The mapping leaves the object alone.
    Ignored,
    /// Neither in nor out of scope: nothing may follow from it.
    Undecided(ScopeResult),
    /// What decides about it is still to be read.
    Unread,
    /// The mapping failed for this object.
    Failed(Failure),
}

/// A desired resource.
#[derive(Clone, Debug)]
pub struct Wanted<'m> {
    pub standing: Standing,
    pub attributes: Vec<DesiredAttribute<'m>>,
    pub matching: Vec<MatchingValue>,
    /// Its account is disabled in the source, in scope or not.
    pub account_disabled: bool,
    /// Why the rest could not be evaluated, where these are only the attributes that take access.
    pub failure: Option<Failure>,
}

impl Evaluation<'_> {
    /// Why the object is not in scope, test by test; `None` when it is, or when no filter was asked.
    pub fn why_not_in_scope(&self) -> Option<&ScopeResult> {
        match self {
            Self::Undecided(scope) => Some(scope),
            Self::Wanted(Wanted { standing: Standing::OutOfScope(scope), .. }) => Some(scope),
            _ => None,
        }
    }
}

/// Evaluates one object; one that is gone for good, by what was last known of it.
pub fn evaluate<'m>(
    key: &ObjectKey,
    attributes: &Attributes,
    lifecycle: Lifecycle,
    mapping: &'m ObjectMapping,
    context: &Context,
) -> Evaluation<'m> {
    if mapping.flow.is_none() {
        return Evaluation::Ignored;
    }
    let mut input = mapping.inputs(attributes).into_owned();
    let account_disabled = lifecycle == Lifecycle::Present && !scope::is_active(&input, lifecycle, mapping);
    let member_of = |group: &str| context.memberships.test(&key.anchor, group);
    let standing = match scope::standing(&input, lifecycle, mapping, context.assignments.test(&key.anchor), member_of) {
        Ok(standing) => standing,
        Err(Undecided::Filters(scope)) => return Evaluation::Undecided(scope),
        Err(Undecided::Unread) => return Evaluation::Unread,
    };
    match context.assignments.roles(&key.anchor) {
        Some(Some(roles)) => input.set(APP_ROLE_ASSIGNMENTS, roles),
        Some(None) => input.clear(APP_ROLE_ASSIGNMENTS),
        None => {}
    }
    input.set(mapping.soft_deleted.as_str(), Value::Boolean(standing.is_soft_deleted()));
    let object = [key.mapping.as_str(), key.anchor.as_str()];
    let expression_context = ExpressionContext {
        now: context.now,
        default_domain: context.default_domain.as_deref(),
        draw: Draw { seed: &context.seed, job: context.job.as_str(), object, target: "" },
    };
    match flow::desired(&input, mapping, expression_context) {
        Ok(Desired::Attributes(attributes)) => {
            let matching = flow::matching_values(&attributes);
            Evaluation::Wanted(Wanted { standing, attributes, matching, account_disabled, failure: None })
        }
        Ok(Desired::IgnoreObject) => Evaluation::Ignored,
        Err(failure) if standing.is_soft_deleted() => {
            // Whoever is to have no access loses it, whatever else of them cannot be evaluated.
            match flow::desired_without_access(&input, mapping, expression_context) {
                Ok(Desired::Attributes(attributes)) => Evaluation::Wanted(Wanted {
                    standing,
                    attributes,
                    matching: Vec::new(),
                    account_disabled,
                    failure: Some(failure),
                }),
                _ => Evaluation::Failed(failure),
            }
        }
        Err(failure) => Evaluation::Failed(failure),
    }
}
