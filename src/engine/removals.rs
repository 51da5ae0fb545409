//! Accidental-deletion prevention: how much may be taken away at once. Pure.

use crate::engine::policy::Guard;

/// What the guard says of a number of removals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry them out.
    Through,
    /// Stage every one of them by name: a person decides.
    TooMany,
}

/// The smallest group or mapping that the rule of halves (and of all members) applies to.
const SMALLEST_WHOLE: u64 = 3;

impl Guard {
    /// Judges `removals` of one effect against the `whole` that was linked or exported when the cycle began, so that
    /// creates of the same cycle never dilute the share. More than half of a mapping's objects is too many whatever
    /// the absolute number.
    pub fn judge_objects(&self, removals: u64, whole: u64) -> Verdict {
        let half = whole >= SMALLEST_WHOLE && removals.saturating_mul(2) > whole;
        if half { Verdict::TooMany } else { self.judge_share(removals, whole) }
    }

    /// Judges removals of references over a whole mapping.
    pub fn judge_share(&self, removals: u64, whole: u64) -> Verdict {
        let share =
            removals >= self.at_least && u128::from(removals) * 100 > u128::from(whole) * u128::from(self.percent);
        if share || removals > self.more_than { Verdict::TooMany } else { Verdict::Through }
    }

    /// Judges the references taken from one object: a group must not lose all of its members at once.
    pub fn judge_members(&self, removals: u64, exported: u64) -> Verdict {
        if exported >= SMALLEST_WHOLE && removals >= exported { Verdict::TooMany } else { Verdict::Through }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_thresholds_hold() {
        let guard = Guard::default();
        for (removals, whole, expected) in [
            (0, 0, Verdict::Through),
            (1, 1, Verdict::Through),
            (1, 2, Verdict::Through),
            (2, 3, Verdict::TooMany),
            (9, 50, Verdict::Through),
            (10, 100, Verdict::Through),
            (11, 100, Verdict::TooMany),
            (10, 99, Verdict::TooMany),
            (500, 100_000, Verdict::Through),
            (501, 100_000, Verdict::TooMany),
            (u64::MAX, u64::MAX, Verdict::TooMany),
        ] {
            assert_eq!(guard.judge_objects(removals, whole), expected, "{removals} of {whole}");
        }
    }

    #[test]
    fn a_group_never_loses_everybody_at_once() {
        let guard = Guard::default();
        assert_eq!(guard.judge_members(2, 2), Verdict::Through);
        assert_eq!(guard.judge_members(3, 3), Verdict::TooMany);
        assert_eq!(guard.judge_members(3, 4), Verdict::Through);
    }
}
