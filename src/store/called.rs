//! Objects by what people call them.

use diesel::prelude::*;

use crate::db::{AnyOf, on_each};
use crate::model::{Anchor, JobId, Name, ObjectKind};

use super::tables::objects;
use super::{Store, StoreError, names};

impl Store {
    /// The objects that have this anchor or this name.
    pub async fn objects_called(
        &self,
        job: &JobId,
        anchor: &str,
        name: Option<Name>,
    ) -> Result<Vec<(ObjectKind, Anchor)>, StoreError> {
        let (job, anchor) = (job.clone(), anchor.to_owned());
        self.database
            .read(move |tx| {
                let named = match &name {
                    Some(name) => names::anchors_of(tx, &job, &[name.as_str()])?,
                    None => Default::default(),
                };
                let anchors = named.values().map(String::as_str).chain([anchor.as_str()]);
                let rows = on_each!(tx, c => objects::table
                    .filter(objects::job.eq(job.as_str()))
                    .filter(objects::anchor.any_of(anchors.clone()))
                    .select((objects::kind, objects::anchor))
                    .distinct()
                    .load::<(String, String)>(c))?;
                Ok(rows.into_iter().map(|(kind, anchor)| (ObjectKind::new(kind), Anchor::new(anchor))).collect())
            })
            .await
    }
}
