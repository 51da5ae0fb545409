//! Provisor reads users and groups from a source directory, decides what each of them should look like
//! in a target application, and makes the target so over SCIM 2.0.
//!
//! The modules stand in the order in which data flows: words first, then
//! **source → engine → target**, then the state they share, then the surfaces.
//! `ARCHITECTURE.md` draws the picture and says who may import whom.

// Words: no I/O.
pub mod expression;
pub mod model;
pub mod provisioning_log;
pub mod scim;
pub mod secret;
pub mod sync_schema;
pub mod templates;

// Ways out of the process, and who may come in.
pub mod auth;
pub mod net;
pub mod notification;

// The pipeline: source → engine → target.
pub mod engine;
pub mod source;
pub mod target;

// State.
pub mod db;
pub mod store;

// Surfaces.
pub mod api;
pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod telemetry;

// Embedded parts for tests and demonstrations.
pub mod graph_emulator;
pub mod scim_server;
