//! What is remembered of a job's cycles for longer than they are kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Counters, CycleId, CycleKind, CycleState};

/// The cycles that a job's status tells of, however long ago they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Milestones {
    /// The last cycle that left everything as desired.
    pub last_succeeded: Option<PastCycle>,
    /// The last of them that wrote to the target.
    pub last_that_exported: Option<PastCycle>,
    /// When no work was left for the first time.
    pub steady_since: Option<DateTime<Utc>>,
    /// And for the last.
    pub last_steady: Option<DateTime<Utc>>,
}

/// A cycle that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastCycle {
    pub id: CycleId,
    pub kind: CycleKind,
    pub counters: Counters,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
}

impl Milestones {
    /// The same after one more cycle, which ended like this.
    pub fn after(self, cycle: PastCycle, state: CycleState) -> Self {
        if state != CycleState::Succeeded {
            return self;
        }
        let ended_at = cycle.ended_at;
        Self {
            last_that_exported: if cycle.counters.exported() > 0 {
                Some(cycle.clone())
            } else {
                self.last_that_exported
            },
            last_succeeded: Some(cycle),
            steady_since: self.steady_since.or(Some(ended_at)),
            last_steady: Some(ended_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(number: i64, created: u64) -> PastCycle {
        let time = |second| DateTime::from_timestamp(second, 0).unwrap();
        PastCycle {
            id: CycleId::new(number.to_string()),
            kind: CycleKind::Incremental,
            counters: Counters { created, ..Counters::default() },
            started_at: time(number * 10),
            ended_at: time(number * 10 + 1),
        }
    }

    #[test]
    fn only_what_succeeded_is_a_milestone_and_the_first_steady_time_stays() {
        use CycleState::{Failed, Interrupted, Partial, Succeeded};
        let mut milestones = Milestones::default();
        let steps = [(1, 1, Failed), (2, 5, Succeeded), (3, 0, Succeeded), (4, 7, Partial), (5, 0, Interrupted)];
        for (number, created, state) in steps {
            milestones = milestones.after(cycle(number, created), state);
        }
        let expected = Milestones {
            last_succeeded: Some(cycle(3, 0)),
            last_that_exported: Some(cycle(2, 5)),
            steady_since: Some(cycle(2, 5).ended_at),
            last_steady: Some(cycle(3, 0).ended_at),
        };
        assert_eq!(milestones, expected);
    }
}
