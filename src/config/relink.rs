//! By what objects with new anchors are known again.

use super::document::NodeId;
use super::read::Located;
use super::resolve::Resolver;
use super::resolved::JobSchema;
use super::written::WrittenRelink;
use crate::model::ObjectKind;

impl Resolver<'_> {
    /// Writes the confirming attributes into the rules. `job` is where the job is written.
    pub(super) fn relink(&mut self, job: NodeId, written: WrittenRelink, schema: &mut JobSchema) {
        for (name, attributes) in written.confirm_by {
            let kind = ObjectKind::new(name.as_str());
            let kinds: Vec<&str> = schema.rules.mappings.iter().map(|mapping| mapping.source_kind.as_str()).collect();
            if !kinds.contains(&name.as_str()) {
                let hint = format!("the mappings read: {}", kinds.join(", "));
                let place = self.place(job, &["relink", "confirm_by", &name]);
                self.problem(place, format!("no mapping of {} reads `{name}`", schema.origin), hint);
                continue;
            }
            for attribute in &attributes {
                self.check_confirming(&kind, attribute, schema);
            }
            let attributes: Vec<String> = attributes.into_iter().map(|attribute| attribute.value).collect();
            schema.rules.confirm(&kind, &attributes);
        }
    }

    /// What finds a resource says nothing about whose it is: a joiner who gets a leaver's user name has it, too.
    fn check_confirming(&mut self, kind: &ObjectKind, attribute: &Located<String>, schema: &JobSchema) {
        let name = attribute.value.as_str();
        let defined = schema.document.source_attributes(kind);
        if !defined.contains(name) {
            let hint = "name an attribute that the schema defines in the source: no reference, and not the anchor";
            self.problem(attribute.node, format!("{} defines no value `{name}` of `{kind}`", schema.origin), hint);
            return;
        }
        let mut mappings = schema.rules.mappings.iter().filter(|mapping| mapping.source_kind == *kind);
        if mappings.any(|mapping| mapping.is_matched_by(name)) {
            let what = format!("`{name}` is what `{kind}` is matched by, so it confirms nothing");
            let hint = "name another attribute, one that stays with a person and is never given to another";
            self.problem(attribute.node, what, hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{SOUND, parse, with_job};

    #[test]
    fn confirming_attributes_are_read_and_stand_in_the_mappings_of_their_kind() {
        let confirm_by = |text: &str| -> Vec<Vec<String>> {
            let config = parse(text).expect("it is sound");
            let rules = &config.applications[0].jobs[0].schema.rules;
            for mapping in &rules.mappings {
                let read = &rules.selection()[&mapping.source_kind].attributes;
                assert!(mapping.confirm_by.iter().all(|name| read.contains(name)), "{read:?}");
            }
            rules.mappings.iter().map(|mapping| mapping.confirm_by.clone()).collect()
        };
        assert!(confirm_by(SOUND).concat().is_empty());
        let of_users = confirm_by(&with_job("relink: { confirm_by: { User: [employeeNumber] } }"));
        assert!(
            of_users.contains(&vec!["employeeNumber".to_owned()]) && of_users.contains(&Vec::new()),
            "{of_users:?}"
        );
    }

    #[test]
    fn what_cannot_confirm_is_told_at_its_place() {
        for (relink, words) in [
            ("{ confirm_by: { User: [employeeNumbre] } }", ["employeeNumbre", "defines no value"]),
            ("{ confirm_by: { User: [manager] } }", ["manager", "defines no value"]),
            ("{ confirm_by: { User: [uid] } }", ["uid", "confirms nothing"]),
            ("{ confirm_by: { Person: [uid] } }", ["Person", "the mappings read: "]),
            ("{ confirmed_by: {} }", ["confirmed_by", "confirm_by"]),
        ] {
            let problems = parse(&with_job(&format!("relink: {relink}"))).expect_err(relink).to_string();
            assert!(words.iter().all(|word| problems.contains(word)), "{relink}: {problems}");
        }
    }
}
