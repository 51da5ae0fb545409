//! Where the next read of each feed begins.

use diesel::prelude::*;

use crate::db::{Backend, on_each};
use crate::model::{FeedId, JobId, Round, Watermark};

use super::columns::Word;
use super::tables::watermarks;
use super::{Store, StoreError};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = watermarks)]
struct Row {
    job: String,
    feed: String,
    directory: String,
    view: String,
    checkpoint: String,
    round: String,
    generation: i64,
}

impl Store {
    /// The watermark of one feed; `None` before its first.
    pub async fn watermark(&self, job: &JobId, feed: &FeedId) -> Result<Option<Watermark>, StoreError> {
        let (job, feed) = (job.clone(), feed.clone());
        self.database
            .read(move |tx| {
                let row = on_each!(tx, c => watermarks::table
                    .find((job.as_str(), feed.as_str()))
                    .select(Row::as_select())
                    .first::<Row>(c)
                    .optional())?;
                row.map(read).transpose()
            })
            .await
    }

    /// The watermarks of all feeds of a job.
    pub async fn watermarks(&self, job: &JobId) -> Result<Vec<Watermark>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let rows = on_each!(tx, c => watermarks::table
                    .filter(watermarks::job.eq(job.as_str()))
                    .order(watermarks::feed)
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }

    /// Moves the watermark of its feed. The caller has made everything before it durable.
    pub async fn save_watermark(&self, job: &JobId, watermark: Watermark) -> Result<(), StoreError> {
        let job = job.clone();
        self.database.write(move |tx| save(tx, &job, watermark)).await
    }

    /// Forgets the watermarks of a job: its next cycle reads everything.
    pub async fn clear_watermarks(&self, job: &JobId) -> Result<(), StoreError> {
        let job = job.clone();
        self.database
            .write(move |tx| {
                on_each!(tx, c => diesel::delete(watermarks::table)
                    .filter(watermarks::job.eq(job.as_str()))
                    .execute(c))?;
                Ok(())
            })
            .await
    }
}

pub(super) fn save(tx: &mut Backend, job: &JobId, watermark: Watermark) -> Result<(), StoreError> {
    let row = Row {
        job: job.as_str().to_owned(),
        feed: watermark.feed.as_str().to_owned(),
        directory: watermark.directory,
        view: watermark.view,
        checkpoint: watermark.checkpoint,
        round: watermark.round.word().to_owned(),
        generation: watermark.generation,
    };
    on_each!(tx, c => diesel::insert_into(watermarks::table)
        .values(&row)
        .on_conflict((watermarks::job, watermarks::feed))
        .do_update()
        .set(&row)
        .execute(c))?;
    Ok(())
}

fn read(row: Row) -> Result<Watermark, StoreError> {
    Ok(Watermark {
        feed: FeedId::new(row.feed),
        directory: row.directory,
        view: row.view,
        checkpoint: row.checkpoint,
        round: Round::read(&row.round)?,
        generation: row.generation,
    })
}
