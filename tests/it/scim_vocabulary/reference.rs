//! PATCH interpreted once more, in the plainest way: a person is a struct, an operation is a variant, and nothing here
//! knows paths, schemas or JSON but to write them down.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// As much of a user as the operations below touch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Person {
    user_name: String,
    title: Option<String>,
    active: Option<bool>,
    name: BTreeMap<&'static str, String>,
    emails: Vec<Email>,
    department: Option<String>,
    manager: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Email {
    value: Option<String>,
    kind: Option<String>,
    display: Option<String>,
    primary: Option<bool>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Value(Option<String>),
    Kind(Option<String>),
    Display(Option<String>),
    Primary(Option<bool>),
}

/// The names of errors, as the protocol has them.
pub(super) type Refusal = &'static str;

#[derive(Clone, Debug)]
pub(super) enum Change {
    UserName(String),
    NoUserName,
    Title(Option<String>),
    Active(bool),
    Name(BTreeMap<&'static str, String>),
    NamePart(&'static str, Option<String>),
    NoName,
    AddEmails(Vec<Email>),
    Emails(Vec<Email>),
    NoEmails,
    WithoutEmails(Vec<String>),
    PartOfEvery(Part),
    WithoutKind(String),
    IntoKind { kind: String, email: Email, add: bool },
    PartOfKind { kind: String, part: Part, add: bool },
    Department(Option<String>),
    Manager(Option<String>),
    Extension { department: Option<String>, manager: Option<String> },
    NoExtension,
    Id,
    Nonsense,
}

impl Person {
    pub(super) fn random(random: &mut StdRng) -> Self {
        let mut person = Self {
            user_name: word(random),
            title: maybe(random, word),
            active: maybe(random, |random| random.random()),
            name: name(random),
            emails: Vec::new(),
            department: maybe(random, word),
            manager: maybe(random, word),
        };
        while let Err(_refusal) = person.change(&Change::Emails(emails(random))) {}
        person
    }

    pub(super) fn json(&self) -> Value {
        let mut json = json!({"schemas": [USER], "userName": self.user_name});
        let mut put = |name: &str, value: Value| {
            if !matches!(&value, Value::Null) {
                json[name] = value;
            }
        };
        put("title", json!(self.title));
        put("active", json!(self.active));
        put("name", if self.name.is_empty() { Value::Null } else { json!(self.name) });
        put("emails", if self.emails.is_empty() { Value::Null } else { list(&self.emails) });
        let extension = extension(&self.department, &self.manager);
        if extension != json!({}) {
            json[ENTERPRISE] = extension;
            json["schemas"] = json!([USER, ENTERPRISE]);
        }
        json
    }

    /// All the changes, or none and why.
    pub(super) fn changed(&self, changes: &[Change]) -> Result<Self, Refusal> {
        let mut person = self.clone();
        changes.iter().try_for_each(|change| person.change(change))?;
        Ok(person)
    }

    fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        match change.clone() {
            Change::UserName(name) => self.user_name = name,
            Change::NoUserName | Change::Id => return Err("mutability"),
            Change::Nonsense => return Err("invalidPath"),
            Change::Title(title) => self.title = title,
            Change::Active(active) => self.active = Some(active),
            Change::Name(parts) => self.name.extend(parts),
            Change::NamePart(part, Some(text)) => drop(self.name.insert(part, text)),
            Change::NamePart(part, None) => drop(self.name.remove(part)),
            Change::NoName => self.name.clear(),
            Change::AddEmails(given) => self.add(conforming(given)?),
            Change::Emails(given) => self.emails = conforming(given)?,
            Change::NoEmails => self.emails.clear(),
            Change::WithoutEmails(values) => {
                self.emails.retain(|email| !email.value.as_ref().is_some_and(|value| values.contains(value)));
            }
            Change::PartOfEvery(part) => {
                if self.emails.is_empty() {
                    self.emails.push(Email::default());
                }
                self.set_part(|_| true, &part);
            }
            Change::WithoutKind(kind) => self.emails.retain(|email| !email.is(&kind)),
            Change::IntoKind { kind, email, add } => {
                if self.emails.iter().any(|email| email.is(&kind)) {
                    for index in self.of_kind(&kind) {
                        self.emails[index].merge(&email);
                        if email.primary == Some(true) {
                            self.only_primary(index);
                        }
                    }
                    self.tidy();
                } else if add {
                    let mut new = Email { kind: Some(kind), ..Email::default() };
                    new.merge(&email);
                    self.add(vec![new]);
                } else {
                    return Err("noTarget");
                }
            }
            Change::PartOfKind { kind, part, .. } => {
                if self.emails.iter().any(|email| email.is(&kind)) {
                    self.set_part(|email| email.is(&kind), &part);
                } else if part.is_given() {
                    let mut new = Email { kind: Some(kind), ..Email::default() };
                    new.set(&part);
                    self.add(vec![new]);
                }
            }
            Change::Department(department) => self.department = department,
            Change::Manager(manager) => self.manager = manager,
            Change::Extension { department, manager } => {
                self.department = department.or(self.department.take());
                self.manager = manager.or(self.manager.take());
            }
            Change::NoExtension => (self.department, self.manager) = (None, None),
        }
        Ok(())
    }

    fn add(&mut self, given: Vec<Email>) {
        for email in given {
            let place = self.emails.iter().position(|present| present.identity() == email.identity());
            let index = place.unwrap_or(self.emails.len());
            match place {
                Some(index) => self.emails[index].merge(&email),
                None => self.emails.push(email),
            }
            if self.emails[index].primary == Some(true) {
                self.only_primary(index);
            }
        }
    }

    fn of_kind(&self, kind: &str) -> Vec<usize> {
        (0..self.emails.len()).filter(|index| self.emails[*index].is(kind)).collect()
    }

    fn set_part(&mut self, selected: impl Fn(&Email) -> bool, part: &Part) {
        let indexes: Vec<_> = (0..self.emails.len()).filter(|index| selected(&self.emails[*index])).collect();
        for index in indexes {
            self.emails[index].set(part);
            if matches!(part, Part::Primary(Some(true))) {
                self.only_primary(index);
            }
        }
        self.tidy();
    }

    fn only_primary(&mut self, index: usize) {
        for (other, email) in self.emails.iter_mut().enumerate() {
            if other != index && email.primary == Some(true) {
                email.primary = Some(false);
            }
        }
    }

    fn tidy(&mut self) {
        self.emails = without_twins(std::mem::take(&mut self.emails));
    }
}

impl Email {
    fn is(&self, kind: &str) -> bool {
        self.kind.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(kind))
    }

