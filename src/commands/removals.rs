//! `provisor removals`: what waits for a person, and the person's answer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::{Ended, Usage, counted, run::unknown_job, status::age};
use crate::{
    app,
    cli::{Answer, JobListing, Output, RemovalKind, Removals},
    config::Config,
    engine::exported::names_of,
    model::{JobId, ObjectKey, Removal, RemovalEffect, RemovalId, RemovalState},
    store::Store,
};

/// Removals read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn removals(command: Removals) -> anyhow::Result<Ended> {
    match command {
        Removals::List(options) => {
            let (_, waiting) = open(&options).await?;
            list(&waiting, options.listing.output, Utc::now());
            Ok(Ended::Done)
        }
        Removals::Release(answer) => answered(answer, RemovalState::Released).await,
        Removals::Reject(answer) => answered(answer, RemovalState::Rejected).await,
    }
}

/// A removal, and whom it is about.
struct Waiting {
    removal: Removal,
    /// The user name or the display name of the resource.
    name: Option<String>,
}

async fn open(options: &JobListing) -> anyhow::Result<(Store, Vec<Waiting>)> {
    let config = Config::load(&options.listing.configured.config)?;
    let job = JobId::new(&*options.job);
    if config.job(&job).is_none() {
        return Err(unknown_job(&config, &options.job).into());
    }
    let store = app::open_store(&config.store).await?;
    let mut all = Vec::new();
    for state in [RemovalState::Staged, RemovalState::Rejected] {
        let mut after: Option<RemovalId> = None;
        loop {
            let page = store.held_removals(&job, state, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let keys: Vec<ObjectKey> = page.iter().map(|removal| removal.key.clone()).collect();
            let known = store.known(&job, &keys).await?;
            let mut names: HashMap<ObjectKey, String> = known
                .into_iter()
                .filter_map(|known| Some((known.key, names_of(&known.link?.exported).next()?.to_owned())))
                .collect();
            all.extend(page.into_iter().map(|removal| Waiting { name: names.remove(&removal.key), removal }));
        }
    }
    Ok((store, all))
}

async fn answered(answer: Answer, state: RemovalState) -> anyhow::Result<Ended> {
    let (store, waiting) = open(&answer.job).await?;
    let meant = meant(waiting, &answer)?;
    let asked = meant.len();
    let removals: Vec<Removal> = meant.iter().map(|waiting| waiting.removal.clone()).collect();
    let done = store.answer_removals(removals, state).await?;
    let (word, what_follows) = match state {
        RemovalState::Rejected => ("rejected", ""),
        _ => ("released", "; the next cycle evaluates them once more and carries them out"),
    };
    if answer.job.listing.output == Output::Json {
        let rows: Vec<Json> = meant.iter().filter(|waiting| done.contains(&waiting.removal.id)).map(row).collect();
        println!("{}", json!({ word: rows }));
    }
    eprintln!("{} {word}{what_follows}", counted(done.len(), "removal"));
    if done.len() < asked {
        eprintln!("{} had changed meanwhile: look again", counted(asked - done.len(), "removal"));
        return Ok(Ended::Partial);
    }
    Ok(Ended::Done)
}

/// The removals that the answer is about.
fn meant(waiting: Vec<Waiting>, answer: &Answer) -> Result<Vec<Waiting>, Usage> {
    let of_kind =
        |waiting: &Waiting| answer.kind.is_empty() || answer.kind.iter().any(|kind| is(*kind, &waiting.removal));
    for word in &answer.who {
        let objects = waiting.iter().filter(|waiting| names(waiting, word)).map(|waiting| &waiting.removal.key);
        let mut objects: Vec<&ObjectKey> = objects.collect();
        objects.dedup();
        match objects.as_slice() {
            [] => return Err(Usage(format!("no removal of `{word}` waits for a person"))),
            [first, rest @ ..] if rest.iter().any(|key| key != first) => {
                return Err(Usage(format!("`{word}` names several objects; name them by their anchors")));
            }
            _ => {}
        }
    }
    // Whoever means everybody does not take back what was rejected.
    let is_meant = |one: &Waiting| {
        answer.all && one.removal.state == RemovalState::Staged || answer.who.iter().any(|word| names(one, word))
    };
    Ok(waiting.into_iter().filter(|one| is_meant(one) && of_kind(one)).collect())
}

fn names(waiting: &Waiting, word: &str) -> bool {
    let Removal { id, key, resource, .. } = &waiting.removal;
    [id.as_str(), key.anchor.as_str(), resource.as_str()].contains(&word)
        || waiting.name.as_ref().is_some_and(|name| name.to_lowercase() == word.to_lowercase())
}

fn is(kind: RemovalKind, removal: &Removal) -> bool {
    match kind {
        RemovalKind::Disable => removal.effect == RemovalEffect::Disable,
        RemovalKind::Delete => removal.effect == RemovalEffect::Delete,
        RemovalKind::Edges => removal.effect == RemovalEffect::Edges,
        RemovalKind::Clear => matches!(removal.effect, RemovalEffect::Clear(_)),
    }
}

fn state(removal: &Removal) -> &'static str {
    if removal.state == RemovalState::Rejected { "rejected" } else { "staged" }
}

fn row(waiting: &Waiting) -> Json {
    let Waiting { removal, name } = waiting;
    json!({
        "id": removal.id, "objectMapping": removal.key.mapping, "anchor": removal.key.anchor, "name": name,
        "resource": removal.resource, "effect": removal.effect.word(), "attribute": removal.effect.attribute(),
        "references": (removal.effect == RemovalEffect::Edges).then_some(removal.references),
        "state": state(removal), "reason": removal.reason, "heldAt": removal.held_at,
    })
}

fn list(waiting: &[Waiting], output: Output, now: DateTime<Utc>) {
    match output {
        Output::Json => println!("{}", json!(waiting.iter().map(row).collect::<Vec<_>>())),
        Output::Table => {
            for one @ Waiting { removal, name } in waiting {
                let what = match &removal.effect {
                    RemovalEffect::Edges => {
                        counted(usize::try_from(removal.references).unwrap_or(usize::MAX), "reference")
                    }
                    RemovalEffect::Clear(path) => format!("clear {path}"),
                    effect => effect.word().to_owned(),
                };
                let name = name.as_deref().unwrap_or("-");
                let (id, anchor, state, reason) =
                    (&removal.id, &removal.key.anchor, state(&one.removal), &removal.reason);
                println!("{id}  {state:<9}{what:<16}{name}  {anchor}  {reason}, {} ago", age(removal.held_at, now));
            }
            eprintln!("{} for a person", counted(waiting.len(), "removal"));
        }
    }
}
