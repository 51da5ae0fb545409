//! The endpoints beside the protocol: faults, the journal, a clean slate.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use url::form_urlencoded;

use super::Service;
use super::endpoint::Endpoint;
use super::fault_rule::Rule;
use super::storage::Failure;
use crate::scim::{ScimError, ScimType};

/// Answers a request to one of them; `None` when the endpoint does not have the method.
pub(super) async fn handle(
    service: &Service,
    endpoint: &Endpoint,
    method: &str,
    query: &str,
    body: &Bytes,
) -> Result<Option<HttpResponse>, Failure> {
    let done = || HttpResponse::NoContent().finish();
    Ok(Some(match (endpoint, method) {
        (Endpoint::Faults, "GET") => HttpResponse::Ok().json(service.faults.counted()),
        (Endpoint::Faults, "POST") => {
            service.faults.set(read_rules(body)?);
            done()
        }
        (Endpoint::Faults, "DELETE") => {
            service.faults.clear();
            done()
        }
        (Endpoint::Journal, "GET") => HttpResponse::Ok().json(service.journal.since(since(query)?)),
        (Endpoint::Journal, "DELETE") => {
            service.journal.clear();
            done()
        }
        (Endpoint::Reset, "POST") => {
            service.storage.write(|tx| tx.clear()).await?;
            service.past.clear();
            done()
        }
        _ => return Ok(None),
    }))
}

fn read_rules(body: &Bytes) -> Result<Vec<Rule>, ScimError> {
    serde_json::from_slice(body).map_err(|error| {
        ScimError::bad_request(ScimType::InvalidValue, ["the rules are broken: ", &error.to_string()].concat())
    })
}

fn since(query: &str) -> Result<u64, ScimError> {
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "since") {
        None => Ok(0),
        Some((_, value)) => {
            value.parse().map_err(|_| ScimError::bad_request(ScimType::InvalidValue, "`since` is a whole number"))
        }
    }
}
