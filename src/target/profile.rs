//! What a target can and cannot do: the preset, refined by what the target says of itself, and the operator's word last.
//!
//! Values only; asking the target is the client's work.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// Everything about a target that changes how we speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// It finds resources by an attribute; without it every search is a walk through the whole list.
    pub filter: bool,
    /// It changes resources by PATCH.
    pub patch: bool,
    /// How many resources to ask for in one page.
    pub max_page_size: usize,
    /// How many members one PATCH adds and removes together.
    pub members_per_patch: usize,
    /// A group may be created with its members.
    pub members_on_create: bool,
    /// How long after a write a search may still not show it.
    pub match_lag: Duration,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            filter: true,
            patch: true,
            max_page_size: 100,
            members_per_patch: 100,
            members_on_create: true,
            match_lag: Duration::ZERO,
        }
    }
}

/// What a template or an operator says of a target; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileOverrides {
    /// The target finds resources by filter. Default: true, unless the target says otherwise.
    pub filter: Option<bool>,
    /// The target supports PATCH. Default: true, unless the target says otherwise.
    pub patch: Option<bool>,
    /// Resources in one page of a list. Default: 100, or fewer if the target says so.
    pub max_page_size: Option<usize>,
    /// Members added and removed by one PATCH. Default: 100.
    pub members_per_patch: Option<usize>,
    /// Groups are created with members. Default: true.
    pub members_on_create: Option<bool>,
    /// Seconds after which a search surely shows what was written. Default: 0.
    pub match_lag_seconds: Option<u64>,
}

impl Profile {
    /// This profile with what `overrides` names. Sizes are at least one.
    pub fn with(&self, overrides: &ProfileOverrides) -> Self {
        Self {
            filter: overrides.filter.unwrap_or(self.filter),
            patch: overrides.patch.unwrap_or(self.patch),
            max_page_size: overrides.max_page_size.unwrap_or(self.max_page_size).max(1),
            members_per_patch: overrides.members_per_patch.unwrap_or(self.members_per_patch).max(1),
            members_on_create: overrides.members_on_create.unwrap_or(self.members_on_create),
            match_lag: overrides.match_lag_seconds.map_or(self.match_lag, Duration::from_secs),
        }
    }

    /// This profile with what a `ServiceProviderConfig` (RFC 7643 section 5) says. Whatever in it is missing or not as
    /// it should be counts as not said; some targets wrap it in a list.
    pub fn discovered(&self, config: &Value) -> Self {
        let config = unwrapped(config);
        let filter = member(config, "filter");
        let supported = |feature: &str| member(config, feature).and_then(|f| member(f, "supported")).and_then(boolean);
        let max_results = filter.and_then(|filter| member(filter, "maxResults")).and_then(Value::as_u64);
        let max_results = max_results.and_then(|most| usize::try_from(most).ok()).filter(|&most| most > 0);
        Self {
            filter: supported("filter").unwrap_or(self.filter),
            patch: supported("patch").unwrap_or(self.patch),
            max_page_size: max_results.map_or(self.max_page_size, |most| most.min(self.max_page_size)),
            ..self.clone()
        }
    }
}

fn unwrapped(config: &Value) -> &Value {
    let list = match config {
        Value::Array(list) => Some(list),
        other => member(other, "Resources").and_then(Value::as_array),
    };
    list.and_then(|list| list.first()).unwrap_or(config)
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A Boolean, also as text: some targets quote them.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_target_says_of_itself_refines_the_preset() {
        let preset = Profile::default();
        let cases = [
            (json!({}), preset.clone()),
            (json!(null), preset.clone()),
            (json!("<html>"), preset.clone()),
            (json!([]), preset.clone()),
            (json!({ "patch": true, "filter": { "supported": 1, "maxResults": -1 } }), preset.clone()),
            (json!({ "filter": { "supported": true, "maxResults": 0 } }), preset.clone()),
            (json!({ "filter": { "supported": true, "maxResults": 100_000 } }), preset.clone()),
            (json!({ "patch": { "supported": false } }), Profile { patch: false, ..preset.clone() }),
            (json!([{ "Patch": { "Supported": "False" } }]), Profile { patch: false, ..preset.clone() }),
            (
                json!({ "Resources": [{ "filter": { "supported": false, "maxResults": 20 } }] }),
                Profile { filter: false, max_page_size: 20, ..preset.clone() },
            ),
        ];
        for (config, expected) in cases {
            assert_eq!(preset.discovered(&config), expected, "{config}");
        }
    }

    #[test]
    fn the_operator_has_the_last_word() {
        let discovered = Profile::default().discovered(&json!({ "patch": { "supported": false } }));
        let overrides: ProfileOverrides =
            serde_json::from_value(json!({ "patch": true, "members_per_patch": 0, "match_lag_seconds": 5 })).unwrap();
        let expected = Profile { members_per_patch: 1, match_lag: Duration::from_secs(5), ..Profile::default() };
        assert_eq!(discovered.with(&overrides), expected);
        assert!(serde_json::from_value::<ProfileOverrides>(json!({ "ptach": true })).is_err());
    }
}
