//! SCIM 2.0 as values: names, paths, filters, schemas, resources and messages of RFC 7643 and RFC 7644.
//!
//! Both faces of the protocol, client and server, speak through it. It does no I/O and knows neither of them.

mod apply_patch;
mod conform;
mod discovery;
mod filter;
mod filter_eval;
mod messages;
mod parser;
mod patch;
mod path;
mod resource;
mod schema;
pub mod urn;

pub use apply_patch::apply;
pub use conform::{conform, conform_resource};
pub use discovery::{
    AuthenticationScheme, BulkSupport, FilterSupport, Pagination, ResourceType, SchemaExtension, ServiceProviderConfig,
    Supported,
};
pub use filter::{Filter, Literal, Operator};
pub use filter_eval::{check, matches};
pub use messages::{ListResponse, ScimError, ScimType, SearchRequest};
pub use parser::ParseError;
pub use patch::{Op, Operation, PatchOp};
pub use path::AttributePath;
pub use resource::Resource;
pub use schema::{Attribute, AttributeType, Mutability, Resolved, ResourceSchema, Returned, Schema, Uniqueness};
