//! What an operator configures about an LDAP source.
//!
//! Nothing here connects anywhere; [`super::LdapSource::new`] checks the values.

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::ObjectKind;
use crate::secret::Secret;

use super::dn::Dn;

/// An LDAP directory to read from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    /// The servers, as `ldaps://host[:port]` or `ldap://host[:port]`, tried in order. All must hold the same data.
    pub urls: Vec<String>,
    /// How the connection is protected. Default: `tls` for `ldaps://`, `start_tls` for `ldap://`.
    #[serde(default)]
    pub security: Option<Security>,
    /// A PEM file with certificate authorities to trust beside those of the system. Default: none.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The name the server's certificate must carry, where it is not the host of the URL. Default: the host.
    #[serde(default)]
    pub verify_name: Option<String>,
    /// Who to log in as, usually a DN.
    pub bind_dn: String,
    /// Its password; an empty one is refused, because many servers answer it with an anonymous success.
    pub password: Secret,
    /// Objects in one page of a full read, from 1 to 10000. Default: 500.
    #[serde(default = "default_page_size")]
    pub page_size: u32,
    /// Seconds to wait for each answer of the server, from 1 to 3600. Default: 30.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// The largest message accepted from the server, in bytes; a group arrives in one message. Default: 64 MiB.
    #[serde(default = "default_max_message_bytes")]
    pub max_message_bytes: usize,
    /// The domain that the expression `DefaultDomain()` answers, such as `example.org`. Default: none, and a schema that
    /// asks for it is refused.
    #[serde(default)]
    pub default_domain: Option<String>,
    /// The people.
    pub users: KindSettings,
    /// The groups. Default: none are read.
    #[serde(default)]
    pub groups: Option<KindSettings>,
    /// The DN below which containers (organizational units) are watched for renames. Default: the deepest one that
    /// holds the bases of users and groups.
    #[serde(default)]
    pub containers: Option<String>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte (`ldaps://`).
    Tls,
    /// TLS after the StartTLS request, before anything else is said; never without it (`ldap://`).
    StartTls,
    /// No protection: only to a loopback address (`ldap://`).
    Plain,
}

/// Which objects of one kind are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindSettings {
    /// The source object name of the synchronization schema, such as `User`.
    pub kind: ObjectKind,
    /// The DN at and below which they are found.
    pub base: String,
    /// The LDAP filter that selects them, such as `(objectClass=inetOrgPerson)`.
    pub filter: String,
    /// Rules that make `accountEnabled` false; any one that holds does. Default: none, so everyone is enabled.
    #[serde(default)]
    pub disabled_when: Vec<DisabledRule>,
}

/// One sign that an account is disabled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisabledRule {
    /// The attribute that tells, such as `pwdAccountLockedTime` or `employeeType`.
    pub attribute: String,
    /// The value that tells, in any letter case. Default: any value, the attribute only has to be there.
    #[serde(default)]
    pub equals: Option<String>,
}

/// A group whose members are assigned to an application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignedGroup {
    /// Its distinguished name.
    pub dn: String,
    /// The role that its members have in the application. Default: none, plain access.
    #[serde(default)]
    pub role: Option<GroupRole>,
}

impl AssignedGroup {
    /// What is wrong with the name, if anything is.
    pub fn fault(&self) -> Option<String> {
        match Dn::parse(self.dn.trim()) {
            Ok(dn) if dn.is_root() => Some("it is empty".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

/// A role of an application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// What the application calls it.
    pub value: String,
    /// What people call it. Default: `value`.
    #[serde(default)]
    pub display_name: Option<String>,
}

fn default_page_size() -> u32 {
    500
}

fn default_timeout_seconds() -> u64 {
    30
}

fn default_max_message_bytes() -> usize {
    64 * 1024 * 1024
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written() -> serde_json::Value {
        json!({
            "urls": ["ldaps://dc1.example.org"],
            "bind_dn": "cn=reader,dc=example,dc=org",
            "password": "secret",
            "users": {
                "kind": "User",
                "base": "ou=people,dc=example,dc=org",
                "filter": "(objectClass=inetOrgPerson)",
                "disabled_when": [
                    { "attribute": "employeeType", "equals": "inactive" },
                    { "attribute": "pwdAccountLockedTime" },
                ],
            },
        })
    }

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let settings: LdapSettings = serde_json::from_value(written()).unwrap();
        assert_eq!((settings.page_size, settings.timeout_seconds), (500, 30));
        assert_eq!(settings.max_message_bytes, 64 * 1024 * 1024);
        assert!(settings.security.is_none() && settings.groups.is_none() && settings.containers.is_none());
        assert_eq!(settings.users.disabled_when[0].equals.as_deref(), Some("inactive"));
        assert_eq!(settings.users.disabled_when[1].equals, None);
    }

    #[test]
    fn security_has_three_names() {
        for (name, security) in [("tls", Security::Tls), ("start_tls", Security::StartTls), ("plain", Security::Plain)]
        {
            let mut settings = written();
            settings["security"] = json!(name);
            assert_eq!(serde_json::from_value::<LdapSettings>(settings).unwrap().security, Some(security));
        }
    }

    #[test]
    fn an_unknown_key_is_refused_at_every_level() {
        for pointer in ["", "/users", "/users/disabled_when/0"] {
            let mut settings = written();
            settings.pointer_mut(pointer).unwrap()["verify"] = json!(false);
            assert!(serde_json::from_value::<LdapSettings>(settings).is_err(), "`{pointer}`");
        }
    }
}
