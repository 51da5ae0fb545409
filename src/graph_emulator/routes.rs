//! Which request goes where, and what surrounds every answer: the check of the token, the request ids, the error body.

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{AUTHORIZATION, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use chrono::Utc;
use uuid::Uuid;

use super::{
    Service, access,
    error::{GraphError, RequestIds},
    object::Kind,
    read, service_principal, write,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Every path of the emulator.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::scope("/v1.0").configure(configure_directory))
        .service(web::scope("/beta").configure(configure_directory))
        .route("/{tenant}/oauth2/v2.0/token", web::post().to(access::issue_token))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", web::get().to(access::show_discovery))
        .default_service(web::to(refuse_path));
}

fn configure_directory(scope: &mut ServiceConfig) {
    configure_kind(scope, Kind::User);
    configure_kind(scope, Kind::Group);
    // An application is named by its object id, or by another id in parentheses.
    for named in ["/servicePrincipals/{id}", "/servicePrincipals{id:\\([^/]*\\)}"] {
        let at = |rest: &str| [named, rest].concat();
        scope
            .route(named, web::get().to(service_principal::show))
            .route(&at("/appRoleAssignedTo"), web::get().to(service_principal::list))
            .route(&at("/appRoleAssignedTo"), web::post().to(service_principal::assign))
            .route(&at("/appRoleAssignedTo/{assignment}"), web::delete().to(service_principal::unassign));
    }
    scope
        .route("/organization", web::get().to(read::list_organizations))
        .route("/users/{id}/manager", web::get().to(read::show_manager))
        .route("/users/{id}/manager/$ref", web::put().to(write::set_manager))
        .route("/users/{id}/manager/$ref", web::delete().to(write::clear_manager))
        .route("/groups/{id}/members", web::get().to(read::list_members))
        .route("/groups/{id}/members/$ref", web::post().to(write::add_member))
        .route("/groups/{id}/members/{cast}", web::get().to(read::list_members_of_type))
        .route("/groups/{id}/members/{member}/$ref", web::delete().to(write::remove_member))
        .route("/directory/deletedItems/{id}/restore", web::post().to(write::restore_object))
        .service(
            web::resource("/directory/deletedItems/{id}")
                .route(web::get().to(read::show_deleted))
                .route(web::delete().to(write::purge_object)),
        )
        .route("/directoryObjects/getByIds", web::post().to(read::get_by_ids))
        .default_service(web::to(refuse_path));
}

/// The paths that users and groups share. The delta function comes first: `{id}` would match it too.
fn configure_kind(scope: &mut ServiceConfig, kind: Kind) {
    let at = |rest: &str| -> Resource { web::resource(["/", kind.collection(), rest].concat()) };
    for spelling in ["/delta", "/delta()", "/microsoft.graph.delta", "/microsoft.graph.delta()"] {
        scope.service(at(spelling).route(web::get().to(
            move |service: Data<Service>, request: HttpRequest| async move {
                read::list_changes(&service, &request, kind).await
            },
        )));
    }
    scope.service(
        at("")
            .route(web::get().to(move |service: Data<Service>, request: HttpRequest| async move {
                read::list_objects(&service, &request, kind).await
            }))
            .route(web::post().to(move |service: Data<Service>, request: HttpRequest, body: Bytes| async move {
                write::create_object(&service, &request, &body, kind).await
            })),
    );
    scope.service(
        at("/{id}")
            .route(web::get().to(move |service: Data<Service>, request: HttpRequest, id: Path<String>| async move {
                read::show_object(&service, &request, kind, &id).await
            }))
            .route(web::patch().to(move |service: Data<Service>, id: Path<String>, body: Bytes| async move {
                write::update_object(&service, &body, kind, &id).await
            }))
            .route(web::delete().to(move |service: Data<Service>, id: Path<String>| async move {
                write::delete_object(&service, kind, &id).await
            })),
    );
}

async fn refuse_path() -> read::Answer {
    Err(GraphError::unknown_path())
}

/// Surrounds every request: the directory is served only to a good token, every answer carries its request id, and
/// every refusal gets its body.
pub(super) async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let ids = RequestIds {
        request: Uuid::new_v4().to_string(),
        client: header(&request, CLIENT_REQUEST_ID).map(str::to_owned),
    };
    let response = match refuse_caller(&request) {
        Some(refusal) => request.error_response(refusal),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let mut response = match refusal_of(response.response()) {
        Some(refusal) => response.into_response(refusal.answer(&ids, Utc::now())),
        None => response,
    };
    for (name, value) in [(REQUEST_ID, Some(ids.request)), (CLIENT_REQUEST_ID, ids.client)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn refuse_caller(request: &ServiceRequest) -> Option<GraphError> {
    let is_directory = ["/v1.0/", "/beta/"].iter().any(|prefix| request.path().starts_with(prefix));
    let service = request.app_data::<Data<Service>>()?;
    let authorization = header(request, AUTHORIZATION);
    if !is_directory || service.access.admits(authorization) {
        return None;
    }
    let message = if authorization.is_some() {
        "Access token validation failure or the token has expired."
    } else {
        "Access token is empty."
    };
    Some(GraphError::invalid_token(message))
}

/// The refusal that an answer stands for, also where the HTTP layer refused by itself.
fn refusal_of(response: &HttpResponse) -> Option<GraphError> {
    match response.error() {
        Some(error) => {
            let refusal = error.as_error::<GraphError>().cloned();
            Some(refusal.unwrap_or_else(|| GraphError::of_status(response.status())))
        }
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            Some(GraphError::of_status(StatusCode::METHOD_NOT_ALLOWED))
        }
        None => None,
    }
}

fn header(request: &ServiceRequest, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
