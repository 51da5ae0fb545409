//! Misbehaviour on demand: rules that make chosen write requests hang, break off, wait or fail.
//!
//! Rules decide; what a fault does to a connection is done by the routes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A rule: which requests, when, and what happens to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRule", into = "WrittenRule")]
pub struct Rule {
    /// Any method, when not given.
    pub method: Option<String>,
    /// The path without the base (`/Users`), and everything under it. Any path, when not given.
    pub path: Option<String>,
    pub turn: Turn,
    pub moment: Moment,
    pub effect: Effect,
}

/// Which of the matching requests are struck, counted from the moment the rule is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This one alone; 1 is the first.
    Nth(u64),
    /// Each time this many have come.
    Every(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Nothing of the request has happened.
    BeforeCommit,
    /// The request has been done; only its answer is missing.
    AfterCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No answer until the rules are deleted, and then the connection breaks off.
    Hang,
    /// The connection breaks off without an answer.
    Drop,
    /// This status instead of the answer.
    Status { status: u16, retry_after_seconds: Option<u64> },
    /// The request goes on after this time.
    Delay(Duration),
}

/// A rule and how often it struck.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CountedRule {
    #[serde(flatten)]
    rule: Rule,
    /// Requests it looked at and found matching.
    matched: u64,
    fired: u64,
}

/// What will happen to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) before_commit: Option<Effect>,
    pub(super) after_commit: Option<Effect>,
}

/// The rules in force.
pub(super) struct Faults {
    /// Guards the rules and their counts; held while one request is looked at.
    rules: Mutex<Vec<CountedRule>>,
    released: watch::Sender<()>,
}

impl Faults {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let faults = Self { rules: Mutex::default(), released: watch::Sender::default() };
        faults.set(rules);
        faults
    }

    /// Replaces all rules; counting starts anew. Requests that hang go on hanging.
    pub(super) fn set(&self, rules: Vec<Rule>) {
        *self.rules() = rules.into_iter().map(|rule| CountedRule { rule, matched: 0, fired: 0 }).collect();
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

    /// Counts a request and says what will happen to it. At each moment the first rule that strikes counts.
    pub(super) fn strike(&self, method: &str, path: &str) -> Strike {
        let mut strike = Strike::default();
        for counted in self.rules().iter_mut().filter(|counted| counted.rule.matches(method, path)) {
            counted.matched += 1;
            let place = match counted.rule.moment {
                Moment::BeforeCommit => &mut strike.before_commit,
                Moment::AfterCommit => &mut strike.after_commit,
            };
            if place.is_none() && counted.rule.turn.has_come(counted.matched) {
                counted.fired += 1;
                *place = Some(counted.rule.effect);
            }
        }
        strike
    }

    fn rules(&self) -> MutexGuard<'_, Vec<CountedRule>> {
        // Counts are whole after every step, so a poisoned lock guards nothing broken.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn matches(&self, method: &str, path: &str) -> bool {
        let under = |prefix: &str| {
            let rest = path.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(under)
    }
}

impl Turn {
    fn has_come(self, matched: u64) -> bool {
        match self {
            Self::Nth(nth) => matched == nth,
            Self::Every(every) => matched.is_multiple_of(every),
        }
    }
}

/// A rule as it is written in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<u64>,
    moment: Moment,
    #[serde(rename = "do")]
    effect: WrittenEffect,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenEffect {
    #[serde(skip_serializing_if = "Option::is_none")]
    hang: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
}

impl TryFrom<WrittenRule> for Rule {
    type Error = &'static str;

