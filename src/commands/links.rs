//! `provisor links`: which resource an object has.

use std::io::{self, BufWriter, ErrorKind, Write};

use serde_json::json;

use super::{Ended, counted, printed::printable, relink::relink, run::unknown_job};
use crate::{
    app,
    cli::{Links, LinksCommand, Output},
    config::Config,
    engine::{exported::names_of, scheduler::ScheduledJob},
    model::{JobId, ObjectKey},
    store::{LinkQuery, LinkRecord, Store},
};

/// Links read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn links(options: Links) -> anyhow::Result<Ended> {
    if let Some(LinksCommand::Relink(command)) = options.command {
        return relink(command).await;
    }
    let config = Config::load(&options.configured.config)?;
    let job = options.job.as_deref().map(JobId::new);
    if let Some(job) = job.as_ref().filter(|job| config.job(job).is_none()) {
        return Err(unknown_job(&config, job.as_str()).into());
    }
    let store = app::open_store(&config.store).await?;
    let mut listing = Listing { store: &store, options: &options, out: BufWriter::new(io::stdout()), printed: 0 };
    for wiring in config.jobs().filter(|wiring| job.as_ref().is_none_or(|job| wiring.job.id == *job)) {
        // Its source knows what is a name; nothing is connected.
        let job = app::assemble(wiring)?;
        match listing.list(&job).await {
            // Whoever reads has read enough.
            Err(error)
                if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
            {
                return Ok(Ended::Done);
            }
            result => result?,
        }
    }
    listing.out.flush()?;
    let printed = listing.printed;
    if let Some(object) = options.object.as_deref().filter(|_| printed == 0) {
        eprintln!("nothing is linked to `{}`", printable(object));
        return Ok(Ended::Failed);
    }
    if options.output == Output::Table {
        eprintln!("{}", counted(printed, "link"));
    }
    Ok(Ended::Done)
}

struct Listing<'a, W: Write> {
    store: &'a Store,
    options: &'a Links,
    out: W,
    printed: usize,
}

impl<W: Write> Listing<'_, W> {
    async fn list(&mut self, job: &ScheduledJob) -> anyhow::Result<()> {
        let Some(object) = self.options.object.as_deref() else { return self.all(job, |_| true).await };
        let kinds = job.job.schema.mappings.iter().map(|mapping| mapping.target_kind.clone());
        let query = LinkQuery { id: object.to_owned(), name: job.source.name_of(object), kinds: kinds.collect() };
        if !self.store.knows_job(&job.job.id).await? {
            return Ok(());
        }
        let found = self.store.find_links(&job.job.id, &query).await?;
        if found.is_empty() {
            let name = object.to_lowercase();
            return self.all(job, |link| names_of(&link.link.exported).any(|known| known.to_lowercase() == name)).await;
        }
        found.iter().try_for_each(|link| self.print(job, link))
    }

    /// Goes through all links, a page at a time.
    async fn all(&mut self, job: &ScheduledJob, is_wanted: impl Fn(&LinkRecord) -> bool) -> anyhow::Result<()> {
        let limit = if self.options.limit == 0 { usize::MAX } else { self.options.limit };
        let (mut after, mut printed): (Option<ObjectKey>, usize) = (None, 0);
        loop {
            let page = self.store.links(&job.job.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for link in page.iter().filter(|link| is_wanted(link)) {
                if printed == limit {
                    return Ok(());
                }
                self.print(job, link)?;
                printed += 1;
            }
        }
    }

    fn print(&mut self, job: &ScheduledJob, link: &LinkRecord) -> anyhow::Result<()> {
        self.printed += 1;
        let name = names_of(&link.link.exported).next();
        let kind = job.job.schema.mapping(&link.key.mapping).map(|mapping| mapping.source_kind.as_str());
        let (anchor, resource) = (link.key.anchor.as_str(), link.link.resource.as_str());
        match self.options.output {
            Output::Json => {
                let line = json!({
                    "job": job.job.id, "objectMapping": link.key.mapping, "objectTypeName": kind,
                    "sourceAnchor": anchor, "displayName": name, "targetAnchor": resource, "targetType": link.kind,
                    "exportedAt": link.exported_at,
                });
                writeln!(self.out, "{line}")?;
            }
            Output::Table => {
                let at = link.exported_at.map_or_else(|| "-".to_owned(), |at| at.format("%F %T").to_string());
                let (name, resource) = (printable(name.unwrap_or("-")), printable(resource));
                let kind = kind.unwrap_or("-");
                writeln!(self.out, "{at:<19}  {}  {kind} {name} ({anchor}) → {} {resource}", job.job.id, link.kind)?;
            }
        }
        Ok(())
    }
}
