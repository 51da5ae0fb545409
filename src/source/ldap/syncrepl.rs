//! Following changes by content synchronization (RFC 4533) as OpenLDAP does it: one refresh per read, from the cookie
//! of the last one.
//!
//! The persistent stage is not used: an unchanged refresh costs a few milliseconds, and nothing is lost when a
//! connection ends.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ldap3::Scope;
use ldap3::controls::RawControl;
use uuid::Uuid;

use crate::model::{Change, Departure};
use crate::source::{Checkpoint, Coverage, ReadEnd, SourceError};

use super::connection::{Connection, Ended, Item, Query, ResponseControl};
use super::entry::{Entry, Intermediate};
use super::failure::{Failure, code};
use super::filter::Filter;
use super::object::{ENTRY_UUID, anchor_from, anchor_of};
use super::reading::Reading;
use super::root_dse::Mechanism;
use super::servers::Session;
use super::sync_messages::{
    Cookie, EntryState, SYNC_DONE, SYNC_INFO, SYNC_REQUEST, SYNC_STATE, SyncDone, SyncInfo, SyncState, refresh_request,
};

/// Departed objects that are looked for in one search.
const LOOKED_FOR_AT_ONCE: usize = 50;

/// No attributes (RFC 4511 section 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";

/// What marks a checkpoint as one of this mechanism.
const CHECKPOINT_PREFIX: &str = "sync:";

/// What a refresh came to.
#[derive(Debug)]
pub(super) struct Refreshed {
    /// The newest cookie; `None` when the former one stays good.
    pub(super) cookie: Option<Cookie>,
    coverage: Coverage,
}

/// What the messages of a refresh have said so far.
#[derive(Debug, Default)]
struct Progress {
    cookie: Option<Cookie>,
    /// A phase in which whatever exists is named has ended.
    saw_present_phase: bool,
    /// A phase in which deletions are named has ended.
    saw_delete_phase: bool,
    /// Said to be gone, and not delivered again since.
    departed: BTreeSet<Uuid>,
}

/// The checkpoint that holds `cookie`.
pub(super) fn checkpoint_of(cookie: &[u8]) -> Checkpoint {
    Checkpoint([CHECKPOINT_PREFIX, &STANDARD.encode(cookie)].concat())
}

