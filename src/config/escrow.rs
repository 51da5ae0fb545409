//! When objects in escrow are tried again.

use super::duration;
use super::job::EscrowSettings;
use super::resolve::Resolver;
use super::written::WrittenEscrow;

impl Resolver<'_> {
    pub(super) fn escrow(&mut self, written: WrittenEscrow) -> EscrowSettings {
        let (defaults, shortest) = (EscrowSettings::default(), EscrowSettings::SHORTEST_PAUSE);
        let longest = written.longest_pause.as_ref().map(|longest| longest.node);
        let first_retry = self.at_least(written.first_retry, shortest, defaults.first_retry);
        let longest_pause = self.at_least(written.longest_pause, shortest, defaults.longest_pause.max(first_retry));
        if let Some(node) = longest.filter(|_| longest_pause < first_retry) {
            let hint = format!("write `{}` or more, or a shorter `first_retry`", duration::print(first_retry));
            self.problem(node, "the longest pause is shorter than the first one", hint);
        }
        let give_up = written.give_up.map_or(defaults.give_up, |give_up| give_up.0);
        EscrowSettings { first_retry, longest_pause, give_up }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::tests::{SOUND, parse, with_job};
    use crate::model::JobId;

    #[test]
    fn objects_are_retried_by_the_documented_schedule_unless_told_otherwise() {
        let settings = |text: &str| {
            let config = parse(text).expect("it is sound");
            let escrow = config.job(&JobId::new("hr")).expect("it is there").job.escrow;
            [escrow.first_retry, escrow.longest_pause, escrow.give_up]
        };
        let hours = |numbers: [u64; 3]| numbers.map(|hours| Duration::from_secs(hours * 3600));
        assert_eq!(settings(SOUND), hours([6, 24, 28 * 24]));
        let own = with_job("escrow: { first_retry: 1h, longest_pause: 2h, give_up: 3h }");
        assert_eq!(settings(&own), hours([1, 2, 3]));
        assert_eq!(settings(&with_job("escrow: { first_retry: 2d }"))[1], Duration::from_secs(48 * 3600));
    }
}
