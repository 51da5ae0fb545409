//! Values that nobody in the target has: for each new object the first of its candidates that is free.
//!
//! The choice is pure. What it needs to know comes from the target where that finds by the attribute, else from the
//! store's matching index. A value that is drawn stands in the intent, and nobody else draws it meanwhile.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value as Json;

use crate::{
    engine::{
        evaluate::Wanted,
        flow::{self, DesiredValue},
        lookup::{self, LOOKUPS_AHEAD, failure_of, stops_the_cycle},
        policy::ProtectedResources,
        run::{CycleError, Run},
    },
    model::{Failure, FailureClass, MatchingValue, ObjectKey, ResourceKind, TargetPath},
    sync_schema::{AttributeMapping, ObjectMapping},
    target::TargetError,
};

/// The code of the failure that only other values, or a name that becomes free, can end.
pub(super) const NONE_FREE: &str = "NoUniqueValue";

/// A value in the target: resource type, path and folded text.
pub(super) type Spot = (ResourceKind, TargetPath, String);

/// Which object drew a value.
pub(super) type Holders = HashMap<Spot, ObjectKey>;

/// One value that an attribute may get.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub value: MatchingValue,
    /// The value as the resource holds it.
    pub json: Json,
}

/// A new object that needs one of these values for an attribute, the best first.
#[derive(Clone, Debug)]
pub(super) struct Wish<'m> {
    key: ObjectKey,
    attribute: &'m AttributeMapping,
    candidates: Vec<Candidate>,
}

/// What each object drew, or why one of its attributes gets nothing.
pub(super) type Drawn = HashMap<ObjectKey, Result<Vec<Candidate>, Failure>>;

/// What a new resource for this object needs drawn. A protected user name counts as taken.
pub(super) fn wishes<'m>(key: &ObjectKey, wanted: &Wanted<'m>, protected: &ProtectedResources) -> Vec<Wish<'m>> {
    let wish = |attribute: &'m AttributeMapping, candidates: &[Json]| {
        let is_name = flow::is_user_name(&attribute.path);
        let candidates = candidates.iter().filter_map(|json| {
            let value = flow::as_text(json).filter(|text| !(is_name && protected.covers_user_name(text)))?;
            let value = MatchingValue { path: attribute.path.clone(), value, case_exact: attribute.case_exact };
            Some(Candidate { value, json: json.clone() })
        });
        Wish { key: key.clone(), attribute, candidates: candidates.collect() }
    };
    let wishes = wanted.attributes.iter().filter_map(|attribute| match &attribute.value {
        DesiredValue::Candidates(candidates) => Some(wish(attribute.mapping, candidates)),
        _ => None,
    });
    wishes.collect()
}

/// Puts what was drawn in the place of the candidates.
pub(super) fn fulfil(wanted: &mut Wanted<'_>, drawn: &[Candidate]) {
    for attribute in wanted.attributes.iter_mut() {
        if let DesiredValue::Candidates(_) = attribute.value
            && let Some(candidate) = drawn.iter().find(|candidate| candidate.value.path == attribute.mapping.path)
        {
            attribute.value = DesiredValue::Set(candidate.json.clone());
        }
    }
}

/// Draws for these objects of one object mapping. A failure that concerns the target as a whole ends the page; one
/// that concerns a value is that of the objects that wish for it.
pub(super) async fn draw(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    mut wishes: Vec<Wish<'_>>,
) -> Result<Drawn, CycleError> {
    let mut drawn = Drawn::new();
    if wishes.is_empty() {
        return Ok(drawn);
    }
    let taken = run.store.taken_values(&run.target_identity).await?;
    let mut known: Known = taken.into_iter().map(|spot| (spot, Standing::Taken)).collect();
    loop {
        run.check_stop()?;
        let kind = &mapping.target_kind;
        let questions;
        (wishes, questions) = run.with_drawn(|holders| draw_known(kind, wishes, &known, holders, &mut drawn));
        if wishes.is_empty() {
            return Ok(drawn);
        }
        ask(run, mapping, questions, &mut known).await?;
    }
}

