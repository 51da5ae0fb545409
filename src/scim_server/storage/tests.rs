//! The database by itself.

use serde_json::{Value, json};

use super::*;
use crate::scim::Filter;
use crate::scim_server::memberships::Member;

fn memory() -> Storage {
    open(None)
}

fn open(file: Option<&Path>) -> Storage {
    Storage::open(file, Arc::new(ResourceTypes::standard()), |_| Ok::<_, OpenError>(())).unwrap()
}

fn insert(tx: &mut Transaction<'_>, catalog: &Catalog, kind: usize, id: &str, document: Value) -> Result<i64, Failure> {
    let Value::Object(document) = document else { panic!("an object") };
    let text = serde_json::to_string(&document).unwrap();
    let row = Row { id: id.to_owned(), created: 0, modified: 0, version: 1, document: text };
    tx.insert(&catalog.all()[kind], &row, &document)
}

impl Transaction<'_> {
    /// The rows that this connection has written since it was opened.
    pub(in super::super) fn rows_written(&mut self) -> i64 {
        let total = diesel::dsl::sql::<diesel::sql_types::BigInt>("total_changes()");
        diesel::select(total).get_result(self.0).unwrap()
    }
}

fn named(name: &str) -> Value {
    json!({"userName": name})
}

#[test]
fn the_migrations_go_up_and_down_and_up_and_lose_nothing() {
    let mut connection = connect(":memory:").unwrap();
    connection.run_next_migration(MIGRATIONS).unwrap();
    connection
        .batch_execute(
            "INSERT INTO resources (id, kind, user_name, created, modified, version, document) VALUES
             ('a', 'user', 'ada', 1, 2, 3, '{\"userName\":\"Ada\"}'), ('g', 'group', NULL, 1, 2, 3, '{\"displayName\":\"G\"}');
             INSERT INTO members (group_id, value, display) VALUES ('g', 'a', 'Ada');",
        )
        .unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    connection.revert_last_migration(MIGRATIONS).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    let mut tx = Transaction(&mut connection);
    let catalog = tx.open_catalog(&Tenant::default(), &ResourceTypes::standard()).unwrap();
    let [users, groups] = catalog.all() else { panic!("two types") };
    assert_eq!((tx.count(users).unwrap(), tx.count(groups).unwrap()), (1, 1));
    let group = tx.find(groups, "g").unwrap().unwrap();
    assert_eq!((group.version, tx.members(group.sequence).unwrap()[0].id.as_str()), (3, "a"));
    let by_name = narrow(&Filter::parse("userName eq \"ADA\"").unwrap(), users);
    assert_eq!(tx.candidates(&catalog, users, &by_name.set.unwrap()).unwrap().sequences.len(), 1);
    let taken = tx.attempt(|tx| insert(tx, &catalog, 0, "b", named("aDa"))).unwrap_err();
    assert!(matches!(taken, Failure::Refused(error) if error.status == 409));
    // What was not known before tenants and types came does not stand in the way back.
    connection
        .batch_execute(
            "INSERT INTO collections (id, tenant, kind) VALUES (8, '', 'Team'), (9, 'acme', 'User');
             INSERT INTO resources (sequence, collection, id, created, modified, version, document)
             VALUES (80, 8, 't', 1, 1, 1, '{}'), (90, 9, 'b', 1, 1, 1, '{\"userName\":\"ada\"}');
             INSERT INTO members (group_sequence, member) SELECT sequence, 80 FROM resources WHERE id = 'g';
             INSERT INTO members (group_sequence, member) SELECT 80, sequence FROM resources WHERE id = 'a';",
        )
        .unwrap();
    connection.revert_last_migration(MIGRATIONS).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    let mut tx = Transaction(&mut connection);
    let catalog = tx.open_catalog(&Tenant::default(), &ResourceTypes::standard()).unwrap();
    let group = tx.find(&catalog.all()[1], "g").unwrap().unwrap();
    assert_eq!(tx.members(group.sequence).unwrap().len(), 1);
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
}