impl Reading<'_> {
    /// Reads what has changed since `checkpoint`.
    pub(super) async fn read_changes(
        mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<ReadEnd, SourceError> {
        let cookie = checkpoint.0.strip_prefix(CHECKPOINT_PREFIX).and_then(|text| STANDARD.decode(text).ok());
        let cookie = cookie.filter(|cookie| !cookie.is_empty());
        let Some(cookie) = cookie else {
            return Err(self.resync("it is not a watermark of this kind of source".to_owned()));
        };
        if session.root_dse.mechanism() != Mechanism::Syncrepl {
            return Err(self.resync("the server no longer offers content synchronization".to_owned()));
        }
        let refreshed = self.refresh(session, &cookie).await?;
        self.delivery.flush().await?;
        self.account()?;
        Ok(ReadEnd { coverage: refreshed.coverage, checkpoint: refreshed.cookie.as_deref().map(checkpoint_of) })
    }

    /// A cookie for the state of the feed before the read that follows. Asked for at the base alone: a cookie of
    /// OpenLDAP tells the state of the whole database, and the names of all entries are not needed for it. `None` when
    /// the server cannot follow this feed.
    pub(super) async fn current_cookie(&mut self, session: &mut Session) -> Result<Option<Cookie>, SourceError> {
        let query = self.query(vec![NO_ATTRIBUTES.to_owned()], vec![sync_control(None)]);
        let query = Query { scope: Scope::Base, ..query };
        let mut search = session.connection.search(query).await.map_err(|failure| self.broken(failure))?;
        let mut cookie = None;
        while let Some(item) = search.next().await.map_err(|failure| self.broken(failure))? {
            if let Item::Intermediate(message) = item
                && let Some(info) = sync_info(&message).map_err(|failure| self.broken(failure))?
            {
                cookie = cookie_in(info).or(cookie);
            }
        }
        let ended = search.end().await;
        match ended.result.code {
            code::SUCCESS => {}
            // The control exists on this server, but not for this database.
            code::UNAVAILABLE_CRITICAL_EXTENSION => {
                tracing::info!(feed = %self.feed.id, "the server does not follow changes below this base: it is read in full each time");
                return Ok(None);
            }
            _ => return Err(self.broken(ended.result)),
        }
        let done = sync_done(&ended.controls).map_err(|failure| self.broken(failure))?;
        Ok(done.cookie.or(cookie).filter(|cookie| !cookie.is_empty()))
    }

    /// Delivers what has changed since `cookie`.
    pub(super) async fn refresh(&mut self, session: &mut Session, cookie: &[u8]) -> Result<Refreshed, SourceError> {
        let query = self.query(self.feed.shape.requested(), vec![sync_control(Some(cookie))]);
        let mut search = session.connection.search(query).await.map_err(|failure| self.broken(failure))?;
        let mut progress = Progress::default();
        while let Some(item) = search.next().await.map_err(|failure| self.broken(failure))? {
            match item {
                Item::Entry { entry, controls } => {
                    let state = sync_state(&controls).map_err(|failure| self.broken(failure))?;
                    self.take_entry(&mut progress, state, &entry).await?;
                }
                Item::Intermediate(message) => {
                    if let Some(info) = sync_info(&message).map_err(|failure| self.broken(failure))? {
                        self.take_info(&mut progress, info).await?;
                    }
                }
                Item::Reference => self.references += 1,
            }
        }
        let ended = search.end().await;
        let done = self.refresh_end(&ended)?;
        let refreshed = self.judge(&mut progress, done)?;
        let departed: Vec<Uuid> = progress.departed.into_iter().collect();
        for some in departed.chunks(LOOKED_FOR_AT_ONCE) {
            self.deliver_departures(session, some).await?;
        }
        Ok(refreshed)
    }

    async fn take_entry(
        &mut self,
        progress: &mut Progress,
        state: SyncState,
        entry: &Entry,
    ) -> Result<(), SourceError> {
        progress.cookie = state.cookie.or(progress.cookie.take());
        match state.state {
            EntryState::Present => self.delivery.push(Change::Present(vec![anchor_from(state.uuid)])).await,
            EntryState::Changed => {
                progress.departed.remove(&state.uuid);
                self.deliver(anchor_from(state.uuid), entry).await
            }
            EntryState::Deleted => {
                progress.departed.insert(state.uuid);
                Ok(())
            }
        }
    }

    async fn take_info(&mut self, progress: &mut Progress, info: SyncInfo) -> Result<(), SourceError> {
        match &info {
            SyncInfo::RefreshPresent { .. } => progress.saw_present_phase = true,
            SyncInfo::RefreshDelete { .. } => progress.saw_delete_phase = true,
            SyncInfo::IdSet { deleted: true, uuids, .. } => progress.departed.extend(uuids),
            SyncInfo::IdSet { deleted: false, uuids, .. } => {
                let present = uuids.iter().map(|uuid| anchor_from(*uuid)).collect();
                self.delivery.push(Change::Present(present)).await?;
            }
            SyncInfo::NewCookie(_) => {}
        }
        progress.cookie = cookie_in(info).or(progress.cookie.take());
        Ok(())
    }

    /// The final control of a refresh that succeeded.
    fn refresh_end(&self, ended: &Ended) -> Result<SyncDone, SourceError> {
        let result = &ended.result;
        match result.code {
            code::SUCCESS => sync_done(&ended.controls).map_err(|failure| self.broken(failure)),
            code::SYNC_REFRESH_REQUIRED | code::UNAVAILABLE_CRITICAL_EXTENSION | code::PROTOCOL_ERROR => {
                Err(self.resync(result.to_string()))
            }
            // The server was restored from a backup, or another one answers.
            code::UNWILLING_TO_PERFORM if result.text.contains("newer") => Err(self.resync(result.to_string())),
            _ => Err(self.broken(result.clone())),
        }
    }

    /// What silence means after this refresh, and where the next begins.
    fn judge(&self, progress: &mut Progress, done: SyncDone) -> Result<Refreshed, SourceError> {
        let Some(cookie) = done.cookie.or(progress.cookie.take()) else {
            // Without any cookie nothing has changed; the former one stays good, and silence means nothing.
            return Ok(Refreshed { cookie: None, coverage: Coverage::Changes });
        };
        if cookie.is_empty() {
            return Err(self.resync("the server did not recognise it and sent everything again".to_owned()));
        }
        let names_all = progress.saw_present_phase || (!done.refresh_deletes && !progress.saw_delete_phase);
        let coverage = if names_all { Coverage::Everything } else { Coverage::Changes };
        Ok(Refreshed { cookie: Some(cookie), coverage })
    }

    /// Asks which of these still exist somewhere the account may look: those have only left the feed.
    async fn deliver_departures(&mut self, session: &mut Session, uuids: &[Uuid]) -> Result<(), SourceError> {
        // Nobody keeps containers that are gone.
        let Some(kind) = self.feed.kind.clone() else { return Ok(()) };
        let base = session.root_dse.naming_context_of(&self.feed.base).to_owned();
        let found = existing(&mut session.connection, base, uuids).await.map_err(|failure| self.broken(failure))?;
        for uuid in uuids {
            let departure = if found.contains(uuid) { Departure::LeftFeed } else { Departure::Deleted };
            self.delivery.push(Change::Departed { kind: kind.clone(), anchor: anchor_from(*uuid), departure }).await?;
        }
        Ok(())
    }
}

