//! The two trees of migrations describe the same tables, and growing tables are read by index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use tokio_postgres::NoTls;

use crate::support::postgres::Postgres;
use crate::support::repository;

pub(super) fn connect_sqlite(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

/// Tables with their columns and whether each may be null, and indexes with their columns.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    columns: BTreeMap<String, Vec<(String, bool)>>,
    indexes: BTreeSet<(String, bool, String)>,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_unique: bool,
    #[diesel(sql_type = Text)]
    columns: String,
}

fn sqlite_shape(connection: &mut SqliteConnection) -> Shape {
    let tables = diesel::sql_query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    )
    .load::<Named>(connection)
    .unwrap();
    let mut shape = Shape::default();
    for Named { name: table } in tables {
        let columns =
            diesel::sql_query("SELECT name, \"notnull\" = 0 AS nullable FROM pragma_table_info(?) ORDER BY cid")
                .bind::<Text, _>(&table)
                .load::<Column>(connection)
                .unwrap();
        shape.columns.insert(table.clone(), columns.into_iter().map(|column| (column.name, column.nullable)).collect());
        let indexes = diesel::sql_query(
            "SELECT CASE origin WHEN 'pk' THEN 'primary' ELSE name END AS name, \"unique\" AS is_unique,
                    (SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) AS columns
             FROM pragma_index_list(?) l",
        )
        .bind::<Text, _>(&table)
        .load::<Index>(connection)
        .unwrap();
        let indexes = indexes.into_iter();
        shape.indexes.extend(indexes.map(|index| (format!("{table}.{}", index.name), index.is_unique, index.columns)));
    }
    shape
}

