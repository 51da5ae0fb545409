//! The fuzz targets of the SCIM vocabulary on seeded inputs.

use super::fuzz_bodies;
use crate::support::seeded::run;

const WORDS: &[&str] = &[
    "emails",
    "userName",
    "members",
    "value",
    "type",
    "primary",
    "name.givenName",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    ".",
    ":",
    " eq ",
    " ne ",
    " co ",
    " gt ",
    " pr",
    " and ",
    " or ",
    "not ",
    "null",
    "true",
    "\"True\"",
    "1",
    "-1.5e3",
    "\"work\"",
    "é",
    "\u{1F600}",
    "$ref",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "{",
    "}",
    ",",
    "[]",
    "{}",
    "\"add\"",
    "\"remove\"",
    "\"replace\"",
    "\"path\":",
    "\"value\":",
    "\"op\":",
    "bulkId:",
    "\"bulkId:a\"",
    "\"bulkId:b\"",
    "\"POST\"",
    "\"PATCH\"",
    "\"data\":",
    "schemas",
    "x509Certificates",
    "active",
    "department",
    "manager",
    "displayName",
];

const PATCHES: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"emails","value":[{"value":"x","type":"work","primary":true}]},{"op":"remove","path":"emails[type eq \"home\"].type"}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"name":{"givenName":"E","middleName":null},"active":"False","members":[{"value":"1"},{"value":"9"}]}}]}"#,
    r#"{"Operations":[{"op":"Replace","path":"emails[type eq \"other\"].value","value":"o"},{"op":"Remove","path":"members","value":[{"value":"1"}]}]}"#,
    r#"{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"department":"X","manager":"8"}},{"op":"replace","path":"emails.type","value":"work"}]}"#,
    r#"{"Operations":[{"op":"replace","path":"members[value eq \"1\"]","value":{"display":"D"}},{"op":"add","path":"emails[primary eq true]","value":{"display":"D"}}]}"#,
];

const BULKS: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","manager":{"value":"bulkId:b"}}},{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","manager":{"value":"bulkId:a"}}}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"PATCH","path":"/Groups/bulkId:a","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:b\"]"}]}},{"method":"POST","path":"/Groups","bulkId":"a","data":{"members":["bulkId:b",{"$ref":"../Users/bulkId:b"}]}},{"method":"POST","path":"/Users","bulkId":"b","data":{}},{"method":"DELETE","path":"/Groups/bulkId:a","version":"W/\"1\""}]}"#,
];

#[test]
fn filters() {
    run(&fixture(include_str!("../../../fixtures/scim/filters.txt")), WORDS, fuzz_bodies::filter);
}

#[test]
fn paths() {
    run(&fixture(include_str!("../../../fixtures/scim/paths.txt")), WORDS, fuzz_bodies::path);
}

#[test]
fn patches() {
    run(PATCHES, WORDS, fuzz_bodies::patch);
}

#[test]
fn bulk_requests() {
    run(BULKS, WORDS, fuzz_bodies::bulk);
}

fn fixture(text: &'static str) -> Vec<&'static str> {
    text.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect()
}