#[tokio::test]
async fn a_refused_request_leaves_its_neighbours_alone() {
    let storage = memory();
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    let add = |id: &'static str, name: &'static str| {
        let catalog = catalog.clone();
        storage.write(move |tx| {
            insert(tx, &catalog, 0, id, named(name))?;
            if id == "refused" { Err(ScimError::not_found("no").into()) } else { Ok(()) }
        })
    };
    let (first, refused, taken, last) = tokio::join!(add("1", "a"), add("refused", "b"), add("2", "a"), add("3", "b"));
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(refused, Err(Failure::Refused(error)) if error.status == 404));
    assert!(matches!(taken, Err(Failure::Refused(error)) if error.status == 409));
}

#[tokio::test]
async fn a_file_keeps_what_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("target.sqlite");
    let storage = open(Some(&file));
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    storage.write(move |tx| insert(tx, &catalog, 0, "1", named("a"))).await.unwrap();
    storage.close().await;
    assert!(matches!(storage.read(|_| Ok(())).await, Err(Failure::Stopped)));
    assert!(matches!(storage.write(|_| Ok(())).await, Err(Failure::Stopped)));
    let storage = open(Some(&file));
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    let found = storage.read(move |tx| tx.find(&catalog.all()[0], "1")).await.unwrap();
    assert_eq!(found.map(|stored| stored.version), Some(1));
}

#[tokio::test]
async fn tenants_share_neither_names_nor_totals_nor_resources() {
    let storage = memory();
    let (acme, other) = (Tenant::named("acme").unwrap(), Tenant::named("other").unwrap());
    let (acme, other) = (storage.catalog(&acme).await.unwrap(), storage.catalog(&other).await.unwrap());
    let refused = storage
        .write(move |tx| {
            insert(tx, &acme, 0, "1", named("ada"))?;
            insert(tx, &other, 0, "2", named("ada"))?;
            insert(tx, &other, 0, "3", named("eve"))?;
            assert_eq!((tx.count(&acme.all()[0])?, tx.count(&other.all()[0])?), (1, 2));
            assert!(tx.find(&acme.all()[0], "2")?.is_none());
            let group = insert(tx, &acme, 1, "g", json!({"displayName": "G"}))?;
            tx.add_members(&acme, group, &[Member { value: "2".to_owned(), display: None }])
        })
        .await;
    assert!(matches!(refused, Err(Failure::Refused(error)) if error.status == 400));
}

