//! Fuzz targets on seeded inputs: samples, cut and spliced. The inputs are the same in every run.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Inputs of one target, or as many as there is time for.
const INPUTS: u64 = 20_000;
const TIME: Duration = Duration::from_secs(10);

/// Runs a target on the samples and on what becomes of them when words are put into them.
pub(crate) fn run(samples: &[&str], words: &[&str], target: impl Fn(&[u8])) {
    for sample in samples {
        target(sample.as_bytes());
    }
    let begun = Instant::now();
    for seed in 0..INPUTS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut input = samples.choose(&mut random).copied().unwrap_or_default().as_bytes().to_vec();
        for _ in 0..random.random_range(1..6) {
            mutate(&mut input, samples, words, &mut random);
        }
        target(&input);
        if begun.elapsed() > TIME {
            assert!(seed > INPUTS / 20, "an input takes far too long");
            break;
        }
    }
}

fn mutate(input: &mut Vec<u8>, samples: &[&str], words: &[&str], random: &mut StdRng) {
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
        3 => swap_strings(input, words, random),
        _ => {
            let word = words.choose(random).copied().unwrap_or_default().as_bytes();
            input.splice(start..end, word.iter().copied());
        }
    }
}

/// Puts another word between two quotation marks, so that JSON stays JSON.
fn swap_strings(input: &mut Vec<u8>, words: &[&str], random: &mut StdRng) {
    let quotes: Vec<usize> = input.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at).collect();
    let Some(pair) = quotes.windows(2).collect::<Vec<_>>().choose(random).map(|pair| (pair[0], pair[1])) else {
        return;
    };
    let word = words.choose(random).copied().unwrap_or_default().replace(['"', '\\'], "");
    input.splice(pair.0 + 1..pair.1, word.into_bytes());
}