    fn identity(&self) -> Self {
        match &self.value {
            Some(_) => Self { value: self.value.clone(), kind: self.kind.clone(), ..Self::default() },
            None => self.clone(),
        }
    }

    fn merge(&mut self, given: &Self) {
        self.value = given.value.clone().or(self.value.take());
        self.kind = given.kind.clone().or(self.kind.take());
        self.display = given.display.clone().or(self.display.take());
        self.primary = given.primary.or(self.primary);
    }

    fn set(&mut self, part: &Part) {
        match part.clone() {
            Part::Value(value) => self.value = value,
            Part::Kind(kind) => self.kind = kind,
            Part::Display(display) => self.display = display,
            Part::Primary(primary) => self.primary = primary,
        }
    }

    fn json(&self) -> Value {
        let mut json =
            json!({"value": self.value, "type": self.kind, "display": self.display, "primary": self.primary});
        json.as_object_mut().expect("an object").retain(|_, part| !part.is_null());
        json
    }
}

impl Part {
    fn name(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Kind(_) => "type",
            Self::Display(_) => "display",
            Self::Primary(_) => "primary",
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Value(text) | Self::Kind(text) | Self::Display(text) => json!(text),
            Self::Primary(primary) => json!(primary),
        }
    }

    fn is_given(&self) -> bool {
        !self.json().is_null()
    }

    fn random(random: &mut StdRng, given: bool) -> Self {
        let given = given || random.random_bool(0.7);
        match random.random_range(0..4) {
            0 => Self::Value(given.then(|| word(random))),
            1 => Self::Kind(given.then(|| kind(random))),
            2 => Self::Display(given.then(|| word(random))),
            _ => Self::Primary(given.then(|| random.random())),
        }
    }
}