#[tokio::test]
async fn far_pages_and_totals_are_right_whatever_was_deleted() {
    let storage = memory();
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    storage
        .write(move |tx| {
            let users = &catalog.all()[0];
            for number in 0..5000 {
                insert(tx, &catalog, number % 2, &number.to_string(), json!({"displayName": "x"}))?;
            }
            for number in (0..5000).step_by(6) {
                let stored = tx.find(users, &number.to_string())?.unwrap();
                tx.delete(users, &stored, 0)?;
            }
            let left: Vec<String> =
                (0..5000).step_by(2).filter(|number| number % 6 != 0).map(|number| number.to_string()).collect();
            assert_eq!(tx.count(users)?, left.len() as u64);
            for offset in [0, 1, 1023, 1024, 1025, 1600, left.len() - 1, left.len(), 9999] {
                let page = tx.page(users, 0, offset as u64, 3)?;
                let ids: Vec<&str> = page.iter().map(|stored| stored.id.as_str()).collect();
                let expected: Vec<&str> = left.iter().skip(offset).take(3).map(String::as_str).collect();
                assert_eq!(ids, expected, "{offset}");
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_index_that_comes_later_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("target.sqlite");
    let storage = open(Some(&file));
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    let tag = "urn:x:Tag";
    let document = json!({"userName": "ada", tag: {"number": 7}});
    storage.write(move |tx| insert(tx, &catalog, 0, "1", document)).await.unwrap();
    storage.close().await;

    let schemas = directory.path().join("schemas");
    std::fs::create_dir(&schemas).unwrap();
    for (name, document) in [
        ("tag.json", json!({"id": tag, "attributes": [{"name": "number", "type": "integer"}]})),
        (
            "user.json",
            json!({"name": "User", "endpoint": "/Users", "schema": crate::scim::urn::USER,
                "schemaExtensions": [{"schema": tag, "required": false}]}),
        ),
    ] {
        std::fs::write(schemas.join(name), document.to_string()).unwrap();
    }
    let types = Arc::new(ResourceTypes::load(&schemas).unwrap());
    let storage = Storage::open(Some(&file), types, |_| Ok::<_, OpenError>(())).unwrap();
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    let found = storage
        .read(move |tx| {
            let users = &catalog.all()[0];
            let narrowed = narrow(&Filter::parse("urn:x:Tag:number ge 7").unwrap(), users);
            assert!(narrowed.exact);
            tx.candidates(&catalog, users, &narrowed.set.unwrap())
        })
        .await
        .unwrap();
    assert_eq!(found.sequences.len(), 1);
}

#[test]
fn no_statement_walks_through_a_table_that_grows() {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let mut connection = connect(":memory:").unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    for statement in [
        "SELECT * FROM resources WHERE collection = 1 AND sequence > 5 ORDER BY sequence LIMIT 9 OFFSET 3",
        "SELECT sequence FROM resources WHERE collection = 1 AND modified >= 1 AND modified < 9",
        "SELECT * FROM resources WHERE id = 'x'",
        "SELECT resource FROM resource_values WHERE index_id = 1 AND key = 'x'",
        "SELECT resource FROM resource_values WHERE index_id = 1 AND key >= 'x' AND key < 'y'",
        "SELECT key, resource FROM resource_values WHERE index_id = 1 ORDER BY key DESC, resource DESC LIMIT 9",
        "SELECT key, resource FROM resource_values WHERE index_id = 1 AND key > 'x' ORDER BY key, resource LIMIT 9",
        "SELECT resources.id FROM members JOIN resources ON resources.sequence = members.member
         WHERE members.group_sequence = 1 ORDER BY members.sequence",
        "SELECT resources.id FROM members JOIN resources ON resources.sequence = members.group_sequence
         WHERE members.member = 1 ORDER BY members.sequence",
        "DELETE FROM members WHERE group_sequence = 1 AND member IN (SELECT sequence FROM resources WHERE id = 'x')",
    ] {
        let plan: Vec<Step> =
            diesel::sql_query(["EXPLAIN QUERY PLAN ", statement].concat()).load(&mut connection).unwrap();
        assert!(
            plan.iter().all(|step| !step.detail.starts_with("SCAN")),
            "{statement}: {:?}",
            plan.iter().map(|step| &step.detail).collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn one_more_member_is_one_more_row_however_large_the_group_is() {
    let storage = memory();
    let catalog = storage.catalog(&Tenant::default()).await.unwrap();
    storage
        .write(move |tx| {
            let group = insert(tx, &catalog, 1, "g", json!({"displayName": "G"}))?;
            let member = |number: usize| Member { value: number.to_string(), display: None };
            for number in 0..2000 {
                insert(tx, &catalog, 0, &number.to_string(), named(&number.to_string()))?;
            }
            tx.add_members(&catalog, group, &(0..1999).map(member).collect::<Vec<_>>())?;
            let before = tx.rows_written();
            assert_eq!(tx.add_members(&catalog, group, &[member(7), member(1999)])?, 1);
            assert_eq!(tx.remove_members(group, &["1998".to_owned(), "nobody".to_owned()])?, 1);
            assert_eq!(tx.rows_written() - before, 2);
            assert_eq!(tx.members(group)?.len(), 1999);
            Ok(())
        })
        .await
        .unwrap();
}
