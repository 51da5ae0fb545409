//! Query options, links and envelopes: what surrounds the objects.
//!
//! It says nothing of which objects a request is about.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::{
    error::GraphError,
    filter::Filter,
    object::{Kind, Object},
    property,
};

/// `$top` at most.
pub(super) const MAX_TOP: usize = 999;

/// The query options the emulator knows, as they were written.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) select: Option<String>,
    /// Objects that satisfy it.
    pub(super) filter: Option<Filter>,
    pub(super) top: Option<usize>,
    pub(super) skip_token: Option<String>,
    pub(super) delta_token: Option<String>,
}

impl Query {
    /// Reads the options of a plain read. Names are matched without regard to case; the `$` may be missing.
    pub(super) fn of_read(request: &HttpRequest) -> Result<Self, GraphError> {
        Self::parse(request.query_string(), &["count"])
    }

    /// Reads the options of a delta query, which ignores what it cannot expand.
    pub(super) fn of_delta(request: &HttpRequest) -> Result<Self, GraphError> {
        let query = Self::parse(request.query_string(), &["count", "expand"])?;
        match query.filter {
            None => Ok(query),
            Some(_) => Err(GraphError::unsupported_query("$filter is not supported in a delta query.")),
        }
    }

    fn parse(text: &str, ignored: &[&str]) -> Result<Self, GraphError> {
        let mut query = Self::default();
        let mut seen = BTreeSet::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let is_option = name.starts_with('$');
            let name = name.trim_start_matches('$').to_ascii_lowercase();
            let value = value.into_owned();
            match name.as_str() {
                "select" => query.select = Some(value),
                "filter" => query.filter = Some(Filter::parse(&value)?),
                "top" => query.top = Some(top(&value)?),
                "skiptoken" => query.skip_token = Some(value),
                "deltatoken" => query.delta_token = Some(value),
                other if !is_option || ignored.contains(&other) => continue,
                other => {
                    return Err(GraphError::unsupported_query(format!(
                        "The query option '${other}' is not supported."
                    )));
                }
            }
            if !seen.insert(name.clone()) {
                let message = format!("Query option '${name}' was specified more than once.");
                return Err(GraphError::bad_request(message));
            }
        }
        Ok(query)
    }

    /// The selected properties in their stored spelling. `kinds` are those the collection may hold.
    pub(super) fn selection(&self, kinds: &[Kind]) -> Result<Option<Vec<String>>, GraphError> {
        let Some(text) = self.select.as_deref().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| resolve(kinds, name)).collect::<Result<_, _>>().map(Some)
    }
}

fn resolve(kinds: &[Kind], name: &str) -> Result<String, GraphError> {
    let known = kinds.iter().find_map(|&kind| property::resolve(kind, name));
    known.or_else(|| relationship(kinds, name)).ok_or_else(|| {
        GraphError::bad_request(format!(
            "Parsing OData Select and Expand failed: could not find a property named '{name}'."
        ))
    })
}

/// A relationship that may stand in `$select`.
fn relationship(kinds: &[Kind], name: &str) -> Option<String> {
    let of_kind = |kind: &Kind| match kind {
        Kind::User => ["manager"].as_slice(),
        Kind::Group => ["members", "owners"].as_slice(),
    };
    let known = kinds.iter().flat_map(of_kind).find(|known| known.eq_ignore_ascii_case(name));
    known.map(|&known| known.to_owned())
}

fn top(text: &str) -> Result<usize, GraphError> {
    text.parse().ok().filter(|top| (1..=MAX_TOP).contains(top)).ok_or_else(|| {
        GraphError::bad_request(format!(
            "Invalid page size specified: '{text}'. Must be between 1 and {MAX_TOP} inclusive."
        ))
    })
}

/// The scheme, host and version a request came for: links lead back there.
pub(super) struct Root(Url);

impl Root {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, GraphError> {
        let connection = request.connection_info();
        let version = request.path().split('/').nth(1).unwrap_or_default();
        let url = Url::parse(&[connection.scheme(), "://", connection.host(), "/"].concat());
        let mut url = url.map_err(|_| GraphError::bad_request("Bad Request - Invalid Hostname"))?;
        url.set_path(version);
        Ok(Self(url))
    }

    /// A link to `path` with one query option. The value is a token of ours, which needs no escaping.
    pub(super) fn link(&self, path: &[&str], option: &str, token: &str) -> String {
        let mut url = self.under(path);
        url.set_query(Some(&[option, "=", token].concat()));
        url.into()
    }

