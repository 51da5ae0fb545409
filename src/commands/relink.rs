//! `provisor links relink`: who may be one that is gone, under another id, and a person's answer.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::{Ended, Usage, counted, printed::printable, run::unknown_job};
use crate::{
    app,
    cli::{JobListing, Output, Relink, SameAsBefore},
    config::{Config, JobConfig},
    engine::{confirmation::confirm, exported::names_of},
    model::{Claimant, JobId, KnownObject, ObjectKey},
    store::Store,
};

/// Claimants read from the store at a time.
const PAGE: u32 = 500;

pub(super) async fn relink(command: Relink) -> anyhow::Result<Ended> {
    match command {
        Relink::List(options) => {
            let (_, asking) = open(&options).await?;
            list(&asking, options.listing.output);
            Ok(Ended::Done)
        }
        Relink::Confirm(answer) => confirmed(answer).await,
    }
}

/// Somebody who matches the resource of somebody who is gone.
struct Asking {
    claimant: Claimant,
    /// The user name or the display name of the resource.
    name: Option<String>,
    /// What keeps the link from going over by itself.
    doubt: String,
}

async fn open(options: &JobListing) -> anyhow::Result<(Store, Vec<Asking>)> {
    let config = Config::load(&options.listing.configured.config)?;
    let id = JobId::new(&*options.job);
    let Some(wiring) = config.job(&id) else { return Err(unknown_job(&config, &options.job).into()) };
    let store = app::open_store(&config.store).await?;
    let (mut all, mut after): (Vec<Asking>, Option<ObjectKey>) = (Vec::new(), None);
    if !store.knows_job(&id).await? {
        return Ok((store, all));
    }
    loop {
        let page = store.claimants(&id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((store, all)) };
        after = Some(last.key.clone());
        let ends = page.iter().flat_map(|claimant| [claimant.key.clone(), former_of(claimant)]).collect::<Vec<_>>();
        let known = store.known(&id, &ends).await?;
        let known: HashMap<&ObjectKey, &KnownObject> = known.iter().map(|known| (&known.key, known)).collect();
        all.extend(page.into_iter().map(|claimant| {
            let (new, former) = (known.get(&claimant.key), known.get(&former_of(&claimant)));
            let link = former.and_then(|former| former.link.as_ref());
            let name = link.and_then(|link| names_of(&link.exported).next().map(str::to_owned));
            let doubt = match (former, new) {
                _ if claimant.confirmed => "confirmed; the next cycle moves the link".to_owned(),
                (Some(former), Some(new)) => doubt(wiring.job, former, new),
                _ => "not known any more".to_owned(),
            };
            Asking { claimant, name, doubt }
        }));
    }
}

fn former_of(claimant: &Claimant) -> ObjectKey {
    ObjectKey { mapping: claimant.key.mapping.clone(), anchor: claimant.former.clone() }
}

/// Who else has the same values is only known when all are looked through, which a cycle does.
fn doubt(job: &JobConfig, former: &KnownObject, new: &KnownObject) -> String {
    let confirm_by = job.schema.rules.mapping(&new.key.mapping).map_or(&[][..], |mapping| &mapping.confirm_by);
    match confirm(former, new, confirm_by, None) {
        Err(doubt) => doubt.to_string(),
        Ok(()) => "others have the same values, or no cycle has looked since".to_owned(),
    }
}

async fn confirmed(answer: SameAsBefore) -> anyhow::Result<Ended> {
    let (store, asking) = open(&answer.job).await?;
    let meant = meant(asking, &answer)?;
    let shown: Vec<Claimant> = meant.iter().map(|asking| asking.claimant.clone()).collect();
    let asked = shown.len();
    let done = store.confirm_claimants(&JobId::new(&*answer.job.job), shown).await?;
    if answer.job.listing.output == Output::Json {
        let rows: Vec<Json> = meant.iter().filter(|asking| done.contains(&asking.claimant.key)).map(row).collect();
        println!("{}", json!({ "confirmed": rows }));
    }
    eprintln!("{} confirmed; the next cycle looks once more and moves the links", counted(done.len(), "relink"));
    if done.len() < asked {
        eprintln!("{} had changed meanwhile: look again", counted(asked - done.len(), "relink"));
        return Ok(Ended::Partial);
    }
    Ok(Ended::Done)
}

/// Whom the answer is about.
fn meant(asking: Vec<Asking>, answer: &SameAsBefore) -> Result<Vec<Asking>, Usage> {
    for word in &answer.who {
        match asking.iter().filter(|one| names(one, word)).count() {
            0 => return Err(Usage(format!("`{word}` matches the resource of nobody who is gone"))),
            1 => {}
            _ => return Err(Usage(format!("`{word}` names several objects; name them by their anchors"))),
        }
    }
    let is_meant = |one: &Asking| answer.all || answer.who.iter().any(|word| names(one, word));
    let meant: Vec<Asking> = asking.into_iter().filter(is_meant).collect();
    let mut resources = HashSet::new();
    let twice = meant.iter().find(|one| !resources.insert((former_of(&one.claimant), &one.claimant.resource)));
    match twice {
        Some(one) => {
            let resource = printable(one.claimant.resource.as_str());
            Err(Usage(format!(
                "several objects match the resource `{resource}`; name the one that is the same by its anchor"
            )))
        }
        None => Ok(meant),
    }
}

fn names(asking: &Asking, word: &str) -> bool {
    let Claimant { key, former, resource, .. } = &asking.claimant;
    [key.anchor.as_str(), former.as_str(), resource.as_str()].contains(&word)
        || asking.name.as_ref().is_some_and(|name| name.to_lowercase() == word.to_lowercase())
}

fn row(asking: &Asking) -> Json {
    let Asking { claimant, name, doubt } = asking;
    json!({
        "objectMapping": claimant.key.mapping, "anchor": claimant.key.anchor, "formerAnchor": claimant.former,
        "name": name, "resource": claimant.resource, "confirmed": claimant.confirmed, "doubt": doubt,
        "since": claimant.since,
    })
}

fn list(asking: &[Asking], output: Output) {
    match output {
        Output::Json => println!("{}", json!(asking.iter().map(row).collect::<Vec<_>>())),
        Output::Table => {
            for one @ Asking { claimant: Claimant { key, former, resource, .. }, name, .. } in asking {
                let name = printable(name.as_deref().unwrap_or("-"));
                let [resource, former, anchor] =
                    [resource.as_str(), former.as_str(), key.anchor.as_str()].map(printable);
                println!("{name}  {resource}  {former} → {anchor}  {}", one.doubt);
            }
            eprintln!("{} for a person", counted(asking.len(), "relink"));
        }
    }
}