impl Change {
    pub(super) fn random(random: &mut StdRng) -> Self {
        match random.random_range(0..24) {
            0 => Self::UserName(word(random)),
            1 if random.random_bool(0.2) => Self::NoUserName,
            2 => Self::Title(maybe(random, word)),
            3 => Self::Active(random.random()),
            4 => Self::Name(name(random)),
            5 => Self::NamePart("givenName", maybe(random, word)),
            6 => Self::NoName,
            7..=9 => Self::AddEmails(emails(random)),
            10 => Self::Emails(emails(random)),
            11 if random.random_bool(0.3) => Self::NoEmails,
            12 => Self::WithoutEmails(vec![word(random), word(random)]),
            13 => Self::PartOfEvery(Part::random(random, false)),
            14 => Self::WithoutKind(kind(random)),
            15 | 16 => Self::IntoKind { kind: kind(random), email: email(random), add: random.random() },
            17 | 18 => Self::PartOfKind { kind: kind(random), part: Part::random(random, false), add: random.random() },
            19 => Self::Department(maybe(random, word)),
            20 => Self::Manager(maybe(random, word)),
            21 => Self::Extension { department: maybe(random, word), manager: maybe(random, word) },
            22 => Self::NoExtension,
            23 if random.random_bool(0.1) => Self::Id,
            23 if random.random_bool(0.1) => Self::Nonsense,
            _ => Self::Title(Some(word(random))),
        }
    }

    /// The operation as some client would write it.
    pub(super) fn json(&self, random: &mut StdRng) -> Value {
        let set = |random: &mut StdRng| if random.random() { "add" } else { "replace" };
        let (op, path, value) = match self {
            Self::UserName(name) => (set(random), "userName".to_owned(), json!(name)),
            Self::NoUserName => ("remove", "userName".to_owned(), Value::Null),
            Self::Title(Some(title)) => (set(random), "title".to_owned(), json!(title)),
            Self::Title(None) => ("remove", "title".to_owned(), Value::Null),
            Self::Active(active) => {
                let value = if random.random() { json!(active) } else { json!(if *active { "True" } else { "False" }) };
                (set(random), "active".to_owned(), value)
            }
            Self::Name(parts) => (set(random), "name".to_owned(), json!(parts)),
            Self::NamePart(part, Some(text)) => (set(random), ["name.", part].concat(), json!(text)),
            Self::NamePart(part, None) => ("remove", ["name.", part].concat(), Value::Null),
            Self::NoName => ("remove", "name".to_owned(), Value::Null),
            Self::AddEmails(given) => ("add", "emails".to_owned(), list(given)),
            Self::Emails(given) => ("replace", "emails".to_owned(), list(given)),
            Self::NoEmails => ("remove", "emails".to_owned(), Value::Null),
            Self::WithoutEmails(values) => {
                let values = values.iter().map(|value| json!({"value": value})).collect();
                ("remove", "emails".to_owned(), values)
            }
            Self::PartOfEvery(part) => (set(random), ["emails.", part.name()].concat(), part.json()),
            Self::WithoutKind(kind) => ("remove", selecting(kind), Value::Null),
            Self::IntoKind { kind, email, add } => {
                (if *add { "add" } else { "replace" }, selecting(kind), email.json())
            }
            Self::PartOfKind { kind, part, add } => {
                let op = if *add { "add" } else { "replace" };
                let op = if part.is_given() || random.random() { op } else { "remove" };
                (op, [&selecting(kind), ".", part.name()].concat(), part.json())
            }
            Self::Department(department) => (
                if department.is_some() { set(random) } else { "remove" },
                [ENTERPRISE, ":department"].concat(),
                json!(department),
            ),
            Self::Manager(Some(manager)) => {
                let value = if random.random() { json!(manager) } else { json!({"value": manager}) };
                (set(random), [ENTERPRISE, ":manager"].concat(), value)
            }
            Self::Manager(None) => ("remove", [ENTERPRISE, ":manager"].concat(), Value::Null),
            Self::Extension { department, manager } => {
                (set(random), ENTERPRISE.to_owned(), extension(department, manager))
            }
            Self::NoExtension => ("remove", ENTERPRISE.to_owned(), Value::Null),
            Self::Id => ("replace", "id".to_owned(), json!("mine")),
            Self::Nonsense => ("add", "name.nonsense".to_owned(), json!("x")),
        };
        let pathless = op != "remove" && !matches!(self, Self::Id | Self::Nonsense) && random.random_bool(0.2);
        if pathless {
            return json!({"op": spelled(op, random), "value": {path: value}});
        }
        let path = if path.starts_with("urn:") || random.random_bool(0.7) { path } else { [USER, ":", &path].concat() };
        match value {
            Value::Null if op == "remove" => json!({"op": spelled(op, random), "path": spelled(&path, random)}),
            value => json!({"op": spelled(op, random), "path": spelled(&path, random), "value": value}),
        }
    }
}

