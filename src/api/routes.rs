//! Which request goes where, and who may send it.

use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value as Json};

use super::address::{Address, Node, Owner, Part, Schema, Version};
use super::error::ApiError;
use super::query::Query;
use super::wire::template::Spelling;
use super::{Service, expressions, frame, jobs, schemas, service_principals, templates, tokens};
use crate::auth::{Access, Caller};
use crate::control::{Application, Declared};
use crate::sync_schema::wire::SynchronizationSchema;

/// The largest body that a request has here.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// Answers a request.
///
/// # Errors
/// Why not, in the shape of the API.
pub(super) async fn answer(
    service: &Service,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    match request.path() {
        "/livez" => return Ok(HttpResponse::Ok().body("alive")),
        "/readyz" => {
            let ready = service.control.is_ready().await;
            return ready.map(|()| HttpResponse::Ok().body("ready")).map_err(ApiError::from);
        }
        _ => {}
    }
    if let Some((tenant, place)) = tokens::place(request.path()) {
        return tokens::answer(service, request, payload, tenant, place).await;
    }
    let address = Address::parse(request.path());
    // Whoever has no token learns nothing of what is there, and whoever may look, learns what it has.
    let served = address.as_ref().map(|address| needs(&address.node));
    let access = served.and_then(|served| served.iter().find(|(method, _)| is(request.method(), method)));
    let header = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let caller = service.callers.admit(header, access.map_or(Access::Read, |(_, access)| *access)).await?;
    service.requests.take(caller.id.clone(), Instant::now()).map_err(ApiError::too_often)?;
    let (Some(address), Some(served)) = (address, served) else {
        return Err(ApiError::not_found("Resource not found for the segment."));
    };
    if access.is_none() {
        let methods: Vec<&str> = served.iter().map(|(method, _)| *method).collect();
        return Err(ApiError::not_allowed(methods.join(", ")));
    }
    let query = Query::parse(request.query_string())?;
    if access.is_some_and(|(_, access)| *access > Access::Read) {
        let (method, path, name) = (request.method(), request.path(), caller.name.as_deref());
        tracing::info!(caller = caller.id, name, %method, path, "asked over the management API");
    }
    let body = frame::body(request, payload, MOST_BODY_BYTES).await?;
    At { service, caller: &caller, address: &address, query }.answer(&body).await
}

/// HEAD is served wherever GET is.
fn is(method: &Method, served: &str) -> bool {
    method.as_str() == served || (method == Method::HEAD && served == "GET")
}

/// The methods that there are, with what a caller has to be.
fn needs(node: &Node) -> &'static [(&'static str, Access)] {
    const LOOK: &[(&str, Access)] = &[("GET", Access::Read)];
    const STEER: &[(&str, Access)] = &[("POST", Access::Write)];
    /// It is sent something, and changes nothing.
    const TRY: &[(&str, Access)] = &[("POST", Access::Read)];
    match node {
        Node::Of(_, Part::JobSchema(_, Schema::ParseExpression) | Part::TemplateSchema(_, Schema::ParseExpression)) => {
            TRY
        }
        Node::Of(_, Part::Start(_) | Part::Pause(_) | Part::Restart(_)) => STEER,
        Node::ServicePrincipals | Node::ServicePrincipalsCount | Node::ServicePrincipal(_) | Node::Of(..) => LOOK,
    }
}

/// One admitted request.
struct At<'a> {
    service: &'a Service,
    caller: &'a Caller,
    address: &'a Address,
    query: Query,
}

