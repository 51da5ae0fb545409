//! Who is assigned to an application, and with which role.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Anchor, Value};

/// Whom a job provisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobScope {
    /// Whom the source delivers.
    #[default]
    All,
    /// Of these, whoever is assigned to the application.
    Assigned(Reach),
}

/// How far a group reaches whose members are assigned, or asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To those whom the group itself lists.
    #[default]
    Direct,
    /// To those, too, whom a group in it lists, as far as groups in groups are followed.
    Nested,
}

/// What is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalKind {
    Person,
    /// Its members are assigned through it.
    Group,
}

/// A role of an application, as somebody has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignedRole {
    /// What tells it from the other roles of the application.
    pub id: String,
    /// What the application calls it; `None` for plain access, which is no role of its own.
    pub value: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// False for a role that entitles nobody: one that is switched off, or not made for people.
    pub provisionable: bool,
}

impl AssignedRole {
    /// The role as the attribute `appRoleAssignments` holds it. Plain access is none.
    fn record(&self) -> Option<Value> {
        if self.value.is_none() && self.display_name.is_none() {
            return None;
        }
        let id = Some(("id".to_owned(), Value::text(self.id.as_str())));
        let part = |name: &str, text: &Option<String>| Some((name.to_owned(), Value::text(text.as_deref()?)));
        let parts = [id, part("value", &self.value), part("displayName", &self.display_name)];
        Some(Value::Record(parts.into_iter().flatten().collect()))
    }
}

/// One assignment, as the source lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    pub principal: Anchor,
    pub kind: PrincipalKind,
    /// Very many assignments share few roles.
    pub role: Arc<AssignedRole>,
}

/// Every role that one object has, its own and those through groups, each once and in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, AssignedRole>);

impl Roles {
    /// Adds a role. One that comes from several groups is one role, and entitles if it does anywhere.
    pub fn add(&mut self, role: AssignedRole) {
        match self.0.get_mut(&role.id) {
            Some(known) if known.provisionable || !role.provisionable => {}
            _ => drop(self.0.insert(role.id.clone(), role)),
        }
    }

    /// True for an object that is assigned in no way.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when one of the roles entitles.
    pub fn entitle(&self) -> bool {
        self.0.values().any(|role| role.provisionable)
    }

    /// The value of the attribute `appRoleAssignments`: the roles that entitle, plain access left out. `None` where there
    /// are none.
    pub fn value(&self) -> Option<Value> {
        let records = self.0.values().filter(|role| role.provisionable).filter_map(AssignedRole::record);
        let records: Vec<Value> = records.collect();
        (!records.is_empty()).then_some(Value::List(records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, value: Option<&str>, provisionable: bool) -> AssignedRole {
        AssignedRole { id: id.to_owned(), value: value.map(str::to_owned), display_name: None, provisionable }
    }

    #[test]
    fn roles_are_told_once_in_one_order_whatever_brings_them() {
        let all = [
            role("2", Some("rw"), true),
            role("1", Some("ro"), true),
            role("0", None, true),
            role("3", Some("off"), false),
        ];
        let told = |order: &[usize]| {
            let mut roles = Roles::default();
            order.iter().for_each(|index| roles.add(all[*index].clone()));
            roles.value()
        };
        let expected = told(&[0, 1, 2, 3]);
        for order in [[3, 2, 1, 0], [1, 0, 3, 2]] {
            assert_eq!(told(&[order.as_slice(), &order].concat()), expected);
        }
        let Some(Value::List(records)) = expected else { panic!("there are roles") };
        assert_eq!(records.len(), 2, "plain access is no role, and one that is switched off gives nothing");
    }

    #[test]
    fn one_way_that_entitles_is_enough() {
        let mut roles = Roles::default();
        assert!(roles.is_empty() && !roles.entitle());
        roles.add(role("1", Some("a"), false));
        assert!(!roles.is_empty() && !roles.entitle());
        roles.add(role("1", Some("a"), true));
        roles.add(role("1", Some("a"), false));
        assert!(roles.entitle());
    }
}
