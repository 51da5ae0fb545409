//! The fuzz targets on seeded inputs: samples, cut and spliced.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::fuzz_bodies;

/// Inputs of one target, or as many as there is time for.
const INPUTS: u64 = 20_000;
const TIME: Duration = Duration::from_secs(10);

const WORDS: &[&str] = &[
    "emails",
    "userName",
    "members",
    "value",
    "type",
    "primary",
    "name.givenName",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    ".",
    ":",
    " eq ",
    " ne ",
    " co ",
    " gt ",
    " pr",
    " and ",
    " or ",
    "not ",
    "null",
    "true",
    "\"True\"",
    "1",
    "-1.5e3",
    "\"work\"",
    "é",
    "\u{1F600}",
    "$ref",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "{",
    "}",
    ",",
    "[]",
    "{}",
    "\"add\"",
    "\"remove\"",
    "\"replace\"",
    "\"path\":",
    "\"value\":",
    "\"op\":",
    "bulkId:",
    "\"bulkId:a\"",
    "\"bulkId:b\"",
    "\"POST\"",
    "\"PATCH\"",
    "\"data\":",
    "schemas",
    "x509Certificates",
    "active",
    "department",
    "manager",
    "displayName",
];

const PATCHES: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"emails","value":[{"value":"x","type":"work","primary":true}]},{"op":"remove","path":"emails[type eq \"home\"].type"}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"name":{"givenName":"E","middleName":null},"active":"False","members":[{"value":"1"},{"value":"9"}]}}]}"#,
    r#"{"Operations":[{"op":"Replace","path":"emails[type eq \"other\"].value","value":"o"},{"op":"Remove","path":"members","value":[{"value":"1"}]}]}"#,
    r#"{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"department":"X","manager":"8"}},{"op":"replace","path":"emails.type","value":"work"}]}"#,
    r#"{"Operations":[{"op":"replace","path":"members[value eq \"1\"]","value":{"display":"D"}},{"op":"add","path":"emails[primary eq true]","value":{"display":"D"}}]}"#,
];

const BULKS: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","manager":{"value":"bulkId:b"}}},{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","manager":{"value":"bulkId:a"}}}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"PATCH","path":"/Groups/bulkId:a","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:b\"]"}]}},{"method":"POST","path":"/Groups","bulkId":"a","data":{"members":["bulkId:b",{"$ref":"../Users/bulkId:b"}]}},{"method":"POST","path":"/Users","bulkId":"b","data":{}},{"method":"DELETE","path":"/Groups/bulkId:a","version":"W/\"1\""}]}"#,
];

#[test]
fn filters() {
    run(&fixture(include_str!("../../../fixtures/scim/filters.txt")), fuzz_bodies::filter);
}

#[test]
fn paths() {
    run(&fixture(include_str!("../../../fixtures/scim/paths.txt")), fuzz_bodies::path);
}

#[test]
fn patches() {
    run(PATCHES, fuzz_bodies::patch);
}

#[test]
fn bulk_requests() {
    run(BULKS, fuzz_bodies::bulk);
}

fn fixture(text: &'static str) -> Vec<&'static str> {
    text.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect()
}

/// Runs a target on the samples and on what becomes of them. The inputs are the same in every run.
fn run(samples: &[&str], target: impl Fn(&[u8])) {
    for sample in samples {
        target(sample.as_bytes());
    }
    let begun = Instant::now();
    for seed in 0..INPUTS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = samples.choose(&mut random).copied().unwrap_or_default().as_bytes().to_vec();
        for _ in 0..random.random_range(1..6) {
            mutate(&mut input, samples, &mut random);
        }
        target(&input);
        if begun.elapsed() > TIME {
            assert!(seed > INPUTS / 20, "an input takes far too long");
            break;
        }
    }
}

fn mutate(input: &mut Vec<u8>, samples: &[&str], random: &mut StdRng) {
    let start = random.random_range(0..=input.len());
    let end = random.random_range(start..=input.len().min(start + 12));
    match random.random_range(0..6) {
        0 => drop(input.drain(start..end)),
        1 => {
            let copy = input[start..end].to_vec();
            input.splice(start..start, copy);
        }
        2 => {
            let other = samples.choose(random).copied().unwrap_or_default().as_bytes();
            let from = random.random_range(0..=other.len());
            let to = random.random_range(from..=other.len());
            input.splice(start..end, other[from..to].iter().copied());
        }
        3 => swap_strings(input, random),
        _ => {
            let word = WORDS.choose(random).copied().unwrap_or_default().as_bytes();
            input.splice(start..end, word.iter().copied());
        }
    }
}

/// Puts another word between two quotation marks, so that JSON stays JSON.
fn swap_strings(input: &mut Vec<u8>, random: &mut StdRng) {
    let quotes: Vec<usize> = input.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at).collect();
    let Some(pair) = quotes.windows(2).collect::<Vec<_>>().choose(random).map(|pair| (pair[0], pair[1])) else {
        return;
    };
    let word = WORDS.choose(random).copied().unwrap_or_default().replace(['"', '\\'], "");
    input.splice(pair.0 + 1..pair.1, word.into_bytes());
}
