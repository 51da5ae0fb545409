//! One file per verb: resolve what was typed, call the engine, print.
//!
//! Results go to standard output, everything else to standard error.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what commands are for")]

mod bench;
mod check;
mod demo;
mod directory_server;
mod escrows;
mod expr;
mod graph_emulator;
mod jobs;
mod links;
mod logs;
mod printed;
mod probe;
mod provision;
mod relink;
mod removals;
mod run;
mod schema;
mod scope;
mod serve;
mod status;
mod summary;
mod target;
mod turn;

use std::process::ExitCode;

use crate::{
    app::Unworkable,
    cli::Command,
    config::{ConfigErrors, SchemaFileError},
    provisioning_log::counted,
    scim_server::AccessError,
    store::StoreError,
};

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// Something the command checked is not as it should be; it has said what.
    Failed,
    /// Objects are in escrow, or removals wait for a person.
    Partial,
    Interrupted,
    /// Two schemas differ, and the exit code is to say so.
    Different,
    /// The object is not in scope.
    OutOfScope,
    /// Nobody can tell whether the object is in scope.
    Undecided,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(match ended {
            Ended::Done => 0,
            Ended::Failed => 1,
            Ended::Partial => 3,
            Ended::Interrupted => 4,
            Ended::Different | Ended::OutOfScope => 10,
            Ended::Undecided => 11,
        })
    }
}

/// What was asked for cannot be, and the person can mend it: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs the command.
///
/// # Errors
/// What made it fail, with its causes; [`report`] prints it.
pub async fn run(command: Command) -> anyhow::Result<Ended> {
    match command {
        Command::Demo(options) => demo::demo(options).await,
        Command::Run(options) => run::run(options).await,
        Command::Serve(options) => serve::serve(options).await,
        Command::Check(options) => check::check(options).await,
        Command::Status(options) => status::status(options).await,
        Command::Jobs(command) => jobs::jobs(command).await,
        Command::Escrows(options) => escrows::escrows(options).await,
        Command::Removals(options) => removals::removals(options).await,
        Command::Provision(options) => provision::provision(options).await,
        Command::Links(options) => links::links(options).await,
        Command::Logs(options) => logs::logs(options).await,
        Command::Probe(options) => probe::run(options).await,
        Command::Expr(options) => expr::expr(&options),
        Command::Target(options) => target::target(options).await,
        Command::GraphEmulator(options) => graph_emulator::graph_emulator(options).await,
        Command::Schema(command) => schema::schema(command),
        Command::Bench(options) => bench::bench(options).await,
    }
}

/// Prints an error with all of its causes once, and says how to end.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  caused by: {cause}");
    }
    let theirs = error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<ConfigErrors>()
            || cause.is::<SchemaFileError>()
            || matches!(cause.downcast_ref(), Some(StoreError::Paused { .. } | StoreError::Unsettled { .. }))
            || cause.is::<Unworkable>()
            || cause.is::<AccessError>()
    });
    ExitCode::from(if theirs { 2 } else { 1 })
}
