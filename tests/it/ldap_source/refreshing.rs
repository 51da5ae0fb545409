//! What changed since a checkpoint.

use provisor::model::Value;

use super::*;

const BOB: &str = "uid=bob,ou=sales,ou=people,dc=example,dc=org";

fn person(dn: &str, uid: &str) -> String {
    format!("dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\n")
}

#[tokio::test]
async fn nothing_changed_costs_and_says_nothing() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    for feed in ["containers", "users", "groups"] {
        let (_, checkpoint) = read_all(&source, feed).await;
        let (read, end) = read_since(&source, feed, &checkpoint).await;
        assert_eq!(read.pages, 0, "{feed}");
        assert_eq!(end.coverage, Coverage::Changes, "{feed}");
    }
}

#[tokio::test]
async fn additions_and_modifications_arrive_whole() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (_, checkpoint) = read_all(&source, "users").await;
    slapd.add(&person(BOB, "bob"));
    slapd.set(ADA, "mail", "lovelace@example.org");
    let (read, end) = read_since(&source, "users", &checkpoint).await;
    assert_eq!(read.uids(), ["ada", "bob"]);
    assert_eq!(read.object("ada").attributes.get("mail"), Some(&Value::text("lovelace@example.org")));
    assert_eq!(read.object("ada").attributes.get("givenName"), Some(&Value::text("Ada")));
    assert_eq!((end.coverage, read.departed.len()), (Coverage::Changes, 0));
    let (read, _) = read_since(&source, "users", &end.checkpoint.expect("a newer checkpoint")).await;
    assert_eq!(read.pages, 0);
}

#[tokio::test]
async fn a_renamed_person_keeps_the_anchor() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (before, checkpoint) = read_all(&source, "users").await;
    slapd.rename(ADA, "uid=countess", Some("ou=sales,ou=people,dc=example,dc=org"));
    let (read, _) = read_since(&source, "users", &checkpoint).await;
    let countess = read.object("countess");
    assert_eq!(countess.anchor, before.anchor("ada"));
    assert_eq!(countess.names[0], Name::of_path(["dc=org", "dc=example", "ou=people", "ou=sales", "uid=countess"]));
}

#[tokio::test]
async fn a_renamed_container_is_told_by_its_own_feed() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (before, containers) = read_all(&source, "containers").await;
    let (people, users) = read_all(&source, "users").await;
    slapd.rename(ENGINEERING, "ou=research", None);
    let (read, _) = read_since(&source, "containers", &containers).await;
    let research = Name::of_path(["dc=org", "dc=example", "ou=people", "ou=research"]);
    let (anchor, name) = read.containers.iter().next().expect("the renamed container");
    assert_eq!((read.containers.len(), name), (1, &research));
    // People below it are not told of, so the former name leads to their new ones.
    let (silent, _) = read_since(&source, "users", &users).await;
    assert_eq!(silent.objects.len(), 0);
    let moved = people.object("ada").names[0].moved(&before.containers[anchor], &research).expect("below it");
    let (again, _) = read_all(&source, "users").await;
    assert_eq!(again.object("ada").names[0], moved);
}

#[tokio::test]
async fn the_deleted_are_told_from_those_who_left_the_feed() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut settings = settings(slapd.url());
    settings.users.filter = "(&(objectClass=inetOrgPerson)(employeeType=active))".to_owned();
    let source = source(settings);
    let (before, checkpoint) = read_all(&source, "users").await;
    assert_eq!(before.uids(), ["Grace", "ada", "josé"]);
    slapd.delete(ADA);
    slapd.set(GRACE, "employeeType", "retired");
    slapd.rename(
        "uid=jos\\C3\\A9,ou=sales,ou=people,dc=example,dc=org",
        "uid=jose",
        Some("ou=machines,dc=example,dc=org"),
    );
    let (read, end) = read_since(&source, "users", &checkpoint).await;
    let expected = [
        (before.anchor("ada"), Departure::Deleted),
        (before.anchor("Grace"), Departure::LeftFeed),
        (before.anchor("josé"), Departure::LeftFeed),
    ];
    assert_eq!(read.departed, expected.into());
    assert_eq!((end.coverage, read.objects.len()), (Coverage::Changes, 0));
}

