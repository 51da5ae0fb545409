//! The integration tests: one binary, a module for each capability.

mod accidental_deletion;
mod architecture;
mod attribute_flow;
mod bad_input;
mod cli;
mod custom_attributes;
mod deprovisioning;
mod escrow;
mod expressions;
mod fixtures;
mod full_read;
mod interop;
mod ldap_source;
mod main_job;
mod matching;
mod probe;
mod references;
mod restart;
mod schema_documents;
mod scim_vocabulary;
mod secrets_stay_secret;
mod store;
mod support;
mod target_server;
mod templates;
mod unique_values;
