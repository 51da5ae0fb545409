//! Accidental-deletion prevention: how much may be taken away at once. Pure.

use std::fmt;

use crate::{
    engine::policy::{Guard, Limits},
    model::{Count, Measure, Tally},
};

/// The limit that removals exceed. Every one of them is staged by name, and a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    InCycle,
    InDay,
    InApplication,
    /// The list of assignments is empty: that is no decision about each of those who were on it.
    OfAll,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InCycle => "more than one cycle may remove",
            Self::InDay => "more than may be removed in 24 hours",
            Self::OfAll => "nobody at all is assigned",
            Self::InApplication => "more than all jobs of the application may remove in 24 hours",
        })
    }
}

/// The smallest group or mapping that the share of few (and the rule of all members) applies to.
const SMALLEST_WHOLE: u64 = 3;

impl Guard {
    /// Judges removals of one measure and object mapping. They are measured against what was linked or exported when the
    /// cycle, or the day, began, so that creates never dilute their share.
    ///
    /// # Errors
    /// The first limit that they exceed.
    pub fn judge(&self, measure: &Measure, tally: &Tally) -> Result<(), TooMany> {
        for (limits, count, exceeded) in
            [(&self.cycle, tally.cycle, TooMany::InCycle), (&self.day, tally.day, TooMany::InDay)]
        {
            let too_many_of_few =
                *measure != Measure::References && count.whole >= SMALLEST_WHOLE && exceeds(count, self.percent_of_few);
            if too_many_of_few || limits.exceeded_by(count) {
                return Err(exceeded);
            }
        }
        if self.application.exceeded_by(tally.application) { Err(TooMany::InApplication) } else { Ok(()) }
    }
}

impl Limits {
    fn exceeded_by(&self, count: Count) -> bool {
        count.removals > self.more_than || (count.removals >= self.at_least && exceeds(count, self.percent))
    }
}

fn exceeds(count: Count, percent: u32) -> bool {
    u128::from(count.removals) * 100 > u128::from(count.whole) * u128::from(percent)
}

/// True when an object is to lose all the references that it has: a group must not lose everybody at once.
pub fn loses_all(removals: u64, exported: u64) -> bool {
    exported >= SMALLEST_WHOLE && removals >= exported
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TargetPath;

    fn count(removals: u64, whole: u64) -> Count {
        Count { removals, whole }
    }

    #[test]
    fn the_documented_thresholds_hold() {
        let guard = Guard::default();
        for (removals, whole, is_too_many) in [
            (0, 0, false),
            (1, 1, false),
            (1, 2, false),
            (2, 3, true),
            (9, 50, false),
            (10, 100, false),
            (11, 100, true),
            (10, 99, true),
            (10, 0, true),
            (500, 100_000, false),
            (501, 100_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            let whole_company = count(1, 1_000_000);
            let counted = count(removals, whole);
            let in_cycle = Tally { cycle: counted, day: whole_company, application: whole_company };
            let in_day = Tally { cycle: count(1, 100), day: counted, application: whole_company };
            for measure in [Measure::Access, Measure::Attribute(TargetPath::new("title"))] {
                let expected = |exceeded| if is_too_many { Err(exceeded) } else { Ok(()) };
                assert_eq!(guard.judge(&measure, &in_cycle), expected(TooMany::InCycle), "{removals} of {whole}");
                assert_eq!(guard.judge(&measure, &in_day), expected(TooMany::InDay), "{removals} of {whole}");
            }
        }
    }

    #[test]
    fn half_of_few_is_judged_by_mapping_and_not_for_single_references() {
        let guard = Guard::default();
        let tally = |of_mapping, application| Tally { cycle: of_mapping, day: of_mapping, application };
        let few = tally(count(2, 3), count(2, 3));
        assert_eq!(guard.judge(&Measure::References, &few), Ok(()));
        assert_eq!(guard.judge(&Measure::Access, &few), Err(TooMany::InCycle));
        assert_eq!(guard.judge(&Measure::Access, &tally(count(1, 3), count(2, 3))), Ok(()));
        assert_eq!(Guard { percent_of_few: 100, ..guard }.judge(&Measure::Access, &few), Ok(()));
    }

    #[test]
    fn each_limit_has_numbers_of_its_own() {
        let open = Limits { percent: 100, at_least: 1_000, more_than: 1_000 };
        let guard = Guard { cycle: open, day: open, application: open, percent_of_few: 100 };
        let all = Tally { cycle: count(90, 100), day: count(90, 100), application: count(90, 100) };
        assert_eq!(guard.judge(&Measure::Access, &all), Ok(()));
        let narrow = Limits::default();
        for (guard, exceeded) in [
            (Guard { cycle: narrow, ..guard }, TooMany::InCycle),
            (Guard { day: narrow, ..guard }, TooMany::InDay),
            (Guard { application: narrow, ..guard }, TooMany::InApplication),
        ] {
            assert_eq!(guard.judge(&Measure::Access, &all), Err(exceeded));
        }
    }

    #[test]
    fn a_group_never_loses_everybody_at_once() {
        assert!(!loses_all(2, 2));
        assert!(loses_all(3, 3));
        assert!(!loses_all(3, 4));
    }
}
