//! Every reason code that is written has advice, and every piece of advice is about a code that is written.

use std::collections::{BTreeMap, BTreeSet};

use provisor::provisioning_log::{explanation, recommended_action};

use super::source::files;

/// Where advice is given.
const ADVICE: &str = "src/provisioning_log/advice.rs";

/// Words of the code that look like reason codes and are none: what the contract of provision on demand says of steps and
/// flags, what a quarantine is entered for, and names of members.
const NO_CODES: &[&str] = &[
    "DifferentWorld",
    "Export",
    "Failure",
    "False",
    "Import",
    "Matching",
    "ScopeEvaluationResult",
    "Scoping",
    "SourceFailed",
    "TooManyDeletes",
    "TooManyEscrows",
    "True",
    "Undecided",
    "Users",
];

/// The texts of a file that are one word of letters beginning with a capital.
fn words(text: &str) -> BTreeSet<&str> {
    let is_word = |text: &&str| {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.len() > 2
            && text.chars().all(|character| character.is_ascii_alphabetic())
    };
    text.split('"').filter(is_word).collect()
}

#[test]
fn every_code_has_advice_and_all_advice_is_about_a_code() {
    let (mut written, mut advised): (BTreeMap<String, String>, BTreeSet<String>) = Default::default();
    for file in files() {
        let writes = file.path.starts_with("src/engine/")
            || ["src/target/mod.rs", "src/model/escrow.rs"].contains(&file.path.as_str());
        if writes {
            written.extend(words(&file.text).into_iter().map(|word| (word.to_owned(), file.path.clone())));
        } else if file.path == ADVICE {
            advised.extend(words(&file.text).into_iter().map(str::to_owned));
        }
    }
    written.retain(|word, _| !NO_CODES.contains(&word.as_str()));
    assert!(written.len() > 30 && advised.len() > 30, "the files are read: {written:?} {advised:?}");
    let without: Vec<_> = written.iter().filter(|(code, _)| explanation(code).is_none()).collect();
    assert!(without.is_empty(), "codes without a row in {ADVICE}: {without:?}");
    let idle: Vec<_> = advised.iter().filter(|code| !written.contains_key(*code)).collect();
    assert!(idle.is_empty(), "rows of {ADVICE} about codes that nothing writes: {idle:?}");
    assert!(advised.iter().all(|code| recommended_action(code).is_some()), "each says what to do");
}
