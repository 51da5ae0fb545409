//! Where log lines go: to standard error, filtered by `-v` or `RUST_LOG`.
//!
//! Messages never hold attribute values, names, tokens or bodies: the anchor identifies an object.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the subscriber of the process. `RUST_LOG` wins over `verbose` (0 warnings, 1 cycles, 2 pages and objects).
pub fn install(verbose: u8, format: LogFormat) {
    let default = match verbose {
        0 => "warn",
        1 => "provisor=info,warn",
        _ => "provisor=debug,info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let registry = tracing_subscriber::registry().with(filter);
    // A second installation (in tests) keeps the first.
    let _ = match format {
        LogFormat::Text => {
            // Colours are for eyes; a file or a log collector gets plain text.
            let colours = io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(io::stderr).with_ansi(colours).with_target(false)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(io::stderr)).try_init(),
    };
}
