//! Any document there and back; what is odd is told; what is complete has every member.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

const GOLDEN: &str = include_str!("../../../fixtures/schema-graph.json");

fn golden() -> Json {
    serde_json::from_str(GOLDEN).unwrap()
}

fn read(json: Json) -> SynchronizationSchema {
    serde_json::from_value(json).unwrap()
}

fn written(schema: &SynchronizationSchema) -> Json {
    serde_json::to_value(schema).unwrap()
}

fn oddities(schema: &SynchronizationSchema) -> Vec<Oddity> {
    let mut found = Vec::new();
    schema.oddities("", &mut found);
    found
}

/// The members and elements of a document, each as its place in the order of a walk.
fn count(json: &Json) -> usize {
    match json {
        Json::Object(members) => members.values().map(|value| 1 + count(value)).sum(),
        Json::Array(elements) => elements.iter().map(|value| 1 + count(value)).sum(),
        _ => 0,
    }
}

/// Changes the member or element at this place of the walk; `None` takes it away.
fn change(json: &mut Json, place: &mut usize, change_to: &Option<Json>) -> bool {
    let keys: Vec<String> = match json {
        Json::Object(members) => members.keys().cloned().collect(),
        Json::Array(elements) => (0..elements.len()).map(|index| index.to_string()).collect(),
        _ => return false,
    };
    for key in keys {
        if *place == 0 {
            match (json, change_to) {
                (Json::Object(members), Some(value)) => drop(members.insert(key, value.clone())),
                (Json::Object(members), None) => drop(members.remove(&key)),
                (Json::Array(elements), Some(value)) => elements[key.parse::<usize>().unwrap()] = value.clone(),
                (Json::Array(elements), None) => drop(elements.remove(key.parse().unwrap())),
                _ => {}
            }
            return true;
        }
        *place -= 1;
        let below = match json {
            Json::Object(members) => members.get_mut(&key),
            Json::Array(elements) => elements.get_mut(key.parse::<usize>().unwrap()),
            _ => None,
        };
        if below.is_some_and(|below| change(below, place, change_to)) {
            return true;
        }
    }
    false
}

fn any_change() -> impl Strategy<Value = Option<Json>> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(3),
        json!(-1),
        json!(1.5),
        json!(1u64 << 63),
        json!(""),
        json!("Add,update"),
        json!("None"),
        json!([]),
        json!(["Add", "Update"]),
        json!([null, 1, {}]),
        json!({}),
        json!({"x": [1]}),
    ];
    prop_oneof![Just(None), prop::sample::select(values.to_vec()).prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_document_is_written_as_it_was_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any_change()), 1..12)) {
        let mut document = golden();
        for (place, value) in changes {
            let size = count(&document);
            if size > 0 {
                change(&mut document, &mut place.index(size), &value);
            }
        }
        let schema = read(document.clone());
        prop_assert_eq!(&written(&schema), &document);
        for oddity in oddities(&schema) {
            prop_assert!(document.pointer(&oddity.pointer).is_some(), "{:?}", oddity);
        }
        let mut complete = schema;
        complete.complete();
        let once = written(&complete);
        complete.complete();
        prop_assert_eq!(written(&complete), once, "what is complete stays as it is");
    }
}

#[test]
fn a_complete_document_is_its_own_completion() {
    let mut schema = read(golden());
    assert_eq!(oddities(&schema), []);
    schema.complete();
    assert_eq!(written(&schema), golden());
}

#[test]
fn odd_forms_mean_what_the_contract_says() {
    let rule = read(json!({"synchronizationRules": [{"objectMappings": [
        {"flowTypes": "Add,Update"},
        {"flowTypes": ["Update", "add"]},
        {"flowTypes": 5},
        {"flowTypes": ""},
        {"flowTypes": "None"},
        {"flowTypes": "Add, Sideways"},
        {"flowTypes": 9},
        {"attributeMappings": [
            {"flowType": "objectaddonly"}, {"flowType": 2}, {"flowType": "later"}, {"flowType": 7}, {"flowType": null},
            {"defaultValue": true}, {"defaultValue": 5}]},
    ]}]}));
    let (_, rule) = rule.synchronization_rules.items().next().unwrap();
    let mappings: Vec<&ObjectMapping> = rule.object_mappings.items().map(|(_, mapping)| mapping).collect();
    let flags = |index: usize| {
        let flags = mappings[index].flow_types.get().unwrap();
        let names = ObjectFlowType::WORDS.iter().filter(|(word, _)| flags.has(*word)).map(|(_, name)| *name);
        (names.collect::<Vec<_>>().join("+"), flags.unknown())
    };
    let found: Vec<_> = (0..7).map(flags).map(|(known, unknown)| format!("{known} {}", unknown.join("+"))).collect();
    assert_eq!(found, ["Add+Update ", "Add+Update ", "Add+Delete ", " ", " ", "Add Sideways", "Add 9"]);
    let attributes: Vec<&AttributeMapping> =
        mappings[7].attribute_mappings.items().map(|(_, attribute)| attribute).collect();
    let words: Vec<_> = attributes[..5].iter().map(|mapping| mapping.flow_type.get().map(Word::known)).collect();
    assert_eq!(
        words,
        [Some(Some(FlowType::ObjectAddOnly)), Some(Some(FlowType::MultiValueAddOnly)), Some(None), Some(None), None]
    );
    assert_eq!((attributes[5].default_value.text(), attributes[6].default_value.text()), (Some("true"), Some("5")));
}

