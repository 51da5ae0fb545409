//! `provisor links`.

use clap::Args;

use super::{Configured, Output};

#[derive(Debug, Args)]
#[command(after_help = "\
A link says which resource of the target an object of the source has, and when something was last exported to it.
Links are read from the store: a gateway may be running.

Examples:
  provisor links people --object ada@example.org    Ada's resource, by a name, her DN, her anchor or its id
  provisor links --output json > links.jsonl        the links of all jobs, one JSON object a line

Exit codes: 0 listed · 1 the store cannot be read, or nothing is linked to the --object · 2 usage or configuration")]
pub struct Links {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration; without it, every job.
    pub job: Option<String>,
    /// Only links of this object: its anchor, its DN, the id of its resource, or its user name or display name there.
    #[arg(long, value_name = "NAME-OR-ID")]
    pub object: Option<String>,
    /// At most so many links of each job; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub limit: usize,
    /// How links are printed; JSON is one object a line.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}
