//! Creating users, reading them, and creating one twice.

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use super::checks::{
    BOOLEANS, CREATE, CREATED_ANSWER, KEEPS, LOCATION, MEDIA_TYPE, META, READ, UNIQUENESS, UNIQUENESS_TYPE,
};
use super::session::{Ask, Seen, Stop};
use super::{Probe, Throwaway, Verdict, department, id_in, is_active, work_email};
use crate::scim::{AttributePath, Resource, ScimType, urn};

/// Requests at once when many users are made: gentle enough for any target.
const AT_ONCE: usize = 4;

impl Probe {
    /// A user with everything; one with text for Booleans, or with little, where the target refuses that. `None` when
    /// it takes none of them.
    pub(super) async fn create_first_user(&mut self) -> Result<Option<Throwaway>, Stop> {
        let name = self.user_name("1");
        let mut refusal: Option<String> = None;
        for (extended, text_booleans) in [(true, None), (true, Some(true)), (false, None), (false, Some(true))] {
            self.extended = extended;
            self.report.profile.text_booleans = text_booleans;
            let (seen, created) = self.create(urn::USERS, &name, self.user(&name)).await?;
            if let Some(user) = created {
                self.judge_creation(&seen);
                if let (false, Some(refusal)) = (extended, refusal) {
                    self.report.deviates(&KEEPS, ["a user with the enterprise extension is ", &refusal].concat());
                }
                return Ok(Some(user));
            }
            refusal = refusal.or_else(|| Some(seen.told()));
        }
        self.report.deviates(&CREATE, refusal.unwrap_or_default());
        Ok(None)
    }

    fn judge_creation(&mut self, seen: &Seen) {
        match seen.status {
            201 => self.report.conforms(&CREATE),
            // The gateway is content with any success.
            _ => self.report.add(&CREATE, Verdict::Conforms, [&seen.told(), " instead of 201"].concat()),
        }
        self.report.judge(&LOCATION, seen.location.is_some(), || "no `Location`".to_owned());
        let echoed = seen.resource().is_some_and(|resource| resource.as_map().contains_key("userName"));
        self.report.judge(&CREATED_ANSWER, echoed, || "the answer does not show the user".to_owned());
        match seen.media_type.as_deref() {
            None => self.report.add(&MEDIA_TYPE, Verdict::Unknown, "answers without a body"),
            Some(media_type) => {
                self.report.judge(&MEDIA_TYPE, media_type == urn::MEDIA_TYPE, || media_type.to_owned());
            }
        }
    }

    /// What was written comes back.
    pub(super) async fn read_user(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let seen = self.read(urn::USERS, &user.id).await?;
        let Some(resource) = seen.resource() else {
            self.report.deviates(&READ, seen.told());
            return Ok(());
        };
        self.report.conforms(&READ);
        let already_judged = self.report.findings.iter().any(|finding| finding.check == &KEEPS);
        if !already_judged {
            let lost = lost(&resource, &user.name);
            self.report.judge(&KEEPS, lost.is_empty(), || ["lost or changed: ", &lost.join(", ")].concat());
        }
        match resource.get(&AttributePath::new("active")) {
            Some(Value::Bool(_)) => self.report.conforms(&BOOLEANS),
            Some(other) => self.report.deviates(&BOOLEANS, ["`active` is ", &other.to_string()].concat()),
            None => self.report.add(&BOOLEANS, Verdict::Unknown, "`active` is not shown"),
        }
        let part = |name: &str| resource.get(&AttributePath::new("meta").part(name)).is_some();
        let missing: Vec<&str> =
            ["resourceType", "created", "lastModified", "location"].into_iter().filter(|name| !part(name)).collect();
        self.report.judge(&META, missing.is_empty(), || ["without ", &missing.join(", ")].concat());
        Ok(())
    }

