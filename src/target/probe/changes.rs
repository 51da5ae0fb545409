//! Changing users: PATCH in its forms, PUT, and versions.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::{Map, Value, json};

use super::checks::{
    CHANGE, ETAG, PATCH, PATCH_BAD_PATH, PATCH_EXTENSION, PATCH_REMOVE, PATCH_SEVERAL, PATCH_VALUE_PATH, PUT, RENAME,
};
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict, department, work_email};
use crate::scim::{AttributePath, Op, Operation, PatchOp, urn};
use crate::target::profile::{PatchForm, Put};

/// How the target's users are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// By a PATCH with a path.
    Path,
    /// By a PATCH whose value names the attribute.
    Object,
    /// By a PUT of the whole resource.
    Put,
}

impl Probe {
    /// Which form of PATCH works, if one does, and what it understands.
    pub(super) async fn change_user(&mut self, user: &Throwaway) -> Result<Option<Means>, Stop> {
        let display_name = AttributePath::new("displayName");
        let seen = self.set(user, Means::Path, &display_name, json!("Provisor Probe 2")).await?;
        if self.value(user, &display_name).await? == Some(json!("Provisor Probe 2")) {
            self.report.conforms(&PATCH);
            self.patch_in_detail(user).await?;
            return Ok(Some(Means::Path));
        }
        let told = told(&seen);
        self.set(user, Means::Object, &display_name, json!("Provisor Probe 3")).await?;
        if self.value(user, &display_name).await? == Some(json!("Provisor Probe 3")) {
            self.report.deviates(&PATCH, [&told, ", but works without a path"].concat());
            self.report.profile.patch_form = Some(PatchForm::Object);
            self.report.profile.value_paths = Some(false);
            return Ok(Some(Means::Object));
        }
        self.patch_answers = seen.is_success();
        let absent = seen.is_not_offered() || self.announces("patch") == Some(false);
        self.report.add(&PATCH, if absent { Verdict::NotOffered } else { Verdict::Deviates }, told);
        self.report.profile.patch = Some(false);
        Ok(None)
    }

    async fn patch_in_detail(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let (title, display_name) = (AttributePath::new("title"), AttributePath::new("displayName"));
        let several = vec![
            Operation::replace(title.clone(), json!("Changed")),
            Operation::replace(display_name.clone(), json!("Changed")),
        ];
        let seen = self.patch(urn::USERS, &user.id, several).await?;
        let changed = self.value(user, &display_name).await? == Some(json!("Changed"));
        self.report.judge(&PATCH_SEVERAL, changed, || told(&seen));
        if !changed {
            self.report.profile.operations_per_patch = Some(1);
        }

        let email = self.user_name("changed");
        for (check, path, value) in
            [(&PATCH_VALUE_PATH, work_email(), json!(email)), (&PATCH_EXTENSION, department(), json!("Changed"))]
        {
            if self.value(user, &path).await?.is_none() {
                self.report.add(check, Verdict::Unknown, "there is nothing to change");
                continue;
            }
            let seen = self.set(user, Means::Path, &path, value.clone()).await?;
            let changed = self.value(user, &path).await? == Some(value);
            self.report.judge(check, changed, || told(&seen));
            if !changed && check == &PATCH_VALUE_PATH {
                self.report.profile.value_paths = Some(false);
            }
        }

        self.set(user, Means::Path, &title, json!("Changed")).await?;
        if self.value(user, &title).await?.is_some() {
            let seen = self.patch(urn::USERS, &user.id, vec![Operation::remove(title.clone())]).await?;
            let removed = self.value(user, &title).await?.is_none();
            self.report.judge(&PATCH_REMOVE, removed, || told(&seen));
        } else {
            self.report.add(&PATCH_REMOVE, Verdict::Unknown, "there is nothing to remove");
        }

        let nothing = AttributePath::new("provisorKnowsNoSuchAttribute");
        let seen = self.set(user, Means::Path, &nothing, json!("x")).await?;
        self.report.judge(&PATCH_BAD_PATH, seen.status == 400, || seen.told());
        Ok(())
    }

