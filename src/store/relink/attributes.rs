//! The attributes of objects, read page by page: what confirms who somebody is.

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::on_each;
use crate::model::{Anchor, Attributes, JobId, Lifecycle, ObjectMappingId};
use crate::store::columns::{Word, from_json};
use crate::store::tables::{links, objects};
use crate::store::{Store, StoreError};

/// Objects of a mapping, by what a relink has to know of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relinkable {
    /// Not gone for good.
    Living,
    /// Gone for good, and with a resource all the same.
    GoneWithResource,
    /// Due and delivered, and without a resource. Who waits for a removal is not among them.
    DueWithoutResource,
}

/// A resource is linked to the object.
macro_rules! is_linked {
    () => {
        exists(
            links::table
                .filter(links::job.eq(objects::job))
                .filter(links::anchor.eq(objects::anchor))
                .filter(links::mapping.eq(objects::mapping)),
        )
    };
}

impl Store {
    /// The attributes of at most `limit` of these objects, in the order of their anchors after `after`.
    pub async fn attributes_of(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        which: Relinkable,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<(Anchor, Attributes)>, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        let rows: Vec<(String, String)> = self
            .database
            .read(move |tx| {
                macro_rules! page_where {
                    ($condition:expr) => {
                        on_each!(tx, c => objects::table
                            .filter(objects::job.eq(job.as_str()))
                            .filter(objects::mapping.eq(mapping.as_str()))
                            .filter(objects::anchor.gt(after.as_ref().map_or("", Anchor::as_str)))
                            .filter($condition)
                            .order(objects::anchor)
                            .limit(limit.into())
                            .select((objects::anchor, objects::attributes))
                            .load(c))?
                    };
                }
                Ok::<_, StoreError>(match which {
                    Relinkable::Living => page_where!(objects::lifecycle.ne(Lifecycle::Deleted.word())),
                    // The word stands in the statement, as it does in the index of those who are gone.
                    Relinkable::GoneWithResource => {
                        page_where!(sql::<Bool>("objects.lifecycle = 'deleted'").and(is_linked!()))
                    }
                    Relinkable::DueWithoutResource => page_where!(
                        objects::due
                            .and(objects::waits_for.is_null())
                            .and(objects::lifecycle.eq(Lifecycle::Present.word()))
                            .and(not(is_linked!()))
                    ),
                })
            })
            .await?;
        let read =
            |(anchor, attributes): (String, String)| Ok((Anchor::new(anchor), from_json("attributes", &attributes)?));
        rows.into_iter().map(read).collect()
    }
}
