//! The settings of sources and targets as far as they are known to the configuration.

use serde::Deserialize;

use crate::secret::Secret;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    pub urls: Vec<String>,
    #[serde(default)]
    pub ca_file: Option<std::path::PathBuf>,
    pub bind_dn: Option<String>,
    pub password: Option<Secret>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphSettings {
    pub tenant: String,
    pub client_id: String,
    pub client_secret: Secret,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimSettings {
    #[serde(deserialize_with = "base_url")]
    pub base_url: url::Url,
    pub auth: Auth,
    #[serde(default)]
    pub concurrency: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    Bearer(Secret),
}

fn base_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<url::Url, D::Error> {
    url::Url::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
