//! Two parsers agree on every filter and path of the fixtures, but where the fixture says why not.

use provisor::scim::{AttributePath, Filter, Strictness};
use scim_v2::filter as other;

const FILTERS: &str = include_str!("../../../fixtures/scim/filters.txt");
const PATHS: &str = include_str!("../../../fixtures/scim/paths.txt");

#[test]
fn both_read_the_same_filters_and_mean_the_same() {
    judge(
        "fixtures/scim/filters.txt",
        FILTERS,
        |text| Filter::parse_as(text, Strictness::Strict).ok(),
        |text| text.parse::<other::Filter>().ok(),
    );
}

#[test]
fn both_read_the_same_paths_and_mean_the_same() {
    judge(
        "fixtures/scim/paths.txt",
        PATHS,
        |text| AttributePath::parse_as(text, Strictness::Strict).ok(),
        |text| text.parse::<other::PatchPath>().ok(),
    );
}

fn judge<O: ToString + PartialEq + std::fmt::Debug, T: ToString + PartialEq + std::fmt::Debug>(
    file: &str,
    fixture: &str,
    ours: impl Fn(&str) -> Option<O>,
    theirs: impl Fn(&str) -> Option<T>,
) {
    let mut wrong = Vec::new();
    let cases = fixture.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for (verdict, text) in cases.map(|line| line.split_once('\t').expect("a verdict, a tab and the text")) {
        let (our, their) = (ours(text), theirs(text));
        let found = match (&our, &their) {
            (Some(_), Some(_)) => "both",
            (Some(_), None) => "ours",
            (None, Some(_)) => "theirs",
            (None, None) => "neither",
        };
        if found != verdict {
            wrong.push(format!("{verdict}, but it is {found}: {text}"));
        }
        if let Some(our) = &our {
            let printed = our.to_string();
            assert_eq!(ours(&printed).as_ref(), Some(our), "what is printed reads back: {text}");
            if let Some(their) = &their {
                assert_eq!(theirs(&printed).as_ref(), Some(their), "they read what we print: {text}");
                let read = ours(&their.to_string()).expect("we read what they print");
                assert_eq!(theirs(&read.to_string()).as_ref(), Some(their), "we mean what they print: {text}");
            }
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}
