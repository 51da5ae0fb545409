//! Full reads and single look-ups.

use provisor::model::Value;
use provisor::source::ldap::DisabledRule;

use super::*;

fn name(rdns_root_first: &[&str]) -> Name {
    Name::of_path([&["dc=org", "dc=example"], rdns_root_first].concat())
}

#[tokio::test]
async fn people_are_read_with_attributes_names_and_references() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let mut settings = settings(slapd.url());
    settings.users.disabled_when =
        vec![DisabledRule { attribute: "employeetype".to_owned(), equals: Some("Inactive".to_owned()) }];
    let source = source(settings);
    let (read, _) = read_all(&source, "users").await;
    assert_eq!(read.uids(), ["Grace", "ada", "josé", "js1"].map(str::to_owned).iter().collect::<Vec<_>>());
    let grace = read.object("Grace");
    assert_eq!(grace.attributes.get("surname"), Some(&Value::text("Hopper")));
    assert_eq!(grace.attributes.get("accountEnabled"), Some(&Value::Boolean(true)));
    assert_eq!(read.object("js1").attributes.get("accountEnabled"), Some(&Value::Boolean(false)));
    let engineering = ["ou=people", "ou=engineering"];
    assert_eq!(grace.references["manager"], [name(&[engineering[0], engineering[1], "uid=ada"])]);
    assert_eq!(
        grace.names,
        [name(&[engineering[0], engineering[1], "uid=grace"]), Name::of_login("Grace"), Name::of_login("grace")]
    );
}

#[tokio::test]
async fn members_of_every_kind_of_group_find_the_people() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (people, _) = read_all(&source, "users").await;
    let (groups, _) = read_all(&source, "groups").await;
    for (group, expected) in [
        ("engineers", vec!["Grace", "ada"]),
        ("sellers", vec!["josé", "js1"]),
        ("unix", vec!["Grace", "ada"]),
        ("empty", vec![]),
    ] {
        let members = &groups.object(group).references["members"];
        let mut found: Vec<_> = people
            .objects
            .values()
            .filter(|person| person.names.iter().any(|name| members.contains(name)))
            .filter_map(|person| person.attributes.get("uid")?.as_text())
            .collect();
        found.sort();
        assert_eq!(found, expected, "{group}");
        assert_eq!(members.len(), expected.len(), "{group}");
    }
}

#[tokio::test]
async fn containers_are_read_with_their_names() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (read, _) = read_all(&source, "containers").await;
    let mut names: Vec<_> = read.containers.values().cloned().collect();
    names.sort();
    let mut expected = vec![
        name(&[]),
        name(&["ou=people"]),
        name(&["ou=groups"]),
        name(&["ou=machines"]),
        name(&["ou=people", "ou=engineering"]),
        name(&["ou=people", "ou=sales"]),
    ];
    expected.sort();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_server_that_does_not_follow_changes_is_read_in_full_each_time() {
    let slapd = Slapd::start(&SlapdOptions { syncprov: false, ..SlapdOptions::default() });
    let source = source(settings(slapd.url()));
    let (read, end) = read_from(&source, "users", Start::Full).await;
    assert_eq!(read.uids().len(), 4);
    assert_eq!(end, ReadEnd { coverage: Coverage::Everything, checkpoint: None });
    let (_, refused) = try_read(&source, "users", Start::Since(Checkpoint("sync:".to_owned()))).await;
    assert!(matches!(refused, Err(SourceError::Resync { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_look_up_tells_inside_from_outside_from_gone() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (read, _) = read_all(&source, "users").await;
    let (ada, grace) = (read.anchor("ada"), read.anchor("Grace"));
    let Fetched::Object(object) = source.fetch(&user(), &ada).await.unwrap() else { panic!("ada is in the feed") };
    assert_eq!(&object, read.object("ada"));
    slapd.rename(GRACE, "uid=Grace", Some("ou=machines,dc=example,dc=org"));
    assert_eq!(source.fetch(&user(), &grace).await.unwrap(), Fetched::OutsideFeed);
    slapd.delete(ADA);
    assert_eq!(source.fetch(&user(), &ada).await.unwrap(), Fetched::Gone);
}

#[tokio::test]
async fn a_look_up_that_fails_is_no_proof_of_absence() {
    let mut slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (read, _) = read_all(&source, "users").await;
    let ada = read.anchor("ada");
    for anchor in ["*", "ada", ""] {
        assert!(source.fetch(&user(), &Anchor::new(anchor)).await.is_err(), "`{anchor}` is no anchor");
    }
    assert!(source.fetch(&ObjectKind::new("Device"), &ada).await.is_err());
    source.fetch(&user(), &ada).await.unwrap();
    // The server comes back elsewhere: the kept connection is dead and no new one can be made.
    slapd.restart();
    let error = source.fetch(&user(), &ada).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn the_probe_identifies_the_directory() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let first = source(settings(slapd.url())).probe().await.unwrap();
    let mut other = settings(slapd.url());
    other.users.filter = "(mail=*)".to_owned();
    let second = source(other).probe().await.unwrap();
    assert_eq!(first.directory, second.directory);
    assert_ne!(first.view, second.view);
    assert_eq!(first.directory.len(), 36, "an entryUUID: {}", first.directory);
    // The same content loaded again is another directory.
    let reloaded = Slapd::start(&SlapdOptions::default());
    assert_ne!(source(settings(reloaded.url())).probe().await.unwrap().directory, first.directory);
}

#[tokio::test]
async fn a_closed_channel_stops_the_read() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let source = source(settings(slapd.url()));
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let end = source.changes(&source.feeds()[1], Start::Full, sender).await;
    assert!(matches!(end, Err(SourceError::Stopped { .. })), "{end:?}");
}

#[tokio::test]
async fn entries_that_hide_their_identifier_are_left_out_and_nothing_is_taken_for_gone() {
    let slapd = Slapd::start(&SlapdOptions {
        syncprov: false,
        access: "access to dn.exact=\"uid=ada,ou=engineering,ou=people,dc=example,dc=org\" attrs=entryUUID by * none",
        ..SlapdOptions::default()
    });
    let (read, end) = read_from(&source(settings(slapd.url())), "users", Start::Full).await;
    assert_eq!(read.uids().len(), 3);
    assert_eq!(end.coverage, Coverage::Changes);
}
