//! What the target holds of one reference, such as all members of a group.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::db::{AnyOf, on_each};
use crate::model::{Export, JobId, ObjectKey, ResourceId};

use super::columns::Word;
use super::keys::{key, key_batches};
use super::tables::edges;
use super::{Store, StoreError};

impl Store {
    /// The resources that the target holds, or may hold, for this reference of these objects.
    pub async fn sent_references(
        &self,
        job: &JobId,
        keys: &[ObjectKey],
        attribute: &str,
    ) -> Result<HashMap<ObjectKey, Vec<ResourceId>>, StoreError> {
        let (job, keys, attribute) = (job.clone(), keys.to_vec(), attribute.to_owned());
        self.database
            .read(move |tx| {
                let mut found: HashMap<ObjectKey, Vec<ResourceId>> = HashMap::new();
                for (mapping, anchors) in key_batches(&keys) {
                    let rows = on_each!(tx, c => edges::table
                        .filter(edges::job.eq(job.as_str()))
                        .filter(edges::mapping.eq(mapping))
                        .filter(edges::from_anchor.any_of(anchors.iter().copied()))
                        .filter(edges::attribute.eq(attribute.as_str()))
                        .filter(edges::export.ne(Export::Never.word()))
                        .filter(edges::exported_as.is_not_null())
                        .select((edges::from_anchor, edges::exported_as.assume_not_null()))
                        .load::<(String, String)>(c))?;
                    for (anchor, resource) in rows {
                        found.entry(key(mapping.to_owned(), anchor)).or_default().push(ResourceId::new(resource));
                    }
                }
                Ok(found)
            })
            .await
    }
}
