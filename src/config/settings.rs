//! The settings of sources and targets, which lie beside what they configure.

pub(super) use crate::source::graph::GraphSettings;
pub(super) use crate::source::ldap::LdapSettings;
pub(super) use crate::target::ScimSettings;
