//! Which rules are the job's: it writes to one of its two directories, and never back.

use super::{Compiler, is_enabled};
use crate::sync_schema::Finding;
use crate::sync_schema::wire::SynchronizationRule;

/// The names of the directories that a rule reads and writes.
type Direction<'a> = (Option<&'a str>, Option<&'a str>);

impl<'a> Compiler<'a> {
    /// The rules that lead to the application, with their indexes, by their priority and then as they are written. Of
    /// two that lead in opposite directions the priority says nothing: neither runs when they cannot be told apart.
    pub(super) fn own_rules(&mut self) -> Vec<(usize, &'a SynchronizationRule)> {
        let mut rules: Vec<(usize, &'a SynchronizationRule)> = self.schema.synchronization_rules.items().collect();
        rules.sort_by_key(|(_, rule)| rule.priority.or(0));
        let active: Vec<&SynchronizationRule> = rules.iter().map(|(_, rule)| *rule).filter(|rule| runs(rule)).collect();
        let mut own = Vec::new();
        for (index, rule) in rules {
            let (source, target) = direction(rule);
            let opposite = active.iter().find(|other| source != target && direction(other) == (target, source));
            let leads_out = opposite.map(|opposite| match runs(rule) {
                true => self.leads_out(rule).or_else(|| self.leads_out(opposite).map(|leads_out| !leads_out)),
                false => Some(false),
            });
            let pointer = format!("/synchronizationRules/{index}");
            if matches!(leads_out, None | Some(Some(true))) {
                own.push((index, rule));
                continue;
            }
            self.report(if leads_out == Some(None) {
                let expected = "a rule that leads to the application, and no other enabled one that leads back";
                Finding::error(&pointer, expected, "two directions that cannot be told apart")
            } else {
                let instead = "the rule is left out: a job writes to one of its two directories";
                Finding::unsupported(&pointer, instead, "a rule in the other direction")
            });
            self.idle.push(pointer + "/");
        }
        own
    }

    /// True for a rule that writes objects of SCIM and reads others, false for one the other way round; where the
    /// objects do not tell, the name of the rule may.
    fn leads_out(&self, rule: &SynchronizationRule) -> Option<bool> {
        let (source, target) = direction(rule);
        match (self.is_scim(source), self.is_scim(target)) {
            (false, true) => Some(true),
            (true, false) => Some(false),
            _ => {
                let name = rule.name.text().unwrap_or_default().to_ascii_uppercase();
                let says = [name.contains("OUTBOUND"), name.contains("INBOUND")];
                (says[0] != says[1]).then_some(says[0])
            }
        }
    }

    /// True when the directory has objects that are named by the URN of a SCIM schema.
    fn is_scim(&self, directory: Option<&str>) -> bool {
        let is_urn = |name: &str| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let mut named = self.schema.directories.items().filter(|(_, known)| known.name.text() == directory);
        directory.is_some() && named.any(|(_, directory)| directory.object_names().any(is_urn))
    }
}

fn direction(rule: &SynchronizationRule) -> Direction<'_> {
    (rule.source_directory_name.text(), rule.target_directory_name.text())
}

/// True when a mapping of the rule is enabled.
fn runs(rule: &SynchronizationRule) -> bool {
    rule.object_mappings.items().any(|(_, mapping)| is_enabled(mapping))
}
