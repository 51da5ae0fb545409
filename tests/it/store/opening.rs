//! Opening a store, locking its jobs, and sharing its file.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use provisor::model::{CycleKind, JobId};
use provisor::secret::Secret;
use provisor::store::{Store, StoreError};

use super::world::{World, now, user, user_key, users};
use crate::support::postgres::{PASSWORD, Postgres};

async fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(&Secret::new(path.to_str().unwrap()), None).await
}

/// The error with all of its causes, as a person reads it.
async fn refusal(url: Secret) -> String {
    let Err(error) = Store::open(&url, None).await else { panic!("`{url}` must be refused") };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn says(text: &str, phrases: &[&str]) {
    for phrase in phrases {
        assert!(text.contains(phrase), "`{phrase}` is missing in: {text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "These are notes, long enough to be read as the header of a page.\n".repeat(40)).unwrap();
    says(&refusal(Secret::new(path.to_str().unwrap())).await, &["notes.txt", "not a SQLite database"]);
    assert!(fs::read_to_string(&path).unwrap().starts_with("These are notes"), "it is left as it was");
    says(&refusal(Secret::new(folder.path().to_str().unwrap())).await, &["cannot be read and written"]);
    let missing = folder.path().join("missing/store.db");
    says(&refusal(Secret::new(missing.to_str().unwrap())).await, &["missing/store.db", "No such file"]);
    says(&refusal(Secret::new("mysql://ada:hunter2@host/db")).await, &["mysql://…", "postgres://"]);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path).await.unwrap());
    let mut connection = super::schema::connect_sqlite(&path);
    let newer = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('20990101000000', '2099-01-01')";
    diesel::connection::SimpleConnection::batch_execute(&mut connection, newer).unwrap();
    says(&refusal(Secret::new(path.to_str().unwrap())).await, &["20990101000000", "newer"]);
}

#[tokio::test]
async fn a_new_store_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a folder's \"store\" %20.db");
    let world = World::new(open(&path).await.unwrap()).await;
    world.record(vec![user("ada", "1")]).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(world);
    let reopened = open(&path).await.unwrap();
    assert_eq!(reopened.due_objects(&JobId::new("hr"), &users(), None, 9).await.unwrap(), [user_key("ada")]);
}

#[tokio::test]
async fn a_job_has_one_writer_on_each_kind_of_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let server = Postgres::start();
    let shared = server.create_database("locks").await;
    let memory = Store::open(&Secret::new("sqlite::memory:"), None).await.unwrap();
    let pairs = [
        (open(&path).await.unwrap(), open(&path).await.unwrap()),
        (Store::open(&shared, None).await.unwrap(), Store::open(&shared, None).await.unwrap()),
        (memory.clone(), memory),
    ];
    for (one, other) in pairs {
        let job = JobId::new("hr / people");
        let lock = one.lock_job(&job, "crm").await.unwrap();
        assert!(lock.is_held());
        let refused = other.lock_job(&job, "crm").await;
        assert!(matches!(refused, Err(StoreError::Busy { .. } | StoreError::Driven { .. })), "{refused:?}");
        let _unrelated = other.lock_job(&JobId::new("other"), "erp").await.unwrap();
        drop(lock);
        one.settle_leases().await;
        let _lock = other.lock_job(&job, "crm").await.unwrap();
    }
}

#[tokio::test]
async fn a_postgresql_server_that_refuses_is_explained() {
    let server = Postgres::start();
    let wrong = refusal(server.url("postgres", "hunter2")).await;
    says(&wrong, &["127.0.0.1", "refuses the user or the password"]);
    assert!(!wrong.contains("hunter2"));
    says(&refusal(server.url("missing", PASSWORD)).await, &["does not exist"]);
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://provisor:hunter2@127.0.0.1:{unused}/postgres");
    says(&refusal(Secret::new(url)).await, &["cannot be reached"]);
}

#[tokio::test]
async fn a_lost_server_is_an_error_and_its_return_heals() {
    let server = Postgres::start();
    let url = server.create_database("restarted").await;
    let world = World::new(Store::open(&url, None).await.unwrap()).await;
    world.record(vec![user("ada", "1")]).await;
    server.disconnect_everyone("restarted").await;
    // Every connection of the pool that has not noticed yet may fail once.
    for _ in 0..8 {
        match world.store.mark_schema_due(&world.job, 7).await {
            Ok(_) => break,
            Err(error) => assert!(error.is_unavailable(), "{error:?}"),
        }
    }
    world.store.mark_schema_due(&world.job, 8).await.unwrap();
}

/// A new file changes its kind once, and whoever comes at that moment waits. Many files, for the moment is short.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_opens_a_new_store_beside_others_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let path = folder.path().join(format!("{number}.db"));
        let opening = std::iter::repeat_n(path, 6).map(|path| tokio::spawn(async move { open(&path).await }));
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap().unwrap();
        }
    }
}

/// Two processes would do the same: each store has connections of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_on_one_file_lose_no_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (one, other) = tokio::join!(open(&path), open(&path));
    let jobs = [(one.unwrap(), "one"), (other.unwrap(), "other")];
    let mut writers = Vec::new();
    for (store, job) in jobs {
        let world = std::sync::Arc::new(World::with_job(store, job).await);
        for writer in 0..4 {
            let world = world.clone();
            writers.push(tokio::spawn(async move {
                for number in 0..10 {
                    world.record(vec![user(&format!("u{writer}-{number}"), "1")]).await;
                    world.store.begin_cycle(&world.job, CycleKind::Incremental, now()).await.unwrap();
                }
                world
            }));
        }
    }
    for writer in writers {
        let world = writer.await.unwrap();
        let last = world.store.begin_cycle(&world.job, CycleKind::Incremental, now()).await.unwrap();
        assert!(last.generation > 10);
    }
    for job in ["one", "other"] {
        let store = open(&path).await.unwrap();
        let due = store.due_objects(&JobId::new(job), &users(), None, 1_000).await.unwrap();
        assert_eq!(due.len(), 40);
        let next = store.begin_cycle(&JobId::new(job), CycleKind::Incremental, now()).await.unwrap();
        assert_eq!(next.generation, 45, "40 by the writers, 4 after them, and this one");
    }
}