/// How a value stands in the target.
#[derive(Clone, Debug, PartialEq)]
enum Standing {
    Free,
    Taken,
    /// It cannot be found out.
    Unclear(Failure),
}

type Known = HashMap<Spot, Standing>;

/// A value of which it is not known whether it is free.
struct Question<'m> {
    attribute: &'m AttributeMapping,
    value: MatchingValue,
}

type Questions<'m> = HashMap<Spot, Question<'m>>;

/// Draws what can be drawn by what is known. Returns the wishes that are left, and what must be known to go on. Pure.
fn draw_known<'m>(
    kind: &ResourceKind,
    wishes: Vec<Wish<'m>>,
    known: &Known,
    holders: &mut Holders,
    drawn: &mut Drawn,
) -> (Vec<Wish<'m>>, Questions<'m>) {
    let (mut left, mut questions) = (Vec::new(), Questions::new());
    for wish in wishes {
        let result = match choose(kind, &wish, known, holders) {
            Choice::Ask(spot, value) => {
                questions.insert(spot, Question { attribute: wish.attribute, value: value.clone() });
                left.push(wish);
                continue;
            }
            Choice::Draw(spot, candidate) => {
                holders.insert(spot, wish.key.clone());
                Ok(candidate.clone())
            }
            Choice::Fail(failure) => Err(failure),
        };
        let of_object = drawn.entry(wish.key).or_insert_with(|| Ok(Vec::new()));
        match (of_object.as_mut(), result) {
            (Ok(candidates), Ok(candidate)) => candidates.push(candidate),
            (Ok(_), Err(failure)) => *of_object = Err(failure),
            (Err(_), _) => {}
        }
    }
    (left, questions)
}

