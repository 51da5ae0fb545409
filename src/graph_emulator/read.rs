//! The requests that read: collections, single objects, references, the recycle bin, delta.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Path},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Service,
    delta::{Detail, Next, Round},
    directory::Directory,
    error::GraphError,
    object::{Kind, Object, State},
    odata::{Form, PageRequest, Query, Root, decode, encode, view},
};

pub(super) type Answer = Result<HttpResponse, GraphError>;

/// The kinds a reference may lead to.
const ANY_KIND: &[Kind] = &[Kind::User, Kind::Group];

/// The delta token that is always expired.
const EXPIRED: &str = "expired";

/// Ids in one bulk fetch, at most.
const MOST_IDS: usize = 1000;

/// `GET /organization`.
pub(super) async fn list_organizations(service: Data<Service>, request: HttpRequest) -> Answer {
    let root = Root::of(&request)?;
    let directory = service.directory();
    let domains = directory.verified_domains.iter().enumerate().map(|(index, name)| {
        json!({ "name": name, "isDefault": index == 0, "isInitial": index == 0, "type": "Managed", "capabilities": "Email" })
    });
    Ok(HttpResponse::Ok().json(json!({
        "@odata.context": root.context("organization", None),
        "value": [{
            "id": directory.tenant_id,
            "displayName": directory.display_name,
            "verifiedDomains": domains.collect::<Vec<_>>(),
        }],
    })))
}

/// `GET /users`, `GET /groups`.
pub(super) async fn list_objects(service: &Service, request: &HttpRequest, kind: Kind) -> Answer {
    let page = PageRequest::of(request, &[kind], service.page_size)?;
    let directory = service.directory();
    let objects = in_state(&directory, kind, State::Live).map(|object| (object, Form::Plain));
    Ok(HttpResponse::Ok().json(page.answer(&Root::of(request)?, &[kind.collection()], kind.collection(), objects)))
}

/// `GET /users/{id}`, `GET /groups/{id}`.
pub(super) async fn show_object(service: &Service, request: &HttpRequest, kind: Kind, key: &str) -> Answer {
    let directory = service.directory();
    single(request, directory.live(kind, key)?, kind.collection(), Form::Plain)
}

/// `GET /users/{id}/manager`.
pub(super) async fn show_manager(service: Data<Service>, request: HttpRequest, user: Path<String>) -> Answer {
    let directory = service.directory();
    let manager = directory.live(Kind::User, &user)?.manager().and_then(|id| directory.live_object(id));
    single(&request, manager.ok_or_else(|| GraphError::resource_not_found("manager"))?, "directoryObjects", Form::Typed)
}

/// `GET /groups/{id}/members`.
pub(super) async fn list_members(service: Data<Service>, request: HttpRequest, group: Path<String>) -> Answer {
    members(&service, &request, &group, None)
}

/// `GET /groups/{id}/members/microsoft.graph.user`.
pub(super) async fn list_members_of_type(
    service: Data<Service>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Answer {
    let (group, cast) = path.into_inner();
    let kind = cast_kind(&cast).ok_or_else(GraphError::unknown_path)?;
    members(&service, &request, &group, Some((&cast, kind)))
}

/// `GET /directory/deletedItems/microsoft.graph.user` (or `.group`), `GET /directory/deletedItems/{id}`.
pub(super) async fn show_deleted(service: Data<Service>, request: HttpRequest, path: Path<String>) -> Answer {
    let directory = service.directory();
    let Some(kind) = cast_kind(&path) else {
        return single(&request, directory.recycled(&path)?, "directoryObjects", Form::Typed);
    };
    let page = PageRequest::of(&request, &[kind], service.page_size)?;
    let objects = in_state(&directory, kind, State::Recycled).map(|object| (object, Form::Plain));
    let answer = page.answer(&Root::of(&request)?, &["directory", "deletedItems", &path], kind.collection(), objects);
    Ok(HttpResponse::Ok().json(answer))
}

/// `POST /directoryObjects/getByIds`. Unknown ids are left out.
pub(super) async fn get_by_ids(service: Data<Service>, request: HttpRequest, body: Bytes) -> Answer {
    #[derive(Deserialize)]
    struct Wanted {
        ids: Vec<String>,
        #[serde(default)]
        types: Vec<String>,
    }
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|_| GraphError::bad_request("The body must be an object with the member 'ids'."))?;
    if wanted.ids.len() > MOST_IDS {
        return Err(GraphError::bad_request(format!("At most {MOST_IDS} ids may be given.")));
    }
    let select = Query::of_read(&request)?.selection(ANY_KIND)?;
    let is_wanted = |kind: Kind| {
        let name = kind.odata_type().trim_start_matches("#microsoft.graph.");
        wanted.types.is_empty()
            || wanted.types.iter().any(|text| text.eq_ignore_ascii_case(name) || text == "directoryObject")
    };
    let directory = service.directory();
    let found = wanted.ids.iter().filter_map(|id| directory.live_object(id)).filter(|object| is_wanted(object.kind));
    Ok(HttpResponse::Ok().json(json!({
        "@odata.context": Root::of(&request)?.context("directoryObjects", select.as_deref()),
        "value": found.map(|object| view(object, select.as_deref(), Form::Typed)).collect::<Vec<_>>(),
    })))
}

