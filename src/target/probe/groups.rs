//! Creating groups, empty and with members.

use serde_json::{Value, json};

use super::checks::{GROUPS, MEMBERS_ON_CREATE};
use super::session::Stop;
use super::{Probe, Throwaway, Verdict};
use crate::scim::urn;

impl Probe {
    /// An empty group; `None` where there are no groups.
    pub(super) async fn create_group(&mut self) -> Result<Option<Throwaway>, Stop> {
        let name = self.group_name("1");
        let (seen, created) = self.create(urn::GROUPS, &name, group(&name, &[])).await?;
        match &created {
            Some(_) => self.report.judge(&GROUPS, seen.status == 201, || seen.told()),
            None if seen.is_not_offered() => self.report.add(&GROUPS, Verdict::NotOffered, seen.told()),
            None => self.report.deviates(&GROUPS, seen.told()),
        }
        Ok(created)
    }

    /// A group that has two members from the start.
    pub(super) async fn create_group_with_members(&mut self, people: &[Throwaway]) -> Result<(), Stop> {
        let [first, second, ..] = people else {
            self.report.add(&MEMBERS_ON_CREATE, Verdict::Unknown, "there are not enough users");
            return Ok(());
        };
        let name = self.group_name("full");
        let body = group(&name, &[&first.id, &second.id]);
        let (seen, created) = self.create(urn::GROUPS, &name, body).await?;
        let complete = match &created {
            Some(group) => self.has_members(group, &people[..2]).await? != Some(false),
            None => false,
        };
        self.report.judge(&MEMBERS_ON_CREATE, complete, || match created {
            Some(_) => "the members are lost".to_owned(),
            None => seen.told(),
        });
        if !complete {
            self.report.profile.members_on_create = Some(false);
        }
        Ok(())
    }

    /// The `displayName` of a group of this probe.
    pub(super) fn group_name(&self, part: &str) -> String {
        [&self.run, "-g", part].concat()
    }
}

/// A group with these members.
pub(super) fn group(name: &str, members: &[&str]) -> Value {
    let mut group = json!({ "schemas": [urn::GROUP], "displayName": name, "externalId": name });
    if !members.is_empty() {
        group["members"] = members.iter().map(|id| json!({ "value": id })).collect();
    }
    group
}
