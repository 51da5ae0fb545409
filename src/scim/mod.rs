//! SCIM 2.0 as values: names, paths, filters, schemas, resources and messages of RFC 7643 and RFC 7644.
//!
//! Both faces of the protocol, client and server, speak through it. It does no I/O and knows neither of them.

mod apply_patch;
mod body;
mod bulk;
mod bulk_ids;
mod bulk_plan;
mod conform;
mod diff;
mod discovery;
mod filter;
mod filter_check;
mod filter_eval;
mod messages;
mod object;
mod parser;
mod patch;
mod path;
mod resource;
mod schema;
mod strictness;
pub mod urn;

pub use apply_patch::apply;
pub use body::{conform_create, conform_replace};
pub use bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult};
pub use bulk_ids::BulkIds;
pub use bulk_plan::{BulkStep, bulk_steps};
pub use conform::{conform, instant};
pub use diff::diff;
pub use discovery::{
    AuthenticationScheme, BulkSupport, FilterSupport, Pagination, ResourceType, SchemaExtension, ServiceProviderConfig,
    Supported,
};
pub use filter::{Filter, Literal, Operator};
pub use filter_check::check;
pub use filter_eval::{fold_case, is_assigned, matches};
pub use messages::{ListResponse, ScimError, ScimType, SearchRequest};
pub use parser::ParseError;
pub use patch::{Op, Operation, PatchOp};
pub use path::AttributePath;
pub use resource::Resource;
pub use schema::{
    Attribute, AttributeType, Extension, Mutability, Resolved, ResourceSchema, Returned, Schema, Uniqueness,
};
pub use strictness::Strictness;