async fn postgres_shape(url: &str) -> Shape {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut shape = Shape::default();
    let columns = client
        .query(
            "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%' ORDER BY table_name, ordinal_position",
            &[],
        )
        .await
        .unwrap();
    for row in columns {
        shape.columns.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    let indexes = client
        .query(
            "SELECT t.relname::text, CASE WHEN x.indisprimary THEN 'primary' ELSE i.relname::text END, x.indisunique,
                    (SELECT string_agg(a.attname, ',' ORDER BY k.position)
                     FROM unnest(x.indkey) WITH ORDINALITY k(attribute, position)
                     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attribute)
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
             JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname = 'public' AND t.relname NOT LIKE '\\_\\_%'",
            &[],
        )
        .await
        .unwrap();
    for row in indexes {
        let (table, name): (String, String) = (row.get(0), row.get(1));
        shape.indexes.insert((format!("{table}.{name}"), row.get(2), row.get(3)));
    }
    shape
}

#[tokio::test]
async fn both_back_ends_have_the_same_tables() {
    let (folder, _store) = super::sqlite_store().await;
    let server = Postgres::start();
    let url = server.create_database("shape").await;
    let _other = provisor::store::Store::open(&url, None).await.unwrap();
    let sqlite = sqlite_shape(&mut connect_sqlite(&folder.path().join("store.db")));
    assert!(sqlite.columns.len() > 10);
    assert_eq!(sqlite, postgres_shape(url.expose()).await);
}

#[test]
fn migrations_go_up_down_and_up_again_on_sqlite() {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    let migrations = || FileBasedMigrations::from_path(repository("migrations/sqlite")).unwrap();
    connection.run_pending_migrations(migrations()).unwrap();
    let first = sqlite_shape(&mut connection);
    connection.revert_all_migrations(migrations()).unwrap();
    assert_eq!(sqlite_shape(&mut connection), Shape::default(), "nothing is left behind");
    connection.run_pending_migrations(migrations()).unwrap();
    assert_eq!(sqlite_shape(&mut connection), first);
}

#[tokio::test]
async fn migrations_go_up_down_and_up_again_on_postgresql() {
    let server = Postgres::start();
    let url = server.create_database("updown").await;
    let run = async |name: &str| {
        let (client, connection) = tokio_postgres::connect(url.expose(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let folder = repository("migrations/postgres");
        let mut migrations: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        migrations.sort();
        if name == "down.sql" {
            migrations.reverse();
        }
        for migration in migrations {
            client.batch_execute(&std::fs::read_to_string(migration.join(name)).unwrap()).await.unwrap();
        }
        postgres_shape(url.expose()).await
    };
    let first = run("up.sql").await;
    assert_eq!(run("down.sql").await, Shape::default(), "nothing is left behind");
    assert_eq!(run("up.sql").await, first);
}

/// The conditions of the store's statements on tables that grow with the directory.
const GROWING: &[&str] = &[
    "SELECT * FROM objects WHERE job = ? AND anchor IN (?, ?)",
    "SELECT * FROM objects WHERE job = ? AND mapping = ? AND anchor IN (?, ?)",
    "SELECT anchor FROM objects WHERE job = ? AND mapping = ? AND anchor > ? AND objects.due AND waits_for IS NULL ORDER BY anchor LIMIT ?",
    "SELECT DISTINCT anchor FROM objects WHERE job = ? AND anchor > ? AND kind = ? AND lifecycle = ? AND generation < ? ORDER BY anchor LIMIT ?",
    "UPDATE objects SET due = ? WHERE waits_for IN (?, ?)",
    "SELECT * FROM object_names WHERE job = ? AND name IN (?, ?)",
    "SELECT anchor, name FROM object_names WHERE job = ? AND anchor IN (?, ?)",
    "DELETE FROM object_names WHERE job = ? AND anchor IN (?, ?)",
    "SELECT * FROM object_names WHERE job = ? AND name > ? AND name < ? ORDER BY name LIMIT ?",
    "SELECT * FROM containers WHERE job = ? AND name >= ? AND name < ?",
    "SELECT * FROM links WHERE target = ? AND resource_kind = ? AND resource IN (?, ?)",
    "SELECT * FROM links WHERE job IN (?, ?) AND target = ? AND anchor IN (?, ?) ORDER BY job, mapping",
    "SELECT * FROM links WHERE job = ? AND mapping = ? AND anchor IN (?, ?)",
    "SELECT * FROM edges WHERE job = ? AND reference IN (?, ?) AND edges.wanted",
    "SELECT reference FROM edges WHERE job = ? AND reference > ? AND reference < ? ORDER BY reference LIMIT ?",
    "SELECT * FROM edges WHERE job IN (?, ?) AND to_anchor IN (?, ?) AND export <> ?",
    "SELECT * FROM edges WHERE job = ? AND mapping = ? AND from_anchor IN (?, ?) AND edges.wanted AND edges.export <> 'exported'",
    "SELECT * FROM edges WHERE job = ? AND mapping = ? AND from_anchor IN (?, ?) AND NOT edges.wanted",
    "DELETE FROM edges WHERE job = ? AND mapping = ? AND from_anchor = ? AND attribute = ? AND reference IN (?, ?)",
    "SELECT * FROM intents WHERE job = ?",
    "SELECT * FROM intents WHERE target = ?",
    "DELETE FROM intents WHERE page = ?",
    "UPDATE edges SET wanted = ? WHERE job = ? AND to_anchor IN (?, ?) AND export <> ?",
    "UPDATE edges SET to_anchor = NULL WHERE job = ? AND reference IN (?, ?) AND export = ? AND mapping <> ?",
    "SELECT to_anchor, from_anchor FROM edges WHERE job = ? AND to_anchor IN (?, ?) AND mapping = ? AND attribute = ? AND edges.wanted",
    "SELECT to_anchor FROM edges WHERE job = ? AND mapping = ? AND from_anchor IN (?, ?) AND attribute = ? AND edges.wanted AND to_anchor IS NOT NULL",
    "SELECT anchor FROM objects WHERE job = ? AND mapping = ? AND anchor IN (?, ?) AND lifecycle = ?",
    "SELECT anchor FROM object_names WHERE job = ? AND name > ? AND name < ?",
    "SELECT * FROM removals WHERE job = ? AND state = ? AND id > ? ORDER BY id LIMIT ?",
    "SELECT * FROM removals WHERE job = ? AND mapping = ? AND anchor IN (?, ?)",
    "SELECT id, mapping, amount FROM let_through WHERE job = ? AND measure = ? AND attribute = ?",
    "DELETE FROM let_through WHERE job = ? AND at <= ?",
    "UPDATE let_through SET id = ? WHERE id = ?",
    "SELECT baseline FROM cycles WHERE job = ? AND started_at > ? ORDER BY started_at LIMIT ?",
    "SELECT * FROM escrows WHERE job = ? AND next_attempt_at <= ?",
    "SELECT * FROM escrows WHERE job = ? AND mapping = ? AND anchor IN (?, ?)",
    "SELECT * FROM cycles WHERE job = ? ORDER BY id DESC LIMIT ?",
    "SELECT page, cycle, at, statuses, objects FROM provisioning_log WHERE job = ? AND page < ? ORDER BY page DESC LIMIT ?",
    "SELECT lines FROM provisioning_log WHERE job = ? AND page = ?",
    "SELECT page, at FROM provisioning_log WHERE job = ? ORDER BY page LIMIT ?",
    "DELETE FROM provisioning_log WHERE job = ? AND page <= ?",
    "SELECT * FROM matching_index WHERE job = ? AND mapping = ? AND path = ? AND value IN (?, ?) ORDER BY resource",
    "SELECT * FROM links WHERE job = ? AND anchor IN (?, ?) ORDER BY anchor, mapping",
    "SELECT * FROM links WHERE job = ? AND anchor >= ? AND (anchor > ? OR mapping > ?) ORDER BY anchor, mapping LIMIT ?",
    "SELECT * FROM links WHERE target = ? AND resource_kind IN (?, ?) AND resource = ? AND job = ?",
];

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[test]
fn growing_tables_are_read_by_index() {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    let migrations = FileBasedMigrations::from_path(repository("migrations/sqlite")).unwrap();
    connection.run_pending_migrations(migrations).unwrap();
    connection.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    let mut plan_of = |statement: &str| -> Vec<String> {
        // Lists are bound as the store binds them.
        let statement = statement.replace("IN (?, ?)", "IN (SELECT value FROM json_each(?))");
        let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load::<Plan>(&mut connection).unwrap();
        plan.into_iter().map(|step| step.detail).filter(|step| !step.contains("json_each")).collect()
    };
    for statement in GROWING {
        let plan = plan_of(statement);
        assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{statement}: {plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{statement}: {plan:?}");
        // Finding a job's rows one by one until the listed ones are among them would be no better than a scan.
        if let Some((before, _)) = statement.rsplit_once(" IN (") {
            let listed = before.rsplit(' ').next().unwrap();
            assert!(plan.iter().any(|step| step.contains(&format!("{listed}=?"))), "{statement}: {plan:?}");
        }
    }
    let told = [
        ("objects_due", GROWING[2]),
        ("edges_to_add", GROWING[16]),
        ("edges_to_remove", GROWING[17]),
        ("edges_to_anchor", GROWING[15]),
    ];
    for (index, statement) in told {
        assert!(plan_of(statement).iter().any(|step| step.contains(index)), "{statement} does not use {index}");
    }
}