    /// The context of a collection, with the selected properties.
    pub(super) fn context(&self, collection: &str, select: Option<&[String]>) -> String {
        let mut url = self.under(&["$metadata"]);
        let names = select.map(|names| ["(", &names.join(","), ")"].concat()).unwrap_or_default();
        url.set_fragment(Some(&[collection, &names].concat()));
        url.into()
    }

    fn under(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }
}

/// Where a plain read goes on: the options of its first page, and the last id it showed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PageToken {
    select: Option<Vec<String>>,
    filter: Option<Filter>,
    top: usize,
    after: String,
}

/// The part of a collection that one request asks for.
pub(super) struct PageRequest {
    pub(super) select: Option<Vec<String>>,
    filter: Option<Filter>,
    top: usize,
    after: Option<String>,
}

impl PageRequest {
    pub(super) fn of(request: &HttpRequest, kinds: &[Kind], page_size: usize) -> Result<Self, GraphError> {
        let query = Query::of_read(request)?;
        if let Some(text) = &query.skip_token {
            let token: PageToken = decode(text).ok_or_else(|| GraphError::bad_request("Badly formed token."))?;
            let PageToken { select, filter, top, after } = token;
            return Ok(Self { select, filter, top: top.clamp(1, MAX_TOP), after: Some(after) });
        }
        let select = query.selection(kinds)?;
        Ok(Self { select, filter: query.filter, top: query.top.unwrap_or(page_size), after: None })
    }

    /// The page of `objects` (in the order of their ids), as the complete answer.
    pub(super) fn answer<'a>(
        self,
        root: &Root,
        path: &[&str],
        collection: &str,
        objects: impl Iterator<Item = (&'a Object, Form)>,
    ) -> Json {
        let mut rest = objects.filter(|(object, _)| {
            let is_next = self.after.as_ref().is_none_or(|after| &object.id > after);
            is_next && self.filter.as_ref().is_none_or(|filter| filter.accepts(object))
        });
        let page: Vec<(&Object, Form)> = rest.by_ref().take(self.top).collect();
        let select = self.select.as_deref();
        let mut answer = json!({
            "@odata.context": root.context(collection, select),
            "value": page.iter().map(|(object, form)| view(object, select, *form)).collect::<Vec<_>>(),
        });
        if rest.next().is_some()
            && let Some((last, _)) = page.last()
        {
            let (select, filter) = (self.select.clone(), self.filter.clone());
            let token = PageToken { select, filter, top: self.top, after: last.id.clone() };
            answer["@odata.nextLink"] = json!(root.link(path, "$skiptoken", &encode(&token)));
        }
        answer
    }
}

/// Whether an object says what it is: it does in collections that hold several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Typed,
}

/// An object as a plain read shows it: what was selected and has no value is null.
pub(super) fn view(object: &Object, select: Option<&[String]>, form: Form) -> Map<String, Json> {
    let mut shown = Map::new();
    if form == Form::Typed {
        shown.insert("@odata.type".to_owned(), json!(object.kind.odata_type()));
    }
    let names = select.map_or_else(|| property::default_names(object.kind), <[String]>::to_vec);
    for name in names {
        if name == "id" {
            shown.insert(name, json!(object.id));
        } else if property::resolve(object.kind, &name).is_some() {
            let value = object.value(&name).cloned().unwrap_or_else(|| property::absent_value(object.kind, &name));
            shown.insert(name, value);
        }
    }
    shown
}

/// A token as it stands in a link.
pub(super) fn encode<T: Serialize>(token: &T) -> String {
    // A token is a plain struct of texts and numbers, which always has a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).unwrap_or_default())
}

/// A token read back; `None` when it is none of ours.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn options_are_read_in_every_spelling_clients_use() {
        let query = Query::parse("%24select=id%2CdisplayName&$TOP=5&other=1&$count=true", &["count"]).unwrap();
        assert_eq!(query.top, Some(5));
        let names = query.selection(&[Kind::User]).unwrap().unwrap();
        assert_eq!(names, ["id", "displayName"]);
        assert_eq!(Query::parse("$skipToken=abc", &[]).unwrap().skip_token.as_deref(), Some("abc"));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for text in ["$top=0", "$top=1000", "$top=x", "$filter=a eq 1", "$skip=3", "$select=a&$select=b"] {
            assert!(Query::parse(text, &[]).is_err(), "{text}");
        }
        assert!(Query::parse("$select=colour", &[]).unwrap().selection(&[Kind::User]).is_err());
    }

    proptest! {
        #[test]
        fn no_token_text_can_break_the_reader(text in ".*") {
            let _ = decode::<PageToken>(&text);
            let _ = Query::parse(&text, &[]);
        }
    }
}