/// `GET /users/delta`, `GET /groups/delta`.
pub(super) async fn list_changes(service: &Service, request: &HttpRequest, kind: Kind) -> Answer {
    let query = Query::of_delta(request)?;
    let root = Root::of(request)?;
    let path = [kind.collection(), "delta"];
    let directory = service.directory();
    let selected = query.selection(&[kind])?;
    let round = match (query.skip_token.as_deref(), query.delta_token.as_deref()) {
        (Some(EXPIRED), _) | (_, Some(EXPIRED)) => return Err(start_again(&root, &path)),
        (Some(token), _) => issued(token, kind)?,
        (None, Some("latest")) => {
            let round = Round::latest(&directory, kind, selected);
            return Ok(HttpResponse::Ok().json(changes(&root, &path, Vec::new(), &Next::Round(round))));
        }
        (None, Some(token)) if !token.is_empty() => issued(token, kind)?.begun(&directory),
        _ => Round::initial(&directory, kind, selected),
    };
    if round.is_foreign(&directory) {
        return Err(start_again(&root, &path));
    }
    let page = round.page(&directory, service.page_size, detail(request));
    Ok(HttpResponse::Ok().json(changes(&root, &path, page.entries, &page.next)))
}

fn changes(root: &Root, path: &[&str], entries: Vec<Json>, next: &Next) -> Json {
    let (member, option, round) = match next {
        Next::Page(round) => ("@odata.nextLink", "$skiptoken", round),
        Next::Round(round) => ("@odata.deltaLink", "$deltatoken", round),
    };
    let mut answer = Map::new();
    answer.insert("@odata.context".into(), json!(root.context(round.kind().collection(), Some(round.tracked()))));
    answer.insert(member.into(), json!(root.link(path, option, &encode(round))));
    answer.insert("value".into(), entries.into());
    answer.into()
}

fn issued(token: &str, kind: Kind) -> Result<Round, GraphError> {
    let round: Option<Round> = decode(token);
    round.filter(|round| round.kind() == kind).ok_or_else(|| GraphError::bad_request("Badly formed token."))
}

fn start_again(root: &Root, path: &[&str]) -> GraphError {
    GraphError::sync_state_not_found(root.link(path, "$deltatoken", ""))
}

fn detail(request: &HttpRequest) -> Detail {
    let preferences = request.headers().get_all("Prefer").filter_map(|value| value.to_str().ok());
    let is_minimal = preferences
        .flat_map(|value| value.split(','))
        .any(|preference| preference.replace(' ', "").eq_ignore_ascii_case("return=minimal"));
    if is_minimal { Detail::Changed } else { Detail::Tracked }
}

fn members(service: &Service, request: &HttpRequest, group: &str, cast: Option<(&str, Kind)>) -> Answer {
    let page = PageRequest::of(request, ANY_KIND, service.page_size)?;
    let directory = service.directory();
    let group = directory.live(Kind::Group, group)?;
    let present = group.members.iter().filter(|(_, link)| link.value);
    let objects = present
        .filter_map(|(id, _)| directory.live_object(id))
        .filter(|object| cast.is_none_or(|(_, kind)| kind == object.kind))
        .map(|object| (object, Form::Typed));
    let mut path = vec!["groups", group.id.as_str(), "members"];
    path.extend(cast.map(|(cast, _)| cast));
    Ok(HttpResponse::Ok().json(page.answer(&Root::of(request)?, &path, "directoryObjects", objects)))
}

fn single(request: &HttpRequest, object: &Object, collection: &str, form: Form) -> Answer {
    let select = Query::of_read(request)?.selection(&[object.kind])?;
    let context = Root::of(request)?.context(collection, select.as_deref());
    let mut answer = Map::new();
    answer.insert("@odata.context".into(), json!([&context, "/$entity"].concat()));
    answer.extend(view(object, select.as_deref(), form));
    Ok(HttpResponse::Ok().json(answer))
}

fn in_state(directory: &Directory, kind: Kind, state: State) -> impl Iterator<Item = &Object> {
    directory.objects(kind).values().filter(move |object| object.state.value == state)
}

/// The kind that a cast segment names, in both spellings clients write.
fn cast_kind(segment: &str) -> Option<Kind> {
    match segment.strip_prefix("microsoft.").unwrap_or(segment) {
        "graph.user" => Some(Kind::User),
        "graph.group" => Some(Kind::Group),
        _ => None,
    }
}