    /// The same `userName` again, in capitals.
    pub(super) async fn create_twice(&mut self, user: &Throwaway) -> Result<(), Stop> {
        let name = user.name.to_ascii_uppercase();
        let (seen, double) = self.create(urn::USERS, &name, self.user(&name)).await?;
        if double.is_some() {
            self.report.deviates(&UNIQUENESS, "a second user of this name was created");
            return Ok(());
        }
        self.report.judge(&UNIQUENESS, seen.status == 409, || seen.told());
        let says = seen.error().and_then(|error| error.scim_type) == Some(ScimType::Uniqueness);
        self.report.judge(&UNIQUENESS_TYPE, says, || seen.told());
        Ok(())
    }

    /// Users to be members of groups; fewer when the target has enough.
    pub(super) async fn create_people(&mut self, count: usize) -> Result<Vec<Throwaway>, Stop> {
        let names: Vec<String> =
            (1..=count).map(|number| self.user_name(&["m", &number.to_string()].concat())).collect();
        for name in &names {
            self.litter.expect(urn::USERS, name);
        }
        let (probe, path) = (&*self, self.users.as_str());
        let answers: Vec<_> = stream::iter(&names)
            .map(|name| async move {
                let ask = Ask::new(Method::POST, [path]).body(probe.user(name));
                (name, probe.session.ask(ask).await)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut people = Vec::new();
        let mut ended = Ok(());
        for (name, answer) in answers {
            match answer {
                Ok(seen) => match id_in(&seen) {
                    Some(id) => {
                        self.litter.made(urn::USERS, name, &id);
                        people.push(Throwaway { id, name: name.clone() });
                    }
                    None if matches!(seen.status, 400..=499) => self.litter.refused(urn::USERS, name),
                    None => {}
                },
                // It was not sent.
                Err(Stop::Interrupted) => {
                    self.litter.refused(urn::USERS, name);
                    ended = Err(Stop::Interrupted);
                }
                Err(stop) => ended = Err(stop),
            }
        }
        ended.map(|()| people)
    }
}

/// The attributes that do not come back as the probe sent them.
fn lost(resource: &Resource, name: &str) -> Vec<String> {
    let text = |path: AttributePath, value: &str| (path, value.to_owned());
    let sent = [
        text(AttributePath::new("userName"), name),
        text(AttributePath::new("externalId"), name),
        text(AttributePath::new("displayName"), "Provisor Probe"),
        text(AttributePath::new("name").part("givenName"), "Provisor"),
        text(AttributePath::new("name").part("familyName"), "Probe"),
        text(AttributePath::new("title"), "Throw-away"),
        text(work_email(), name),
        text(department(), "Probe"),
    ];
    let differs = |(path, value): &(AttributePath, String)| resource.get(path).and_then(Value::as_str) != Some(value);
    let mut lost: Vec<String> = sent.iter().filter(|sent| differs(sent)).map(|(path, _)| path.to_string()).collect();
    if is_active(resource) != Some(true) {
        lost.push("active".to_owned());
    }
    lost
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_lost_is_named_by_its_path() {
        let name = "ada@example.com";
        let sent = json!({
            "userName": name, "externalId": name, "displayName": "Provisor Probe", "title": "Throw-away",
            "name": { "givenName": "Provisor", "familyName": "Probe" }, "active": true,
            "emails": [{ "type": "work", "value": name }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Probe" },
        });
        let as_sent: Resource = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(lost(&as_sent, name), Vec::<String>::new());
        let mut poor = sent;
        poor["active"] = "True".into();
        poor["title"] = "throw-away".into();
        poor["emails"][0]["type"] = "home".into();
        poor.as_object_mut().unwrap().remove(urn::ENTERPRISE_USER);
        let poor: Resource = serde_json::from_value(poor).unwrap();
        let department = [urn::ENTERPRISE_USER, ":department"].concat();
        assert_eq!(lost(&poor, name), ["title", "emails[type eq \"work\"].value", &department]);
    }
}
