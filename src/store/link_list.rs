//! Links as a person looks at them: page by page, and by what they are known by.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, on_each};
use crate::model::{JobId, Link, Name, ObjectKey, ResourceId, ResourceKind};

use super::columns::from_json;
use super::jobs::target_of;
use super::keys::key;
use super::tables::links;
use super::{Store, StoreError, names};

/// One link, with all there is to say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRecord {
    pub key: ObjectKey,
    pub kind: ResourceKind,
    pub link: Link,
    /// When something was last exported to the resource; `None` for a link that is older than this knowledge.
    pub exported_at: Option<DateTime<Utc>>,
}

/// What links are looked for by.
#[derive(Clone, Debug, Default)]
pub struct LinkQuery {
    /// An anchor, or the id of a resource.
    pub id: String,
    /// The name that the text is in the source, where it can be one.
    pub name: Option<Name>,
    /// The kinds that a resource may be of.
    pub kinds: Vec<ResourceKind>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = links)]
struct Row {
    mapping: String,
    anchor: String,
    resource_kind: String,
    resource: String,
    exported: String,
    exported_at: Option<NaiveDateTime>,
}

impl Store {
    /// At most `limit` links of the job, those after `after`, in the order of anchors.
    pub async fn links(
        &self,
        job: &JobId,
        after: Option<ObjectKey>,
        limit: u32,
    ) -> Result<Vec<LinkRecord>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let after = after.as_ref().map_or(("", ""), |key| (key.anchor.as_str(), key.mapping.as_str()));
                let rows = on_each!(tx, c => links::table
                    .filter(links::job.eq(job.as_str()))
                    .filter(links::anchor.ge(after.0))
                    .filter(links::anchor.gt(after.0).or(links::mapping.gt(after.1)))
                    .order((links::anchor, links::mapping))
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }

    /// The links of the job that belong to this anchor, this name or this resource. The names that resources have are
    /// not looked at.
    pub async fn find_links(&self, job: &JobId, query: &LinkQuery) -> Result<Vec<LinkRecord>, StoreError> {
        let (job, query) = (job.clone(), query.clone());
        self.database.read(move |tx| find(tx, &job, &query)).await
    }
}

fn find(tx: &mut Backend, job: &JobId, query: &LinkQuery) -> Result<Vec<LinkRecord>, StoreError> {
    let named = match &query.name {
        Some(name) => names::anchors_of(tx, job, &[name.as_str()])?,
        None => Default::default(),
    };
    let anchors = named.values().map(String::as_str).chain([query.id.as_str()]);
    let mut rows = on_each!(tx, c => links::table
        .filter(links::job.eq(job.as_str()))
        .filter(links::anchor.any_of(anchors.clone()))
        .order((links::anchor, links::mapping))
        .select(Row::as_select())
        .load::<Row>(c))?;
    if rows.is_empty() {
        let target = target_of(tx, job)?;
        rows = on_each!(tx, c => links::table
            .filter(links::target.eq(target.as_str()))
            .filter(links::resource_kind.any_of(query.kinds.iter().map(ResourceKind::as_str)))
            .filter(links::resource.eq(&query.id))
            .filter(links::job.eq(job.as_str()))
            .select(Row::as_select())
            .load::<Row>(c))?;
    }
    rows.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<LinkRecord, StoreError> {
    Ok(LinkRecord {
        key: key(row.mapping, row.anchor),
        kind: ResourceKind::new(row.resource_kind),
        link: Link { resource: ResourceId::new(row.resource), exported: from_json("exported", &row.exported)? },
        exported_at: row.exported_at.map(|at| at.and_utc()),
    })
}
