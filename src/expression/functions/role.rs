//! Functions of the application roles that are assigned to somebody: records of `id`, `value` and `displayName`.

use std::collections::BTreeMap;

use super::row::{example, function, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;
use crate::expression::outcome::{Halt, Reason};
use crate::model::Value;

use ValueType::{List, Roles, Text};

/// The `type` of every role that is written to a target.
const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

const OBJECT: &str = r#"{"appRoleAssignments": [{"id": "2", "value": "ro", "displayName": "Viewer"}, {"id": "1", "value": "rw", "displayName": "Editor"}]}"#;
const COMPLEX: &str = r#"[{"display":"Viewer","primary":false,"type":"WindowsAzureActiveDirectoryRole","value":"ro"},{"display":"Editor","primary":false,"type":"WindowsAzureActiveDirectoryRole","value":"rw"}]"#;

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "AppRoleAssignments",
        &[required("source", Roles)],
        List,
        names,
        "The names of the assigned roles.",
        &[example("AppRoleAssignments([appRoleAssignments])", OBJECT, r#"["Viewer","Editor"]"#)],
    ),
    function(
        "AppRoleAssignmentsComplex",
        &[required("source", Roles)],
        Roles,
        complex,
        "The assigned roles as values of the attribute roles, which are added to those of the target.",
        &[example("AppRoleAssignmentsComplex([appRoleAssignments])", OBJECT, COMPLEX)],
    ),
    function(
        "AssertiveAppRoleAssignmentsComplex",
        &[required("source", Roles)],
        Roles,
        complex,
        "The assigned roles as values of the attribute roles, which replace those of the target.",
        &[example("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", OBJECT, COMPLEX)],
    ),
    function(
        "SingleAppRoleAssignment",
        &[required("source", Roles)],
        Text,
        single,
        "The name of one assigned role, the one with the lowest id.",
        &[example("SingleAppRoleAssignment([appRoleAssignments])", OBJECT, r#""Editor""#)],
    ),
];

/// One assignment.
struct Role {
    id: Option<String>,
    value: Option<String>,
    display_name: Option<String>,
}

impl Role {
    fn read(parts: &BTreeMap<String, Value>) -> Self {
        let part =
            |name: &str| parts.get(name).and_then(Value::as_text).filter(|text| !text.is_empty()).map(str::to_owned);
        Self { id: part("id"), value: part("value"), display_name: part("displayName") }
    }

    /// The display name, else the value.
    fn name(self) -> Option<String> {
        self.display_name.or(self.value)
    }
}

fn names<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let Some(roles) = roles(arguments)? else { return Ok(None) };
    let names = roles.into_iter().filter_map(Role::name);
    Ok(Some(Operand::Made(Value::texts(names))))
}

fn complex<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let Some(roles) = roles(arguments)? else { return Ok(None) };
    let written = roles.into_iter().map(|role| {
        let parts = [
            ("display", role.display_name.map(Value::Text)),
            ("primary", Some(Value::Boolean(false))),
            ("type", Some(Value::text(ROLE_TYPE))),
            ("value", role.value.map(Value::Text)),
        ];
        Value::Record(parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?))).collect())
    });
    Ok(Some(Operand::Made(Value::List(written.collect()))))
}

/// The order of a directory means nothing; the lowest id gives the same answer every time.
fn single<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    let roles = roles(arguments)?.unwrap_or_default();
    let first = roles.into_iter().min_by(|left, right| left.id.cmp(&right.id));
    Ok(first.and_then(Role::name).map(Operand::text))
}

fn roles(arguments: &Arguments<'_, '_>) -> Result<Option<Vec<Role>>, Halt> {
    let Some(value) = arguments.present(0)? else { return Ok(None) };
    let roles = value.into_elements().into_iter().map(|element| match element.into_value().as_ref() {
        Value::Record(parts) => Ok(Role::read(parts)),
        _ => Err(arguments.fail(Reason::NotRoles(arguments.name(0)))),
    });
    roles.collect::<Result<_, _>>().map(Some)
}
