//! Who is meant by a text: an id, or one of the names that people use.

use std::fmt;

use super::{
    client::{Failure, GraphClient},
    projection::{Collection, is_id},
    wire::{Id, IdPage},
};
use crate::model::Anchor;
use crate::source::{MOST_FOUND, SourceError};

/// The objects of the collection that have this id, or else are called so.
pub(super) async fn find(client: &GraphClient, collection: Collection, text: &str) -> Result<Vec<Anchor>, SourceError> {
    let name = collection.name();
    let failed = |failure| match failure {
        Failure::Refused(refusal) => client.refused(refusal, name),
        Failure::Failed(error) => error,
    };
    if is_id(text) {
        match client.get::<Id>(&client.url(&[name, text], &[("$select", "id")]), name).await {
            Ok(found) => return Ok(vec![Anchor::new(found.id)]),
            Err(Failure::Refused(refusal)) if matches!(refusal.status, 400 | 404) => {}
            Err(failure) => return Err(failed(failure)),
        }
    }
    let filter = AnyEquals { properties: collection.called_by(), value: text }.to_string();
    let (most, select) = (MOST_FOUND.to_string(), ("$select", "id"));
    let url = client.url(&[name], &[("$filter", &filter), select, ("$top", &most)]);
    let page: IdPage = client.get(&url, name).await.map_err(failed)?;
    Ok(page.value.into_iter().take(MOST_FOUND).map(|object| Anchor::new(object.id)).collect())
}

/// An `OData` filter (version 4.01, part 2, section 5.1.1): any of the properties has this value.
struct AnyEquals<'a> {
    properties: &'a [&'static str],
    value: &'a str,
}

impl fmt::Display for AnyEquals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, property) in self.properties.iter().enumerate() {
            write!(f, "{}{property} eq '", if index == 0 { "" } else { " or " })?;
            for character in self.value.chars() {
                // Within a text, a quote is written twice.
                f.write_str(if character == '\'' { "'" } else { "" })?;
                write!(f, "{character}")?;
            }
            f.write_str("'")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let filter = |value| AnyEquals { properties: &["mail", "displayName"], value }.to_string();
        assert_eq!(filter("a@b"), "mail eq 'a@b' or displayName eq 'a@b'");
        assert_eq!(filter("O'Hara' or 1"), "mail eq 'O''Hara'' or 1' or displayName eq 'O''Hara'' or 1'");
    }
}
