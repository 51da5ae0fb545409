//! What an operator may not say of a target, with its place.

use std::collections::BTreeSet;

use super::ProfileOverrides;
use super::discovery::is_path;
use crate::model::ResourceKind;
use crate::target::SettingsProblem;

/// A search that lags further behind makes every settling of lost answers wait as long.
const LONGEST_LAG_SECONDS: u64 = 3600;

impl ProfileOverrides {
    /// Everything that cannot work, whatever the target says. The places begin with `profile`.
    pub fn problems(&self) -> Vec<SettingsProblem> {
        let mut problems = Vec::new();
        let mut add = |keys: &[&str], what: String, hint: &'static str| {
            let at = ["profile"].iter().chain(keys).map(|&key| key.to_owned()).collect();
            problems.push(SettingsProblem { at, what, hint });
        };
        for (name, size) in [
            ("max_page_size", self.max_page_size),
            ("operations_per_patch", self.operations_per_patch),
            ("members_per_patch", self.members_per_patch),
            ("bulk_max_operations", self.bulk_max_operations),
            ("bulk_max_bytes", self.bulk_max_bytes),
        ] {
            if size == Some(0) {
                add(&[name], format!("`{name}` is 0"), "give at least 1, or leave it out");
            }
        }
        if self.match_lag_seconds.is_some_and(|lag| lag > LONGEST_LAG_SECONDS) {
            add(&["match_lag_seconds"], "this is more than an hour".to_owned(), "give at most 3600 seconds");
        }
        if self.filter_attributes.as_ref().is_some_and(Vec::is_empty) {
            add(&["filter_attributes"], "the list is empty".to_owned(), "write `filter: false`, or leave it out");
        }
        if self.filter_types.as_ref().is_some_and(|kinds| kinds.is_empty()) {
            add(&["filter_types"], "the list is empty".to_owned(), "write `filter: false`, or leave it out");
        }
        for (name, path) in &self.endpoints {
            if !is_path(path.trim_matches('/')) {
                let what = "this is no path below the base URL".to_owned();
                add(&["endpoints", name], what, "write a path such as `People`, or leave it out");
            }
        }
        problems
    }

    /// The endpoints that are named and are not among these, to which everything is provisioned.
    pub fn unknown_endpoints(&self, known: &BTreeSet<ResourceKind>) -> Vec<SettingsProblem> {
        let types = self.filter_types.iter().flatten().map(|kind| (vec!["filter_types"], kind.as_str()));
        let paths = self.endpoints.keys().map(|name| (vec!["endpoints", name], name.as_str()));
        let unknown = types.chain(paths).filter(|(_, name)| !known.contains(&ResourceKind::new(*name)));
        let problem = |(keys, name): (Vec<&str>, &str)| SettingsProblem {
            at: ["profile"].into_iter().chain(keys).map(str::to_owned).collect(),
            what: format!("nothing is provisioned into `{name}`"),
            hint: "write `Users` or `Groups`, or an endpoint of the schema, in its letter case",
        };
        unknown.map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn places(profile: Value) -> Vec<String> {
        let profile: ProfileOverrides = serde_json::from_value(profile).unwrap();
        profile.problems().into_iter().map(|problem| problem.at.join(".")).collect()
    }

    #[test]
    fn odd_values_are_told_with_their_place() {
        for (profile, place) in [
            (json!({ "max_page_size": 0 }), "profile.max_page_size"),
            (json!({ "operations_per_patch": 0 }), "profile.operations_per_patch"),
            (json!({ "members_per_patch": 0 }), "profile.members_per_patch"),
            (json!({ "bulk_max_operations": 0 }), "profile.bulk_max_operations"),
            (json!({ "bulk_max_bytes": 0 }), "profile.bulk_max_bytes"),
            (json!({ "match_lag_seconds": 3601 }), "profile.match_lag_seconds"),
            (json!({ "filter_attributes": [] }), "profile.filter_attributes"),
            (json!({ "filter_types": [] }), "profile.filter_types"),
            (json!({ "endpoints": { "Users": "" } }), "profile.endpoints.Users"),
            (json!({ "endpoints": { "Users": "/" } }), "profile.endpoints.Users"),
            (json!({ "endpoints": { "Users": "../admin" } }), "profile.endpoints.Users"),
            (json!({ "endpoints": { "Users": "a?b" } }), "profile.endpoints.Users"),
        ] {
            assert_eq!(places(profile.clone()), [place], "{profile}");
        }
        let sound = json!({
            "max_page_size": 1, "filter_types": ["Users", "Groups"], "endpoints": { "Users": "/a/People/" },
            "match_lag_seconds": 0,
        });
        assert!(places(sound).is_empty());
    }

    #[test]
    fn endpoints_are_known_by_their_exact_name() {
        let known = BTreeSet::from(["Users", "Groups", "Devices"].map(ResourceKind::new));
        let unknown = |profile: Value| -> Vec<String> {
            let profile: ProfileOverrides = serde_json::from_value(profile).unwrap();
            profile.unknown_endpoints(&known).into_iter().map(|problem| problem.at.join(".")).collect()
        };
        let wrong = json!({ "filter_types": ["users", "Groups"], "endpoints": { "Userz": "a", "Devices": "b" } });
        assert_eq!(unknown(wrong), ["profile.filter_types", "profile.endpoints.Userz"]);
        assert!(unknown(json!({ "filter_types": ["Users"] })).is_empty());
    }
}
