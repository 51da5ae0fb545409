//! When jobs run.

use super::duration;
use super::job::Schedule;
use super::resolve::Resolver;
use super::resolved::Connector;
use super::written::WrittenSchedule;

impl Resolver<'_> {
    pub(super) fn schedule(&mut self, written: WrittenSchedule, connector: Option<&Connector>) -> Schedule {
        let interval = match connector {
            Some(Connector::Graph(_)) => Schedule::GRAPH_INTERVAL,
            _ => Schedule::LDAP_INTERVAL,
        };
        let interval = self.at_least(written.interval, Schedule::SHORTEST_INTERVAL, interval);
        let mut jitter = (interval / 10).min(Schedule::LONGEST_JITTER);
        if let Some(own) = written.jitter {
            jitter = own.value.0;
            if jitter > interval {
                let hint = format!("write `{}` or less", duration::print(interval));
                self.problem(own.node, "the jitter is longer than the interval", hint);
            }
        }
        let full_read = self.at_least(written.full_read, Schedule::SHORTEST_FULL_READ, Schedule::FULL_READ);
        Schedule { interval, jitter, full_read }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::tests::{SOUND, parse};
    use crate::model::JobId;

    #[test]
    fn jobs_stand_aside_by_a_tenth_of_their_interval_unless_told_otherwise() {
        let jitter = |schedule: &str| {
            let config = parse(&SOUND.replace("interval: 30s", schedule)).expect("it is sound");
            config.job(&JobId::new("hr")).expect("it is there").job.schedule.jitter
        };
        assert_eq!(jitter("interval: 30s"), Duration::from_secs(3));
        assert_eq!(jitter("interval: 1d"), Duration::from_secs(60));
        assert_eq!(jitter("interval: 30s, jitter: 30s"), Duration::from_secs(30));
        assert_eq!(jitter("interval: 30s, jitter: 0s"), Duration::ZERO);
    }

    #[test]
    fn cycles_at_once_are_bounded_unless_told_otherwise() {
        let bounds = |text: &str| {
            let scheduler = parse(&[text, SOUND].concat()).expect("it is sound").scheduler;
            [scheduler.cycles_at_once, scheduler.cycles_per_application].map(u8::from)
        };
        assert_eq!(bounds(""), [8, 4]);
        assert_eq!(bounds("scheduler: { cycles_at_once: 2, cycles_per_application: 1 }"), [2, 1]);
    }
}
