//! The end of a user: deleted, with the name free again, or disabled.

use reqwest::Method;
use serde_json::json;

use super::changes::Means;
use super::checks::{DELETE, DISABLE, GONE, NAME_FREE, TAKES_BOOLEANS};
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict, is_active};
use crate::scim::{AttributePath, urn};
use crate::target::profile::DeleteMeans;

impl Probe {
    /// DELETE, and whether anything is left. True when a deleted user is gone.
    pub(super) async fn delete_user(&mut self) -> Result<bool, Stop> {
        let name = self.user_name("leaver");
        let (seen, created) = self.create(urn::USERS, &name, self.user(&name)).await?;
        let Some(leaver) = created else {
            self.report.add(&DELETE, Verdict::Unknown, ["the user to delete: ", &seen.told()].concat());
            return Ok(false);
        };
        let seen = self.session.ask(Ask::new(Method::DELETE, [self.users.as_str(), &leaver.id])).await?;
        self.report.judge(&DELETE, seen.status == 204, || seen.told());
        if !seen.is_success() {
            self.report.profile.delete = Some(DeleteMeans::Disable);
            // Who stays goes on being a member.
            self.report.profile.deletes_memberships = Some(false);
            return Ok(false);
        }
        let after = self.read(urn::USERS, &leaver.id).await?;
        self.report.judge(&GONE, after.status == 404, || match after.resource().as_ref().and_then(is_active) {
            Some(false) => "it stays, inactive".to_owned(),
            _ => after.told(),
        });
        if after.status == 404 {
            self.litter.removed(&leaver.id);
        } else {
            self.report.profile.deletes_memberships = Some(false);
        }
        let (again, _) = self.create(urn::USERS, &leaver.name, self.user(&leaver.name)).await?;
        self.report.judge(&NAME_FREE, again.is_success(), || again.told());
        Ok(after.status == 404)
    }

    /// `active: false`, as a Boolean or else as text.
    pub(super) async fn disable_user(&mut self, user: &Throwaway, means: Option<Means>) -> Result<(), Stop> {
        let Some(means) = means else {
            self.report.add(&DISABLE, Verdict::Unknown, "users cannot be changed");
            return Ok(());
        };
        let active = AttributePath::new("active");
        let seen = self.set(user, means, &active, json!(false)).await?;
        let mut now = self.read(urn::USERS, &user.id).await?;
        let is_disabled = |now: &Seen| now.resource().as_ref().and_then(is_active) == Some(false);
        let as_boolean = is_disabled(&now) || now.status == 404;
        if !as_boolean {
            self.set(user, means, &active, json!("False")).await?;
            now = self.read(urn::USERS, &user.id).await?;
            if is_disabled(&now) {
                self.report.profile.text_booleans = Some(true);
            }
        }
        self.report.judge(&TAKES_BOOLEANS, as_boolean, || {
            let text = if is_disabled(&now) { "; the text `False` is taken" } else { "" };
            [&seen.told(), text].concat()
        });
        match now.status {
            _ if is_disabled(&now) => self.report.conforms(&DISABLE),
            404 => self.report.deviates(&DISABLE, "it is removed"),
            _ => self.report.deviates(&DISABLE, "`active` stays as it is"),
        }
        if now.status == 404 {
            self.litter.removed(&user.id);
        }
        Ok(())
    }
}
