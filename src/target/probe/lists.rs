//! Finding resources: filters, pages, projection, sorting, searches by POST.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::checks::{
    CURSOR, FILTER, FILTER_AT_ONCE, FILTER_ATTRIBUTES, FILTER_CASE, FILTER_GROUPS, FILTER_NOTHING, PAGES, PROJECTION,
    SEARCH, SORT,
};
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict};
use crate::model::ResourceKind;
use crate::scim::{AttributePath, Filter, ListResponse, Resource, SearchRequest, urn};

/// How long a search may lag behind before it counts as not working, and how often it is asked meanwhile.
const LONGEST_LAG: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);

/// What a search brought.
enum Found {
    /// Exactly what was looked for.
    It,
    Nothing,
    /// Other resources as well: the filter has no effect.
    Others,
    Refused(Seen),
}

impl Probe {
    /// Filters on users. `user` has been there for a while.
    pub(super) async fn find_users(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let name = self.user_name("2");
        let (_, created) = self.create(urn::USERS, &name, self.user(&name)).await?;
        let newest = created.unwrap_or_else(|| user.clone());
        let user_name = AttributePath::new("userName");
        let started = Instant::now();
        let found = loop {
            match self.search(urn::USERS, &user_name, &newest.name, &newest.id).await? {
                Found::Nothing if started.elapsed() < LONGEST_LAG => tokio::time::sleep(PAUSE).await,
                found => break found,
            }
        };
        let lag = started.elapsed();
        match found {
            Found::It => self.report.conforms(&FILTER),
            Found::Nothing => self.report.deviates(&FILTER, "a user that is there is not found"),
            Found::Others => self.report.deviates(&FILTER, "the filter has no effect"),
            Found::Refused(seen) => {
                let verdict =
                    if self.announces("filter") == Some(false) { Verdict::NotOffered } else { Verdict::Deviates };
                self.report.add(&FILTER, verdict, seen.told());
            }
        }
        if !self.report.findings.last().is_some_and(|finding| finding.verdict == Verdict::Conforms) {
            self.report.profile.filter = Some(false);
            return Ok(());
        }
        // A first answer takes its time as well, and is no lag.
        let at_once = lag < PAUSE;
        self.report.judge(&FILTER_AT_ONCE, at_once, || ["after ", &lag.as_millis().to_string(), " ms"].concat());
        if !at_once {
            self.report.profile.match_lag_seconds = Some(lag.as_secs() * 2 + 1);
        }
        let capitals = user.name.to_ascii_uppercase();
        let found = self.search(urn::USERS, &user_name, &capitals, &user.id).await?;
        self.report.judge(&FILTER_CASE, matches!(found, Found::It), || "capitals are not found".to_owned());
        let nobody = [&self.run, "-nobody"].concat();
        match self.search(urn::USERS, &user_name, &nobody, "").await? {
            Found::Nothing => self.report.conforms(&FILTER_NOTHING),
            Found::Refused(seen) => self.report.deviates(&FILTER_NOTHING, seen.told()),
            Found::It | Found::Others => self.report.deviates(&FILTER_NOTHING, "it brought something"),
        }
        self.find_by_other_attributes(user).await
    }

    async fn find_by_other_attributes(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let Some(resource) = self.read(urn::USERS, &user.id).await?.resource() else { return Ok(()) };
        let (mut known, mut unknown) = (vec![AttributePath::new("userName")], Vec::new());
        for path in [AttributePath::new("externalId"), AttributePath::new("emails").part("value")] {
            // What the target does not keep, it cannot find.
            let Some(value) = resource.get(&path).and_then(Value::as_str) else { continue };
            match self.search(urn::USERS, &path, value, &user.id).await? {
                Found::It => known.push(path),
                _ => unknown.push(path),
            }
        }
        let names: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        self.report.judge(&FILTER_ATTRIBUTES, unknown.is_empty(), || ["not by ", &names.join(", ")].concat());
        if !unknown.is_empty() {
            self.report.profile.filter_attributes = Some(known);
        }
        Ok(())
    }

    /// A filter on groups, where users have filters.
    pub(super) async fn find_groups(&mut self, group: &Throwaway) -> Result<(), Stop> {
        if self.report.profile.filter == Some(false) {
            self.report.add(&FILTER_GROUPS, Verdict::Unknown, "there are no filters");
            return Ok(());
        }
        let path = AttributePath::new("displayName");
        let started = Instant::now();
        let found = loop {
            match self.search(urn::GROUPS, &path, &group.name, &group.id).await? {
                Found::Nothing if started.elapsed() < LONGEST_LAG => tokio::time::sleep(PAUSE).await,
                found => break found,
            }
        };
        let problem = match found {
            Found::It => {
                self.report.conforms(&FILTER_GROUPS);
                if let Some(known) = &mut self.report.profile.filter_attributes {
                    known.push(path);
                }
                return Ok(());
            }
            Found::Nothing => "a group that is there is not found".to_owned(),
            Found::Others => "the filter has no effect".to_owned(),
            Found::Refused(seen) => seen.told(),
        };
        self.report.deviates(&FILTER_GROUPS, problem);
        self.report.profile.filter_types = Some(BTreeSet::from([ResourceKind::new(urn::USERS)]));
        Ok(())
    }

