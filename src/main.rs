//! Parses the command line, runs the command, prints what went wrong once, and ends with a true exit code.

use std::process::ExitCode;

use clap::Parser;
use provisor::{
    cli::{Cli, LogFormat},
    commands, net, telemetry,
};

/// A cycle makes and drops many small values on several threads, which the system's allocator serves slowly. When freed
/// memory goes back to the system is built in (`.cargo/config.toml`).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    net::install_crypto_provider();
    let cli = Cli::parse();
    let format = match cli.log_format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::install(cli.verbose, format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::report(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match runtime.block_on(commands::run(cli.command)) {
        Ok(ended) => ended.into(),
        Err(error) => commands::report(&error),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
