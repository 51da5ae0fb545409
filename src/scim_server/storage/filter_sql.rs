//! The part of a filter that an index answers: `eq` on the columns and on members.
//!
//! Everything else is left over and evaluated on the documents.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use super::tables::{members, resources};
use crate::scim::{AttributePath, Filter, Literal, Operator, ResourceSchema};

/// A test that the database makes exactly as the filter means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Condition {
    Id(String),
    /// In lower case.
    UserName(String),
    /// In lower case.
    DisplayName(String),
    ExternalId(String),
    /// The id of a member, in lower case as all ids are.
    Member(String),
}

/// Splits a filter: the conditions, which must all hold, and what remains to be evaluated.
pub(in super::super) fn narrow(filter: Filter, schema: &ResourceSchema) -> (Vec<Condition>, Option<Filter>) {
    let terms = match filter {
        Filter::And(terms) => terms,
        other => vec![other],
    };
    let mut conditions = Vec::new();
    let mut rest = Vec::new();
    for term in terms {
        match condition(&term, schema) {
            Some(condition) => conditions.push(condition),
            None => rest.push(term),
        }
    }
    (conditions, Filter::all(rest))
}

/// Adds the conditions to a query on resources.
pub(super) fn restrict<'a, Q>(query: Q, conditions: &'a [Condition]) -> Q
where
    Q: diesel::query_dsl::methods::FilterDsl<Test<'a>, Output = Q>,
{
    conditions.iter().fold(query, |query, condition| query.filter(test(condition)))
}

type Test<'a> = Box<
    dyn BoxableExpression<resources::table, Sqlite, SqlType = diesel::sql_types::Nullable<diesel::sql_types::Bool>>
        + 'a,
>;

fn test(condition: &Condition) -> Test<'_> {
    match condition {
        Condition::Id(id) => Box::new(resources::id.eq(id).nullable()),
        Condition::UserName(name) => Box::new(resources::user_name.eq(name)),
        Condition::DisplayName(name) => Box::new(resources::display_key.eq(name)),
        Condition::ExternalId(id) => Box::new(resources::external_id.eq(id)),
        Condition::Member(id) => {
            let groups = members::table.filter(members::value.eq(id)).select(members::group_id);
            Box::new(resources::id.eq_any(groups).nullable())
        }
    }
}

fn condition(term: &Filter, schema: &ResourceSchema) -> Option<Condition> {
    match term {
        Filter::Comparison { path, operator: Operator::Equal, value: Literal::Text(text) } if path.filter.is_none() => {
            on_column(path, text, schema)
        }
        // `members[value eq "…"]` means the same as `members.value eq "…"`.
        Filter::ValuePath { path, filter } => match filter.as_ref() {
            Filter::Comparison { path: part, operator: Operator::Equal, value: Literal::Text(text) }
                if part.attribute.eq_ignore_ascii_case("value") =>
            {
                on_column(&path.clone().part("value"), text, schema)
            }
            _ => None,
        },
        _ => None,
    }
}

fn on_column(path: &AttributePath, text: &str, schema: &ResourceSchema) -> Option<Condition> {
    let at = schema.resolve(path)?;
    if at.extension.is_some() || text.is_empty() {
        return None;
    }
    let sub_attribute = at.sub_attribute.map(|part| part.name.as_str());
    match (at.attribute?.name.as_str(), sub_attribute) {
        ("id", None) => Some(Condition::Id(text.to_owned())),
        ("userName", None) => Some(Condition::UserName(text.to_lowercase())),
        ("displayName", None) => Some(Condition::DisplayName(text.to_lowercase())),
        ("externalId", None) => Some(Condition::ExternalId(text.to_owned())),
        ("members", None | Some("value")) => Some(Condition::Member(text.to_lowercase())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_on_columns_goes_to_the_database_and_the_rest_stays() {
        let user = ResourceSchema::user();
        let group = ResourceSchema::group();
        for (filter, schema, conditions, rest) in [
            ("USERNAME eq \"Ada\"", user, vec![Condition::UserName("ada".to_owned())], None),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:externalId eq \"A\"",
                user,
                vec![Condition::ExternalId("A".to_owned())],
                None,
            ),
            ("userName ne \"a\"", user, vec![], Some("userName ne \"a\"")),
            ("userName eq null", user, vec![], Some("userName eq null")),
            ("userName eq \"a\" or id eq \"b\"", user, vec![], Some("userName eq \"a\" or id eq \"b\"")),
            ("displayName eq \"A\" and title pr", user, vec![Condition::DisplayName("a".to_owned())], Some("title pr")),
            (
                "id eq \"g\" and members.value eq \"M\"",
                group,
                vec![Condition::Id("g".to_owned()), Condition::Member("m".to_owned())],
                None,
            ),
            ("members[value eq \"M\"]", group, vec![Condition::Member("m".to_owned())], None),
            ("userName eq \"a\"", group, vec![], Some("userName eq \"a\"")),
        ] {
            let (found, left) = narrow(Filter::parse(filter).unwrap(), schema);
            assert_eq!((found, left.map(|left| left.to_string()).as_deref()), (conditions, rest), "{filter}");
        }
    }
}
