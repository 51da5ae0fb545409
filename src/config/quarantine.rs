//! The thresholds and pauses of a quarantine, and who is told of one.

use super::duration;
use super::job::QuarantineSettings;
use super::read::Located;
use super::resolve::Resolver;
use super::written::WrittenQuarantine;
use crate::notification::{MailSettings, WebhookSettings};

impl Resolver<'_> {
    pub(super) fn quarantine(&mut self, written: WrittenQuarantine) -> QuarantineSettings {
        let defaults = QuarantineSettings::default();
        if let Some(percent) = written.percent.as_ref().filter(|percent| percent.value > 100) {
            self.problem(percent.node, "a share beyond 100 percent", "write a number from 0 to 100");
        }
        let longest = written.longest_pause.as_ref().map(|longest| longest.node);
        let shortest = QuarantineSettings::SHORTEST_PAUSE;
        let first_pause = self.at_least(written.first_pause, shortest, defaults.first_pause);
        let longest_pause = self.at_least(written.longest_pause, shortest, defaults.longest_pause.max(first_pause));
        if let Some(node) = longest.filter(|_| longest_pause < first_pause) {
            let hint = format!("write `{}` or more, or a shorter `first_pause`", duration::print(first_pause));
            self.problem(node, "the longest pause is shorter than the first one", hint);
        }
        QuarantineSettings {
            percent: written.percent.map_or(defaults.percent, |percent| percent.value),
            at_least: written.at_least.unwrap_or(defaults.at_least),
            more_than: written.more_than.unwrap_or(defaults.more_than),
            outage: written.outage.map_or(defaults.outage, |outage| outage.0),
            first_pause,
            longest_pause,
        }
    }

    pub(super) fn webhook(&mut self, written: Located<WebhookSettings>) -> WebhookSettings {
        let Located { value: mut settings, node } = written;
        self.beside_the_file(&mut settings.ca_file);
        if let Some((key, what, hint)) = settings.problem() {
            let place = self.place(node, &[key]);
            self.problem(place, what, hint);
        }
        settings
    }

    pub(super) fn mail(&mut self, written: Located<MailSettings>) -> MailSettings {
        let Located { value: mut settings, node } = written;
        self.beside_the_file(&mut settings.ca_file);
        if let Some((key, what, hint)) = settings.problem() {
            let place = self.place(node, &[key]);
            self.problem(place, what, hint);
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::config::tests::{SOUND, parse, with_job};
    use crate::model::JobId;

    #[test]
    fn a_quarantine_has_the_documented_thresholds_unless_told_otherwise() {
        let settings = |text: &str| {
            let config = parse(text).expect("it is sound");
            config.job(&JobId::new("hr")).expect("it is there").job.quarantine
        };
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let documented = settings(SOUND);
        assert_eq!((documented.percent, documented.at_least, documented.more_than), (40, 5_000, 40_000));
        assert_eq!(
            (documented.outage, documented.first_pause, documented.longest_pause),
            (hours(6), hours(6), hours(24))
        );
        let own =
            "quarantine: { percent: 5, at_least: 6, more_than: 7, outage: 1h, first_pause: 2h, longest_pause: 3h }";
        let own = settings(&with_job(own));
        assert_eq!((own.percent, own.at_least, own.more_than), (5, 6, 7));
        assert_eq!((own.outage, own.first_pause, own.longest_pause), (hours(1), hours(2), hours(3)));
        assert_eq!(settings(&with_job("quarantine: { first_pause: 2d }")).longest_pause, hours(48));
    }
}
