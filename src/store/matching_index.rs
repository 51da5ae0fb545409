//! The target's resources by the values that find them, so that an initial cycle asks the target once.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value as Json;

use crate::db::{AnyOf, batches, on_each};
use crate::model::{JobId, ObjectMappingId, ResourceId, TargetPath};

use super::columns::{from_json, to_json};
use super::tables::matching_index;
use super::{Store, StoreError};

#[derive(Insertable)]
#[diesel(table_name = matching_index, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    mapping: &'a str,
    path: &'a str,
    value: &'a str,
    resource: &'a str,
    content: String,
}

impl Store {
    /// Adds resources to the index of a mapping: path, folded value, resource, and what it holds.
    pub async fn index_resources(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        resources: Vec<(TargetPath, String, ResourceId, Json)>,
    ) -> Result<(), StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .write(move |tx| {
                // One statement may not name a key twice; the last one said counts.
                let unique: HashMap<_, _> = resources
                    .iter()
                    .map(|(path, value, resource, content)| {
                        ((path.as_str(), value.as_str(), resource.as_str()), content)
                    })
                    .collect();
                let rows: Vec<NewRow<'_>> = unique
                    .into_iter()
                    .map(|((path, value, resource), content)| NewRow {
                        job: job.as_str(),
                        mapping: mapping.as_str(),
                        path,
                        value,
                        resource,
                        content: to_json(content),
                    })
                    .collect();
                for batch in batches(&rows) {
                    on_each!(tx, c => diesel::insert_into(matching_index::table)
                        .values(batch)
                        .on_conflict((
                            matching_index::job,
                            matching_index::mapping,
                            matching_index::path,
                            matching_index::value,
                            matching_index::resource,
                        ))
                        .do_update()
                        .set(matching_index::content.eq(excluded(matching_index::content)))
                        .execute(c))?;
                }
                Ok(())
            })
            .await
    }

    /// The resources whose `path` has one of the folded `values`, by value. A value that nothing has is left out.
    pub async fn lookup_index(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        path: &TargetPath,
        values: &[String],
    ) -> Result<HashMap<String, Vec<(ResourceId, Json)>>, StoreError> {
        let (job, mapping, path, values) = (job.clone(), mapping.clone(), path.clone(), values.to_vec());
        self.database
            .read(move |tx| {
                let mut found: HashMap<String, Vec<(ResourceId, Json)>> = HashMap::new();
                for batch in batches(&values) {
                    let rows = on_each!(tx, c => matching_index::table
                        .filter(matching_index::job.eq(job.as_str()))
                        .filter(matching_index::mapping.eq(mapping.as_str()))
                        .filter(matching_index::path.eq(path.as_str()))
                        .filter(matching_index::value.any_of(batch.iter().map(String::as_str)))
                        .order(matching_index::resource)
                        .select((matching_index::value, matching_index::resource, matching_index::content))
                        .load::<(String, String, String)>(c))?;
                    for (value, resource, content) in rows {
                        let content = from_json("content", &content)?;
                        found.entry(value).or_default().push((ResourceId::new(resource), content));
                    }
                }
                Ok(found)
            })
            .await
    }

    /// Empties the index of a mapping.
    pub async fn clear_index(&self, job: &JobId, mapping: &ObjectMappingId) -> Result<(), StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .write(move |tx| {
                on_each!(tx, c => diesel::delete(matching_index::table)
                    .filter(matching_index::job.eq(job.as_str()))
                    .filter(matching_index::mapping.eq(mapping.as_str()))
                    .execute(c))?;
                Ok(())
            })
            .await
    }
}
