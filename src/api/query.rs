//! The options of a question (OData): which of a collection, which members, how many.

use serde_json::{Map, Value as Json};
use url::form_urlencoded;

use super::error::ApiError;

/// How many a page has that asks for no number, and the most it may have.
const DEFAULT_TOP: usize = 100;
const MOST: usize = 1_000;

/// What the query of a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    select: Vec<String>,
    filter: Option<(String, String)>,
    top: Option<usize>,
    skip: usize,
    count: bool,
}

impl Query {
    /// Reads the query of a request. Names may lack their `$`; what is no option is ignored.
    ///
    /// # Errors
    /// 400 for an option that is not served, given twice, or cannot be read.
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut read = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name = name.to_ascii_lowercase();
            let (option, is_option) = match name.strip_prefix('$') {
                Some(option) => (option, true),
                None => (name.as_str(), false),
            };
            match option {
                "select" => read.select = value.split(',').map(|name| name.trim().to_owned()).collect(),
                "filter" => read.filter = Some(equality(&value)?),
                "top" => {
                    read.top =
                        Some(number(&value).filter(|top| *top > 0).ok_or_else(|| wrong("$top", "a number from 1"))?)
                }
                "skip" => read.skip = number(&value).ok_or_else(|| wrong("$skip", "a number from 0"))?,
                "count" => {
                    read.count = match value.as_ref() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(wrong("$count", "`true` or `false`")),
                    }
                }
                _ if is_option => {
                    return Err(ApiError::invalid(format!(
                        "The query option `${}` is not served here.",
                        short(option)
                    )));
                }
                _ => continue,
            }
            if seen.iter().any(|before| before == option) {
                return Err(ApiError::invalid(format!("The query option `${option}` is given twice.")));
            }
            seen.push(option.to_owned());
        }
        Ok(read)
    }

    /// One resource, with the members that are asked for.
    ///
    /// # Errors
    /// 400 for a member that it does not have.
    pub(super) fn one(&self, resource: Json) -> Result<Json, ApiError> {
        let Json::Object(members) = resource else { return Ok(resource) };
        if self.select.is_empty() {
            return Ok(Json::Object(members));
        }
        for name in &self.select {
            if !members.contains_key(name) {
                return Err(ApiError::invalid(format!("`$select`: there is no member `{}` here.", short(name))));
            }
        }
        let chosen = |name: &str| name == "id" || self.select.iter().any(|wanted| wanted == name);
        Ok(Json::Object(members.into_iter().filter(|(name, _)| chosen(name)).collect()))
    }

    /// Those of the resources that are asked for, as the body of an answer. `context` is its `@odata.context`, `next` the
    /// address of the collection with a query that goes on after so many.
    ///
    /// # Errors
    /// 400 for a member that they do not have.
    pub(super) fn page(
        &self,
        context: String,
        resources: Vec<Json>,
        next: impl Fn(usize) -> String,
    ) -> Result<Json, ApiError> {
        let mut found = Vec::new();
        for resource in resources {
            if self.lets_through(&resource)? {
                found.push(self.one(resource)?);
            }
        }
        let (all, top) = (found.len(), self.top.unwrap_or(DEFAULT_TOP).min(MOST));
        let value: Vec<Json> = found.into_iter().skip(self.skip).take(top).collect();
        let end = self.skip.saturating_add(value.len());
        let mut body = Map::from_iter([("@odata.context".to_owned(), Json::from(context))]);
        if self.count {
            body.insert("@odata.count".to_owned(), all.into());
        }
        if end < all {
            body.insert("@odata.nextLink".to_owned(), next(end).into());
        }
        body.insert("value".to_owned(), value.into());
        Ok(Json::Object(body))
    }

    /// The same question from another place on, to be put behind `?`.
    pub(super) fn from(&self, skip: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.select.is_empty() {
            query.append_pair("$select", &self.select.join(","));
        }
        if let Some((name, value)) = &self.filter {
            query.append_pair("$filter", &[name, " eq '", &value.replace('\'', "''"), "'"].concat());
        }
        if let Some(top) = self.top {
            query.append_pair("$top", &top.to_string());
        }
        if self.count {
            query.append_pair("$count", "true");
        }
        query.append_pair("$skip", &skip.to_string()).finish()
    }

    /// How many of the resources are asked for.
    ///
    /// # Errors
    /// As for a page.
    pub(super) fn counted(&self, resources: &[Json]) -> Result<usize, ApiError> {
        let mut count = 0;
        for resource in resources {
            count += usize::from(self.lets_through(resource)?);
        }
        Ok(count)
    }

    fn lets_through(&self, resource: &Json) -> Result<bool, ApiError> {
        let Some((name, value)) = &self.filter else { return Ok(true) };
        let Some(member) = resource.get(name) else {
            return Err(ApiError::invalid(format!("`$filter`: there is no member `{}` here.", short(name))));
        };
        Ok(member.as_str() == Some(value))
    }
}

