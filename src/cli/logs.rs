//! `provisor logs`.

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::Configured;
use crate::provisioning_log::Status;

#[derive(Debug, Args)]
#[command(after_help = "\
The newest lines come first. A line says what was done to one object or why nothing was, which attributes
got which values, and what to do about a failure. Values that a mapping redacts are shown as [Redact].
The log is read from the store: a gateway may be running. `log: { keep: 30d }` says how long it is kept.

Examples:
  provisor logs people --object ada@example.org        everything that happened to Ada
  provisor logs people --status failure --since 24h    what failed since yesterday, and what to do
  provisor logs people --limit 0 --output csv > log.csv

Exit codes: 0 read, whether there are lines or not · 1 the store cannot be read · 2 usage or configuration")]
pub struct Logs {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration.
    pub job: String,
    /// Only lines about this object: its user name or display name, its anchor in the source, or its id in the target.
    #[arg(long, value_name = "NAME-OR-ANCHOR")]
    pub object: Option<String>,
    /// Only lines that ended so.
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    pub status: Option<Status>,
    /// Only lines from this time on, 2026-03-01 or 2026-03-01T08:00:00Z, or of the last 90m, 24h, 7d.
    #[arg(long, value_name = "TIME|DURATION")]
    pub since: Option<String>,
    /// At most so many lines; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// How lines are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: LogsOutput,
}

/// How lines of the log are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogsOutput {
    /// For people.
    #[default]
    Table,
    /// One JSON object a line: provisioningObjectSummary of the synchronization API.
    Json,
    /// For spreadsheets.
    Csv,
}

fn statuses() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.iter().map(|status| status.word())).map(|word| {
        let status = Status::ALL.iter().copied().find(|status| status.word() == word);
        status.unwrap_or(Status::Success)
    })
}
