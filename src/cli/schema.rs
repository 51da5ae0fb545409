//! What is typed after `provisor schema`.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use clap::{Args, Subcommand, ValueEnum};

use super::{Configured, Output};

#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Print the schema of a job or of a template as the JSON document of the synchronization API.
    Export(SchemaExport),
    /// Read a schema, say everything there is to say of it, and keep it as it came.
    Import(SchemaImport),
    /// Say what differs between two schemas, by names and targets.
    Diff(SchemaDiff),
    /// Say whether somebody is in scope, and what came of each test.
    Scope(SchemaScope),
}

#[derive(Debug, Args)]
#[command(
    long_about = "Print the schema of a job or of a template as the JSON document of the synchronization API.\n\n\
                  What was left out stays out and unknown members are kept: importing the document gives it back equal. \
                  Edit it, `provisor schema diff` it against the job, and name it as the job's `schema:`.",
    after_help = "Examples:\n  provisor schema export people > people.json\n  \
                  provisor schema export --template scim --source ldap --output people.json"
)]
pub struct SchemaExport {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration.
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub job: Option<String>,
    /// A template of the program or of the configuration's folder, instead of a job.
    #[arg(long, value_name = "ID", requires = "source")]
    pub template: Option<String>,
    /// The kind of source that the template is for.
    #[arg(long, value_enum, requires = "template")]
    pub source: Option<TemplateSource>,
    /// Write every member of the contract, in its own spelling, as the API does.
    #[arg(long)]
    pub complete: bool,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Read a schema, say everything there is to say of it, and keep it as it came.\n\n\
                  Errors keep a schema from running. What is `not acted on` is kept and written back, but nothing follows \
                  from it; a `hint` runs and may not do what was meant. Each names its place as a JSON pointer.\n\n\
                  No job changes: name the file as the `schema:` of a job, and `provisor check` it.",
    after_help = "Example:\n  provisor schema import exported.json --to people.json\n\n\
                  Exit codes: 0 it can run · 1 it has errors · 2 usage"
)]
pub struct SchemaImport {
    #[command(flatten)]
    pub configured: Configured,
    /// A file, `job:NAME` or `template:ID/SOURCE`.
    #[arg(value_name = "FILE")]
    pub from: SchemaName,
    /// Where to keep it.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace a file that exists, and keep a schema that has errors.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Say what differs between two schemas, by names and targets.\n\n\
                  Another order of mappings, another spelling of a word or a default that is written out is no difference. \
                  Pointers lead into the new schema, and into the old one for what is no longer there.",
    after_help = "Examples:\n  provisor schema diff job:people people.json\n  \
                  provisor schema diff template:scim/ldap people.json --detailed-exitcode\n\n\
                  Exit codes: 0 compared · 10 they differ, with --detailed-exitcode · 2 usage or configuration"
)]
pub struct SchemaDiff {
    #[command(flatten)]
    pub configured: Configured,
    /// A file, `job:NAME` or `template:ID/SOURCE`.
    pub old: SchemaName,
    /// A file, `job:NAME` or `template:ID/SOURCE`.
    pub new: SchemaName,
    /// End with 10 when they differ.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(
    long_about = "Say whether somebody is in scope, and what came of each test.\n\n\
                  The groups of clauses are alternatives; all clauses of a group must pass. Nothing is read from a source: the \
                  object's attributes are those of the file, and it is a member of the groups that are named here.",
    after_help = "Examples:\n  provisor schema scope job:people --object ada.json\n  \
                  provisor schema scope people.json --object ada.json --member-of Staff --output json\n\n\
                  Exit codes: 0 in scope · 1 failed · 2 usage or configuration · 10 out of scope · 11 undecided"
)]
pub struct SchemaScope {
    #[command(flatten)]
    pub configured: Configured,
    /// A file, `job:NAME` or `template:ID/SOURCE`.
    pub schema: SchemaName,
    /// A JSON object of the attributes: null is no value, an array several; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub object: PathBuf,
    /// What the object is in the source; without it, what the first mapping reads.
    #[arg(long, value_name = "NAME")]
    pub kind: Option<String>,
    /// A group that the object is a member of, as the filter names it; may be given several times.
    #[arg(long, value_name = "GROUP")]
    pub member_of: Vec<String>,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

/// What a template reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TemplateSource {
    Graph,
    Ldap,
    ActiveDirectory,
}

impl fmt::Display for TemplateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graph => "graph",
            Self::Ldap => "ldap",
            Self::ActiveDirectory => "active-directory",
        })
    }
}

/// Which schema is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaName {
    File(PathBuf),
    /// The name of a job of the configuration.
    Job(String),
    Template {
        id: String,
        source: String,
    },
}

impl FromStr for SchemaName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let template = text.strip_prefix("template:").and_then(|name| name.split_once('/'));
        Ok(match (text.strip_prefix("job:"), template) {
            (Some(job), _) => Self::Job(job.to_owned()),
            (None, Some((id, source))) => Self::Template { id: id.to_owned(), source: source.to_owned() },
            (None, None) => Self::File(text.into()),
        })
    }
}
