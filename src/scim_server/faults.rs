//! Misbehaviour on demand: the rules in force, and what they do to one request.
//!
//! Rules decide; what a fault does to a connection is done by the routes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use tokio::sync::watch;

use super::fault_rule::{Effect, Fault, Moment, Rule, Spoilt, Turn};

/// A rule and how often it struck.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CountedRule {
    #[serde(flatten)]
    rule: Rule,
    /// Requests it looked at and found matching.
    matched: u64,
    fired: u64,
    /// For a rule that limits a rate: what it still lets through.
    #[serde(skip)]
    allowance: Option<Allowance>,
}

/// What will happen to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strike {
    /// Too many requests: when the next one may come, in seconds.
    pub(super) limited: Option<u64>,
    pub(super) before_commit: Option<Effect>,
    pub(super) after_commit: Option<Effect>,
    pub(super) answer: Option<Spoilt>,
    /// A read sees what was there this long ago.
    pub(super) stale: Option<Duration>,
    /// Some read may yet ask for what was there this long ago: a write must leave it behind.
    pub(super) keep: Option<Duration>,
}

/// The rules in force.
pub(super) struct Faults {
    /// Guards the rules and their counts; held while one request is looked at.
    rules: Mutex<Vec<CountedRule>>,
    released: watch::Sender<()>,
}

/// How many requests may come: a second's worth at once, and more as time goes by.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    requests: f64,
    counted: Instant,
}

impl Faults {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let faults = Self { rules: Mutex::default(), released: watch::Sender::default() };
        faults.set(rules);
        faults
    }

    /// Replaces all rules; counting starts anew. Requests that hang go on hanging.
    pub(super) fn set(&self, rules: Vec<Rule>) {
        let counted = |rule| CountedRule { rule, matched: 0, fired: 0, allowance: None };
        *self.rules() = rules.into_iter().map(counted).collect();
    }

    /// Removes all rules and releases what hangs.
    pub(super) fn clear(&self) {
        self.rules().clear();
        self.released.send_replace(());
    }

    pub(super) fn counted(&self) -> Vec<CountedRule> {
        self.rules().clone()
    }

    /// Waits until the rules are deleted.
    pub(super) async fn released(&self) {
        // The sender lives as long as this, so the wait ends with a release only.
        let _ = self.released.subscribe().changed().await;
    }

    /// Counts a request and says what will happen to it. Of each kind, the first rule that strikes counts.
    pub(super) fn strike(&self, method: &str, path: &str, writes: bool, now: Instant) -> Strike {
        let mut strike = Strike::default();
        for counted in self.rules().iter_mut() {
            if let Fault::Stale(age) = counted.rule.fault {
                strike.keep = strike.keep.max(Some(age));
            }
            if counted.rule.matches(method, path, writes) {
                counted.strike(&mut strike, now);
            }
        }
        strike
    }

    fn rules(&self) -> MutexGuard<'_, Vec<CountedRule>> {
        // Counts are whole after every step, so a poisoned lock guards nothing broken.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CountedRule {
    fn strike(&mut self, strike: &mut Strike, now: Instant) {
        self.matched += 1;
        if !self.rule.turn.has_come(self.matched) {
            return;
        }
        let fired = match self.rule.fault {
            Fault::Exchange(Moment::BeforeCommit, effect) => first(&mut strike.before_commit, effect),
            Fault::Exchange(Moment::AfterCommit, effect) => first(&mut strike.after_commit, effect),
            Fault::Answer(spoilt) => first(&mut strike.answer, spoilt),
            Fault::Stale(age) => first(&mut strike.stale, age),
            Fault::Rate(per_second) => match self.wait(per_second, now) {
                Some(seconds) => first(&mut strike.limited, seconds),
                None => false,
            },
        };
        self.fired += u64::from(fired);
    }

    /// Takes one request from what is allowed; when there is none, says in how many seconds there will be.
    fn wait(&mut self, per_second: u32, now: Instant) -> Option<u64> {
        let rate = f64::from(per_second);
        let Allowance { requests, counted } = self.allowance.unwrap_or(Allowance { requests: rate, counted: now });
        let requests = (requests + now.saturating_duration_since(counted).as_secs_f64() * rate).min(rate);
        let allowed = requests >= 1.0;
        self.allowance = Some(Allowance { requests: if allowed { requests - 1.0 } else { requests }, counted: now });
        // `Retry-After` knows whole seconds, and the next request is never further away than one.
        (!allowed).then_some(1)
    }
}

