//! PATCH interpreted once more, in the plainest way: a person is a struct, a change is a variant, and nothing here knows
//! paths, schemas or JSON. How they are written down is in `written`.

mod written;

use std::collections::BTreeMap;

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

/// Some of a person's addresses.
#[derive(Clone, Debug)]
pub(super) enum Which {
    Kind(String),
    Value(String),
    Both { kind: String, value: String },
    Primary,
    NotKind(String),
    Displayed,
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
    Without(Which),
    Into { which: Which, email: Email, add: bool },
    PartOf { which: Which, part: Part, add: bool },
    Department(Option<String>),
    Manager(Option<String>),
    Extension { department: Option<String>, manager: Option<String> },
    NoExtension,
    Id,
    Nonsense,
}

impl Person {
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
                let gone: Vec<_> = values.iter().map(|value| value.to_lowercase()).collect();
                self.emails
                    .retain(|email| !email.value.as_ref().is_some_and(|value| gone.contains(&value.to_lowercase())));
            }
            Change::PartOfEvery(part) => {
                if self.emails.is_empty() {
                    self.emails.push(Email::default());
                }
                self.set_part(|_| true, &part);
            }
            Change::Without(which) => self.emails.retain(|email| !which.selects(email)),
            Change::Into { which, email, add } => {
                let selected = self.selected(&which);
                for index in &selected {
                    self.emails[*index].merge(&email);
                    if email.primary == Some(true) {
                        self.only_primary(*index);
                    }
                }
                match which.described().filter(|_| add) {
                    _ if !selected.is_empty() => self.tidy(),
                    Some(mut new) => {
                        new.merge(&email);
                        self.add(vec![new]);
                    }
                    None => return Err("noTarget"),
                }
            }
            Change::PartOf { which, part, .. } => {
                if !self.selected(&which).is_empty() {
                    self.set_part(|email| which.selects(email), &part);
                } else if part.is_given() {
                    let mut new = which.described().ok_or("noTarget")?;
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

    fn selected(&self, which: &Which) -> Vec<usize> {
        (0..self.emails.len()).filter(|index| which.selects(&self.emails[*index])).collect()
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

impl Which {
    fn selects(&self, email: &Email) -> bool {
        let same = |own: &Option<String>, asked: &str| {
            own.as_ref().is_some_and(|own| own.to_lowercase() == asked.to_lowercase())
        };
        match self {
            Self::Kind(kind) => same(&email.kind, kind),
            Self::Value(value) => same(&email.value, value),
            Self::Both { kind, value } => same(&email.kind, kind) && same(&email.value, value),
            Self::Primary => email.primary == Some(true),
            Self::NotKind(kind) => !same(&email.kind, kind),
            Self::Displayed => email.display.is_some(),
        }
    }

    /// The address that is meant where there is none, if that can be told.
    fn described(&self) -> Option<Email> {
        let none = Email::default();
        match self.clone() {
            Self::Kind(kind) => Some(Email { kind: Some(kind), ..none }),
            Self::Value(value) => Some(Email { value: Some(value), ..none }),
            Self::Both { kind, value } => Some(Email { kind: Some(kind), value: Some(value), ..none }),
            Self::Primary => Some(Email { primary: Some(true), ..none }),
            Self::NotKind(_) | Self::Displayed => None,
        }
    }
}

impl Part {
    fn is_given(&self) -> bool {
        !matches!(self, Self::Value(None) | Self::Kind(None) | Self::Display(None) | Self::Primary(None))
    }
}

impl Email {
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