/// `name eq 'value'`, the one comparison that is served.
fn equality(filter: &str) -> Result<(String, String), ApiError> {
    let wrong = || wrong("$filter", "one comparison, `name eq 'value'`");
    let (name, rest) = filter.trim().split_once(' ').ok_or_else(wrong)?;
    let value = rest.trim_start().strip_prefix("eq ").map(str::trim).ok_or_else(wrong)?;
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).ok_or_else(wrong)?;
    if quoted.replace("''", "").contains('\'') {
        return Err(wrong());
    }
    Ok((name.to_owned(), quoted.replace("''", "'")))
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn wrong(option: &str, expected: &str) -> ApiError {
    ApiError::invalid(format!("`{option}`: this has to be {expected}."))
}

/// What somebody wrote, short enough to be told.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn page(query: &str) -> Result<Json, u16> {
        let resources = (1..=250).map(|number| json!({ "id": number.to_string(), "name": "it's", "status": null }));
        let query = Query::parse(query).map_err(|error| error.status.as_u16())?;
        let next = |end: usize| format!("next {end}");
        query.page("context".to_owned(), resources.collect(), next).map_err(|error| error.status.as_u16())
    }

    #[test]
    fn pages_go_on_until_all_were_told() {
        let first = page("").unwrap();
        assert_eq!((first["value"].as_array().unwrap().len(), &first["@odata.nextLink"]), (100, &json!("next 100")));
        let last = page("$skip=200&$count=true").unwrap();
        assert_eq!((last["value"].as_array().unwrap().len(), last.get("@odata.nextLink")), (50, None));
        assert_eq!(last["@odata.count"], 250);
        assert_eq!(page("top=9999").unwrap()["value"].as_array().unwrap().len(), 250);
        assert_eq!(page("$skip=18446744073709551615").unwrap()["value"], json!([]));
    }

    #[test]
    fn what_is_asked_for_is_told_and_nothing_else() {
        let one = json!([{ "id": "7", "name": "it's" }]);
        assert_eq!(page("$filter=id%20eq%20'7'&$select=name").unwrap()["value"], one);
        assert_eq!(page("$filter=name eq 'it''s'&$top=1&utm=x").unwrap()["value"].as_array().unwrap().len(), 1);
        assert_eq!(page("$filter=status eq 'x'").unwrap()["value"], json!([]));
        for query in [
            "$top=0",
            "$top=-1",
            "$top=x",
            "$skip=-1",
            "$count=yes",
            "$top=1&top=2",
            "$select=nothing",
            "$expand=schema",
            "$filter=id",
            "$filter=id eq 7",
            "$filter=id ne '7'",
            "$filter=nothing eq '7'",
            "$filter=id eq ''7'",
            "$apply=x",
        ] {
            assert_eq!(page(query), Err(400), "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_harms(query in "\\PC{0,200}") {
            let _ = page(&query);
            let _ = page(&format!("$filter={query}"));
        }
    }
}
