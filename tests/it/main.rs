//! The integration tests: one binary, a module for each capability.

mod architecture;
mod fixtures;
mod ldap_source;
mod main_job;
mod restart;
mod store;
mod support;
