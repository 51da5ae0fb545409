//! Schemas: the characteristics of attributes (RFC 7643 sections 2.2 and 7) and the standard schema documents.
//!
//! A schema says what may stand where. It does not look at resources: that is done by `conform`, the filter
//! evaluation and PATCH.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::path::AttributePath;
use super::urn;

/// A schema document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    #[serde(default = "schema_urns")]
    pub schemas: Vec<String>,
    /// The URN.
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// One attribute and its characteristics. What a document leaves out has the default of RFC 7643 section 2.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: AttributeType,
    #[serde(default)]
    pub multi_valued: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub case_exact: bool,
    #[serde(default)]
    pub mutability: Mutability,
    #[serde(default)]
    pub returned: Returned,
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// Values in common use. Others are fine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttributeType {
    #[default]
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    #[default]
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    Always,
    #[default]
    Default,
    Request,
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    #[default]
    None,
    Server,
    Global,
}

/// The schema of a type of resource: its base schema and the extensions it may have.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceSchema {
    pub base: Schema,
    pub extensions: Vec<Extension>,
}

/// An extension that a type of resource may have, or must have.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    pub schema: Schema,
    /// True when every resource has it (RFC 7643 section 6).
    pub required: bool,
}

/// What a path means in a schema.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolved<'a> {
    /// The URN of the extension the attribute belongs to, in its canonical spelling; `None` at the top.
    pub extension: Option<&'a str>,
    /// `None` when the path names the extension as a whole.
    pub attribute: Option<&'a Attribute>,
    pub sub_attribute: Option<&'a Attribute>,
}

impl Schema {
    /// The attribute of this name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }

    /// User, RFC 7643 section 4.1.
    pub fn user() -> &'static Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| embedded(include_str!("schemas/user.json")));
        &SCHEMA
    }

    /// Group, RFC 7643 section 4.2.
    pub fn group() -> &'static Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| embedded(include_str!("schemas/group.json")));
        &SCHEMA
    }

    /// The enterprise extension of User, RFC 7643 section 4.3.
    pub fn enterprise_user() -> &'static Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| embedded(include_str!("schemas/enterprise_user.json")));
        &SCHEMA
    }

    /// All the documents that a service provider publishes: the resources' and those of discovery itself.
    pub fn all() -> &'static [Self] {
        static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(|| {
            let mut schemas = vec![Schema::user().clone(), Schema::group().clone(), Schema::enterprise_user().clone()];
            schemas.push(embedded(include_str!("schemas/service_provider_config.json")));
            schemas.push(embedded(include_str!("schemas/resource_type.json")));
            schemas.push(embedded(include_str!("schemas/schema.json")));
            schemas
        });
        &SCHEMAS
    }
}

impl Attribute {
    /// The part of this name, in any case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.sub_attributes, name)
    }
}

impl ResourceSchema {
    /// User with the enterprise extension.
    pub fn user() -> &'static Self {
        static SCHEMA: LazyLock<ResourceSchema> = LazyLock::new(|| ResourceSchema {
            base: Schema::user().clone(),
            extensions: vec![Extension { schema: Schema::enterprise_user().clone(), required: false }],
        });
        &SCHEMA
    }

    /// Group.
    pub fn group() -> &'static Self {
        static SCHEMA: LazyLock<ResourceSchema> =
            LazyLock::new(|| ResourceSchema { base: Schema::group().clone(), extensions: Vec::new() });
        &SCHEMA
    }

    /// The extension of this URN, in any case.
    pub fn extension(&self, schema: &str) -> Option<&Schema> {
        self.extensions.iter().map(|extension| &extension.schema).find(|found| found.id.eq_ignore_ascii_case(schema))
    }

    /// The attribute at the top of a resource, common attributes included (RFC 7643 section 3.1).
    pub fn top_attribute(&self, name: &str) -> Option<&Attribute> {
        self.base.attribute(name).or_else(|| find(&COMMON, name))
    }

    /// What this path means; `None` when it names nothing of this schema, as a filter on a whole extension does. A dot
    /// where a colon should follow the URN of an extension (`…:User.manager`, seen from older clients) is understood.
    pub fn resolve(&self, path: &AttributePath) -> Option<Resolved<'_>> {
        let sub_attribute = path.sub_attribute.as_deref();
        let Some(schema) = path.schema.as_deref() else {
            return part(None, self.top_attribute(&path.attribute)?, sub_attribute);
        };
        if self.base.id.eq_ignore_ascii_case(schema) {
            return part(None, self.top_attribute(&path.attribute)?, sub_attribute);
        }
        if let Some(extension) = self.extension(schema) {
            return part(Some(&extension.id), extension.attribute(&path.attribute)?, sub_attribute);
        }
        if path.filter.is_some() {
            return None;
        }
        let extension = self.extensions.iter().map(|extension| &extension.schema).find(|extension| {
            extension.id.rsplit_once(':').is_some_and(|(start, end)| {
                start.eq_ignore_ascii_case(schema) && end.eq_ignore_ascii_case(&path.attribute)
            })
        })?;
        match sub_attribute {
            Some(name) => part(Some(&extension.id), extension.attribute(name)?, None),
            None => Some(Resolved { extension: Some(&extension.id), attribute: None, sub_attribute: None }),
        }
    }

    /// The attribute at the end of this path: the part, when the path names one.
    pub fn attribute(&self, path: &AttributePath) -> Option<&Attribute> {
        self.resolve(path)?.leaf()
    }
}

