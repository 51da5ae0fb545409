//! Jobs: how they stand, and what is asked of them.

use actix_web::HttpResponse;
use serde_json::Value as Json;

use super::Service;
use super::error::ApiError;
use super::wire::job::Job;
use crate::auth::{Access, Caller, needed_role};
use crate::control::{Application, Declared};
use crate::model::{Reset, ResetScope, UnknownScope};

/// Every job of the application, in the order in which they are declared.
pub(super) async fn all(service: &Service, application: &Application) -> Result<Vec<Json>, ApiError> {
    let mut jobs = Vec::new();
    for job in &application.jobs {
        jobs.push(one(service, application, job).await?);
    }
    Ok(jobs)
}

/// One job with its status.
pub(super) async fn one(service: &Service, application: &Application, job: &Declared) -> Result<Json, ApiError> {
    let status = service.control.status(application, job).await?;
    Ok(super::routes::json(&Job::new(job, &status)))
}

/// The job goes on from where it stands. One that runs already keeps running.
pub(super) async fn start(
    service: &Service,
    application: &Application,
    job: &Declared,
) -> Result<HttpResponse, ApiError> {
    service.control.start(application, job).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The job sends nothing new from now on.
pub(super) async fn pause(
    service: &Service,
    application: &Application,
    job: &Declared,
) -> Result<HttpResponse, ApiError> {
    service.control.pause(application, job).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The job begins anew, with what the scope names.
///
/// # Errors
/// 403 for an operator who would drop links or let held removals through: that takes an admin. 409 for what the state of
/// the job does not allow; it may stand still then.
pub(super) async fn restart(
    service: &Service,
    caller: &Caller,
    application: &Application,
    job: &Declared,
    scope: ResetScope,
) -> Result<HttpResponse, ApiError> {
    let is_grave = scope.resets(Reset::ConnectorDataStore) || scope.resets(Reset::ForceDeletes);
    if is_grave && !caller.may(Access::Admin) {
        return Err(ApiError::forbidden(format!(
            "Dropping links and letting held deletions through needs the role `{}`.",
            needed_role(Access::Admin)
        )));
    }
    // A client that gives up waiting leaves no job that was stopped for a restart and never restarted.
    let (control, application, job) = (service.control.clone(), application.clone(), job.clone());
    let restarted = tokio::spawn(async move { control.restart(&application, &job, &scope).await });
    match restarted.await {
        Ok(outcome) => outcome?,
        Err(error) => return Err(ApiError::broken(&error)),
    }
    Ok(HttpResponse::NoContent().finish())
}

/// What a body names to be reset; without one, what a restart resets by default. Clients write names with commas between,
/// or a list of names.
///
/// # Errors
/// 400 for anything but the words that there are.
pub(super) fn reset_scope(body: &[u8]) -> Result<ResetScope, ApiError> {
    let wrong = |what: &str| {
        ApiError::invalid(format!("`{what}` is not what a restart takes: it is names with commas between."))
    };
    let mut body = super::routes::object(body)?;
    let names = match body.remove("criteria") {
        None | Some(Json::Null) => String::new(),
        Some(Json::Object(mut criteria)) => match criteria.remove("resetScope") {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(names)) => names,
            Some(Json::Array(names)) => {
                let names: Option<Vec<&str>> = names.iter().map(Json::as_str).collect();
                names.ok_or_else(|| wrong("criteria.resetScope"))?.join(",")
            }
            Some(_) => return Err(wrong("criteria.resetScope")),
        },
        Some(_) => return Err(wrong("criteria")),
    };
    names.parse().map_err(|error: UnknownScope| ApiError::invalid(format!("`criteria.resetScope`: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_criteria_are_read_as_clients_write_them() {
        let default = ResetScope::default();
        let some = ResetScope::from_iter([Reset::Watermark, Reset::Escrows]);
        for (body, expected) in [
            ("", &default),
            ("{}", &default),
            ("null", &default),
            (r#"{"criteria":null}"#, &default),
            (r#"{"criteria":{}}"#, &default),
            (r#"{"criteria":{"resetScope":null}}"#, &default),
            (r#"{"criteria":{"resetScope":""}}"#, &default),
            (r#"{"criteria":{"resetScope":[]}}"#, &default),
            (r#"{"criteria":{"resetScope":"Watermark, Escrows"}}"#, &some),
            (r##"{"criteria":{"@odata.type":"#microsoft.graph.x","resetScope":["watermark","ESCROWS"]}}"##, &some),
            (r#"{"criteria":{"resetScope":"None"}}"#, &ResetScope::from_iter([])),
        ] {
            assert_eq!(reset_scope(body.as_bytes()).ok().as_ref(), Some(expected), "{body}");
        }
        for body in [
            "[]",
            "7",
            "{",
            r#"{"criteria":"Full"}"#,
            r#"{"criteria":{"resetScope":7}}"#,
            r#"{"criteria":{"resetScope":"Everything"}}"#,
        ] {
            assert_eq!(reset_scope(body.as_bytes()).map_err(|error| error.status.as_u16()), Err(400), "{body}");
        }
    }
}