    fn try_from(written: WrittenRule) -> Result<Self, Self::Error> {
        let turn = match (written.nth, written.every) {
            (None, None) => Turn::Every(1),
            (Some(nth), None) if nth > 0 => Turn::Nth(nth),
            (None, Some(every)) if every > 0 => Turn::Every(every),
            _ => return Err("give `nth` or `every`, at least 1"),
        };
        let effect = match written.effect {
            WrittenEffect { hang: Some(true), drop: None, status: None, retry_after: None, delay_ms: None } => {
                Effect::Hang
            }
            WrittenEffect { hang: None, drop: Some(true), status: None, retry_after: None, delay_ms: None } => {
                Effect::Drop
            }
            WrittenEffect { hang: None, drop: None, status: Some(status @ 200..=599), retry_after, delay_ms: None } => {
                Effect::Status { status, retry_after_seconds: retry_after }
            }
            WrittenEffect { hang: None, drop: None, status: None, retry_after: None, delay_ms: Some(milliseconds) } => {
                Effect::Delay(Duration::from_millis(milliseconds))
            }
            _ => return Err("`do` is one of hang, drop, status (200 to 599, with retry_after) and delay_ms"),
        };
        Ok(Self { method: written.method, path: written.path, turn, moment: written.moment, effect })
    }
}

impl From<Rule> for WrittenRule {
    fn from(rule: Rule) -> Self {
        let (nth, every) = match rule.turn {
            Turn::Nth(nth) => (Some(nth), None),
            Turn::Every(every) => (None, Some(every)),
        };
        let effect = match rule.effect {
            Effect::Hang => WrittenEffect { hang: Some(true), ..WrittenEffect::default() },
            Effect::Drop => WrittenEffect { drop: Some(true), ..WrittenEffect::default() },
            Effect::Status { status, retry_after_seconds } => {
                WrittenEffect { status: Some(status), retry_after: retry_after_seconds, ..WrittenEffect::default() }
            }
            Effect::Delay(delay) => WrittenEffect {
                delay_ms: Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
                ..WrittenEffect::default()
            },
        };
        Self { method: rule.method, path: rule.path, nth, every, moment: rule.moment, effect }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(written: Value) -> Rule {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn a_rule_reads_and_writes_the_same() {
        for written in [
            json!({"method": "POST", "path": "/Users", "nth": 3, "moment": "before_commit", "do": {"hang": true}}),
            json!({"every": 2, "moment": "after_commit", "do": {"drop": true}}),
            json!({"every": 1, "moment": "after_commit", "do": {"status": 503, "retry_after": 1}}),
            json!({"every": 1, "moment": "before_commit", "do": {"delay_ms": 50}}),
        ] {
            assert_eq!(serde_json::to_value(rule(written.clone())).unwrap(), written);
        }
    }

    #[test]
    fn a_rule_that_says_nothing_or_too_much_is_refused() {
        for written in [
            json!({"moment": "before_commit", "do": {}}),
            json!({"moment": "before_commit", "do": {"hang": true, "drop": true}}),
            json!({"moment": "before_commit", "do": {"hang": false}}),
            json!({"moment": "before_commit", "do": {"status": 99}}),
            json!({"moment": "before_commit", "do": {"retry_after": 1}}),
            json!({"moment": "before_commit", "nth": 0, "do": {"hang": true}}),
            json!({"moment": "before_commit", "nth": 1, "every": 1, "do": {"hang": true}}),
            json!({"moment": "before_commit", "do": {"hang": true}, "nht": 1}),
            json!({"do": {"hang": true}}),
        ] {
            assert!(serde_json::from_value::<Rule>(written.clone()).is_err(), "{written}");
        }
    }

    #[test]
    fn rules_strike_when_their_turn_has_come() {
        let faults = Faults::new(vec![
            rule(
                json!({"method": "post", "path": "/Users", "nth": 2, "moment": "before_commit", "do": {"drop": true}}),
            ),
            rule(json!({"every": 3, "moment": "after_commit", "do": {"hang": true}})),
        ]);
        let struck: Vec<Strike> = [("POST", "/Users"), ("PATCH", "/Users/1"), ("POST", "/Users"), ("POST", "/UsersX")]
            .map(|(method, path)| faults.strike(method, path))
            .to_vec();
        let nothing = Strike::default();
        let both = Strike { before_commit: Some(Effect::Drop), after_commit: Some(Effect::Hang) };
        assert_eq!(struck, [nothing, nothing, both, nothing]);
        let fired: Vec<u64> = faults.counted().iter().map(|counted| counted.fired).collect();
        assert_eq!(fired, [1, 1]);
    }
}