#[test]
fn what_is_left_out_is_completed_in_the_contracts_spelling() {
    let mut schema = read(json!({
        "synchronizationRules": [{
            "name": "R", "metadata": null, "@odata.type": "#rule",
            "objectMappings": [
                {"flowTypes": "update,Add,Sideways", "enabled": null, "x": 1, "attributeMappings": [
                    {"targetAttributeName": "a", "flowType": 1, "flowBehavior": "later", "source": null},
                    {"source": {"type": "CONSTANT", "name": "n"}, "flowNullValues": true, "defaultValue": false}]},
                {"flowTypes": []}]
        }],
        "directories": [{"discoverabilities": ["AttributeNames", "attributeReadOnly"],
            "objects": [{"attributes": [{"name": "n", "type": "string", "mutability": "READONLY"}]}]}]
    }));
    schema.complete();
    let written = written(&schema);
    assert_eq!(
        written["synchronizationRules"][0],
        json!({
            "id": null, "name": "R", "editable": false, "priority": 0, "sourceDirectoryName": null,
            "targetDirectoryName": null, "metadata": [], "containerFilter": null, "groupFilter": null,
            "@odata.type": "#rule",
            "objectMappings": [
                {"name": null, "enabled": true, "flowTypes": "Add, Update, Sideways", "sourceObjectName": null,
                 "targetObjectName": null, "scope": null, "metadata": [], "x": 1,
                 "attributeMappings": [
                    {"targetAttributeName": "a", "source": null, "defaultValue": null, "matchingPriority": 0,
                     "flowType": "ObjectAddOnly", "flowBehavior": "later", "exportMissingReferences": false},
                    {"targetAttributeName": null, "defaultValue": "false", "matchingPriority": 0,
                     "flowType": "Always", "flowBehavior": "FlowWhenChanged", "exportMissingReferences": false,
                     "flowNullValues": true,
                     "source": {"type": "Constant", "name": "n", "expression": "\"n\"", "parameters": []}}]},
                {"name": null, "enabled": true, "flowTypes": "None", "sourceObjectName": null,
                 "targetObjectName": null, "scope": null, "metadata": [], "attributeMappings": []}]
        })
    );
    assert_eq!(written["directories"][0]["discoverabilities"], json!("AttributeNames, AttributeReadOnly"));
    let attribute = &written["directories"][0]["objects"][0]["attributes"][0];
    assert_eq!((&attribute["type"], &attribute["mutability"]), (&json!("String"), &json!("ReadOnly")));
}

#[test]
fn values_of_another_type_are_kept_and_told() {
    let document = json!({"id": 7, "synchronizationRules": [null, {"priority": 1.5, "metadata": [{"key": "k", "value": []}],
        "objectMappings": [{"flowTypes": [1], "attributeMappings": [{"source": {"parameters": [{"value": "text"}]}}]}]}],
        "directories": {}});
    let schema = read(document.clone());
    assert_eq!(written(&schema), document);
    let mut found: Vec<String> =
        oddities(&schema).into_iter().map(|odd| format!("{} {} {}", odd.pointer, odd.expected, odd.found)).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "/directories an array an object",
            "/id a text a number",
            "/synchronizationRules/0 a synchronization rule null",
            "/synchronizationRules/1/metadata/0/value a text an array",
            "/synchronizationRules/1/objectMappings/0/attributeMappings/0/source/parameters/0/value a source of an attribute mapping a text",
            "/synchronizationRules/1/objectMappings/0/flowTypes words in one text, or an array of them an array",
            "/synchronizationRules/1/priority a whole number of 32 bits a number",
        ]
    );
}

#[test]
fn the_whole_family_is_lossless() {
    fn survives<T: Shape>(document: Json) {
        let Ok(read) = T::read(document.clone()) else { panic!("{document}") };
        let mut found = Vec::new();
        read.oddities("", &mut found);
        assert_eq!((read.write(), found), (document, vec![]));
    }
    survives::<SynchronizationTemplate>(
        json!({"id": "scim", "applicationId": "a", "default": true, "discoverable": false,
        "metadata": [{"key": "k", "value": "1"}, {"key": "k", "value": null}, {"key": "AzureIngestion"}], "schema": golden()}),
    );
    survives::<ExpressionInputObject>(json!({"definition": null, "properties": [{"key": "givenName", "value": "Ilse"},
        {"key": "proxyAddresses", "value@odata.type": "#Collection(String)", "value": ["SMTP:i@x.example"]}]}));
    survives::<ParseExpressionResponse>(json!({"parsingSucceeded": false, "evaluationSucceeded": false,
        "evaluationResult": [], "parsedExpression": null, "error": {"code": "InvalidExpression", "message": "m",
            "target": "expression", "details": [{"code": "c", "message": "m", "target": null}], "innerError": {"code": "c"}}}));
    survives::<FunctionSchema>(json!({"id": "f", "parameters": [{"name": "p", "type": "String", "required": true}]}));
    survives::<FilterOperatorSchema>(
        json!({"id": "EQUALS", "arity": "Binary", "supportedAttributeTypes": ["integer", 0]}),
    );
}

#[test]
fn only_an_object_is_a_schema() {
    for text in ["[]", "7", "null", "\"schema\"", "{", ""] {
        assert!(serde_json::from_str::<SynchronizationSchema>(text).is_err(), "{text}");
    }
}
