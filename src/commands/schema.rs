//! `provisor schema`: writes synchronization schemas out, takes them over, and says what differs between two.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::Context;
use serde_json::{Value as Json, json};

use super::{Ended, Usage, counted, run::unknown_job, scope};
use crate::{
    cli::{Output, SchemaCommand, SchemaDiff, SchemaExport, SchemaImport, SchemaName},
    config::{Config, read_schema, templates_of},
    model::JobId,
    sync_schema::{
        Difference, Finding, Severity, compile, diff,
        wire::{Shape, SynchronizationSchema},
    },
    templates::Vocabulary,
};

pub(super) fn schema(command: SchemaCommand) -> anyhow::Result<Ended> {
    match command {
        SchemaCommand::Export(options) => export(options),
        SchemaCommand::Import(options) => import(&options),
        SchemaCommand::Diff(options) => differences(&options),
        SchemaCommand::Scope(options) => scope::scope(&options),
    }
}

fn export(options: SchemaExport) -> anyhow::Result<Ended> {
    let mut document = match (options.job, options.template, options.source) {
        (Some(job), _, _) => find(&SchemaName::Job(job), &options.configured.config)?,
        (None, Some(id), Some(source)) => {
            find(&SchemaName::Template { id, source: source.to_string() }, &options.configured.config)?
        }
        _ => return Err(Usage("name a job, or give `--template ID --source SOURCE`".to_owned()).into()),
    };
    if options.complete {
        document.complete();
    }
    let text = pretty(&document)?;
    match options.output {
        None => print!("{text}"),
        Some(file) => write_to(&file, &text)?,
    }
    Ok(Ended::Done)
}

fn import(options: &SchemaImport) -> anyhow::Result<Ended> {
    if !options.force
        && options.to.try_exists().with_context(|| format!("`{}` cannot be looked at", options.to.display()))?
    {
        let found = format!("`{}` exists already; replace it with `--force`, or name another", options.to.display());
        return Err(Usage(found).into());
    }
    let document = find(&options.from, &options.configured.config)?;
    let findings = compile(&document).findings;
    for line in Finding::lines(&findings) {
        println!("{line}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let [errors, unsupported, hints] = [Severity::Error, Severity::Unsupported, Severity::Hint].map(count);
    println!("{}, {unsupported} not acted on, {}", counted(errors, "error"), counted(hints, "hint"));
    if errors > 0 && !options.force {
        println!("nothing was written: mend the errors, or write it all the same with `--force`");
        return Ok(Ended::Failed);
    }
    write_to(&options.to, &pretty(&document)?)?;
    println!("wrote `{}`", options.to.display());
    Ok(if errors > 0 { Ended::Failed } else { Ended::Done })
}

/// Writes a file that is there whole or not at all.
fn write_to(file: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", file.display());
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut new = File::create(&beside).with_context(cannot)?;
    new.write_all(text.as_bytes()).and_then(|()| new.sync_all()).with_context(cannot)?;
    fs::rename(&beside, file).with_context(cannot)
}

fn differences(options: &SchemaDiff) -> anyhow::Result<Ended> {
    let config = &options.configured.config;
    let (old, new) = (find(&options.old, config)?, find(&options.new, config)?);
    let differences = diff(&old, &new);
    match options.output {
        Output::Json => println!("{}", Json::from_iter(differences.iter().map(as_json))),
        Output::Table if differences.is_empty() => println!("no difference"),
        Output::Table => differences.iter().for_each(print),
    }
    Ok(if options.detailed_exitcode && !differences.is_empty() { Ended::Different } else { Ended::Done })
}

fn as_json(difference: &Difference) -> Json {
    let Difference { pointer, subject, was, is } = difference;
    json!({ "pointer": pointer, "subject": subject, "was": was, "is": is })
}

fn print(difference: &Difference) {
    println!("{}\n    at  {}", difference.subject.join(" · "), difference.pointer);
    for (word, value) in [("was", &difference.was), ("is ", &difference.is)] {
        if let Some(value) = value {
            println!("    {word} {}", short(value));
        }
    }
}

/// A value on one line.
fn short(value: &Json) -> String {
    const WIDTH: usize = 160;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace('\n', "\\n");
    let mut shown: String = text.chars().take(WIDTH).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn pretty(document: &SynchronizationSchema) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(document).context("the schema cannot be written as JSON")?;
    Ok(text + "\n")
}

pub(super) fn find(name: &SchemaName, config: &Path) -> anyhow::Result<SynchronizationSchema> {
    match name {
        SchemaName::File(file) => Ok(read_schema(file)?),
        SchemaName::Job(job) => {
            let config = Config::load(config)?;
            let wiring = config.job(&JobId::new(job.as_str())).ok_or_else(|| unknown_job(&config, job))?;
            Ok(wiring.job.schema.document.clone())
        }
        SchemaName::Template { id, source } => {
            let source = Vocabulary::ALL.into_iter().find(|known| known.name() == source).ok_or_else(|| {
                let names = Vocabulary::ALL.map(|known| ["`", known.name(), "`"].concat()).join(", ");
                Usage(format!("there is no kind of source `{source}`; there are {names}"))
            })?;
            let templates = templates_of(config)?;
            let template = templates.named(id).ok_or_else(|| {
                let names: Vec<String> = templates.all().map(|template| format!("`{}`", template.id)).collect();
                Usage(format!("there is no template `{id}`; there are {}", names.join(", ")))
            })?;
            template.schema(source).with_context(|| format!("the template `{id}`"))
        }
    }
}
