//! The requests that write, by which a test or a demo stages changes.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Path},
};
use chrono::Utc;
use serde_json::{Map, Value as Json, json};

use super::{
    Service,
    error::GraphError,
    object::{Kind, Object},
    odata::{Form, Root, view},
    read::Answer,
};

/// `POST /users`, `POST /groups`.
pub(super) async fn create_object(service: &Service, request: &HttpRequest, body: &[u8], kind: Kind) -> Answer {
    let properties = json_object(body)?;
    let root = Root::of(request)?;
    let mut directory = service.directory();
    let object = directory.create(kind, properties, Utc::now())?;
    Ok(HttpResponse::Created().json(whole(&root, object)))
}

/// `PATCH /users/{id}`, `PATCH /groups/{id}`.
pub(super) async fn update_object(service: &Service, body: &[u8], kind: Kind, key: &str) -> Answer {
    service.directory().update(kind, key, json_object(body)?)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /users/{id}`, `DELETE /groups/{id}`.
pub(super) async fn delete_object(service: &Service, kind: Kind, key: &str) -> Answer {
    service.directory().delete(kind, key, Utc::now())?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT /users/{id}/manager/$ref`.
pub(super) async fn set_manager(service: Data<Service>, user: Path<String>, body: Bytes) -> Answer {
    let manager = referenced(&body)?;
    service.directory().set_manager(&user, Some(&manager))?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /users/{id}/manager/$ref`.
pub(super) async fn clear_manager(service: Data<Service>, user: Path<String>) -> Answer {
    service.directory().set_manager(&user, None)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /groups/{id}/members/$ref`.
pub(super) async fn add_member(service: Data<Service>, group: Path<String>, body: Bytes) -> Answer {
    let member = referenced(&body)?;
    service.directory().add_member(&group, &member)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /groups/{id}/members/{member}/$ref`.
pub(super) async fn remove_member(service: Data<Service>, path: Path<(String, String)>) -> Answer {
    let (group, member) = path.into_inner();
    service.directory().remove_member(&group, &member)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /directory/deletedItems/{id}/restore`.
pub(super) async fn restore_object(service: Data<Service>, request: HttpRequest, id: Path<String>) -> Answer {
    let root = Root::of(&request)?;
    let mut directory = service.directory();
    Ok(HttpResponse::Ok().json(whole(&root, directory.restore(&id)?)))
}

/// `DELETE /directory/deletedItems/{id}`.
pub(super) async fn purge_object(service: Data<Service>, id: Path<String>) -> Answer {
    service.directory().purge(&id)?;
    Ok(HttpResponse::NoContent().finish())
}

fn whole(root: &Root, object: &Object) -> Map<String, Json> {
    let mut answer = Map::new();
    let context = root.context(object.kind.collection(), None);
    answer.insert("@odata.context".into(), json!([&context, "/$entity"].concat()));
    answer.extend(view(object, None, Form::Plain));
    answer
}

fn json_object(body: &[u8]) -> Result<Map<String, Json>, GraphError> {
    serde_json::from_slice(body)
        .map_err(|_| GraphError::bad_request("Unable to read JSON request payload. The body must be a JSON object."))
}

/// The id at the end of an `@odata.id`, which may be a whole URL, a path or an id in parentheses.
fn referenced(body: &[u8]) -> Result<String, GraphError> {
    let body = json_object(body)?;
    let reference = body.get("@odata.id").and_then(Json::as_str);
    let last = reference.and_then(|reference| reference.trim_end_matches('/').rsplit('/').next());
    let id = last.map(|segment| match segment.split_once('(') {
        Some((_, key)) => key.trim_end_matches(')').trim_matches('\''),
        None => segment,
    });
    let id = id.filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| GraphError::bad_request("The body must hold a valid '@odata.id'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_understood_in_every_spelling() {
        for text in ["https://h/v1.0/users/7", "https://h/beta/directoryObjects/7", "users/7", "/users('7')", "7"] {
            assert_eq!(referenced(json!({ "@odata.id": text }).to_string().as_bytes()).unwrap(), "7", "{text}");
        }
        for body in ["{}", "7", r#"{"@odata.id": ""}"#, r#"{"@odata.id": 7}"#] {
            assert!(referenced(body.as_bytes()).is_err(), "{body}");
        }
    }
}
