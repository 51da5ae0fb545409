//! A fault rule, as it is written and as it is meant: which requests, when, and what happens to them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRule", into = "WrittenRule")]
pub struct Rule {
    pub(super) methods: Methods,
    /// The path without the base (`/Users`), and everything under it. Any path, when not given.
    pub(super) path: Option<String>,
    pub(super) turn: Turn,
    pub(super) fault: Fault,
}

/// Which methods a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Methods {
    /// What may change a resource: the choice of a rule that names no method.
    Writes,
    /// Written `*`.
    All,
    One(String),
}

/// Which of the matching requests are struck, counted from the moment the rule is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// This one alone; 1 is the first.
    Nth(u64),
    /// Each time this many have come.
    Every(u64),
    /// As a die falls; the same seed gives the same falls.
    Chance { probability: f64, seed: u64 },
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Something happens to the exchange, before or after the request is done.
    Exchange(Moment, Effect),
    /// The answer is spoilt on its way.
    Answer(Spoilt),
    /// A read sees what was there this long ago.
    Stale(Duration),
    /// No more than this many requests a second are let through; the others get 429 with `Retry-After`.
    Rate(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Moment {
    /// Nothing of the request has happened.
    BeforeCommit,
    /// The request has been done; only its answer is missing.
    AfterCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// No answer until the rules are deleted, and then the connection breaks off.
    Hang,
    /// The connection breaks off without an answer.
    Drop,
    /// This status instead of the answer.
    Status { status: u16, retry_after_seconds: Option<u64> },
    /// The request goes on after this time.
    Delay(Duration),
}

/// How an answer is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// It announces more than it sends, and the connection breaks off in the middle.
    Truncated,
    /// It is complete, and no JSON.
    Malformed,
}

/// A rule as it is written in JSON or YAML.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moment: Option<Moment>,
    #[serde(rename = "do")]
    what: WrittenFault,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenFault {
    #[serde(skip_serializing_if = "is_false")]
    hang: bool,
    #[serde(skip_serializing_if = "is_false")]
    drop: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    truncate: bool,
    #[serde(skip_serializing_if = "is_false")]
    malformed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u32>,
}

impl Rule {
    /// True for a request that the rule looks at. `writes` says whether the request may change a resource.
    pub(super) fn matches(&self, method: &str, path: &str, writes: bool) -> bool {
        let under = |prefix: &str| {
            let rest = path.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let method_matches = match &self.methods {
            Methods::Writes => writes,
            Methods::All => true,
            Methods::One(wanted) => wanted.eq_ignore_ascii_case(method),
        };
        method_matches && self.path.as_deref().is_none_or(under)
    }
}

impl TryFrom<WrittenRule> for Rule {
    type Error = &'static str;

    fn try_from(written: WrittenRule) -> Result<Self, Self::Error> {
        let turn = match (written.nth, written.every, written.probability, written.seed) {
            (None, None, None, None) => Turn::Every(1),
            (Some(nth), None, None, None) if nth > 0 => Turn::Nth(nth),
            (None, Some(every), None, None) if every > 0 => Turn::Every(every),
            (None, None, Some(probability), seed) if (0.0..=1.0).contains(&probability) => {
                Turn::Chance { probability, seed: seed.unwrap_or(0) }
            }
            _ => return Err("give one of `nth` and `every`, at least 1, and `probability`, 0 to 1, with its `seed`"),
        };
        let fault = written.what.meant(written.moment)?;
        if matches!(fault, Fault::Rate(_)) && turn != Turn::Every(1) {
            return Err("`rate_per_second` counts every request: it goes without `nth`, `every` and `probability`");
        }
        let methods = match written.method {
            None => Methods::Writes,
            Some(method) if method == "*" => Methods::All,
            Some(method) => Methods::One(method),
        };
        let methods = match (methods, &fault) {
            // Only reads can be stale, so a rule that names no method means them.
            (Methods::Writes, Fault::Stale(_)) => Methods::All,
            (methods, _) => methods,
        };
        Ok(Self { methods, path: written.path, turn, fault })
    }
}

impl WrittenFault {
    /// The one thing that it says.
    fn meant(self, moment: Option<Moment>) -> Result<Fault, &'static str> {
        if self.retry_after.is_some() && self.status.is_none() {
            return Err("`retry_after` goes with `status`");
        }
        let exchange = |effect| Fault::Exchange(moment.unwrap_or(Moment::BeforeCommit), effect);
        let milliseconds = |number| Duration::from_millis(number);
        let status = match self.status {
            Some(status @ 200..=599) => Some(Effect::Status { status, retry_after_seconds: self.retry_after }),
            Some(_) => return Err("a `status` is 200 to 599"),
            None => None,
        };
        let said = [
            self.hang.then(|| exchange(Effect::Hang)),
            self.drop.then(|| exchange(Effect::Drop)),
            status.map(exchange),
            self.delay_ms.map(|delay| exchange(Effect::Delay(milliseconds(delay)))),
            self.truncate.then_some(Fault::Answer(Spoilt::Truncated)),
            self.malformed.then_some(Fault::Answer(Spoilt::Malformed)),
            self.stale_ms.map(|age| Fault::Stale(milliseconds(age))),
            self.rate_per_second.filter(|rate| *rate > 0).map(Fault::Rate),
        ];
        let mut said = said.into_iter().flatten();
        let (Some(fault), None) = (said.next(), said.next()) else {
            return Err(
                "`do` is one of hang, drop, status (with retry_after), delay_ms, truncate, malformed, stale_ms \
                        and rate_per_second",
            );
        };
        if moment.is_some() && !matches!(fault, Fault::Exchange(..)) {
            return Err("`moment` goes with hang, drop, status and delay_ms");
        }
        Ok(fault)
    }
}

