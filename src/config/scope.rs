//! Whom a job provisions: everybody that its source delivers, or whoever is assigned to the application.

use serde::Deserialize;

use super::document::NodeId;
use super::resolve::Resolver;
use super::resolved::{Connector, JobSchema, SourceConfig};
use crate::model::{JobScope, NestedGroups, Reach};
use crate::source::graph::ServicePrincipal;
use crate::source::ldap::AssignedGroup;

/// `all`, or `assigned` with what says who that is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenScope {
    #[default]
    All,
    Assigned(WrittenAssigned),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAssigned {
    /// Microsoft Graph: the application whose assignments count, `{ object_id: … }` or `{ app_id: … }`.
    #[serde(default)]
    service_principal: Option<ServicePrincipal>,
    /// LDAP: the groups whose members are assigned, each with a role if it has one.
    #[serde(default)]
    groups: Option<Vec<AssignedGroup>>,
    /// How far the assignment of a group reaches: `direct`, to those whom it lists, or `nested`, to those in groups in it, too,
    /// where the job flattens groups. Default: `direct`.
    #[serde(default)]
    members: WrittenReach,
}

/// To whom a group leads that is assigned, or that a filter names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenReach {
    #[default]
    Direct,
    Nested,
}

impl WrittenReach {
    fn reach(self) -> Reach {
        match self {
            Self::Direct => Reach::Direct,
            Self::Nested => Reach::Nested,
        }
    }
}

/// Whom a job provisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ScopeSettings {
    /// Whom the source delivers. The default.
    #[default]
    All,
    /// Of these, whoever is assigned.
    Assigned { by: AssignedBy, reach: Reach },
}

/// What says who is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignedBy {
    /// The assignments to an application of the tenant.
    ServicePrincipal(ServicePrincipal),
    /// Membership of these groups of the directory.
    Groups(Vec<AssignedGroup>),
}

impl ScopeSettings {
    /// The scope as the engine knows it.
    pub fn scope(&self) -> JobScope {
        match self {
            Self::All => JobScope::All,
            Self::Assigned { reach, .. } => JobScope::Assigned(*reach),
        }
    }
}

/// What of a job the scope has to go with.
pub(super) struct Beside<'a> {
    pub(super) source: Option<&'a SourceConfig>,
    pub(super) schema: Option<&'a JobSchema>,
    pub(super) nested_groups: NestedGroups,
}

impl Resolver<'_> {
    pub(super) fn scope(&mut self, job: NodeId, written: WrittenScope, beside: &Beside<'_>) -> ScopeSettings {
        let WrittenScope::Assigned(written) = written else { return ScopeSettings::All };
        let (keys, hint) =
            (["scope", "assigned", "members"], "set `nested_groups: flatten` beside `scope`, or leave `members` out");
        let reach = self.reach(job, &keys, written.members, beside.nested_groups, hint);
        self.reads_groups(job, beside.schema);
        let by = self.assigned_by(job, written, beside.source);
        by.map_or(ScopeSettings::All, |by| ScopeSettings::Assigned { by, reach })
    }

    /// How far filters reach that ask for members of groups.
    pub(super) fn is_member_of(&mut self, job: NodeId, written: WrittenReach, nested_groups: NestedGroups) -> Reach {
        let hint = "set `nested_groups: flatten` beside `is_member_of`, or leave `is_member_of` out";
        self.reach(job, &["is_member_of"], written, nested_groups, hint)
    }

    fn reach(
        &mut self,
        job: NodeId,
        keys: &[&str],
        written: WrittenReach,
        nested_groups: NestedGroups,
        hint: &str,
    ) -> Reach {
        let reach = written.reach();
        if reach == Reach::Nested && nested_groups != NestedGroups::Flatten {
            let place = self.place(job, keys);
            self.problem(place, "members of groups in groups are only known where a job flattens groups", hint);
        }
        reach
    }

    /// Who is assigned through a group is only known where groups are read, provisioned or not.
    fn reads_groups(&mut self, job: NodeId, schema: Option<&JobSchema>) {
        let Some(schema) = schema else { return };
        let mut references = schema.rules.mappings.iter().flat_map(|mapping| &mapping.references);
        if !references.any(|reference| reference.is_members()) {
            let place = self.place(job, &["scope", "assigned"]);
            let what = "the schema reads no groups, so nobody can tell who is assigned through one";
            let hint = "enable its mapping of groups, with `members` mapped; `flowTypes` of `None` keeps them from being \
                        provisioned";
            self.problem(place, what, hint);
        }
    }

    fn assigned_by(
        &mut self,
        job: NodeId,
        written: WrittenAssigned,
        source: Option<&SourceConfig>,
    ) -> Option<AssignedBy> {
        let is_faulty = self.faulty_below(self.place(job, &["scope", "assigned"]));
        let mut problem = |keys: &[&str], what: String, hint: &str| {
            let keys: Vec<&str> = ["scope", "assigned"].iter().chain(keys).copied().collect();
            let place = self.place(job, &keys);
            self.problem(place, what, hint);
            None
        };
        match (&source?.connector, written.service_principal, written.groups) {
            // What was written there is told already.
            (_, None, None) if is_faulty => None,
            (Connector::Graph(_), Some(_), Some(_)) | (Connector::Graph(_), None, Some(_)) => problem(
                &["groups"],
                "a tenant says itself which groups are assigned".to_owned(),
                "name the application by `service_principal`, and assign groups to it in the tenant",
            ),
            (Connector::Graph(_), None, None) => problem(
                &[],
                "nothing says who is assigned".to_owned(),
                "add `service_principal: { app_id: … }` or `service_principal: { object_id: … }`",
            ),
            (Connector::Graph(_), Some(principal), None) if !principal.is_id() => problem(
                &["service_principal"],
                format!("`{}` is no id of an application", principal.id()),
                "write it as the tenant shows it, such as `11111111-2222-4333-8444-555555555555`",
            ),
            (Connector::Graph(_), Some(principal), None) => Some(AssignedBy::ServicePrincipal(principal)),
            (Connector::Ldap(_), Some(_), _) => problem(
                &["service_principal"],
                "a directory that is read over LDAP has no applications".to_owned(),
                "name the assigned groups: `groups: [{ dn: … }]`",
            ),
            (Connector::Ldap(_), None, None) => {
                problem(&[], "nothing says who is assigned".to_owned(), "add `groups: [{ dn: … }]`")
            }
            (Connector::Ldap(_), None, Some(groups)) if groups.is_empty() => problem(
                &["groups"],
                "no group is assigned, so nobody is".to_owned(),
                "name the groups whose members are to be provisioned",
            ),
            (Connector::Ldap(_), None, Some(groups)) => {
                let faults = groups.iter().filter_map(|group| Some((group.dn.clone(), group.fault()?)));
                for (dn, fault) in faults {
                    problem(
                        &["groups"],
                        format!("`{dn}` is not a distinguished name: {fault}"),
                        "write a DN such as `cn=crm,ou=groups,dc=example,dc=org`",
                    );
                }
                let is_nameless = |group: &AssignedGroup| group.role.as_ref().is_some_and(|role| role.value.is_empty());
                if groups.iter().any(is_nameless) {
                    problem(&["groups"], "a role has no `value`".to_owned(), "leave `role` out for plain access");
                }
                Some(AssignedBy::Groups(groups))
            }
        }
    }
}
