//! `provisor links`.

use clap::{Args, Subcommand};

use super::{Configured, JobListing, Output};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    after_help = "\
A link says which resource of the target an object of the source has, and when something was last exported to it.
Links are read from the store: a gateway may be running.

Examples:
  provisor links people --object ada@example.org    Ada's resource, by a name, her DN, her anchor or its id
  provisor links --output json > links.jsonl        the links of all jobs, one JSON object a line
  provisor links relink list people                 who may be one that is gone, under another id

Exit codes: 0 listed · 1 the store cannot be read, or nothing is linked to the --object · 2 usage or configuration"
)]
pub struct Links {
    #[command(subcommand)]
    pub command: Option<LinksCommand>,
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

#[derive(Debug, Subcommand)]
pub enum LinksCommand {
    /// Say who is one that is gone from the source, under another id.
    #[command(subcommand)]
    Relink(Relink),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Somebody who is new in the source and matches the resource of somebody who is gone from it, as after a directory was
reloaded, does not get it before it is known that both are the same: by `relink: confirm_by` of the job, or because a
person says so. The next cycle looks once more, and moves the link with all that was sent: nothing is taken away.

Examples:
  provisor links relink list people                    who, whose resource it is, and what keeps it from going over
  provisor links relink confirm people ada@example.org she is the same
  provisor links relink confirm people --all           all of them are

Exit codes: 0 done · 1 failed · 2 usage or configuration: nothing was changed · 3 some had changed meanwhile and were left
alone")]
pub enum Relink {
    /// List who matches the resource of somebody who is gone.
    List(JobListing),
    /// Say that they are the same: the next cycle moves the links.
    Confirm(SameAsBefore),
}

#[derive(Debug, Args)]
pub struct SameAsBefore {
    #[command(flatten)]
    pub job: JobListing,
    /// Who: anchors, resource ids, user names or display names.
    #[arg(value_name = "WHO", required_unless_present = "all", conflicts_with = "all")]
    pub who: Vec<String>,
    /// All that are listed.
    #[arg(long)]
    pub all: bool,
}