fn conforming(given: Vec<Email>) -> Result<Vec<Email>, Refusal> {
    if given.iter().filter(|email| email.primary == Some(true)).count() > 1 {
        return Err("invalidValue");
    }
    Ok(without_twins(given))
}

fn without_twins(emails: Vec<Email>) -> Vec<Email> {
    let mut kept: Vec<Email> = Vec::new();
    for email in emails {
        if email != Email::default() && !kept.iter().any(|other| other.identity() == email.identity()) {
            kept.push(email);
        }
    }
    kept
}

fn extension(department: &Option<String>, manager: &Option<String>) -> Value {
    let mut parts = json!({});
    if let Some(department) = department {
        parts["department"] = json!(department);
    }
    if let Some(manager) = manager {
        parts["manager"] = json!({"value": manager});
    }
    parts
}

fn list(emails: &[Email]) -> Value {
    emails.iter().map(Email::json).collect()
}

fn selecting(kind: &str) -> String {
    [r#"emails[type eq ""#, kind, r#""]"#].concat()
}

/// The same in another case; what stands in quotation marks keeps its own.
fn spelled(text: &str, random: &mut StdRng) -> String {
    if random.random_bool(0.6) {
        return text.to_owned();
    }
    let parts = text.split('"').enumerate().map(
        |(index, part)| {
            if index % 2 == 1 { part.to_owned() } else { part.to_uppercase() }
        },
    );
    parts.collect::<Vec<_>>().join("\"")
}

fn maybe<T>(random: &mut StdRng, some: impl Fn(&mut StdRng) -> T) -> Option<T> {
    if random.random_bool(0.6) { Some(some(random)) } else { None }
}

fn word(random: &mut StdRng) -> String {
    const WORDS: [&str; 5] = ["a", "b", "c \"d\"", "é", "A"];
    WORDS[random.random_range(0..WORDS.len())].to_owned()
}

fn kind(random: &mut StdRng) -> String {
    const KINDS: [&str; 3] = ["work", "home", "other"];
    KINDS[random.random_range(0..KINDS.len())].to_owned()
}

fn name(random: &mut StdRng) -> BTreeMap<&'static str, String> {
    let parts = ["givenName", "familyName", "formatted"].into_iter();
    parts.filter_map(|part| Some((part, maybe(random, word)?))).collect()
}

fn email(random: &mut StdRng) -> Email {
    Email {
        value: maybe(random, word),
        kind: maybe(random, kind),
        display: maybe(random, word),
        primary: if random.random_bool(0.3) { Some(random.random()) } else { None },
    }
}

fn emails(random: &mut StdRng) -> Vec<Email> {
    (0..random.random_range(0..4)).map(|_| email(random)).collect()
}
