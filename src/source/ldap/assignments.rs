//! Who is assigned where a directory knows no applications: groups that the configuration names, and whoever they list.

use std::sync::Arc;

use ldap3::Scope;

use crate::model::{Anchor, AssignedRole, Assignment, ObjectKind, PrincipalKind};
use crate::source::SourceError;

use super::LdapSource;
use super::dn::Dn;
use super::failure::{Failure, code};
use super::feed::LdapFeed;
use super::lookup::{entries, query};
use super::object::{ENTRY_UUID, anchor_of};
use super::servers::{Session, configuration};
use super::settings::{AssignedGroup, GroupRole};

/// The role of a group for which none is named: plain access.
const PLAIN_ACCESS: &str = "";

/// The groups that are assigned, and the feed that reads their members.
pub(super) struct AssignedGroups {
    kind: ObjectKind,
    groups: Vec<AssignedGroup>,
}

impl LdapSource {
    /// The source, with these groups assigned to the application of the job. Fails with [`SourceError::Configuration`].
    pub fn with_assigned(mut self, groups: Vec<AssignedGroup>) -> Result<Self, SourceError> {
        let problem = |problem: String, hint| Err(configuration(&self.servers.names(), problem, hint));
        let feed = self.feeds.iter().find(|feed| feed.id.as_str() == "groups");
        let Some(kind) = feed.and_then(|feed| feed.kind.clone()) else {
            return problem(
                "groups are assigned, and none are read".to_owned(),
                "give the source `groups`, and the schema an enabled mapping of them; its `flowTypes` may be `None`",
            );
        };
        if let Some((dn, error)) = groups.iter().find_map(|group| Some((&group.dn, group.fault()?))) {
            return problem(format!("`{dn}` is not a distinguished name: {error}"), "name groups by their DN");
        }
        self.assigned = Some(AssignedGroups { kind, groups });
        Ok(self)
    }

    /// The groups by their anchors. One that is not there, or that is not read, is no empty group but a mistake.
    pub(super) async fn assigned_groups(&self, assigned: &AssignedGroups) -> Result<Vec<Assignment>, SourceError> {
        let feed = self.feed(|known| known.kind.as_ref() == Some(&assigned.kind), assigned.kind.as_str())?;
        let mut session = self.servers.connect().await?;
        let mut assignments = Vec::new();
        for group in &assigned.groups {
            let principal = anchor_at(&mut session, feed, &group.dn).await?;
            assignments.push(Assignment {
                principal,
                kind: PrincipalKind::Group,
                role: Arc::new(role(group.role.as_ref())),
            });
        }
        Ok(assignments)
    }
}

async fn anchor_at(session: &mut Session, feed: &LdapFeed, dn: &str) -> Result<Anchor, SourceError> {
    let server = session.server.clone();
    let problem = |problem: String, hint| Err(configuration(&server, problem, hint));
    let is_below = match (Dn::parse(dn), Dn::parse(&feed.base)) {
        (Ok(dn), Ok(base)) => dn.name() == base.name() || dn.name().is_below(&base.name()),
        _ => false,
    };
    if !is_below {
        return problem(
            format!("the assigned group `{dn}` does not lie below `{}`", feed.base),
            "its members are not read there: widen `groups.base` of the source",
        );
    }
    let attributes = vec![ENTRY_UUID.to_owned()];
    let query = query(dn, Scope::Base, feed.filter.to_string(), attributes, 0);
    match entries(&mut session.connection, query).await {
        Ok(found) => match found.first() {
            Some(entry) => match anchor_of(entry) {
                Some(anchor) => Ok(anchor),
                None => problem(
                    format!("the `entryUUID` of the assigned group `{dn}` cannot be read"),
                    "grant the account read access to it",
                ),
            },
            None => problem(
                format!("the assigned group `{dn}` is not among those that are read"),
                "its members are not read: let `groups.filter` of the source select it",
            ),
        },
        Err(Failure::Result(result)) if result.code == code::NO_SUCH_OBJECT => problem(
            format!("the assigned group `{dn}` is not there, or the account may not see it"),
            "correct its `dn` below the `scope` of the job, or grant read access",
        ),
        Err(failure) => Err(failure.broken(&server, feed.id.as_str(), dn)),
    }
}

fn role(role: Option<&GroupRole>) -> AssignedRole {
    let Some(GroupRole { value, display_name }) = role else {
        let id = PLAIN_ACCESS.to_owned();
        return AssignedRole { id, value: None, display_name: None, provisionable: true };
    };
    let display_name = display_name.clone().or_else(|| Some(value.clone()));
    AssignedRole { id: value.clone(), value: Some(value.clone()), display_name, provisionable: true }
}
