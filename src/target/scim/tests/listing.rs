use super::*;

async fn walk(target: &ScimTarget) -> Vec<String> {
    let mut all = Vec::new();
    let mut page = target.list(&users(), None).await.unwrap();
    loop {
        all.extend(ids(&page.resources).into_iter().map(str::to_owned));
        match page.next {
            Some(next) => page = target.list(&users(), Some(next)).await.unwrap(),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = FakeServer::start(directory(201)).await;
    assert_eq!(walk(&target(&server)).await.len(), 201);
    let starts: Vec<String> = server.requests().iter().filter_map(|request| request.query("startIndex")).collect();
    assert_eq!(starts, ["1", "101", "201"]);
}

#[tokio::test]
async fn a_target_with_smaller_pages_than_asked_for_is_read_completely() {
    let whole = directory(25);
    let server = FakeServer::start(move |request| {
        let mut small = request.clone();
        small.target = request.target.replace("count=100", "count=10");
        whole(&small)
    })
    .await;
    assert_eq!(walk(&target(&server)).await.len(), 25);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_target_that_ignores_the_start_does_not_hold_us_forever() {
    let server = FakeServer::start(|_| Reply::json(200, list(json!([{ "id": "1" }, { "id": "2" }]), 1000))).await;
    assert_eq!(walk(&target(&server)).await, ["1", "2"]);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_empty_page_ends_a_list_whatever_its_total() {
    let (_server, target) =
        scripted([Reply::json(200, list(json!([{ "id": "1" }]), 9)), Reply::json(200, list(json!([]), 9))]).await;
    assert_eq!(walk(&target).await, ["1"]);
}

#[tokio::test]
async fn a_resource_without_id_is_not_skipped_in_silence() {
    let (_server, target) = scripted([Reply::json(200, list(json!([{ "userName": "ada" }]), 1))]).await;
    assert!(matches!(target.list(&users(), None).await, Err(TargetError::Unusable { .. })));
}

/// Three pages by cursor; the second forgets its cursor once if `forgetful`.
fn by_cursor(forgetful: bool) -> impl Fn(&fake_server::Request) -> Reply + Send + Sync {
    let forgets = std::sync::atomic::AtomicBool::new(forgetful);
    move |request| {
        assert_eq!(request.query("startIndex"), None);
        let page = |id: &str, next: Option<&str>| {
            let mut page = list(json!([{ "id": id }]), 3);
            page["nextCursor"] = json!(next);
            Reply::json(200, page)
        };
        match request.query("cursor").as_deref() {
            Some("") => page("1", Some("a+b/=")),
            Some("a+b/=") if forgets.swap(false, std::sync::atomic::Ordering::Relaxed) => {
                scim_error(400, "expiredCursor", "too late")
            }
            Some("a+b/=") => page("2", Some("c")),
            Some("c") => page("3", None),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_list_is_read_by_cursor_where_the_target_has_them() {
    for (forgetful, expected) in [(false, &["1", "2", "3"][..]), (true, &["1", "1", "2", "3"])] {
        let server = FakeServer::start(by_cursor(forgetful)).await;
        assert_eq!(walk(&profiled(&server, json!({ "paging": "cursor" }))).await, expected);
        let counts: Vec<_> = server.requests().iter().filter_map(|request| request.query("count")).collect();
        assert!(counts.iter().all(|count| count == "100"), "the parameters stay the same");
    }
}

#[tokio::test]
async fn a_target_that_forgets_every_cursor_is_an_error() {
    let server = FakeServer::start(|request| match request.query("cursor").as_deref() {
        Some("") => {
            let mut page = list(json!([{ "id": "1" }]), 3);
            page["nextCursor"] = json!("a");
            Reply::json(200, page)
        }
        _ => scim_error(400, "expiredCursor", "too late"),
    })
    .await;
    let target = profiled(&server, json!({ "paging": "cursor" }));
    let mut next = Some(PageStart::first(crate::target::profile::Paging::Cursor));
    let error = loop {
        match target.list(&users(), next).await {
            Ok(page) => next = page.next,
            Err(error) => break error,
        }
    };
    assert_eq!(error.scim_type(), Some("expiredCursor"));
    assert!(server.requests().len() < 10);
}

#[tokio::test]
async fn lists_come_in_the_order_of_ids_where_the_target_sorts() {
    let server = FakeServer::start(directory(3)).await;
    let target = profiled(&server, json!({ "sort": true }));
    walk(&target).await;
    target.find(&users(), &path("userName"), "x").await.unwrap();
    let sorted: Vec<_> = server.requests().iter().map(|request| request.query("sortBy")).collect();
    assert_eq!(sorted, [Some("id".to_owned()), None], "the few that a filter finds need no order");
}
