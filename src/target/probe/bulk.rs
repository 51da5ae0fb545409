//! A user and a group with that user as its member, in one request.

use reqwest::Method;
use serde_json::{Value, json};

use super::checks::BULK;
use super::groups::group;
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict, is_id};
use crate::scim::urn;

impl Probe {
    /// Bulk (RFC 7644 section 3.7), where it is announced.
    pub(super) async fn create_in_bulk(&mut self) -> Result<(), Stop> {
        if self.announces("bulk") != Some(true) {
            self.report.add(&BULK, Verdict::NotOffered, "");
            return Ok(());
        }
        let (user, team) = (self.user_name("bulk"), self.group_name("bulk"));
        let operation = |bulk_id: &str, path: &str, data: Value| json!({ "method": "POST", "bulkId": bulk_id, "path": (["/", path].concat()), "data": data });
        let operations = [
            operation("user", &self.users, self.user(&user)),
            operation("group", &self.groups, group(&team, &["bulkId:user"])),
        ];
        let body = json!({ "schemas": [urn::BULK_REQUEST], "failOnErrors": 1, "Operations": operations });
        self.litter.expect(urn::USERS, &user);
        self.litter.expect(urn::GROUPS, &team);
        let seen = self.session.ask(Ask::new(Method::POST, [urn::BULK]).body(body)).await?;
        let made = [(urn::USERS, user, "user"), (urn::GROUPS, team, "group")].map(|(endpoint, name, bulk_id)| {
            let id = created_in(&seen, bulk_id);
            match &id {
                Some(id) => self.litter.made(endpoint, &name, id),
                None if (400..500).contains(&seen.status) => self.litter.refused(endpoint, &name),
                // It may be there all the same: it is looked for by its name in the end.
                None => {}
            }
            id.map(|id| Throwaway { id, name })
        });
        let works = match made {
            [Some(user), Some(team)] => self.has_members(&team, &[user]).await? != Some(false),
            _ => false,
        };
        self.report.judge(&BULK, works, || {
            let complaint = if seen.is_success() { "not everything was done".to_owned() } else { seen.told() };
            ["it is announced, but ", &complaint].concat()
        });
        if !works {
            self.report.profile.bulk = Some(false);
        }
        Ok(())
    }
}

/// The id in the location of the operation with this `bulkId`, if it succeeded.
fn created_in(seen: &Seen, bulk_id: &str) -> Option<String> {
    let operations = seen.body.get("Operations")?.as_array()?;
    let operation = operations.iter().find(|operation| operation["bulkId"] == bulk_id)?;
    // A status is text; older servers write an object with a `code`, or a number.
    let status = operation.get("status").map(|status| status.get("code").unwrap_or(status).to_string())?;
    let location = operation.get("location")?.as_str()?;
    let id = location.rsplit('/').next()?;
    (status.trim_matches('"').starts_with('2') && is_id(id)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bulk_made_is_read_from_its_locations() {
        let body = json!({ "Operations": [
            { "bulkId": "a", "status": "201", "location": "https://x.example/v2/Users/1" },
            { "bulkId": "b", "status": { "code": "201" }, "location": "/Users/2" },
            { "bulkId": "c", "status": "409", "location": "/Users/3" },
            { "bulkId": "d", "status": 201 },
            { "bulkId": "f", "status": "201", "location": "/Users/.." },
            { "bulkId": "g", "status": "201", "location": "/Users/" },
        ] });
        let seen = Seen { status: 200, body, ..Seen::default() };
        let ids = ["a", "b", "c", "d", "e"].map(|bulk_id| created_in(&seen, bulk_id));
        assert_eq!(ids, [Some("1".to_owned()), Some("2".to_owned()), None, None, None]);
        assert_eq!(["f", "g"].map(|bulk_id| created_in(&seen, bulk_id)), [None, None], "these name no resource");
    }
}
