//! Match after match, as .NET takes them.

use std::ops::Range;

use fancy_regex::Captures;

use super::pattern::taken;
use super::{Pattern, PatternError};
use crate::expression::budget::Budget;

/// One match.
pub(in crate::expression) struct Match<'t> {
    pub(super) captures: Captures<'t, str>,
    /// Where the whole match lies.
    pub(in crate::expression) range: Range<usize>,
}

impl Match<'_> {
    /// Where the group of this name or number lies, if it took part.
    pub(in crate::expression) fn group(&self, pattern: &Pattern, name: &str) -> Option<Range<usize>> {
        taken(&self.captures, &pattern.groups(name))
    }
}

impl Pattern {
    /// Every match from left to right. An empty match may follow right behind another match; after it the search goes
    /// on one character further.
    pub(in crate::expression) fn matches<'a, 't: 'a>(
        &'a self,
        text: &'t str,
        budget: &'a Budget,
    ) -> impl Iterator<Item = Result<Match<'t>, PatternError>> + use<'a, 't> {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let start = from.take()?;
            let found = match self.match_from(text, start) {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            let captures = found.as_ref().and_then(|captures| Some((captures.get(0)?.range(), captures)));
            let end = captures.as_ref().map_or(text.len(), |(range, _)| range.end);
            if !budget.spend(self.cost(end - start)) {
                return Some(Err(PatternError::TooManySteps));
            }
            let (range, _) = captures?;
            from = match text[range.end..].chars().next() {
                _ if !range.is_empty() => Some(range.end),
                Some(character) => Some(range.end + character.len_utf8()),
                None => None,
            };
            Some(Ok(Match { captures: found?, range }))
        })
    }
}
