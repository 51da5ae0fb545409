//! The flavour, row by row: what a pattern and a replacement make of a text, or why the pattern is refused.

use proptest::prelude::*;

use super::*;
use crate::expression::budget::Budget;

const ROWS: &str = include_str!("../../../fixtures/expressions/patterns.txt");

fn replaced(pattern: &str, text: &str, replacement: &str) -> Result<String, PatternError> {
    let pattern = Pattern::compile(pattern)?;
    let replacement = Replacement::read(replacement, &pattern);
    let budget = Budget::default();
    let (mut output, mut end) = (String::new(), 0);
    for found in pattern.matches(text, &budget) {
        let found = found?;
        output.push_str(&text[end..found.range.start]);
        replacement.expand(&found, text, &mut output);
        end = found.range.end;
    }
    output.push_str(&text[end..]);
    Ok(output)
}

#[test]
fn every_row_is_replaced_or_refused_as_written() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (number, line) in ROWS.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        count += 1;
        let cells: Vec<String> = line.split('\t').map(unescaped).collect();
        let [pattern, text, replacement, expected] = &cells[..] else {
            panic!("line {}: expected four cells, found `{line}`", number + 1);
        };
        let found = match replaced(pattern, text, replacement) {
            Ok(result) => result,
            Err(PatternError::Unsupported { offset, .. }) => format!("UNSUPPORTED {offset}"),
            Err(PatternError::Invalid { .. }) => "INVALID".to_owned(),
            Err(error) => error.to_string(),
        };
        if found != *expected {
            failures.push(format!("line {}: {line} gives {found:?}", number + 1));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 80, "only {count} rows were read");
}

/// `⏎` stands for a line feed and `∅` for nothing.
fn unescaped(cell: &str) -> String {
    cell.replace('⏎', "\n").replace('∅', "")
}

#[test]
fn hostile_patterns_end() {
    assert!(matches!(Pattern::compile("("), Err(PatternError::Invalid { .. })));
    assert!(Pattern::compile("(?:(?:a{1000}){1000}){1000}").is_err());
    assert!(Pattern::compile(&"(".repeat(10_000)).is_err());
    assert!(Pattern::compile(&format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000))).is_err());
    let backtracking = Pattern::compile(r"(?=(a+)+$)(a|aa)+\1b").unwrap();
    assert_eq!(backtracking.is_match(&"a".repeat(5_000)), Err(PatternError::TooManySteps));
    assert_eq!(backtracking.is_match(&"a".repeat(20_000)), Err(PatternError::TextTooLong));
}

#[test]
fn many_costly_searches_are_given_up() {
    let pattern = Pattern::compile("(?=a)a").unwrap();
    let budget = Budget::default();
    let text = "a".repeat(16_000);
    let last = pattern.matches(&text, &budget).last();
    assert!(matches!(last, Some(Err(PatternError::TooManySteps))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_pattern_makes_it_panic(
        pattern in r#"(\PC|[\[\]()?<>:=!|\\*+{},^$#-]|\(\?|\\[pPkuxcdwsbZ]|[a-e0-9]){0,24}"#,
        text in "[a-e0-9é\n-]{0,12}",
        replacement in r#"[$&`'_+{}0-9a-e]{0,8}"#,
    ) {
        let _ = replaced(&pattern, &text, &replacement);
    }
}
