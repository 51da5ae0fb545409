//! `provisor logs`: the provisioning log, for people, programs and spreadsheets.

use std::io::{self, BufWriter, ErrorKind, Write};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{
    Ended, Usage, counted,
    printed::{printable, told},
    run::unknown_job,
};
use crate::{
    app,
    cli::{Logs, LogsOutput},
    config::{Config, parse_duration},
    model::JobId,
    provisioning_log::{Logged, Status, document, explanation, header, recommended_action, row},
    store::{LogFilter, Store},
};

/// Lines read from the store at a time.
const PAGE: usize = 500;

pub(super) async fn logs(options: Logs) -> anyhow::Result<Ended> {
    let since = options.since.as_deref().map(|text| since(text, Utc::now())).transpose()?;
    let filter = LogFilter { object: options.object.clone(), status: options.status, since };
    let config = Config::load(&options.configured.config)?;
    let job = JobId::new(&*options.job);
    if config.job(&job).is_none() {
        return Err(unknown_job(&config, &options.job).into());
    }
    let store = app::open_store(&config.store).await?;
    let mut out = BufWriter::new(io::stdout());
    match print(&store, &job, &filter, &options, &mut out).await {
        // Whoever reads has read enough.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            Ok(Ended::Done)
        }
        result => result.map(|()| Ended::Done),
    }
}

async fn print(
    store: &Store,
    job: &JobId,
    filter: &LogFilter,
    options: &Logs,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    if options.output == LogsOutput::Csv {
        out.write_all(header().as_bytes())?;
    }
    let (mut printed, mut before) = (0, None);
    while printed < limit {
        let lines = store.provisioning_log(job, filter, before, PAGE.min(limit - printed)).await?;
        let Some(last) = lines.last() else { break };
        before = Some(last.id.clone());
        for line in &lines {
            match options.output {
                LogsOutput::Table => table(line, out)?,
                LogsOutput::Json => writeln!(out, "{}", document(line))?,
                LogsOutput::Csv => out.write_all(row(line).as_bytes())?,
            }
        }
        printed += lines.len();
    }
    out.flush()?;
    if options.output == LogsOutput::Table {
        let more = if printed == limit { "; there may be more (`--limit 0` shows all)" } else { "" };
        eprintln!("{}{more}", counted(printed, "line"));
    }
    Ok(())
}

/// The point in time that a person means, as seen from `now`.
fn since(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Usage> {
    if let Some(duration) = parse_duration(text).and_then(|duration| TimeDelta::from_std(duration).ok()) {
        return Ok(now.checked_sub_signed(duration).unwrap_or(DateTime::<Utc>::MIN_UTC));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    time.map_err(|_| {
        Usage(format!(
            "`{text}` is no time: write one such as `2026-03-01` or `2026-03-01T08:00:00Z`, or a duration such as \
             `90m`, `24h` or `7d`"
        ))
    })
}

/// A line for what happened to whom, and one for each thing there is to say of it.
fn table(line: &Logged, out: &mut impl Write) -> io::Result<()> {
    let (subject, event) = (&line.summary.subject, &line.summary.event);
    let name = subject.name.as_deref().unwrap_or(line.key.anchor.as_str());
    let code = event.reason.as_ref().map(|reason| ["  ", &reason.code].concat()).unwrap_or_default();
    let time = line.at.format("%F %T");
    writeln!(out, "{time}  {:<8}{:<9}{} {}{code}", event.action, event.status, subject.source_kind, printable(name))?;
    for property in &event.modified {
        writeln!(out, "    {}", printable(&told(property)))?;
    }
    let references = &event.references;
    if !references.is_empty() {
        writeln!(out, "    references: {} added, {} removed", references.added, references.removed)?;
    }
    if let Some(scope) = &subject.scope {
        writeln!(out, "    {}", printable(scope))?;
    }
    let Some(reason) = event.reason.as_ref().filter(|_| event.status != Status::Success) else { return Ok(()) };
    if let Some(text) = reason.text.as_deref().or_else(|| explanation(&reason.code)) {
        writeln!(out, "    {}", printable(text))?;
    }
    if let Some(action) = recommended_action(&reason.code).filter(|_| event.status != Status::Skipped) {
        writeln!(out, "    → {action}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_time_or_a_duration() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        for (text, expected) in [
            ("24h", now - TimeDelta::hours(24)),
            ("1d12h", now - TimeDelta::hours(36)),
            ("2026-03-01", at("2026-03-01T00:00:00Z")),
            ("2026-03-01T08:00:00+02:00", at("2026-03-01T06:00:00Z")),
        ] {
            assert_eq!(since(text, now).unwrap(), expected, "{text}");
        }
        for text in ["", "24", "yesterday", "2026-13-01", "2026-03-01T08:00:00", "-1h"] {
            assert!(since(text, now).is_err(), "{text}");
        }
    }
}