    async fn search(&self, endpoint: &'static str, path: &AttributePath, value: &str, id: &str) -> Result<Found, Stop> {
        let filter = Filter::equals(path.clone(), value).to_string();
        let seen = self.session.ask(Ask::get([self.path(endpoint)]).query("filter", &filter)).await?;
        let Some(list) = seen.list() else { return Ok(Found::Refused(seen)) };
        let others = list.resources.iter().any(|resource| resource.id() != Some(id));
        Ok(match list.resources.is_empty() {
            true => Found::Nothing,
            false if others => Found::Others,
            false => Found::It,
        })
    }

    /// Pages of users, and what else a query may ask for.
    pub(super) async fn page_through_users(&mut self) -> Result<(), Stop> {
        self.page_by_index().await?;
        self.page_by_cursor().await?;

        let ask = Ask::get([self.users.as_str()]).query("attributes", "userName").query("count", "1");
        let seen = self.session.ask(ask).await?;
        let narrow = |resource: &Resource| {
            resource.as_map().contains_key("userName") && !resource.as_map().contains_key("displayName")
        };
        let honoured = seen.list().is_some_and(|list| list.resources.iter().all(narrow));
        self.report.judge(&PROJECTION, honoured, || "`attributes` has no effect".to_owned());

        if self.announces("sort") == Some(true) {
            let ask = Ask::get([self.users.as_str()]).query("sortBy", "userName").query("count", "20");
            let names = self.session.ask(ask).await?.list().map(|list| user_names(&list)).unwrap_or_default();
            self.report.judge(&SORT, names.is_sorted(), || "`sortBy` has no effect".to_owned());
        } else {
            self.report.add(&SORT, Verdict::NotOffered, "");
        }

        let filter = Filter::equals(AttributePath::new("userName"), self.user_name("1")).to_string();
        let body = json!(SearchRequest { filter: Some(filter), ..SearchRequest::default() });
        let seen = self.session.ask(Ask::new(Method::POST, [self.users.as_str(), urn::SEARCH]).body(body)).await?;
        match seen.list() {
            Some(_) => self.report.conforms(&SEARCH),
            None if seen.is_not_offered() => self.report.add(&SEARCH, Verdict::NotOffered, seen.told()),
            None => self.report.deviates(&SEARCH, seen.told()),
        }
        Ok(())
    }

    async fn page_by_index(&mut self) -> Result<(), Stop> {
        let (first, second) = (self.page("1", "2").await?, self.page("3", "2").await?);
        let problem = match (&first, &second) {
            (Some(first), Some(second)) => {
                let ids = |list: &ListResponse| -> BTreeSet<String> {
                    list.resources.iter().filter_map(|resource| resource.id().map(str::to_owned)).collect()
                };
                let again = ids(first).intersection(&ids(second)).next().is_some();
                match (first.resources.len(), again) {
                    (3.., _) => Some("`count` has no effect"),
                    (_, true) => Some("`startIndex` has no effect"),
                    _ if first.total_results == 0 => Some("without `totalResults`"),
                    _ => None,
                }
            }
            _ => Some("a page was refused"),
        };
        self.report.judge(&PAGES, problem.is_none(), || problem.unwrap_or_default().to_owned());
        // How much it gives at most, where there is more.
        if let Some(most) = self.page("1", "1000").await? {
            let received = most.resources.len();
            if (1..100).contains(&received) && most.total_results > received as u64 && problem.is_none() {
                self.report.profile.max_page_size = Some(received);
            }
        }
        Ok(())
    }

    async fn page(&self, start: &str, count: &str) -> Result<Option<ListResponse>, Stop> {
        let ask = Ask::get([self.users.as_str()]).query("startIndex", start).query("count", count);
        Ok(self.session.ask(ask).await?.list())
    }

    async fn page_by_cursor(&mut self) -> Result<(), Stop> {
        let offered =
            self.config.get("pagination").and_then(|pagination| pagination.get("cursor")) == Some(&Value::Bool(true));
        if !offered {
            self.report.add(&CURSOR, Verdict::NotOffered, "");
            return Ok(());
        }
        let users = self.users.as_str();
        let first = self.session.ask(Ask::get([users]).query("cursor", "").query("count", "2")).await?.list();
        let next = first.as_ref().and_then(|list| list.next_cursor.clone());
        let second = match &next {
            Some(next) => self.session.ask(Ask::get([users]).query("cursor", next).query("count", "2")).await?.list(),
            None => None,
        };
        let works = match (&first, &second) {
            (Some(first), Some(second)) => user_names(first).iter().all(|name| !user_names(second).contains(name)),
            _ => false,
        };
        self.report.judge(&CURSOR, works, || "it is announced and does not work".to_owned());
        if !works {
            self.report.profile.paging = Some(crate::target::profile::Paging::Index);
        }
        Ok(())
    }
}

/// The user names of a page, as `sortBy` compares them.
fn user_names(list: &ListResponse) -> Vec<String> {
    let name = |resource: &Resource| Some(resource.as_map().get("userName")?.as_str()?.to_lowercase());
    list.resources.iter().filter_map(name).collect()
}
