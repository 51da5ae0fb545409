//! `synchronizationTemplate`: a schema to start from, as the API lists it.

use super::given::List;
use super::record::record;
use super::schema::{KeyValue, SynchronizationSchema};

record! {
    /// `synchronizationTemplate`
    SynchronizationTemplate ("a synchronization template") {
        id: String = "id";
        application_id: String = "applicationId";
        default: bool = "default";
        description: String = "description";
        discoverable: bool = "discoverable";
        factory_tag: String = "factoryTag";
        /// In order; a key may stand there twice.
        metadata: List<KeyValue> = "metadata";
        schema: SynchronizationSchema = "schema";
    }
}
