//! The table of an application: what it has and where that comes from, in the words of the reference directory.

use serde::{Deserialize, Serialize};

use crate::target::profile::ProfileOverrides;

/// An application, as a file of `applications/` has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    pub(super) id: String,
    pub(super) name: String,
    /// What it connects, in a few words.
    pub(super) description: String,
    /// Where the application documents its side, and what of it shows nowhere else in the table.
    #[serde(default)]
    pub(super) documentation: Vec<String>,
    /// The name of the target directory in the schema. Default: the name.
    #[serde(default)]
    pub(super) directory: Option<String>,
    /// How the application is spoken to.
    #[serde(default)]
    pub(super) profile: ProfileOverrides,
    /// In the order in which they are provisioned.
    pub(super) objects: Vec<ObjectRow>,
}

/// One kind of object, with the mapping that fills it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ObjectRow {
    /// The name of the mapping.
    pub(super) name: String,
    /// The object of the source: `User` or `Group`.
    pub(super) source: String,
    /// The object of the target: the URN of a schema.
    pub(super) target: String,
    /// Where the target serves it: `Users`, `Groups`.
    pub(super) endpoint: String,
    /// What may be done to the resources, as `objectFlowTypes` are written. Default: everything.
    #[serde(default = "every_flow")]
    pub(super) flow_types: String,
    pub(super) attributes: Vec<Row>,
}

fn every_flow() -> String {
    "Add, Update, Delete".to_owned()
}

/// One attribute with its mapping; in the table of a source, the attribute alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) anchor: bool,
    #[serde(default)]
    pub(super) case_exact: bool,
    #[serde(default)]
    pub(super) multivalued: bool,
    #[serde(default)]
    pub(super) mutability: Mutability,
    #[serde(default)]
    pub(super) required: bool,
    /// The objects of the source that a reference leads to.
    #[serde(default)]
    pub(super) references: Vec<String>,
    #[serde(default)]
    pub(super) metadata: Vec<Pair>,
    /// The expression that fills the attribute. Default: it is only defined, for mappings of one's own.
    #[serde(default)]
    pub(super) from: Option<String>,
    /// The place among the attributes that existing resources are found by; 1 is the first. Default: none.
    #[serde(default)]
    pub(super) matching: u32,
    #[serde(default)]
    pub(super) flow: Flow,
    /// What a new resource gets where the expression gives nothing.
    #[serde(default)]
    pub(super) default: Option<String>,
}

/// An entry of metadata.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
}

/// `attributeType`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum Kind {
    #[default]
    String,
    Integer,
    Reference,
    Binary,
    Boolean,
    DateTime,
}

/// `mutability`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum Mutability {
    #[default]
    ReadWrite,
    ReadOnly,
    Immutable,
    WriteOnly,
}

/// `attributeFlowType`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum Flow {
    #[default]
    Always,
    ObjectAddOnly,
    AttributeAddOnly,
}
