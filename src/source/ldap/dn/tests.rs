use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    Dn::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}")).name()
}

#[test]
fn spellings_of_one_name_are_equal() {
    for (one, other) in [
        ("cn=Ada,dc=org", "CN = Ada , DC = org"),
        ("cn=Ada,dc=org", "cn=Ada;dc=org"),
        (r"cn=Smith\, John,dc=org", r"cn=Smith\2C John,dc=org"),
        (r"cn=Smith\, John,dc=org", r#"cn="Smith, John",dc=org"#),
        (r"cn=Smith\, John,dc=org", r"cn=smith\2c  john,dc=org"),
        ("cn=a+uid=b,dc=org", "uid=b + cn=a,dc=org"),
        (r"cn=Andr\C3\A9,dc=org", "cn=ANDRÉ,dc=org"),
        ("cn=Andre\u{301},dc=org", "cn=andré,dc=org"),
        ("cn=Straße,dc=org", "cn=STRASSE,dc=org"),
        ("cn=ΟΔΟΣ,dc=org", "cn=οδος,dc=org"),
        ("cn=İzmir,dc=org", "cn=i\u{307}zmir,dc=org"),
        ("2.5.4.3=ada,0.9.2342.19200300.100.1.25=org", "commonName=ada,dc=org"),
        ("userid=ada,dc=org", "uid=ada,dc=org"),
        ("cn=#0403414461,dc=org", "cn=ada,dc=org"),
        (r"cn=\ ada\ ,dc=org", "cn=ada,dc=org"),
        ("cn=ａｄａ,dc=org", "cn=ada,dc=org"),
        (r"cn=x\=y,dc=org", "cn=x=y,dc=org"),
    ] {
        assert_eq!(name(one), name(other), "{one} and {other}");
    }
}

#[test]
fn different_names_differ() {
    for (one, other) in [
        ("cn=ada,dc=org", "uid=ada,dc=org"),
        ("cn=ada,dc=org", "cn=ada,ou=x,dc=org"),
        ("cn=a+uid=b,dc=org", r"cn=a\+uid=b,dc=org"),
        ("cn=a,cn=b,dc=org", r"cn=a\2Ccn=b,dc=org"),
        ("cn=admin,dc=org", "cn=admın,dc=org"),
        (r"cn=ad\1Fa,dc=org", "cn=ada,dc=org"),
        (r"cn=x\1Fcn=y,dc=org", "cn=y,cn=x,dc=org"),
        (r"cn=\\1f,dc=org", r"cn=\1F,dc=org"),
    ] {
        assert_ne!(name(one), name(other), "{one} and {other}");
    }
}

#[test]
fn a_name_is_written_root_first() {
    assert_eq!(name("uid=Ada,ou=People,dc=org").as_str(), "dn:dc=org\u{1f}ou=people\u{1f}uid=ada");
    assert_eq!(name("").as_str(), "dn:");
    assert!(name("uid=ada,ou=people,dc=org").is_below(&name("OU=People,DC=org")));
    assert!(!name("uid=ada,my-ou=people,dc=org").is_below(&name("ou=people,dc=org")));
}

#[test]
fn deleted_objects_of_active_directory_are_read() {
    assert!(Dn::parse(r"CN=Ada\0ADEL:0989c00c-6485-484f-8a9a-434f02e89d2f,CN=Deleted Objects,DC=org").is_ok());
}

#[test]
fn what_is_no_name_is_refused() {
    for (text, expected) in [
        ("ada", DnError::Type(3)),
        ("=ada", DnError::Type(0)),
        ("cn=ada,", DnError::Type(7)),
        ("cn=ada,,dc=org", DnError::Type(7)),
        ("cn=a+", DnError::Type(5)),
        (r"cn=a\", DnError::Escape(4)),
        (r"cn=a\zz", DnError::Escape(4)),
        ("cn=\"ada", DnError::Quote(3)),
        ("cn=\"ada\"x", DnError::Quote(8)),
        ("cn=#zz", DnError::Escape(3)),
        ("cn=#", DnError::Escape(3)),
        (r"cn=\FF", DnError::Encoding(6)),
    ] {
        assert_eq!(Dn::parse(text).map(|dn| dn.name()), Err(expected), "{text}");
    }
    assert_eq!(Dn::parse(&"a=b,".repeat(5_000)).map(|_| ()), Err(DnError::TooLong));
    assert_eq!(Dn::parse(&format!("a=b{}", ",a=b".repeat(256))).map(|_| ()), Err(DnError::TooLong));
}

#[test]
fn the_common_ancestor_keeps_its_spelling() {
    let people = Dn::parse("ou=People, dc=Example,dc=Org").unwrap();
    let groups = Dn::parse("cn=x,OU=Groups,DC=example,DC=org").unwrap();
    let ancestor = people.common_ancestor(&groups);
    assert_eq!(ancestor.as_str(), "dc=Example,dc=Org");
    assert!(people.is_within(&ancestor) && groups.is_within(&ancestor) && !ancestor.is_within(&people));
    assert!(people.common_ancestor(&Dn::parse("dc=net").unwrap()).is_root());
    assert_eq!(people.common_ancestor(&people), people);
}

proptest! {
    #[test]
    fn no_input_panics(text in r##"([a-zA-Z0-9=,;+\\"# <>]|\PC){0,40}"##) {
        let _ = Dn::parse(&text);
    }

    #[test]
    fn a_written_value_is_read_back_alone(value in "\\PC{1,20}") {
        // Written with every byte as a pair of digits, any value is one RDN below the same parent.
        let hex: String = value.bytes().map(|byte| format!("\\{byte:02X}")).collect();
        let dn = Dn::parse(&format!("cn={hex},dc=org")).unwrap();
        prop_assert_eq!(dn.rdns.len(), 2);
        prop_assert!(dn.name().is_below(&name("dc=org")));
    }

    #[test]
    fn the_order_of_pairs_means_nothing(one in "[a-z]{1,8}", two in "[a-z]{1,8}") {
        prop_assert_eq!(name(&format!("cn={one}+uid={two},dc=org")), name(&format!("uid={two}+cn={one},dc=org")));
    }
}
