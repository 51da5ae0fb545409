//! The default domain of a source: what a tenant says, or what an LDAP source is given.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails the test")]

use provisor::engine::policy::Policy;
use provisor::model::CycleState;
use provisor::scim_server::Dialect;
use provisor::sync_schema::compile;
use provisor::templates::{Templates, Vocabulary};
use serde_json::{Value, json};

use super::support::gateway::{Gateway, tenant_of, user_name};
use super::support::provisor::{PEOPLE, Pipeline, TOKEN, get};

/// The template with nick names below the default domain.
fn schema(source: Vocabulary) -> Value {
    let schema = Templates::built_in().named("scim").unwrap().schema(source).unwrap();
    let mut schema = serde_json::to_value(schema).unwrap();
    let attributes = schema.pointer_mut("/synchronizationRules/0/objectMappings/0/attributeMappings").unwrap();
    let attributes = attributes.as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["targetAttributeName"] != "nickName");
    let source = json!({ "type": "Function", "expression": "Append(\"all@\", DefaultDomain())" });
    attributes.insert(0, json!({ "targetAttributeName": "nickName", "source": source }));
    schema
}

#[tokio::test]
async fn the_default_verified_domain_of_a_tenant_is_used_and_followed() {
    let rules = compile(&serde_json::from_value(schema(Vocabulary::Graph)).unwrap()).runnable().unwrap();
    let mut gateway = Gateway::start_of(tenant_of(2), Dialect::STANDARD, Policy::default(), (rules, 1)).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Succeeded);
    assert_eq!(gateway.target.user(&user_name(1)).await.unwrap()["nickName"], "all@example.org");
    assert_eq!(gateway.cycle().await.counters.updated, 0, "the same domain is no news");
    let mut renamed = tenant_of(2);
    renamed.verified_domains.insert(0, "renamed.example".to_owned());
    gateway.point_to(renamed);
    assert_eq!(gateway.cycle().await.counters.updated, 2);
    assert_eq!(gateway.target.user(&user_name(2)).await.unwrap()["nickName"], "all@renamed.example");
}

#[tokio::test]
async fn a_tenant_without_a_default_domain_fails_only_who_needs_one() {
    let rules = compile(&serde_json::from_value(schema(Vocabulary::Graph)).unwrap()).runnable().unwrap();
    let mut tenant = tenant_of(1);
    tenant.verified_domains.clear();
    let gateway = Gateway::start_of(tenant, Dialect::STANDARD, Policy::default(), (rules, 1)).await;
    assert_eq!(gateway.cycle().await.state, CycleState::Partial);
    assert_eq!(gateway.escrows().await, ["AttributeFlowFailed"]);
}

#[test]
fn an_ldap_source_without_one_is_told_before_anything_runs() {
    let pipeline = Pipeline::start();
    pipeline.workplace.write("people.json", schema(Vocabulary::Ldap).to_string());
    let without = pipeline.configuration().replace("template: scim", "schema: people.json");
    pipeline.workplace.write("provisor.yaml", &without);
    let place = "/synchronizationRules/0/objectMappings/0/attributeMappings/0/source/expression";
    for command in [&["check"][..], &["run", "people"]] {
        let words = ["`DefaultDomain`", place, "set `default_domain` of the source `directory`"];
        pipeline.workplace.run(command).assert_refused(2, &words);
    }
    let with = without.replace("security: plain", "security: plain\n      default_domain: example.org");
    pipeline.run(&with.replace("example.org\n", "\"@example.org\"\n")).assert_code(2);
    pipeline.run(&with).assert_code(0);
    let users = get(&[pipeline.target.url(), "/Users?count=200"].concat(), TOKEN);
    let users = users["Resources"].as_array().unwrap();
    assert_eq!(users.len(), PEOPLE);
    assert!(users.iter().all(|user| user["nickName"] == "all@example.org"), "{users:?}");
}