/// What comes next for a wish.
#[derive(Debug, PartialEq)]
enum Choice<'w> {
    Draw(Spot, &'w Candidate),
    Ask(Spot, &'w MatchingValue),
    Fail(Failure),
}

/// The first candidate that may be free. What another object drew is passed over, what this one drew before is not.
fn choose<'w>(kind: &ResourceKind, wish: &'w Wish<'_>, known: &Known, holders: &Holders) -> Choice<'w> {
    for candidate in &wish.candidates {
        let spot = (kind.clone(), candidate.value.path.clone(), candidate.value.folded());
        if holders.get(&spot).is_some_and(|holder| *holder != wish.key) {
            continue;
        }
        match known.get(&spot) {
            None => return Choice::Ask(spot, &candidate.value),
            Some(Standing::Free) => return Choice::Draw(spot, candidate),
            Some(Standing::Taken) => {}
            Some(Standing::Unclear(failure)) => return Choice::Fail(failure.clone()),
        }
    }
    Choice::Fail(none_free(&wish.attribute.path))
}

/// Answers every question.
async fn ask(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    questions: Questions<'_>,
    known: &mut Known,
) -> Result<(), CycleError> {
    let profile = run.target.profile();
    let finds = |question: &Question<'_>| profile.finds(&mapping.target_kind, &question.attribute.target);
    let (at_target, in_index): (Vec<_>, Vec<_>) = questions.into_iter().partition(|(_, question)| finds(question));
    let mut asked = FuturesUnordered::new();
    let mut waiting = at_target.into_iter();
    loop {
        while asked.len() < LOOKUPS_AHEAD
            && let Some((spot, question)) = waiting.next()
        {
            asked.push(async move { (spot, find(run, mapping, &question).await) });
        }
        match asked.next().await {
            None => break,
            Some((spot, standing)) => known.insert(spot, standing?),
        };
    }
    if in_index.is_empty() { Ok(()) } else { find_in_index(run, mapping, in_index, known).await }
}

async fn find(run: &Arc<Run>, mapping: &ObjectMapping, question: &Question<'_>) -> Result<Standing, CycleError> {
    let Question { attribute, value } = question;
    match run.target.find(&mapping.target_kind, &attribute.target, attribute.literal(&value.value)).await {
        Ok(resources) => {
            // The search itself ignores case.
            let has = |text: String| MatchingValue { value: text, ..value.clone() }.folded() == value.folded();
            let is_taken = resources.iter().any(|resource| resource.texts(&attribute.target).any(has));
            Ok(if is_taken { Standing::Taken } else { Standing::Free })
        }
        // Its filter was refused just now, and its list as well.
        Err(error) if !run.target.profile().finds(&mapping.target_kind, &attribute.target) && refuses(&error) => {
            Ok(Standing::Unclear(not_supported(&attribute.path, &error)))
        }
        Err(error) if stops_the_cycle(error.class()) => Err(error.into()),
        Err(error) => Ok(Standing::Unclear(failure_of(&error))),
    }
}

async fn find_in_index(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    questions: Vec<(Spot, Question<'_>)>,
    known: &mut Known,
) -> Result<(), CycleError> {
    match lookup::ensure_index(run, mapping).await {
        Err(CycleError::Target(error)) if refuses(&error) => {
            let unclear = |path: &TargetPath| Standing::Unclear(not_supported(path, &error));
            known.extend(questions.into_iter().map(|(spot, question)| (spot, unclear(&question.attribute.path))));
            return Ok(());
        }
        built => built?,
    }
    let mut by_path: HashMap<&TargetPath, Vec<Spot>> = HashMap::new();
    for (spot, question) in questions {
        by_path.entry(&question.attribute.path).or_default().push(spot);
    }
    for (path, spots) in by_path {
        let values: Vec<String> = spots.iter().map(|(_, _, value)| value.clone()).collect();
        let found = run.store.lookup_index(&run.job.id, &mapping.id, path, &values).await?;
        let standing = |spot: &Spot| if found.contains_key(&spot.2) { Standing::Taken } else { Standing::Free };
        known.extend(spots.into_iter().map(|spot| {
            let standing = standing(&spot);
            (spot, standing)
        }));
    }
    Ok(())
}

/// True when the target answers, and does not let its resources be listed.
fn refuses(error: &TargetError) -> bool {
    matches!(error.class(), FailureClass::Object | FailureClass::Configuration)
}

fn none_free(path: &TargetPath) -> Failure {
    Failure {
        class: FailureClass::Object,
        code: NONE_FREE.to_owned(),
        message: format!(
            "every value that the mapping of `{path}` offers is taken in the target; add candidates to the mapping, or \
             free one of the values"
        ),
    }
}

fn not_supported(path: &TargetPath, error: &TargetError) -> Failure {
    Failure {
        class: FailureClass::Object,
        code: "UniqueValueNotSupported".to_owned(),
        message: format!(
            "cannot find out which values of `{path}` are free: the target neither filters by it nor lets its \
             resources be listed ({error}); map the attribute without `SelectUniqueValue`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{engine::decide::tests::users, model::ObjectMappingId};

    const KIND: &str = "Users";
    const PATH: &str = "displayName";

    fn key(anchor: &str) -> ObjectKey {
        ObjectKey { mapping: ObjectMappingId::new("users"), anchor: anchor.into() }
    }

    fn spot(value: &str) -> Spot {
        (ResourceKind::new(KIND), TargetPath::new(PATH), value.to_owned())
    }

    fn wish<'m>(anchor: &str, attribute: &'m AttributeMapping, texts: &[&str]) -> Wish<'m> {
        let candidate = |text: &&str| {
            let (path, case_exact) = (attribute.path.clone(), attribute.case_exact);
            Candidate { value: MatchingValue { path, value: (*text).to_owned(), case_exact }, json: json!(text) }
        };
        Wish { key: key(anchor), attribute, candidates: texts.iter().map(candidate).collect() }
    }

    fn attribute(mapping: &ObjectMapping, case_exact: bool) -> AttributeMapping {
        let attribute = mapping.attributes.iter().find(|attribute| attribute.path.as_str() == PATH).unwrap();
        AttributeMapping { case_exact, ..attribute.clone() }
    }

    /// A choice in a word.
    fn told(choice: &Choice<'_>) -> String {
        match choice {
            Choice::Draw(_, candidate) => candidate.value.value.clone(),
            Choice::Ask((_, _, value), _) => format!("{value}?"),
            Choice::Fail(failure) => failure.code.clone(),
        }
    }

    /// What is known, who drew what, whether case counts, and what becomes of a wish for `Kim` or `kim2`.
    type Case<'a> = (&'a [(&'a str, &'a Standing)], &'a [(&'a str, &'a str)], bool, &'a str);

    #[test]
    fn the_first_free_candidate_is_drawn() {
        let (mapping, free, taken) = (users(), Standing::Free, Standing::Taken);
        let unclear = Standing::Unclear(Failure {
            class: FailureClass::Transient,
            code: "Timeout".to_owned(),
            message: String::new(),
        });
        let table: [Case<'_>; 11] = [
            (&[], &[], false, "kim?"),
            (&[("kim", &free)], &[], false, "Kim"),
            (&[("kim", &taken)], &[], false, "kim2?"),
            (&[("kim", &taken), ("kim2", &free)], &[], false, "kim2"),
            (&[("kim", &taken), ("kim2", &taken)], &[], false, "NoUniqueValue"),
            (&[("kim", &unclear), ("kim2", &free)], &[], false, "Timeout"),
            (&[("kim", &free), ("kim2", &free)], &[("kim", "bob")], false, "kim2"),
            (&[("kim", &free)], &[("kim", "ada")], false, "Kim"),
            (&[("kim", &taken)], &[("kim", "ada"), ("kim2", "bob")], false, "NoUniqueValue"),
            (&[("kim", &taken)], &[("kim", "bob")], true, "Kim?"),
            (&[("kim", &taken), ("Kim", &free)], &[], true, "Kim"),
        ];
        for (known, holders, case_exact, expected) in table {
            let attribute = attribute(&mapping, case_exact);
            let known_spots = known.iter().map(|(value, standing)| (spot(value), (*standing).clone())).collect();
            let holders_of = holders.iter().map(|(value, holder)| (spot(value), key(holder))).collect();
            let wish = wish("ada", &attribute, &["Kim", "kim2"]);
            let choice = choose(&ResourceKind::new(KIND), &wish, &known_spots, &holders_of);
            assert_eq!(told(&choice), expected, "{known:?} {holders:?} {case_exact}");
        }
    }

    #[test]
    fn nobody_draws_what_another_object_draws() {
        let (mapping, kind) = (users(), ResourceKind::new(KIND));
        let attribute = attribute(&mapping, false);
        let wishes = ["ada", "bob", "eve"].map(|anchor| wish(anchor, &attribute, &["kim", "KIM", "kim2"])).to_vec();
        let (mut drawn, mut holders, mut known) = (Drawn::new(), Holders::new(), Known::new());
        let (left, questions) = draw_known(&kind, wishes, &known, &mut holders, &mut drawn);
        assert_eq!((left.len(), questions.into_keys().collect::<Vec<_>>()), (3, vec![spot("kim")]));
        known.insert(spot("kim"), Standing::Free);
        let (left, questions) = draw_known(&kind, left, &known, &mut holders, &mut drawn);
        assert_eq!((left.len(), questions.into_keys().collect::<Vec<_>>()), (2, vec![spot("kim2")]));
        known.insert(spot("kim2"), Standing::Free);
        let (left, questions) = draw_known(&kind, left, &known, &mut holders, &mut drawn);
        assert!(left.is_empty() && questions.is_empty());
        let got = |anchor: &str| match &drawn[&key(anchor)] {
            Ok(candidates) => candidates.iter().map(|candidate| candidate.value.value.clone()).collect(),
            Err(failure) => vec![failure.code.clone()],
        };
        assert_eq!(["ada", "bob", "eve"].map(got), [["kim"], ["kim2"], ["NoUniqueValue"]]);
    }
}