    /// PUT, and the `userName`, by whatever works: that is the answer.
    pub(super) async fn replace_user(&mut self, user: &Throwaway, patch: Option<Means>) -> Result<Option<Means>, Stop> {
        let display_name = AttributePath::new("displayName");
        let seen = self.set(user, Means::Put, &display_name, json!("Provisor Probe 4")).await?;
        let can_put = self.value(user, &display_name).await? == Some(json!("Provisor Probe 4"));
        self.report.judge(&PUT, can_put, || told(&seen));
        if !can_put {
            self.report.profile.put = Some(Put::Refused);
        }
        let Some(means) = patch.or(can_put.then_some(Means::Put)) else {
            self.report.deviates(&CHANGE, "neither works");
            // Some change `active` by PATCH and nothing else.
            self.report.profile.patch = self.report.profile.patch.filter(|_| !self.patch_answers);
            return Ok(self.patch_answers.then_some(Means::Path));
        };
        self.report.conforms(&CHANGE);

        let (path, other) = (AttributePath::new("userName"), self.user_name("renamed"));
        let seen = self.set(user, means, &path, json!(other)).await?;
        let renamed = self.value(user, &path).await? == Some(json!(other));
        self.report.judge(&RENAME, renamed, || told(&seen));
        if renamed {
            self.set(user, means, &path, json!(user.name)).await?;
        }
        Ok(Some(means))
    }

    /// A change on the condition of a version that the resource never had.
    pub(super) async fn use_versions(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let current = self.read(urn::USERS, &user.id).await?;
        let announced = self.announces("etag");
        // Frameworks add an `ETag` to any answer; only one that SCIM knows of counts.
        let version = current.body.get("meta").and_then(|meta| meta.get("version"));
        if announced == Some(false) || (announced.is_none() && version.is_none()) {
            self.report.add(&ETAG, Verdict::NotOffered, "");
            return Ok(());
        }
        let Some(resource) = current.resource() else { return Ok(()) };
        let (method, body) = if self.report.profile.put == Some(Put::Refused) {
            let title = Operation::replace(AttributePath::new("title"), json!("Stale"));
            (Method::PATCH, json!(PatchOp { operations: vec![title] }))
        } else {
            (Method::PUT, Value::from(resource))
        };
        let ask = Ask::new(method, [self.users.as_str(), &user.id]).header(IF_MATCH, "W/\"provisor-probe\"").body(body);
        let seen = self.session.ask(ask).await?;
        let named = version.and_then(Value::as_str) == current.etag.as_deref();
        self.report.judge(&ETAG, seen.status == 412 && named, || match seen.status {
            412 => "`ETag` and `meta.version` differ".to_owned(),
            _ => told(&seen),
        });
        if seen.status != 412 {
            self.report.profile.etag = Some(false);
        }
        Ok(())
    }

    /// Gives an attribute of a user this value.
    pub(super) async fn set(
        &self,
        user: &Throwaway,
        means: Means,
        path: &AttributePath,
        value: Value,
    ) -> Result<Seen, Stop> {
        let operation = match means {
            Means::Path => Operation::replace(path.clone(), value),
            Means::Object => {
                let value = Value::Object(Map::from_iter([(path.to_string(), value)]));
                Operation { op: Op::Replace, path: None, value: Some(value) }
            }
            Means::Put => {
                let current = self.read(urn::USERS, &user.id).await?;
                let Some(mut resource) = current.resource() else { return Ok(current) };
                resource.set(path, value);
                let ask = Ask::new(Method::PUT, [self.users.as_str(), &user.id]).body(Value::from(resource));
                return self.session.ask(ask).await;
            }
        };
        self.patch(urn::USERS, &user.id, vec![operation]).await
    }
}

fn told(seen: &Seen) -> String {
    if seen.is_success() { "it succeeds without an effect".to_owned() } else { seen.told() }
}
