//! A full read: every object of a feed, in pages, then what changed meanwhile.
//!
//! Where the server follows changes, a cookie is taken first and the changes since are read last, so the read ends
//! in a state that once existed. Elsewhere the objects alone are read, each time anew, and no checkpoint is left:
//! such a read ends with [`Coverage::Everything`], and the next one is full again.

use ldap3::controls::RawControl;

use crate::source::{Coverage, ReadEnd, SourceError};

use super::ber::{self, INTEGER, OCTET_STRING, Reader, SEQUENCE};
use super::connection::{Connection, Ended, Item, ResponseControl};
use super::failure::{Failure, code};
use super::reading::Reading;
use super::root_dse::{Mechanism, PAGED_RESULTS};
use super::servers::Session;
use super::syncrepl::checkpoint_of;

/// The smallest page tried where the server refuses larger ones.
const SMALLEST_PAGE: u32 = 50;

/// Pages without an object that may follow each other; access rules can empty some, a broken server all.
const EMPTY_PAGES: u32 = 1_000;

impl Reading<'_> {
    /// Reads everything.
    pub(super) async fn read_all(mut self, session: &mut Session) -> Result<ReadEnd, SourceError> {
        let cookie = match session.root_dse.mechanism() {
            Mechanism::Syncrepl => self.current_cookie(session).await?,
            Mechanism::FullRead => None,
        };
        self.read_pages(session).await?;
        let mut checkpoint = None;
        if let Some(cookie) = cookie {
            let refreshed = self.refresh(session, &cookie).await.map_err(voided)?;
            checkpoint = Some(checkpoint_of(&refreshed.cookie.unwrap_or(cookie)));
        }
        self.delivery.flush().await?;
        self.account()?;
        let coverage = if self.unanchored == 0 { Coverage::Everything } else { Coverage::Changes };
        Ok(ReadEnd { coverage, checkpoint })
    }

    async fn read_pages(&mut self, session: &mut Session) -> Result<(), SourceError> {
        let is_paged = session.root_dse.supports(PAGED_RESULTS);
        let mut size = self.page_size;
        let mut position: Vec<u8> = Vec::new();
        let mut empty_pages = 0;
        loop {
            let controls = if is_paged { vec![page_control(size, &position)] } else { Vec::new() };
            let (found, ended) = self.read_page(&mut session.connection, controls).await?;
            let refused_size = ended.result.code == code::ADMIN_LIMIT_EXCEEDED && found == 0 && position.is_empty();
            if refused_size && is_paged && size > SMALLEST_PAGE {
                size = (size / 2).max(SMALLEST_PAGE);
                tracing::info!(feed = %self.feed.id, page.size = size, "the server refuses larger pages");
                continue;
            }
            if ended.result.code != code::SUCCESS {
                return Err(self.broken(ended.result));
            }
            if !is_paged {
                return Ok(());
            }
            position = next_position(&ended.controls).map_err(|failure| self.broken(failure))?;
            if position.is_empty() {
                return Ok(());
            }
            empty_pages = if found == 0 { empty_pages + 1 } else { 0 };
            if empty_pages > EMPTY_PAGES {
                return Err(self.broken(Failure::Incomplete("an end: it sends empty pages for ever")));
            }
        }
    }

    /// One page, and how many entries it had.
    async fn read_page(
        &mut self,
        connection: &mut Connection,
        controls: Vec<RawControl>,
    ) -> Result<(u64, Ended), SourceError> {
        let query = self.query(self.feed.shape.requested(), controls);
        let mut search = connection.search(query).await.map_err(|failure| self.broken(failure))?;
        let mut found = 0;
        while let Some(item) = search.next().await.map_err(|failure| self.broken(failure))? {
            match item {
                Item::Entry { entry, .. } => {
                    found += 1;
                    self.deliver_found(&entry).await?;
                }
                Item::Reference => self.references += 1,
                Item::Intermediate(_) => {}
            }
        }
        Ok((found, search.end().await))
    }
}

/// A cookie that was good when this read began and is refused now ends the read; the next one takes a new cookie.
fn voided(error: SourceError) -> SourceError {
    match error {
        SourceError::Resync { server, feed, problem } => SourceError::Broken { server, feed, problem, cause: None },
        other => other,
    }
}

fn page_control(size: u32, position: &[u8]) -> RawControl {
    let size = ber::number(INTEGER, i32::try_from(size).unwrap_or(i32::MAX));
    let value = ber::element(SEQUENCE, &[size, ber::element(OCTET_STRING, position)].concat());
    RawControl { ctype: PAGED_RESULTS.to_owned(), crit: true, val: Some(value) }
}

/// Where the next page begins; empty at the end.
fn next_position(controls: &[ResponseControl]) -> Result<Vec<u8>, Failure> {
    let control = controls.iter().find(|control| control.oid == PAGED_RESULTS);
    let control = control.ok_or(Failure::Incomplete("the position of the next page"))?;
    let mut parts = Reader::new(&control.value).inside(SEQUENCE)?;
    // The estimated size of the whole means nothing here, and servers fill it with anything.
    parts.expect(INTEGER)?;
    Ok(parts.expect(OCTET_STRING)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Vec<u8>) -> Vec<ResponseControl> {
        vec![ResponseControl { oid: PAGED_RESULTS.to_owned(), value }]
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        assert_eq!(next_position(&answer(page_control(0, b"abc").val.unwrap())).unwrap(), b"abc");
        assert_eq!(next_position(&answer(page_control(7, b"").val.unwrap())).unwrap(), b"");
    }

    #[test]
    fn a_page_without_a_position_is_not_the_last_page() {
        for controls in [Vec::new(), answer(Vec::new()), answer(vec![0x30, 0x00])] {
            assert!(next_position(&controls).is_err());
        }
    }
}
