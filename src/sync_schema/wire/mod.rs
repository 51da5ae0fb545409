//! The JSON shape of the schema family of the synchronization API, without any judgement.
//!
//! Lossless: any JSON object is read, and written back equal. What is missing stays missing, null stays null, words
//! keep their spelling, and what we do not know is kept as it came. What is not of the contract's type is kept too,
//! and told by [`Shape::oddities`]. [`Shape::complete`] makes what the API emits: every member, in its spelling.

mod directory;
mod filter;
mod function;
mod given;
mod metadata;
mod record;
mod schema;
mod template;
mod word;

pub use directory::{
    AttributeDefinition, AttributeType, DirectoryDefinition, Mutability, ObjectDefinition, ReferencedObject,
};
pub use filter::{Filter, FilterClause, FilterGroup, FilterOperand, FilterOperatorSchema};
pub use function::{
    ExpressionInputObject, FunctionSchema, ObjectProperty, ParameterSchema, ParseExpressionResponse, PublicError,
    PublicErrorDetail, PublicInnerError,
};
pub use given::{Given, List, Oddity, Scalar, Shape};
pub(super) use metadata::unquoted;
pub use metadata::{AttributeMetadata, KeyValue, MappingMetadata, MetadataEntry, ObjectMetadata, TemplateMetadata};
pub use schema::{
    AttributeMapping, AttributeMappingSource, ContainerFilter, GroupFilter, ObjectMapping, SourceParameter,
    SynchronizationRule, SynchronizationSchema,
};
pub use template::SynchronizationTemplate;
pub use word::{
    Discoverability, Flags, FlowBehavior, FlowType, MultivaluedComparison, ObjectFlowType, OperatorArity, SourceType,
    Vocabulary, Word,
};

/// Members that have no name here.
pub type Other = serde_json::Map<String, serde_json::Value>;

#[cfg(test)]
mod tests;
