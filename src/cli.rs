//! The command line: types and help texts, no logic.

mod links;
mod logs;
mod provision;
mod removals;
mod schema;

use std::{net::SocketAddr, path::PathBuf};

use chrono::{DateTime, Utc};
use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use url::Url;

pub use links::{Links, LinksCommand, Relink, SameAsBefore};
pub use logs::{Logs, LogsOutput};
pub use provision::Provision;
pub use removals::{Answer, RemovalKind, Removals};
pub use schema::{SchemaCommand, SchemaDiff, SchemaExport, SchemaImport, SchemaName, SchemaScope, TemplateSource};

use crate::model::ResetScope;
use crate::scim_server::Dialect;

/// Provisions users and groups from LDAP and Microsoft Graph into any SCIM 2.0 application.
///
/// Start with `provisor demo`: it needs no service and no file.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done · 1 failed · 2 usage or configuration · 3 done, but objects are in escrow or \
                  removals are staged · 4 interrupted, the next run goes on where it stood"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Say more on standard error; twice for pages and objects.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// How log lines are written.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work: a directory, a target and the gateway, all embedded.
    Demo(Demo),
    /// Run one cycle of a job in the foreground, also in quarantine.
    Run(Run),
    /// Run all jobs on their schedule until stopped; those in quarantine less often.
    Serve(Configured),
    /// Check the configuration, the schemas, the store, and that every source, target and mail server answers.
    Check(Configured),
    /// Show how the jobs stand: what is in escrow or staged, the last cycle, and quarantines.
    Status(Listing),
    /// Pause a job, start it, or restart it from a clean state; a running gateway follows within two seconds.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// List the objects whose change failed, with the reason and the next attempt.
    Escrows(JobListing),
    /// List, release or reject removals that wait for a person.
    #[command(subcommand)]
    Removals(Removals),
    /// Provision one user or group now, and show how it went: import, scope, match, action.
    Provision(Provision),
    /// List which resource of the target each object has, or find one.
    Links(Links),
    /// Show what was done to whom, what was not, and why: the provisioning log.
    Logs(Logs),
    /// Find out what a SCIM target can do and where it deviates, with throw-away resources.
    Probe(Probe),
    /// Try an expression of the mapping language on an object, or list its functions.
    Expr(Expr),
    /// Serve an embedded SCIM 2.0 application to provision into.
    Target(Target),
    /// Serve a directory as Microsoft Graph.
    GraphEmulator(GraphEmulator),
    /// Write synchronization schemas out, take them over, and see what differs between two.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Measure an initial cycle against a bare client that posts the same bodies, or what `scim` says.
    Bench(Bench),
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Where the people come from.
    #[arg(long, value_enum, default_value_t)]
    pub source: DemoSource,
    /// Stay up afterwards, until Ctrl-C, so that the target can be looked at.
    #[arg(long)]
    pub serve: bool,
    /// Where the embedded target listens; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DemoSource {
    /// The embedded Graph emulator.
    #[default]
    Graph,
    /// An OpenLDAP server (`slapd`) that is started for the occasion; it has to be installed.
    Ldap,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub struct Configured {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "provisor.yaml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration.
    pub job: String,
    /// Take the source for the right one although it is another directory than before, and read it in full.
    /// Removals still pass the accidental-deletion prevention.
    #[arg(long)]
    pub accept_new_source: bool,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Listing {
    #[command(flatten)]
    pub configured: Configured,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct JobListing {
    #[command(flatten)]
    pub listing: Listing,
    /// The job, by its name in the configuration.
    pub job: String,
}

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Send nothing new, wait for what is in flight, and stand still until it is started.
    Pause(OneJob),
    /// Go on where it stood, at once, also in quarantine.
    Start(OneJob),
    /// Forget what it has learned, as far as asked, and run at once.
    Restart(Restart),
}

#[derive(Debug, Args)]
pub struct OneJob {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration.
    pub job: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Scopes, several with commas between:
  Watermark           read the source in full and evaluate every object again
  Escrows             forget failures: their objects are tried again at once
  QuarantineState     end the quarantine
  ConnectorDataStore  drop the links: every object is matched again; refused while changes or removals are to be
                      carried out, because who left would keep access
  Full                these four
  ForceDeletes        let staged removals through
  None                nothing: only start

Held and staged removals survive every scope.")]
pub struct Restart {
    #[command(flatten)]
    pub one: OneJob,
    /// What to reset.
    #[arg(long, default_value = "Watermark, Escrows, QuarantineState")]
    pub scope: ResetScope,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the gateway can provision into it · 1 it cannot, or something was left behind · \
                        2 usage"
)]
pub struct Probe {
    /// The address below which `Users` and `Groups` are.
    #[arg(required_unless_present = "application")]
    pub url: Option<Url>,
    /// The bearer token that the target asks for.
    #[arg(long, env = "PROVISOR_TARGET_TOKEN", hide_env_values = true, required_unless_present = "application")]
    pub token: Option<String>,
    /// A PEM file of authorities to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// An application of the configuration instead of an address: its target, with its credentials and headers.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "ca_file"])]
    pub application: Option<String>,
    #[command(flatten)]
    pub configured: Configured,
    /// Users to create for learning how many members one request may name; 101 tell about the usual limit of 100.
    #[arg(long, value_name = "COUNT", default_value_t = 24)]
    pub members: usize,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  provisor expr 'Join(\" \", [givenName], [surname])' --object person.json
  echo '{\"otherMails\": [\"a@n.example\", \"b@n.example\"]}' | provisor expr 'Item([otherMails], 2)' --object -
  provisor expr 'DateAdd(\"d\", -7, Now())' --now 2024-03-01T00:00:00Z --trace

Exit codes: 0 evaluated · 1 the evaluation failed · 2 not an expression, or usage")]
pub struct Expr {
    /// The expression, as a mapping has it: attributes in brackets, texts in quotes, functions by name.
    #[arg(required_unless_present = "list", allow_hyphen_values = true)]
    pub expression: Option<String>,
    /// A JSON object of the attributes: null is no value, an array several; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub object: Option<PathBuf>,
    /// What `Now` answers, such as 2024-03-01T00:00:00Z; without it, the time.
    #[arg(long, value_name = "TIME")]
    pub now: Option<DateTime<Utc>>,
    /// A value that the target has already, for `SelectUniqueValue`; may be given several times.
    #[arg(long, value_name = "VALUE")]
    pub taken: Vec<String>,
    /// What `DefaultDomain` answers.
    #[arg(long, value_name = "DOMAIN")]
    pub default_domain: Option<String>,
    /// Draw the same random values each time.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Show what every part came to, the innermost first.
    #[arg(long)]
    pub trace: bool,
    /// List the functions with their parameters and examples.
    #[arg(long, conflicts_with_all = ["expression", "object", "now", "taken", "default_domain", "seed", "trace"])]
    pub list: bool,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Target {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8880")]
    pub listen: SocketAddr,
    /// The bearer token that clients must send.
    #[arg(long, env = "PROVISOR_TARGET_TOKEN", hide_env_values = true, required_unless_present = "auth")]
    pub token: Option<String>,
    /// Further credentials, and tenants (YAML): tokens, passwords, issuers of signed tokens, OAuth 2.0 clients.
    #[arg(long, value_name = "FILE")]
    pub auth: Option<PathBuf>,
    /// Keep resources in this file instead of in memory.
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Serve further types of resource and extensions: a directory of schemas and resource types (JSON).
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Create the users of this file first, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Mimic what a kind of application refuses or gets wrong.
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = dialects())]
    pub dialect: &'static Dialect,
    /// Fault rules (YAML or JSON) to start with.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

/// The names of the dialects, each with what it does.
fn dialects() -> impl TypedValueParser<Value = &'static Dialect> {
    let names = Dialect::all().iter().map(|dialect| PossibleValue::new(dialect.name).help(dialect.summary));
    PossibleValuesParser::new(names).map(|name| Dialect::named(&name).unwrap_or(Dialect::STANDARD))
}

#[derive(Debug, Args)]
pub struct GraphEmulator {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8881")]
    pub listen: SocketAddr,
    /// A tenant (JSON) to serve; without it, a small fixture tenant.
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub directory: Option<PathBuf>,
    /// Serve a generated tenant of this many users.
    #[arg(long)]
    pub users: Option<usize>,
    /// With so many groups. Default: one for every fifty users.
    #[arg(long, value_name = "COUNT", requires = "users")]
    pub groups: Option<usize>,
    /// And one group more, which has every user.
    #[arg(long, requires = "users")]
    pub everybody: bool,
    /// A bearer token that is accepted beside those of the token endpoint.
    #[arg(long)]
    pub token: Option<String>,
    /// Objects a page.
    #[arg(long, default_value_t = 100)]
    pub page_size: usize,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    pub subject: Option<BenchSubject>,
    /// People in the directory.
    #[arg(long, default_value_t = 20_000)]
    pub users: u32,
    /// Where the people come from.
    #[arg(long, value_enum, default_value = "ldap")]
    pub source: DemoSource,
    /// How often gateway and bare client take turns; medians are printed.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// How long the target takes to answer a write, beside what it does.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub latency: u64,
    /// Requests under way at once, of the gateway and of the bare client.
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub concurrency: usize,
    /// The gateway creates in Bulk requests.
    #[arg(long)]
    pub bulk: bool,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum BenchSubject {
    /// Measure what cycles cost in companies of different sizes.
    Growth(BenchGrowth),
    /// Measure a gateway in large companies: its memory, and how soon it goes on after it was killed.
    Scale(BenchScale),
    /// Measure the embedded SCIM server and the SCIM client against bare ones.
    Scim(BenchScim),
    /// Measure the mapping of a user against serialising the same user as JSON.
    Mapping(BenchMapping),
    /// Serve the bare handler that others are measured against.
    #[command(hide = true)]
    Echo(BenchEcho),
}

#[derive(Debug, Args)]
pub struct BenchGrowth {
    /// Users of each company.
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_values_t = [2_000, 20_000, 200_000])]
    pub users: Vec<u32>,
    /// Groups of each company.
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    pub groups: u32,
    /// Users that change before a cycle.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub changes: usize,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct BenchScale {
    /// Users of each company, all of them members of one group.
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    pub users: Vec<u32>,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct BenchScim {
    /// Users in the server.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub users: u64,
    /// Users in another server, whose answers are timed beside those of the first; 0 leaves it out.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub large_users: u64,
    /// The program `scim2-server` to measure as well; `pip install scim2-server` brings it.
    #[arg(long, value_name = "PROGRAM")]
    pub scim2_server: Option<PathBuf>,
    /// Connections that send at once.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    pub connections: usize,
    /// Seconds for each figure of a round.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
    /// How often all take turns; medians are printed.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct BenchMapping {
    /// Users to take turns with.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub users: u32,
    /// Milliseconds for each figure of a round.
    #[arg(long, default_value_t = 300)]
    pub milliseconds: u64,
    /// How often all take turns; medians are printed.
    #[arg(long, default_value_t = 9)]
    pub rounds: u32,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct BenchEcho {
    /// How long each answer takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
}
