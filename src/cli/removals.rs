//! `provisor removals`.

use clap::{Args, Subcommand, ValueEnum};

use super::JobListing;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
A removal disables or deletes a resource, takes references (members) from it, or clears one of its attributes. What is
too much at once is staged; creates, updates and the schedule go on. The next cycle evaluates what is released once more:
whoever came back is not removed, and what has become more than was shown is staged again.

Examples:
  provisor removals list people                               what waits, since when, and why
  provisor removals release people ada@example.org            hers
  provisor removals release people --all --kind disable       all that only disable
  provisor removals reject people --all                       none of them: an accident

Exit codes: 0 done · 1 failed · 2 usage or configuration: nothing was changed · 3 some had changed meanwhile and were left
alone")]
pub enum Removals {
    /// List the removals that wait for a person, or were rejected.
    List(JobListing),
    /// Let staged or rejected removals through, in the next cycle.
    Release(Answer),
    /// Refuse staged removals: they stay refused until their objects are as they were, and count for no later removal.
    Reject(Answer),
}

#[derive(Debug, Args)]
pub struct Answer {
    #[command(flatten)]
    pub job: JobListing,
    /// Whose removals: ids of removals, anchors, resource ids, user names or display names.
    #[arg(value_name = "WHO", required_unless_present = "all", conflicts_with = "all")]
    pub who: Vec<String>,
    /// All that are staged.
    #[arg(long)]
    pub all: bool,
    /// Only removals of these kinds.
    #[arg(long, value_name = "KIND", value_enum)]
    pub kind: Vec<RemovalKind>,
}

/// What a removal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RemovalKind {
    /// People who lose their access.
    Disable,
    /// Resources that go.
    Delete,
    /// References (members) that go.
    Edges,
    /// Attributes that lose their value.
    Clear,
}
