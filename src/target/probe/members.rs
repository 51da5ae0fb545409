//! Changing who is in a group: how many at once, in which form, and whether it shows.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::changes::Means;
use super::checks::{
    DELETE, GROUP_MEMBERS, MEMBERS_ADD, MEMBERS_DELETED, MEMBERS_EXCLUDED, MEMBERS_MANY, MEMBERS_REMOVE,
    MEMBERS_UNKNOWN, USER_GROUPS,
};
use super::groups::group;
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict};
use crate::model::ResourceId;
use crate::scim::{AttributePath, urn};
use crate::target::profile::MemberRemoval;
use crate::target::write::member_operations;

impl Probe {
    /// Everything about the members of an empty group.
    pub(super) async fn change_members(
        &mut self,
        group: &Throwaway,
        people: &[Throwaway],
        means: Option<Means>,
    ) -> Result<(), Stop> {
        let Some((first, _)) = people.split_first() else {
            self.report.add(&MEMBERS_ADD, Verdict::Unknown, "there are no users");
            return Ok(());
        };
        let one = std::slice::from_ref(first);
        let mut by_patch = matches!(means, Some(Means::Path | Means::Object));
        let mut seen = if by_patch { self.add(group, one).await? } else { self.put_members(group, one).await? };
        if by_patch && !seen.is_success() && self.put_members(group, one).await?.is_success() {
            // One way for everything: PUT takes users as well.
            self.report.deviates(&MEMBERS_ADD, [&seen.told(), ", but PUT works"].concat());
            self.report.profile.patch = Some(false);
            by_patch = false;
            seen.status = 200;
        }
        if !seen.is_success() {
            self.report.deviates(&MEMBERS_ADD, seen.told());
            return Ok(());
        }
        let shown = self.shown_members(group).await?;
        let by_group = shown.contains(&first.id);
        let by_user = self.shows_group(first, group).await?;
        self.report.judge(&GROUP_MEMBERS, by_group, || "a group that is read has none".to_owned());
        self.report.judge(&USER_GROUPS, by_user, || "a user who is a member has no `groups`".to_owned());
        if !by_group {
            self.report.profile.members_readable = Some(false);
        }
        if by_patch {
            match by_group || by_user {
                true => self.report.conforms(&MEMBERS_ADD),
                false => self.report.add(&MEMBERS_ADD, Verdict::Unknown, "it succeeds; the effect cannot be seen"),
            }
            self.add_many(people).await?;
            self.remove_one(people).await?;
            let nobody = Throwaway { id: [&self.run, "-nobody"].concat(), name: String::new() };
            let seen = self.add(group, &[nobody]).await?;
            self.report.judge(&MEMBERS_UNKNOWN, matches!(seen.status, 400 | 404), || seen.told());
        }
        let ask = Ask::get([self.groups.as_str(), &group.id]).query("excludedAttributes", "members");
        let seen = self.session.ask(ask).await?;
        let spared = seen.is_success() && seen.body.get("members").is_none();
        self.report.judge(&MEMBERS_EXCLUDED, spared, || "they come all the same".to_owned());
        Ok(())
    }

    /// Whether a member who is deleted is a member no more. `group` has to show its members.
    pub(super) async fn delete_member(&mut self, group: &Throwaway, person: &Throwaway) -> Result<(), Stop> {
        let seen = self.session.ask(Ask::new(Method::DELETE, [self.users.as_str(), &person.id])).await?;
        let still = self.shown_members(group).await?.contains(&person.id);
        if !seen.is_success() || !self.conforms(&DELETE) || !self.conforms(&GROUP_MEMBERS) {
            self.report.add(&MEMBERS_DELETED, Verdict::Unknown, "it cannot be seen");
            return Ok(());
        }
        self.litter.removed(&person.id);
        self.report.judge(&MEMBERS_DELETED, !still, || "the group keeps the id".to_owned());
        if still {
            self.report.profile.deletes_memberships = Some(false);
        }
        Ok(())
    }

    /// The largest number of members that one PATCH really adds, up to all of `people`: each trial has a new group.
    async fn add_many(&mut self, people: &[Throwaway]) -> Result<(), Stop> {
        if self.takes(people).await? {
            let detail = [&people.len().to_string(), " at once"].concat();
            self.report.add(&MEMBERS_MANY, Verdict::Conforms, detail);
            return Ok(());
        }
        let (mut taken, mut refused) = (1, people.len());
        while refused - taken > 1 {
            let middle = taken.midpoint(refused);
            if self.takes(&people[..middle]).await? { taken = middle } else { refused = middle }
        }
        self.report.deviates(&MEMBERS_MANY, ["at most ", &taken.to_string(), " at once"].concat());
        self.report.profile.members_per_patch = Some(taken);
        Ok(())
    }