impl From<Rule> for WrittenRule {
    fn from(rule: Rule) -> Self {
        let (nth, every, probability, seed) = match rule.turn {
            Turn::Nth(nth) => (Some(nth), None, None, None),
            Turn::Every(1) => (None, None, None, None),
            Turn::Every(every) => (None, Some(every), None, None),
            Turn::Chance { probability, seed } => (None, None, Some(probability), Some(seed)),
        };
        let method = match (rule.methods, rule.fault) {
            (Methods::Writes, _) | (Methods::All, Fault::Stale(_)) => None,
            (Methods::All, _) => Some("*".to_owned()),
            (Methods::One(method), _) => Some(method),
        };
        let milliseconds = |duration: Duration| Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let nothing = WrittenFault::default();
        let (moment, what) = match rule.fault {
            Fault::Exchange(moment, effect) => {
                let what = match effect {
                    Effect::Hang => WrittenFault { hang: true, ..nothing },
                    Effect::Drop => WrittenFault { drop: true, ..nothing },
                    Effect::Status { status, retry_after_seconds } => {
                        WrittenFault { status: Some(status), retry_after: retry_after_seconds, ..nothing }
                    }
                    Effect::Delay(delay) => WrittenFault { delay_ms: milliseconds(delay), ..nothing },
                };
                (Some(moment), what)
            }
            Fault::Answer(Spoilt::Truncated) => (None, WrittenFault { truncate: true, ..nothing }),
            Fault::Answer(Spoilt::Malformed) => (None, WrittenFault { malformed: true, ..nothing }),
            Fault::Stale(age) => (None, WrittenFault { stale_ms: milliseconds(age), ..nothing }),
            Fault::Rate(rate) => (None, WrittenFault { rate_per_second: Some(rate), ..nothing }),
        };
        Self { method, path: rule.path, nth, every, probability, seed, moment, what }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_reads_and_writes_the_same() {
        for written in [
            json!({"method": "POST", "path": "/Users", "nth": 3, "moment": "before_commit", "do": {"hang": true}}),
            json!({"every": 2, "moment": "after_commit", "do": {"drop": true}}),
            json!({"moment": "after_commit", "do": {"status": 503, "retry_after": 1}}),
            json!({"moment": "before_commit", "do": {"delay_ms": 50}}),
            json!({"method": "*", "probability": 0.25, "seed": 7, "do": {"truncate": true}}),
            json!({"method": "GET", "do": {"malformed": true}}),
            json!({"path": "/Users", "do": {"stale_ms": 500}}),
            json!({"method": "*", "do": {"rate_per_second": 5}}),
        ] {
            let rule: Rule = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(rule).unwrap(), written);
        }
    }

    #[test]
    fn a_rule_that_says_nothing_or_too_much_is_refused() {
        for written in [
            json!({"do": {}}),
            json!({"do": {"hang": true, "drop": true}}),
            json!({"do": {"hang": false}}),
            json!({"do": {"status": 99}}),
            json!({"do": {"retry_after": 1}}),
            json!({"do": {"hang": true, "retry_after": 1}}),
            json!({"do": {"rate_per_second": 0}}),
            json!({"nth": 2, "do": {"rate_per_second": 1}}),
            json!({"nth": 0, "do": {"hang": true}}),
            json!({"nth": 1, "every": 1, "do": {"hang": true}}),
            json!({"nth": 1, "probability": 0.5, "do": {"hang": true}}),
            json!({"seed": 1, "do": {"hang": true}}),
            json!({"probability": 1.5, "do": {"hang": true}}),
            json!({"moment": "before_commit", "do": {"truncate": true}}),
            json!({"moment": "after_commit", "do": {"stale_ms": 1}}),
            json!({"moment": "later", "do": {"hang": true}}),
            json!({"do": {"hang": true}, "nht": 1}),
            json!({"moment": "before_commit"}),
        ] {
            assert!(serde_json::from_value::<Rule>(written.clone()).is_err(), "{written}");
        }
    }

    #[test]
    fn a_rule_looks_at_writes_unless_it_says_otherwise() {
        for (written, method, path, writes, matches) in [
            (json!({"do": {"drop": true}}), "POST", "/Users", true, true),
            (json!({"do": {"drop": true}}), "GET", "/Users", false, false),
            (json!({"do": {"drop": true}}), "POST", "/Users/.search", false, false),
            (json!({"method": "get", "do": {"drop": true}}), "GET", "/Users", false, true),
            (json!({"method": "*", "do": {"drop": true}}), "GET", "/Schemas", false, true),
            (json!({"method": "*", "path": "/Users/", "do": {"drop": true}}), "GET", "/Users/7", false, true),
            (json!({"method": "*", "path": "/Users", "do": {"drop": true}}), "GET", "/UsersX", false, false),
            (json!({"do": {"stale_ms": 1}}), "GET", "/Users", false, true),
        ] {
            let rule: Rule = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(rule.matches(method, path, writes), matches, "{written} {method} {path}");
        }
    }
}