impl Turn {
    fn has_come(self, matched: u64) -> bool {
        match self {
            Self::Nth(nth) => matched == nth,
            Self::Every(every) => matched.is_multiple_of(every),
            // The die is thrown by the number of the request, so that what other rules do does not change it.
            Self::Chance { probability, seed } => {
                StdRng::seed_from_u64(seed ^ matched.rotate_left(32)).random_bool(probability)
            }
        }
    }
}

/// Puts a value where there is none; true when it did.
fn first<T>(place: &mut Option<T>, value: T) -> bool {
    let free = place.is_none();
    place.get_or_insert(value);
    free
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(written: Value) -> Faults {
        Faults::new(serde_json::from_value(written).unwrap())
    }

    #[test]
    fn rules_strike_when_their_turn_has_come() {
        let faults = faults(json!([
            {"method": "post", "path": "/Users", "nth": 2, "moment": "before_commit", "do": {"drop": true}},
            {"every": 3, "moment": "after_commit", "do": {"hang": true}},
        ]));
        let now = Instant::now();
        let struck: Vec<Strike> = [("POST", "/Users"), ("PATCH", "/Users/1"), ("POST", "/Users"), ("POST", "/UsersX")]
            .map(|(method, path)| faults.strike(method, path, true, now))
            .to_vec();
        let nothing = Strike::default();
        let both = Strike { before_commit: Some(Effect::Drop), after_commit: Some(Effect::Hang), ..Strike::default() };
        assert_eq!(struck, [nothing, nothing, both, nothing]);
        let fired: Vec<u64> = faults.counted().iter().map(|counted| counted.fired).collect();
        assert_eq!(fired, [1, 1]);
    }

    #[test]
    fn of_each_kind_the_first_rule_counts() {
        let faults = faults(json!([
            {"nth": 2, "do": {"status": 500}},
            {"do": {"status": 503}},
            {"do": {"malformed": true}},
            {"method": "GET", "do": {"stale_ms": 5}},
            {"method": "PUT", "do": {"stale_ms": 9}},
        ]));
        let strike = |writes| faults.strike("GET", "/", writes, Instant::now());
        let status = |status| Some(Effect::Status { status, retry_after_seconds: None });
        assert_eq!(strike(true).before_commit, status(503));
        assert_eq!(strike(true).before_commit, status(500));
        let read = strike(false);
        assert_eq!((read.before_commit, read.answer), (None, None));
        assert_eq!((read.stale, read.keep), (Some(Duration::from_millis(5)), Some(Duration::from_millis(9))));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let falls = |seed: u64| {
            let faults = faults(json!([{"probability": 0.3, "seed": seed, "do": {"drop": true}}]));
            (0..1000)
                .map(|_| faults.strike("POST", "/", true, Instant::now()).before_commit.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(falls(1), falls(1));
        assert_ne!(falls(1), falls(2));
        let struck = falls(1).into_iter().filter(|struck| *struck).count();
        assert!((240..360).contains(&struck), "{struck}");
    }

    #[test]
    fn a_rate_lets_a_seconds_worth_through_and_goes_on_with_time() {
        let faults = faults(json!([{"method": "*", "do": {"rate_per_second": 2}}]));
        let start = Instant::now();
        let limited = |milliseconds| {
            let now = start + Duration::from_millis(milliseconds);
            faults.strike("GET", "/", false, now).limited
        };
        assert_eq!([0, 0, 0, 400, 500, 500].map(limited), [None, None, Some(1), Some(1), None, Some(1)]);
        assert_eq!([9000, 9000, 9000].map(limited), [None, None, Some(1)]);
    }
}