#[tokio::test]
async fn who_comes_back_into_the_feed_is_delivered() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut settings = settings(slapd.url());
    settings.users.filter = "(employeeType=active)".to_owned();
    let source = source(settings);
    let (_, checkpoint) = read_all(&source, "users").await;
    slapd.set(ADA, "employeeType", "retired");
    slapd.set(ADA, "employeeType", "active");
    let (read, _) = read_since(&source, "users", &checkpoint).await;
    assert_eq!((read.uids(), read.departed.len()), (vec!["ada"], 0));
}

#[tokio::test]
async fn one_changed_member_delivers_the_group_with_all_members() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (_, checkpoint) = read_all(&source, "groups").await;
    slapd.modify(
        "dn: cn=engineers,ou=groups,dc=example,dc=org\nchangetype: modify\nadd: member\nmember: uid=robot,ou=machines,dc=example,dc=org\n",
    );
    let (read, _) = read_since(&source, "groups", &checkpoint).await;
    assert_eq!(read.objects.len(), 1);
    assert_eq!(read.object("engineers").references["members"].len(), 3);
}

#[tokio::test]
async fn after_a_restart_the_server_names_who_is_present() {
    let mut slapd = Slapd::start(&SlapdOptions::default());
    let (before, checkpoint) = read_all(&source(settings(slapd.url())), "users").await;
    slapd.delete(ADA);
    slapd.set(GRACE, "mail", "hopper@example.org");
    // The log of deletions is in memory only.
    slapd.restart();
    let (read, end) = read_since(&source(settings(slapd.url())), "users", &checkpoint).await;
    assert_eq!(end.coverage, Coverage::Everything);
    let named: Vec<_> = read.objects.keys().chain(&read.present).cloned().collect();
    assert!(!named.contains(&before.anchor("ada")));
    for uid in ["Grace", "josé", "js1"] {
        assert!(named.contains(&before.anchor(uid)), "{uid}");
    }
    assert!(read.departed.is_empty());
    assert!(end.checkpoint.is_some());
}

#[tokio::test]
async fn a_checkpoint_newer_than_the_server_asks_for_a_full_read() {
    let mut slapd = Slapd::start(&SlapdOptions::default());
    slapd.backup();
    slapd.set(ADA, "mail", "later@example.org");
    let (_, checkpoint) = read_all(&source(settings(slapd.url())), "users").await;
    slapd.restore();
    let (_, end) = try_read(&source(settings(slapd.url())), "users", Start::Since(checkpoint)).await;
    assert!(matches!(end, Err(SourceError::Resync { .. })), "{end:?}");
}

#[tokio::test]
async fn a_checkpoint_that_is_none_asks_for_a_full_read() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    // Another mechanism's, damaged, empty, and a text that is no cookie of this server.
    for text in ["dirsync:AAAA", "sync:***", "sync:", "sync:bm9uc2Vuc2U="] {
        let (_, end) = try_read(&source, "users", Start::Since(Checkpoint(text.to_owned()))).await;
        assert!(matches!(end, Err(SourceError::Resync { .. })), "{text}: {end:?}");
    }
}

#[tokio::test]
async fn what_changes_during_a_full_read_arrives_in_it_or_after_it() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let many: String =
        (0..600).map(|number| person(&format!("uid=p{number},{PEOPLE}"), &format!("p{number}"))).collect();
    slapd.add(&many);
    let source = source(settings(slapd.url()));
    let feed = source.feeds().into_iter().find(|feed| feed.id.as_str() == "users").expect("the feed");
    let (sender, mut receiver) = mpsc::channel::<Page>(1);
    let consume = async {
        let mut read = Read::default();
        while let Some(page) = receiver.recv().await {
            if read.pages == 0 {
                slapd.delete(&format!("uid=p1,{PEOPLE}"));
                slapd.set(&format!("uid=p2,{PEOPLE}"), "mail", "p2@example.org");
                slapd.add(&person(&format!("uid=new,{PEOPLE}"), "new"));
            }
            read.pages += 1;
            page.changes.into_iter().for_each(|change| read.take(change));
        }
        read
    };
    let (end, read) = tokio::join!(source.changes(&feed, Start::Full, sender), consume);
    assert_eq!(end.unwrap().coverage, Coverage::Everything);
    assert_eq!(read.object("p2").attributes.get("mail"), Some(&Value::text("p2@example.org")));
    assert!(read.uids().contains(&"new"));
    assert_eq!(read.departed.values().collect::<Vec<_>>(), [&Departure::Deleted]);
}
