//! What a probe found out: one finding a check, the profile they add up to, and whether the gateway can work with it.
//!
//! Values only.

use serde::Serialize;

use crate::target::ProfileOverrides;

/// What is asked of a target, and where the protocol asks it.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// What is so when all is well: "users are created".
    pub title: &'static str,
    /// The section: "RFC 7644 §3.3".
    pub section: &'static str,
    /// Without it the gateway cannot work with the target.
    pub essential: bool,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Conforms,
    /// It does something else than the protocol says.
    Deviates,
    /// It does not offer what the protocol leaves free to offer, and says so.
    NotOffered,
    /// The check could not be made.
    Unknown,
}

/// One check with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// What was seen. Never a secret, and no value but those of the probe's own resources. May be empty.
    pub detail: String,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
    /// What the configuration has to say of this target beyond what it says of itself.
    pub profile: ProfileOverrides,
    /// Users of the probe that are still there, disabled, because this target deletes none: endpoint, id and name.
    pub kept: Vec<String>,
    /// Resources of the probe that should be gone and are not, with the reason.
    pub left_behind: Vec<String>,
    /// Why the probe ended before its end.
    pub broken_off: Option<String>,
}

impl Report {
    /// True when a gateway with this profile can provision users into the target, and the probe left nothing behind.
    pub fn is_usable(&self) -> bool {
        let works = |finding: &Finding| !finding.check.essential || finding.verdict == Verdict::Conforms;
        self.broken_off.is_none() && self.left_behind.is_empty() && self.findings.iter().all(works)
    }

    /// How many findings have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    pub(super) fn add(&mut self, check: &'static Check, verdict: Verdict, detail: impl Into<String>) {
        self.findings.push(Finding { check, verdict, detail: detail.into() });
    }

    pub(super) fn conforms(&mut self, check: &'static Check) {
        self.add(check, Verdict::Conforms, "");
    }

    pub(super) fn deviates(&mut self, check: &'static Check, detail: impl Into<String>) {
        self.add(check, Verdict::Deviates, detail);
    }

    /// It conforms, or deviates in the way that `detail` says.
    pub(super) fn judge(&mut self, check: &'static Check, conforms: bool, detail: impl FnOnce() -> String) {
        if conforms { self.conforms(check) } else { self.deviates(check, detail()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static USEFUL: Check = Check { title: "it is useful", section: "RFC 7644 §1", essential: false };
    static ESSENTIAL: Check = Check { title: "it is there", section: "RFC 7644 §1", essential: true };

    #[test]
    fn only_what_is_essential_makes_a_target_unusable() {
        let mut report = Report::default();
        report.deviates(&USEFUL, "it is not");
        report.add(&USEFUL, Verdict::Unknown, "");
        report.conforms(&ESSENTIAL);
        assert!(report.is_usable());
        for verdict in [Verdict::Deviates, Verdict::NotOffered, Verdict::Unknown] {
            let mut report = report.clone();
            report.add(&ESSENTIAL, verdict, "it is not");
            assert!(!report.is_usable(), "{verdict:?}");
        }
    }

    #[test]
    fn a_probe_that_left_something_or_broke_off_has_failed() {
        let left = Report { left_behind: vec!["Users/1".to_owned()], ..Report::default() };
        let broken_off = Report { broken_off: Some("interrupted".to_owned()), ..Report::default() };
        assert!(Report::default().is_usable() && !left.is_usable() && !broken_off.is_usable());
    }
}