impl<'a> Resolved<'a> {
    /// The attribute at the end of the path.
    pub fn leaf(&self) -> Option<&'a Attribute> {
        self.sub_attribute.or(self.attribute)
    }
}

/// The attributes that every resource has and no schema lists (RFC 7643 section 3.1).
static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    // The document is part of this file, so it is known to be read.
    serde_json::from_str(include_str!("schemas/common_attributes.json")).expect("the embedded attributes are valid")
});

fn part<'a>(extension: Option<&'a str>, attribute: &'a Attribute, sub_attribute: Option<&str>) -> Option<Resolved<'a>> {
    let sub_attribute = match sub_attribute {
        Some(name) => Some(attribute.sub_attribute(name)?),
        None => None,
    };
    Some(Resolved { extension, attribute: Some(attribute), sub_attribute })
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn embedded(document: &str) -> Schema {
    // The documents are part of the program and a test reads each of them.
    serde_json::from_str(document).expect("an embedded schema document is valid")
}

fn schema_urns() -> Vec<String> {
    vec![urn::SCHEMA.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_documents_lose_nothing_when_they_are_read_and_written() {
        let documents = [
            include_str!("schemas/user.json"),
            include_str!("schemas/group.json"),
            include_str!("schemas/enterprise_user.json"),
            include_str!("schemas/service_provider_config.json"),
            include_str!("schemas/resource_type.json"),
            include_str!("schemas/schema.json"),
        ];
        assert_eq!(documents.len(), Schema::all().len());
        for (document, schema) in documents.iter().zip(Schema::all()) {
            let written: serde_json::Value = serde_json::from_str(document).unwrap();
            assert_eq!(serde_json::to_value(schema).unwrap(), written, "{}", schema.id);
        }
    }

    #[test]
    fn paths_resolve_in_any_case_to_what_they_mean() {
        let leaf = |path: &str| {
            let path = AttributePath::parse(path).unwrap();
            ResourceSchema::user().resolve(&path).map(|resolved| {
                (
                    resolved.extension.is_some(),
                    resolved.leaf().map_or("", |attribute| attribute.name.as_str()).to_owned(),
                )
            })
        };
        for (path, meaning) in [
            ("USERNAME", Some((false, "userName"))),
            ("name.GIVENNAME", Some((false, "givenName"))),
            ("externalid", Some((false, "externalId"))),
            ("meta.lastmodified", Some((false, "lastModified"))),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", Some((false, "givenName"))),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value", Some((true, "value"))),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", Some((true, ""))),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", Some((true, "manager"))),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User[manager pr]", None),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User[manager pr].manager", None),
            ("manager", None),
            ("name.nothing", None),
            ("urn:x:2.0:User:userName", None),
        ] {
            assert_eq!(leaf(path), meaning.map(|(extension, name)| (extension, name.to_owned())), "{path}");
        }
    }

    #[test]
    fn characteristics_that_a_document_leaves_out_have_their_defaults() {
        let attribute: Attribute = serde_json::from_str(r#"{"name": "x"}"#).unwrap();
        assert_eq!(
            (attribute.kind, attribute.mutability, attribute.returned, attribute.uniqueness, attribute.case_exact),
            (AttributeType::String, Mutability::ReadWrite, Returned::Default, Uniqueness::None, false)
        );
    }
}