/// Which of `uuids` exist at or below `base`.
async fn existing(connection: &mut Connection, base: String, uuids: &[Uuid]) -> Result<BTreeSet<Uuid>, Failure> {
    let query = Query {
        base,
        scope: Scope::Subtree,
        filter: Filter::any_entry_uuid(uuids.iter().map(|uuid| uuid.hyphenated().to_string())).to_string(),
        attributes: vec![ENTRY_UUID.to_owned()],
        controls: Vec::new(),
        size_limit: 0,
    };
    let mut search = connection.search(query).await?;
    let mut found = BTreeSet::new();
    while let Some(item) = search.next().await? {
        if let Item::Entry { entry, .. } = item {
            let anchor = anchor_of(&entry).ok_or(Failure::Incomplete("the `entryUUID` of an entry found by it"))?;
            found.extend(Uuid::parse_str(anchor.as_str()).ok());
        }
    }
    let ended = search.end().await;
    if ended.result.code == code::SUCCESS { Ok(found) } else { Err(ended.result.into()) }
}

fn sync_control(cookie: Option<&[u8]>) -> RawControl {
    RawControl { ctype: SYNC_REQUEST.to_owned(), crit: true, val: Some(refresh_request(cookie)) }
}

fn sync_state(controls: &[ResponseControl]) -> Result<SyncState, Failure> {
    let control = controls.iter().find(|control| control.oid == SYNC_STATE);
    Ok(SyncState::read(&control.ok_or(Failure::Incomplete("the synchronization state of an entry"))?.value)?)
}

fn sync_done(controls: &[ResponseControl]) -> Result<SyncDone, Failure> {
    let control = controls.iter().find(|control| control.oid == SYNC_DONE);
    Ok(SyncDone::read(&control.ok_or(Failure::Incomplete("the end of the synchronization"))?.value)?)
}

/// The message as one of synchronization, if it is one.
fn sync_info(message: &Intermediate) -> Result<Option<SyncInfo>, Failure> {
    if message.oid != SYNC_INFO.as_bytes() {
        return Ok(None);
    }
    Ok(Some(SyncInfo::read(&message.value)?))
}

fn cookie_in(info: SyncInfo) -> Option<Cookie> {
    match info {
        SyncInfo::NewCookie(cookie) => Some(cookie),
        SyncInfo::RefreshDelete { cookie } | SyncInfo::RefreshPresent { cookie } => cookie,
        SyncInfo::IdSet { cookie, .. } => cookie,
    }
}
