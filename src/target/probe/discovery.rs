//! What the target says of itself, and how it answers to what is not there.

use serde_json::Value;

use super::checks::{ERROR_BODY, RESOURCE_TYPES, SCHEMAS, SERVICE_PROVIDER_CONFIG, UNKNOWN_RESOURCE};
use super::session::{Ask, Seen, Stop};
use super::{Probe, Verdict};
use crate::scim::{ServiceProviderConfig, urn};

impl Probe {
    /// The discovery documents (RFC 7644 section 4), and the answer to a user that does not exist.
    pub(super) async fn discover(&mut self) -> Result<(), Stop> {
        let seen = self.session.ask(Ask::get([urn::SERVICE_PROVIDER_CONFIG_ENDPOINT])).await?;
        let readable = serde_json::from_value::<ServiceProviderConfig>(seen.body.clone()).is_ok();
        let conforms = seen.status == 200 && readable && seen.body.get("patch").is_some();
        self.report.judge(&SERVICE_PROVIDER_CONFIG, conforms, || [&told(&seen), "; everything was tried"].concat());
        if seen.status == 200 && seen.body.is_object() {
            self.config = seen.body;
        }

        for (check, endpoint, attribute, wanted) in
            [(&RESOURCE_TYPES, urn::RESOURCE_TYPES, "endpoint", "/Users"), (&SCHEMAS, urn::SCHEMAS, "id", urn::USER)]
        {
            let seen = self.session.ask(Ask::get([endpoint])).await?;
            match seen.list() {
                Some(list) => {
                    let has = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| text == wanted);
                    let names = list.resources.iter().any(|resource| has(resource.as_map().get(attribute)));
                    self.report.judge(check, names, || ["the list does not name `", wanted, "`"].concat());
                }
                None if seen.body.is_array() => self.report.deviates(check, "a bare array instead of a list response"),
                None => self.report.deviates(check, told(&seen)),
            }
        }

        let nobody = [&self.run, "-nobody"].concat();
        let seen = self.read(urn::USERS, &nobody).await?;
        self.report.judge(&UNKNOWN_RESOURCE, seen.status == 404, || seen.told());
        match seen.error() {
            Some(_) if seen.body.get("schemas").is_some() => self.report.conforms(&ERROR_BODY),
            _ if seen.is_success() => self.report.add(&ERROR_BODY, Verdict::Unknown, "there was no error"),
            _ => self.report.deviates(&ERROR_BODY, "the error has another shape"),
        }
        Ok(())
    }
}

fn told(seen: &Seen) -> String {
    if seen.is_success() { "answered with something else".to_owned() } else { seen.told() }
}
