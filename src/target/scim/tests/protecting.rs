use super::*;

fn protected(user_names: &[&str], ids: &[&str]) -> Protected {
    Protected {
        user_names: user_names.iter().map(|&name| name.to_owned()).collect(),
        ids: ids.iter().map(|&text| id(text)).collect(),
    }
}

#[tokio::test]
async fn protected_resources_are_left_alone_without_a_request() {
    let server = FakeServer::start(|_| Reply::json(200, list(json!([]), 0))).await;
    let target = target_with(settings(&server), protected(&["Root@n.example"], &["u0"]));
    let rename = |value: Value| attributes(&[("userName", value)]);
    let root = resource(json!({ "USERNAME": "root@N.example" }));
    let refusals = [
        target.create(&users(), &root).await.map(drop),
        target.change(&users(), &id("u0"), &disable()).await,
        target.change(&users(), &id("u1"), &rename(json!("ROOT@n.example"))).await,
        target.delete(&users(), &id("u0")).await.map(drop),
        target.create_all(&users(), &[root]).await.pop().unwrap().map(drop),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert_eq!((error.class(), error.code()), (FailureClass::Object, "NotPermitted"));
    }
    assert_eq!(target.writes_sent(), 0);
}

#[tokio::test]
async fn the_id_behind_a_protected_name_is_protected_too() {
    let server = FakeServer::start(|request| match request.method.as_str() {
        "GET" => Reply::json(200, list(json!([{ "id": "u7", "userName": "root@n.example" }]), 1)),
        _ => Reply::empty(204),
    })
    .await;
    let target = target_with(settings(&server), protected(&["root@n.example"], &[]));
    assert!(matches!(target.delete(&users(), &id("u7")).await, Err(TargetError::Protected { .. })));
    assert!(matches!(target.change(&users(), &id("u7"), &disable()).await, Err(TargetError::Protected { .. })));
    assert_eq!(target.delete(&users(), &id("u8")).await.unwrap(), Deletion::Deleted);
    assert_eq!(server.lines(), ["GET /scim/v2/Users", "DELETE /scim/v2/Users/u8"], "the name is looked up once");
}
