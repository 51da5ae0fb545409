//! A database that something else has written to.

use serde_json::{Value, json};

use super::{Target, urn};

#[actix_web::test]
async fn what_cannot_be_read_is_told_and_never_written_over() {
    let target = Target::start();
    let (broken, whole) = (target.user("broken").await, target.user("whole").await);
    let group = target.group("G", &[&broken]).await;
    let storage = &target.running.service.storage;
    let wound = "UPDATE resources SET document = '{\"userName\":' WHERE document LIKE '%\"broken\"%'";
    storage.write(move |tx| tx.configure(wound)).await.unwrap();
    let path = ["/Users/", &broken].concat();
    let body = json!({"schemas": [urn::USER], "userName": "new"});
    let operation = json!([{"op": "replace", "path": "title", "value": "T"}]);
    for answer in [
        target.get(&path).await,
        target.get("/Users").await,
        target.get("/Users?filter=title pr").await,
        target.call("PUT", &path, body.clone()).await,
        target.patch(&path, operation).await,
        target.call("DELETE", &path, Value::Null).await,
    ] {
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(answer.status == 500 && detail.contains(&broken), "{}", answer.body);
    }
    // One broken resource is one broken operation of a bulk request.
    let operations = json!([
        {"method": "PUT", "path": path, "data": body},
        {"method": "PATCH", "path": (["/Users/", &whole].concat()),
            "data": {"schemas": [urn::PATCH_OP], "Operations": [{"op": "add", "path": "title", "value": "T"}]}},
    ]);
    let bulk = target.call("POST", "/Bulk", json!({"schemas": [urn::BULK_REQUEST], "Operations": operations})).await;
    assert_eq!(
        (&bulk.body["Operations"][0]["status"], &bulk.body["Operations"][1]["status"]),
        (&json!("500"), &json!("200"))
    );
    // Its memberships are its group's, and can be read.
    assert_eq!(target.members(&group).await, [broken]);

    let heal = "UPDATE resources SET document = '{\"userName\":\"broken\"}' WHERE document = '{\"userName\":'";
    storage.write(move |tx| tx.configure(heal)).await.unwrap();
    let healed = target.get(&path).await;
    assert_eq!((healed.status.as_u16(), &healed.body["userName"]), (200, &json!("broken")));
}

#[actix_web::test]
async fn a_transaction_that_the_database_ends_by_itself_costs_nobody_but_its_own_requests() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("target.sqlite");
    let target = Target::with(|settings| settings.database = Some(file));
    // A full disk ends a transaction like this.
    let trap = "CREATE TRIGGER trap BEFORE INSERT ON resources WHEN NEW.document LIKE '%trap%' \
                BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END";
    target.running.service.storage.write(move |tx| tx.configure(trap)).await.unwrap();
    let create = |name: String| target.call("POST", "/Users", json!({"schemas": [urn::USER], "userName": name}));
    let names = (0..40).map(|number| if number % 10 == 5 { format!("trap{number}") } else { format!("user{number}") });
    let answers = futures::future::join_all(names.map(create)).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 500));
    // Whoever was told that it was done finds it, and nobody else.
    assert_eq!(target.get("/Users").await.body["totalResults"], created);
    target.user("afterwards").await;
    assert_eq!(target.get("/Users").await.body["totalResults"], created + 1);
}
