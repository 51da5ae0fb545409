//! What follows from references that change, beside what is sent for them: whom filters let through by their groups,
//! who is a member of a group through a group in it, and who is assigned through a group.

use crate::db::Backend;
use crate::model::{JobId, ObjectKey};

use super::StoreError;
use super::assignments::Joining;
use super::edges::Row;
use super::groups::{Joiners, NamedGroups};
use super::nesting::{MembersOf, News};

/// Watches references while something is recorded.
pub(super) struct Watch<'a> {
    joiners: Joiners<'a>,
    news: News<'a>,
    joining: Joining<'a>,
}

impl<'a> Watch<'a> {
    /// Begins. `members` is where the job holds members of groups.
    pub(super) fn begin(
        tx: &mut Backend,
        job: &'a JobId,
        groups: Option<&'a NamedGroups>,
        members: &'a [MembersOf],
    ) -> Result<Self, StoreError> {
        let joining = Joining::begin(tx, job, members)?;
        Ok(Self { joiners: Joiners::begin(tx, job, groups)?, news: News::begin(tx, job, members)?, joining })
    }

    /// True when something may follow from a reference that ends.
    pub(super) fn is_watching(&self) -> bool {
        self.joiners.is_watching() || self.news.is_watching() || self.joining.is_watching()
    }

    /// The mappings whose references decide about others, sent or not.
    pub(super) fn decisive(&self) -> Vec<&str> {
        self.joiners.mapping().into_iter().chain(self.news.mappings()).chain(self.joining.mappings()).collect()
    }

    /// True when a reference to an object of this kind leads from a group to a group.
    pub(super) fn nests(&self, row: &Row, kind: &str) -> bool {
        self.news.nests(row, kind)
    }

    /// A reference was another before, or is another now: it came, went, or leads to another object.
    pub(super) fn edge(&mut self, before: Option<&Row>, now: Option<&Row>) {
        self.joiners.edge(before, now);
        self.news.edge(before, now);
        self.joining.edge(before, now);
    }

    /// The source delivers an object again, or no longer.
    pub(super) fn moved(&mut self, key: &ObjectKey) {
        self.news.moved(key);
        self.joining.moved(key);
    }

    /// Stores what follows.
    pub(super) fn end(self, tx: &mut Backend) -> Result<(), StoreError> {
        self.joiners.end(tx)?;
        self.news.end(tx)?;
        self.joining.end(tx)
    }
}
