//! Every template is sound, and says what it is meant to say.

use super::*;
use crate::model::ObjectKind;
use crate::sync_schema::compile;

#[test]
fn every_template_compiles_and_survives_a_round_trip() {
    assert!(Template::all().is_sorted_by_key(|template| template.name));
    for template in Template::all() {
        let written: serde_json::Value = serde_json::from_str(template.text).unwrap();
        assert_eq!(serde_json::to_value(template.schema()).unwrap(), written, "{}", template.name);
        let compiled = compile(&template.schema());
        assert_eq!(compiled.findings, [], "{}", template.name);
        let compiled = compiled.schema.unwrap();
        let kinds: Vec<&str> = compiled.mappings.iter().map(|mapping| mapping.target_kind.as_str()).collect();
        assert_eq!(kinds, ["Users", "Groups"]);
        assert_eq!(Template::named(template.name).unwrap().name, template.name);
    }
    assert!(Template::named("SCIM-ldap").is_none());
}

#[test]
fn every_tree_of_a_template_is_the_tree_of_its_text() {
    use crate::expression::Expression;
    use crate::sync_schema::wire::AttributeMappingSource;
    for template in Template::all() {
        let schema = template.schema();
        let mappings = schema.synchronization_rules.items().flat_map(|(_, rule)| rule.object_mappings.items());
        for (_, mapping) in mappings.flat_map(|(_, mapping)| mapping.attribute_mappings.items()) {
            let source = mapping.source.get().unwrap();
            let expression = Expression::parse(source.expression.text().unwrap()).unwrap();
            assert_eq!(AttributeMappingSource::of(&expression), *source);
        }
    }
}

#[test]
fn the_templates_read_what_their_mappings_need() {
    let graph = compile(&Template::named("scim-graph").unwrap().schema()).schema.unwrap();
    let selection = graph.selection();
    let users = &selection[&ObjectKind::from("User")];
    assert!(users.attributes.contains("accountEnabled") && users.attributes.contains("businessPhones"));
    assert!(!users.attributes.contains("IsSoftDeleted") && !users.attributes.contains("manager"));
    assert_eq!(users.references.iter().collect::<Vec<_>>(), ["manager"]);
    assert_eq!(graph.mappings[0].attributes.len() + graph.mappings[0].references.len(), 22);
    let ldap = compile(&Template::named("scim-ldap").unwrap().schema()).schema.unwrap();
    assert_eq!(ldap.selection()[&ObjectKind::from("Group")].references.iter().collect::<Vec<_>>(), ["members"]);
    assert_eq!(ldap.mappings[0].matching().map(|mapping| mapping.path.as_str()).collect::<Vec<_>>(), ["userName"]);
}
