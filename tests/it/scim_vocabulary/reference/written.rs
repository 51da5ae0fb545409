//! Changes thought up at random, and people and changes as JSON: an operation as some client would write it.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::{Change, Email, Part, Person, Which};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl Person {
    pub(in super::super) fn random(random: &mut StdRng) -> Self {
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

    pub(in super::super) fn json(&self) -> Value {
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
}

impl Email {
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

    fn random(random: &mut StdRng) -> Self {
        let given = random.random_bool(0.7);
        match random.random_range(0..4) {
            0 => Self::Value(given.then(|| word(random))),
            1 => Self::Kind(given.then(|| kind(random))),
            2 => Self::Display(given.then(|| word(random))),
            _ => Self::Primary(given.then(|| random.random())),
        }
    }
}

impl Which {
    fn random(random: &mut StdRng) -> Self {
        match random.random_range(0..8) {
            0 => Self::Value(word(random)),
            1 => Self::Both { kind: kind(random), value: word(random) },
            2 => Self::Primary,
            3 => Self::NotKind(kind(random)),
            4 => Self::Displayed,
            _ => Self::Kind(kind(random)),
        }
    }

    fn path(&self) -> String {
        let filter = match self {
            Self::Kind(kind) => format!("type eq {}", json!(kind)),
            Self::Value(value) => format!("value eq {}", json!(value)),
            Self::Both { kind, value } => format!("type eq {} and value eq {}", json!(kind), json!(value)),
            Self::Primary => "primary eq true".to_owned(),
            Self::NotKind(kind) => format!("not (type eq {})", json!(kind)),
            Self::Displayed => "display pr".to_owned(),
        };
        format!("emails[{filter}]")
    }
}

impl Change {
    pub(in super::super) fn random(random: &mut StdRng) -> Self {
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
            13 => Self::PartOfEvery(Part::random(random)),
            14 => Self::Without(Which::random(random)),
            15 | 16 => Self::Into { which: Which::random(random), email: email(random), add: random.random() },
            17 | 18 => Self::PartOf { which: Which::random(random), part: Part::random(random), add: random.random() },
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
    pub(in super::super) fn json(&self, random: &mut StdRng) -> Value {
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
            Self::Without(which) => ("remove", which.path(), Value::Null),
            Self::Into { which, email, add } => (if *add { "add" } else { "replace" }, which.path(), email.json()),
            Self::PartOf { which, part, add } => {
                let op = if *add { "add" } else { "replace" };
                let op = if part.is_given() || random.random() { op } else { "remove" };
                (op, [&which.path(), ".", part.name()].concat(), part.json())
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

/// The same in another case; what stands in quotation marks keeps its own.
fn spelled(text: &str, random: &mut StdRng) -> String {
    if random.random_bool(0.6) {
        return text.to_owned();
    }
    let (mut quoted, mut escaped) = (false, false);
    let spell = |letter: char| {
        let kept = quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        if kept { letter } else { letter.to_ascii_uppercase() }
    };
    text.chars().map(spell).collect()
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
