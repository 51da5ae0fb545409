//! `synchronizationTemplate`: a schema to start from, as the API lists it.

use super::given::List;
use super::metadata::{MetadataEntry, TemplateMetadata};
use super::record::record;
use super::schema::SynchronizationSchema;

record! {
    /// `synchronizationTemplate`
    SynchronizationTemplate ("a synchronization template") {
        id: String = "id";
        application_id: String = "applicationId";
        default: bool = "default";
        description: String = "description";
        discoverable: bool = "discoverable";
        factory_tag: String = "factoryTag";
        metadata: List<MetadataEntry<TemplateMetadata>> = "metadata";
        schema: SynchronizationSchema = "schema";
    }
}