    async fn takes(&mut self, people: &[Throwaway]) -> Result<bool, Stop> {
        let Some(group) = self.new_group().await? else { return Ok(false) };
        let seen = self.add(&group, people).await?;
        Ok(seen.is_success() && self.has_members(&group, people).await? != Some(false))
    }

    /// One of two members goes, by a filter, or else by a list of values.
    async fn remove_one(&mut self, people: &[Throwaway]) -> Result<(), Stop> {
        let [goes, stays, ..] = people else {
            self.report.add(&MEMBERS_REMOVE, Verdict::Unknown, "there are not enough users");
            return Ok(());
        };
        let mut refusal = String::new();
        for form in [MemberRemoval::Filter, MemberRemoval::Values] {
            let Some(group) = self.new_group().await? else { return Ok(()) };
            for person in [goes, stays] {
                self.add(&group, std::slice::from_ref(person)).await?;
            }
            let operations = member_operations(&members(), &[], &[ResourceId::new(goes.id.as_str())], form);
            let seen = self.patch(urn::GROUPS, &group.id, operations).await?;
            let left = self.has_members(&group, std::slice::from_ref(goes)).await?;
            let kept = self.has_members(&group, std::slice::from_ref(stays)).await?;
            // Where members cannot be seen, the answer is all there is.
            let works = seen.is_success() && left != Some(true) && kept != Some(false);
            match (works, form) {
                (true, MemberRemoval::Filter) => {
                    self.report.conforms(&MEMBERS_REMOVE);
                    return Ok(());
                }
                (true, MemberRemoval::Values) => {
                    self.report.deviates(&MEMBERS_REMOVE, [&refusal, ", but works by a list of values"].concat());
                    self.report.profile.member_removal = Some(form);
                    return Ok(());
                }
                (false, MemberRemoval::Filter) => refusal = failure(&seen, kept),
                (false, MemberRemoval::Values) => self.report.deviates(&MEMBERS_REMOVE, refusal.clone()),
            }
        }
        Ok(())
    }

    async fn new_group(&mut self) -> Result<Option<Throwaway>, Stop> {
        let name = self.group_name(&uuid::Uuid::new_v4().simple().to_string()[..8]);
        Ok(self.create(urn::GROUPS, &name, group(&name, &[])).await?.1)
    }

    async fn add(&self, group: &Throwaway, people: &[Throwaway]) -> Result<Seen, Stop> {
        let ids: Vec<ResourceId> = people.iter().map(|person| ResourceId::new(person.id.as_str())).collect();
        let operations = member_operations(&members(), &ids, &[], MemberRemoval::Filter);
        self.patch(urn::GROUPS, &group.id, operations).await
    }

    async fn put_members(&self, group: &Throwaway, people: &[Throwaway]) -> Result<Seen, Stop> {
        let current = self.read(urn::GROUPS, &group.id).await?;
        let Some(mut resource) = current.resource() else { return Ok(current) };
        resource.set(&members(), people.iter().map(|person| json!({ "value": person.id })).collect());
        let ask = Ask::new(Method::PUT, [self.groups.as_str(), &group.id]).body(Value::from(resource));
        self.session.ask(ask).await
    }

    /// Whether all of these are in the group; `None` where neither the group nor its members tell.
    pub(super) async fn has_members(&self, group: &Throwaway, people: &[Throwaway]) -> Result<Option<bool>, Stop> {
        if self.report.profile.members_readable != Some(false) {
            let shown = self.shown_members(group).await?;
            return Ok(Some(people.iter().all(|person| shown.contains(&person.id))));
        }
        if !self.conforms(&USER_GROUPS) {
            return Ok(None);
        }
        for person in people {
            if !self.shows_group(person, group).await? {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    async fn shown_members(&self, group: &Throwaway) -> Result<BTreeSet<String>, Stop> {
        let resource = self.read(urn::GROUPS, &group.id).await?.resource().unwrap_or_default();
        let ids = resource.values(&members().part("value")).into_iter().filter_map(Value::as_str);
        Ok(ids.map(str::to_owned).collect())
    }

    async fn shows_group(&self, user: &Throwaway, group: &Throwaway) -> Result<bool, Stop> {
        let resource = self.read(urn::USERS, &user.id).await?.resource().unwrap_or_default();
        let groups = resource.values(&AttributePath::new("groups").part("value"));
        Ok(groups.into_iter().any(|value| value == group.id.as_str()))
    }
}

fn members() -> AttributePath {
    AttributePath::new("members")
}

fn failure(seen: &Seen, kept: Option<bool>) -> String {
    match (seen.is_success(), kept) {
        (true, Some(false)) => "it removes everybody".to_owned(),
        (true, _) => "it succeeds without an effect".to_owned(),
        (false, _) => seen.told(),
    }
}