impl At<'_> {
    async fn answer(&self, body: &[u8]) -> Result<HttpResponse, ApiError> {
        let catalogue = self.service.control.catalogue();
        let all = || catalogue.applications.iter().map(service_principals::resource).collect();
        match &self.address.node {
            Node::ServicePrincipals => self.collection("servicePrincipals", "servicePrincipals", all()),
            Node::ServicePrincipalsCount => self.count(&all()),
            Node::ServicePrincipal(owner) => {
                let found = service_principals::find(catalogue, owner)?;
                self.entity("servicePrincipals", service_principals::resource(found))
            }
            Node::Of(owner, part) => self.part(service_principals::find(catalogue, owner)?, owner, part, body).await,
        }
    }

    async fn part(
        &self,
        application: &Application,
        owner: &Owner,
        part: &Part,
        body: &[u8],
    ) -> Result<HttpResponse, ApiError> {
        let (service, ids) = (self.service, &application.identities);
        let below = match owner {
            Owner::Application(_) => format!("applications('{}')/synchronization", ids.application),
            Owner::ServicePrincipal(_) | Owner::App(_) => {
                format!("servicePrincipals('{}')/synchronization", ids.service_principal)
            }
        };
        let catalogue = service.control.catalogue();
        match part {
            Part::Jobs => self.collection(
                &format!("{below}/jobs"),
                &format!("{below}/jobs"),
                jobs::all(service, application).await?,
            ),
            Part::JobsCount => self.count(&jobs::all(service, application).await?),
            Part::Job(id) => {
                let job = jobs::one(service, application, named(application, id)?).await?;
                self.entity(&format!("{below}/jobs"), job)
            }
            Part::Start(id) => jobs::start(service, application, named(application, id)?).await,
            Part::Pause(id) => jobs::pause(service, application, named(application, id)?).await,
            Part::Restart(id) => {
                let (job, scope) = (named(application, id)?, jobs::reset_scope(body)?);
                jobs::restart(service, self.caller, application, job, scope).await
            }
            Part::JobSchema(id, schema) => {
                let job = named(application, id)?;
                let place = format!("{below}/jobs('{}')/schema", job.id);
                self.schema(&place, job.id.as_str(), &job.document, schema, body).await
            }
            Part::Templates => {
                let all = templates::all(catalogue, application, self.spelling());
                self.collection(&format!("{below}/templates"), &format!("{below}/templates"), all)
            }
            Part::TemplatesCount => self.count(&templates::all(catalogue, application, self.spelling())),
            Part::Template(id) => {
                let found = templates::one(templates::find(catalogue, id)?, application, self.spelling());
                self.entity(&format!("{below}/templates"), found.ok_or_else(|| no_template(id))?)
            }
            Part::TemplateSchema(id, schema) => {
                let content = templates::find(catalogue, id)?;
                let document = templates::schema(content, application).ok_or_else(|| no_template(id))?;
                let place = format!("{below}/templates('{}')/schema", content.id);
                self.schema(&place, &templates::schema_id(content), &document, schema, body).await
            }
        }
    }

    async fn schema(
        &self,
        place: &str,
        id: &str,
        document: &SynchronizationSchema,
        part: &Schema,
        body: &[u8],
    ) -> Result<HttpResponse, ApiError> {
        let directories = format!("{place}/directories");
        match part {
            Schema::Whole => self.entity(place, schemas::whole(id, document)),
            Schema::Directories => self.collection(&directories, &directories, schemas::directories(document)),
            Schema::DirectoriesCount => self.count(&schemas::directories(document)),
            Schema::Directory(wanted) => {
                let mut all = schemas::directories(document).into_iter();
                let found = all.find(|directory| directory["id"].as_str() == Some(wanted));
                let missing = || ApiError::not_found(format!("The schema has no directory `{wanted}`."));
                self.entity(&directories, found.ok_or_else(missing)?)
            }
            Schema::ParseExpression => {
                let (question, now) = (expressions::Question::read(object(body)?)?, (self.service.now)());
                // An expression may take a while, which nobody else is to wait for.
                let answer = tokio::task::spawn_blocking(move || question.answer(now)).await;
                let answer = answer.map_err(|error| ApiError::broken(&error))?;
                self.complex("microsoft.graph.parseExpressionResponse", answer)
            }
            Schema::FilterOperators => {
                let context = "Collection(microsoft.graph.filterOperatorSchema)";
                self.collection(context, &format!("{place}/filterOperators()"), schemas::filter_operators())
            }
            Schema::Functions => {
                let context = "Collection(microsoft.graph.attributeMappingFunctionSchema)";
                self.collection(context, &format!("{place}/functions()"), schemas::functions())
            }
        }
    }

    fn spelling(&self) -> Spelling {
        match self.address.version {
            Version::V1 => Spelling::Pascal,
            Version::Beta => Spelling::Camel,
        }
    }

    /// Where the version that is spoken to begins.
    fn base(&self) -> String {
        let version = match self.address.version {
            Version::V1 => "v1.0",
            Version::Beta => "beta",
        };
        format!("{}/{version}", self.service.public_url)
    }

    fn entity(&self, collection: &str, resource: Json) -> Result<HttpResponse, ApiError> {
        self.complex(&format!("{collection}/$entity"), resource)
    }

    /// One resource, under what its context is called.
    fn complex(&self, context: &str, resource: Json) -> Result<HttpResponse, ApiError> {
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), format!("{}/$metadata#{context}", self.base()).into());
        if let Json::Object(members) = self.query.one(resource)? {
            body.extend(members);
        }
        Ok(HttpResponse::Ok().json(body))
    }

    fn collection(&self, context: &str, path: &str, all: Vec<Json>) -> Result<HttpResponse, ApiError> {
        let base = self.base();
        let next = |skip: usize| format!("{base}/{path}?{}", self.query.from(skip));
        Ok(HttpResponse::Ok().json(self.query.page(format!("{base}/$metadata#{context}"), all, next)?))
    }

    fn count(&self, all: &[Json]) -> Result<HttpResponse, ApiError> {
        let count = self.query.counted(all)?;
        Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(count.to_string()))
    }
}

fn named<'a>(application: &'a Application, id: &str) -> Result<&'a Declared, ApiError> {
    application.job(id).ok_or_else(|| ApiError::not_found(format!("The application has no job `{id}`.")))
}

fn no_template(id: &str) -> ApiError {
    ApiError::not_found(format!("The template `{id}` is for another kind of source."))
}

/// A resource as JSON. Those of the API have text keys and finite numbers, so none fails.
pub(super) fn json<T: serde::Serialize>(resource: &T) -> Json {
    serde_json::to_value(resource).unwrap_or(Json::Null)
}

/// The object that a body is. One that is missing, or `null`, is an empty one.
///
/// # Errors
/// 400 for anything else.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Json>, ApiError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(Json::Null) => Ok(Map::new()),
        Ok(_) => Err(ApiError::invalid("The body has to be a JSON object.")),
        Err(error) => Err(ApiError::invalid(format!("The body cannot be read: {error}."))),
    }
}
