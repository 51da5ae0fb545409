//! `column IN (these values)` with one bound value on either back end, however long the list is.
//!
//! The text of such a statement never changes, so it is prepared once and used again.

use std::sync::OnceLock;

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

/// Compares a text column with a list.
pub(crate) trait AnyOf: Expression + Sized {
    /// True where the column equals one of `values`.
    fn any_of<'a>(self, values: impl IntoIterator<Item = &'a str>) -> IsAnyOf<'a, Self> {
        IsAnyOf { column: self, values: values.into_iter().collect(), document: OnceLock::new() }
    }
}

impl<T: Expression> AnyOf for T {}

/// The comparison that [`AnyOf::any_of`] makes.
#[derive(Debug)]
pub(crate) struct IsAnyOf<'a, T> {
    column: T,
    values: Vec<&'a str>,
    /// The values as a JSON array, for SQLite, which has no arrays.
    document: OnceLock<String>,
}

impl<T: QueryId> QueryId for IsAnyOf<'_, T> {
    type QueryId = IsAnyOf<'static, T::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

impl<T: Expression> Expression for IsAnyOf<'_, T> {
    type SqlType = Nullable<Bool>;
}

impl<T: ValidGrouping<()>> ValidGrouping<()> for IsAnyOf<'_, T> {
    type IsAggregate = is_aggregate::No;
}

impl<T: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for IsAnyOf<'_, T> {}
impl<T: SelectableExpression<QS>, QS> SelectableExpression<QS> for IsAnyOf<'_, T> {}

impl<T: QueryFragment<Pg>> QueryFragment<Pg> for IsAnyOf<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<Text>, _>(&self.values)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<T: QueryFragment<Sqlite>> QueryFragment<Sqlite> for IsAnyOf<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> diesel::QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        // SQLite's JSON ends a text at a NUL, its bound values do not.
        if self.values.iter().any(|value| value.contains('\0')) {
            out.unsafe_to_cache_prepared();
            return one_by_one(&self.values, out);
        }
        let document = self
            .document
            .get_or_init(|| serde_json::to_string(&self.values).expect("a list of texts is JSON whatever they hold"));
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(document)?;
        out.push_sql("))");
        Ok(())
    }
}

fn one_by_one<'b>(values: &'b [&str], mut out: AstPass<'_, 'b, Sqlite>) -> diesel::QueryResult<()> {
    out.push_sql(" IN (");
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push_sql(", ");
        }
        out.push_bind_param::<Text, str>(value)?;
    }
    out.push_sql(")");
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sqlite::SqliteConnection;

    use super::*;

    diesel::table! {
        people (name) {
            name -> Text,
            manager -> Nullable<Text>,
        }
    }

    fn found(connection: &mut SqliteConnection, names: &[&str]) -> Vec<String> {
        people::table
            .filter(people::name.any_of(names.iter().copied()))
            .order(people::name)
            .select(people::name)
            .load(connection)
            .unwrap()
    }

    #[test]
    fn a_list_finds_exactly_its_values() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute("CREATE TABLE people (name TEXT PRIMARY KEY, manager TEXT)").unwrap();
        let odd = ["", "'", "\"]", "1", "a\0b", "a", "A", "null", "\u{1F600}", "tab\t", "back\\slash"];
        for name in odd {
            diesel::insert_into(people::table)
                .values((people::name.eq(name), people::manager.eq((name == "a").then_some("A"))))
                .execute(&mut connection)
                .unwrap();
        }
        for name in odd {
            assert_eq!(found(&mut connection, &[name]), [name], "{name:?}");
        }
        assert_eq!(found(&mut connection, &["1", "a\0b", "nobody"]), ["1", "a\0b"]);
        assert_eq!(found(&mut connection, &["1", "nobody"]), ["1"], "the cached statement is another one");
        assert_eq!(found(&mut connection, &odd).len(), odd.len());
        assert!(found(&mut connection, &[]).is_empty());
        let led: i64 = people::table.filter(people::manager.any_of(["A"])).count().get_result(&mut connection).unwrap();
        assert_eq!(led, 1, "a NULL equals nothing");
    }

    #[test]
    fn an_index_serves_the_list() {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = Text)]
            detail: String,
        }
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute("CREATE TABLE people (name TEXT PRIMARY KEY, manager TEXT)").unwrap();
        let steps: Vec<Step> = diesel::sql_query(
            "EXPLAIN QUERY PLAN SELECT * FROM people WHERE name IN (SELECT value FROM json_each('[]'))",
        )
        .load(&mut connection)
        .unwrap();
        assert!(steps.iter().any(|step| step.detail.starts_with("SEARCH people USING INDEX")));
    }
}
