//! Large directories and servers that limit what they answer.

use super::*;

fn people(count: usize) -> String {
    let person = |number: usize| {
        format!(
            "dn: uid=p{number},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: p{number}\ncn: Person {number}\nsn: P\n\n"
        )
    };
    (0..count).map(person).collect()
}

#[tokio::test]
async fn a_list_cut_short_is_no_list() {
    let slapd = Slapd::start(&SlapdOptions {
        limits: "size.soft=unlimited size.hard=unlimited size.pr=100 size.prtotal=250",
        ..SlapdOptions::default()
    });
    slapd.add(&people(400));
    let mut settings = settings(slapd.url());
    settings.page_size = 100;
    let (read, end) = try_read(&source(settings), "users", Start::Full).await;
    let error = end.unwrap_err();
    assert!(matches!(error, SourceError::Broken { .. }), "{error:?}");
    assert!(error.to_string().contains("sizeLimitExceeded"), "{error}");
    assert!(read.objects.len() <= 250);
}

#[tokio::test]
async fn the_default_limits_of_a_server_are_told_of() {
    let slapd = Slapd::start(&SlapdOptions { limits: "size=3", ..SlapdOptions::default() });
    let (_, end) = try_read(&source(settings(slapd.url())), "users", Start::Full).await;
    let error = end.unwrap_err().to_string();
    assert!(error.contains("raise the server's limits for this account"), "{error}");
}

#[tokio::test]
async fn a_refused_page_size_is_halved() {
    let slapd = Slapd::start(&SlapdOptions {
        limits: "size.soft=unlimited size.hard=unlimited size.pr=70 size.prtotal=unlimited",
        ..SlapdOptions::default()
    });
    slapd.add(&people(200));
    let (read, _) = read_all(&source(settings(slapd.url())), "users").await;
    assert_eq!(read.objects.len(), 204);
}

#[tokio::test]
async fn thousands_are_read_in_bounded_pages() {
    let slapd = Slapd::start(&SlapdOptions::default());
    slapd.add(&people(3_000));
    let source = source(settings(slapd.url()));
    let (read, checkpoint) = read_all(&source, "users").await;
    assert_eq!(read.objects.len(), 3_004);
    assert!(read.pages > 6 && read.largest_page <= 500, "{} pages of {}", read.pages, read.largest_page);
    let deletions: String =
        (0..120).map(|number| format!("dn: uid=p{number},{PEOPLE}\nchangetype: delete\n\n")).collect();
    slapd.modify(&deletions);
    let (read, _) = read_since(&source, "users", &checkpoint).await;
    assert_eq!(read.departed.len(), 120);
    assert!(read.departed.values().all(|departure| *departure == Departure::Deleted));
}

#[tokio::test]
async fn a_large_group_arrives_in_one_piece() {
    let slapd = Slapd::start(&SlapdOptions::default());
    let members: String = (0..20_000).map(|number| format!("member: uid=p{number},{PEOPLE}\n")).collect();
    slapd.add(&format!("dn: cn=all,ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: all\n{members}\n"));
    let (read, _) = read_all(&source(settings(slapd.url())), "groups").await;
    assert_eq!(read.object("all").references["members"].len(), 20_000);
}
