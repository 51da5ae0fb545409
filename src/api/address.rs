//! What a path stands for. Clients spell the same thing in several ways: a key as a segment of its own or in parentheses,
//! names with or without their namespace, functions with or without parentheses, any letter case.

use percent_encoding::percent_decode_str;

/// The longest path that is looked at, and the longest key, in bytes.
const LONGEST_PATH: usize = 8 * 1024;
const LONGEST_KEY: usize = 512;

/// No path of the API has more segments.
const MOST_SEGMENTS: usize = 16;

/// Which of the two versions of the API is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    Beta,
}

/// Something that has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) version: Version,
    pub(super) node: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    ServicePrincipals,
    ServicePrincipalsCount,
    ServicePrincipal(Owner),
    /// What lies below an application.
    Of(Owner, Part),
}

/// An application, by one of its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The id of the service principal.
    ServicePrincipal(String),
    /// The id of the application object.
    Application(String),
    /// The id that both have.
    App(String),
}

/// A part of the synchronization of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Jobs,
    JobsCount,
    Job(String),
    Start(String),
    Pause(String),
    Restart(String),
    JobSchema(String, Schema),
    Templates,
    TemplatesCount,
    Template(String),
    TemplateSchema(String, Schema),
}

/// A part of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    Whole,
    Directories,
    DirectoriesCount,
    Directory(String),
    FilterOperators,
    Functions,
    ParseExpression,
}

/// A name, and the key that stands behind it in parentheses.
struct Segment {
    /// As it was written.
    text: String,
    /// In small letters, without namespace.
    name: String,
    key: Option<Key>,
}

enum Key {
    Plain(String),
    AppId(String),
    /// Parentheses that hold no key: part of a name that is a key itself, or of nothing.
    Malformed,
}

impl Address {
    /// What the path of a request stands for, as it was sent, without its query. `None` for nothing.
    pub(super) fn parse(path: &str) -> Option<Self> {
        if path.len() > LONGEST_PATH {
            return None;
        }
        let written: Vec<&str> =
            path.split('/').filter(|segment| !segment.is_empty()).take(MOST_SEGMENTS + 1).collect();
        let (version, rest) = written.split_first().filter(|_| written.len() <= MOST_SEGMENTS)?;
        let version = match version.to_ascii_lowercase().as_str() {
            "v1.0" => Version::V1,
            "beta" => Version::Beta,
            _ => return None,
        };
        let segments: Vec<Segment> = rest.iter().map(|segment| Segment::parse(segment)).collect::<Option<_>>()?;
        Some(Self { version, node: Node::parse(&segments)? })
    }
}

impl Segment {
    fn parse(written: &str) -> Option<Self> {
        let text = percent_decode_str(written).decode_utf8().ok()?.into_owned();
        let (name, key) = match text.strip_suffix(')').and_then(|inner| inner.split_once('(')) {
            Some((name, "")) => (name, None),
            Some((name, key)) => (name, Some(Key::parse(key).unwrap_or(Key::Malformed))),
            None => (text.as_str(), None),
        };
        let name = name.to_ascii_lowercase();
        let short = ["microsoft.graph.", "graph."].into_iter().find_map(|namespace| name.strip_prefix(namespace));
        let name = short.unwrap_or(&name).to_owned();
        Some(Self { text, name, key })
    }
}

impl Key {
    /// `'x'`, `x`, `appId='x'` or `id='x'`; a quote within quotes is written twice.
    fn parse(written: &str) -> Option<Self> {
        let (property, value) = match written.split_once('=') {
            Some((property, value)) if !written.starts_with('\'') => (property, value),
            _ => ("id", written),
        };
        let value = match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(quoted) if quoted.replace("''", "").contains('\'') => return None,
            Some(quoted) => quoted.replace("''", "'"),
            None if value.contains('\'') => return None,
            None => value.to_owned(),
        };
        let value = sound(value)?;
        match property.to_ascii_lowercase().as_str() {
            "id" => Some(Self::Plain(value)),
            "appid" => Some(Self::AppId(value)),
            _ => None,
        }
    }
}

fn sound(key: String) -> Option<String> {
    (!key.is_empty() && key.len() <= LONGEST_KEY).then_some(key)
}

/// The entity that the segments begin with, of this collection, and what follows it.
fn entity<'a>(segments: &'a [Segment], collection: &str) -> Option<(Key, &'a [Segment])> {
    let (first, rest) = segments.split_first().filter(|(first, _)| first.name == collection)?;
    match &first.key {
        Some(Key::Plain(key)) => Some((Key::Plain(key.clone()), rest)),
        Some(Key::AppId(key)) => Some((Key::AppId(key.clone()), rest)),
        Some(Key::Malformed) => None,
        None => {
            let (key, rest) = rest.split_first()?;
            Some((Key::Plain(sound(key.text.clone())?), rest))
        }
    }
}

fn plain(key: Key) -> Option<String> {
    match key {
        Key::Plain(key) => Some(key),
        Key::AppId(_) | Key::Malformed => None,
    }
}

/// The names of the segments, where none has a key.
fn names(segments: &[Segment]) -> Option<Vec<&str>> {
    segments.iter().map(|segment| segment.key.is_none().then_some(segment.name.as_str())).collect()
}

impl Node {
    fn parse(segments: &[Segment]) -> Option<Self> {
        match names(segments).as_deref() {
            Some(["serviceprincipals"]) => return Some(Self::ServicePrincipals),
            Some(["serviceprincipals", "$count"]) => return Some(Self::ServicePrincipalsCount),
            _ => {}
        }
        let owner = |key, by_id: fn(String) -> Owner| match key {
            Key::Plain(id) => Some(by_id(id)),
            Key::AppId(id) => Some(Owner::App(id)),
            Key::Malformed => None,
        };
        if let Some((key, rest)) = entity(segments, "serviceprincipals") {
            let owner = owner(key, Owner::ServicePrincipal)?;
            return if rest.is_empty() { Some(Self::ServicePrincipal(owner)) } else { Self::below(owner, rest) };
        }
        let (key, rest) = entity(segments, "applications")?;
        Self::below(owner(key, Owner::Application)?, rest)
    }

    fn below(owner: Owner, segments: &[Segment]) -> Option<Self> {
        let is_here = |first: &Segment| first.name == "synchronization" && first.key.is_none();
        let (_, rest) = segments.split_first().filter(|(first, _)| is_here(first))?;
        Some(Self::Of(owner, Part::parse(rest)?))
    }
}

impl Part {
    fn parse(segments: &[Segment]) -> Option<Self> {
        match names(segments).as_deref() {
            Some(["jobs"]) => return Some(Self::Jobs),
            Some(["jobs", "$count"]) => return Some(Self::JobsCount),
            Some(["templates"]) => return Some(Self::Templates),
            Some(["templates", "$count"]) => return Some(Self::TemplatesCount),
            _ => {}
        }
        if let Some((key, rest)) = entity(segments, "jobs") {
            let id = plain(key)?;
            return Some(match names(rest).as_deref() {
                Some([]) => Self::Job(id),
                Some(["start"]) => Self::Start(id),
                Some(["pause"]) => Self::Pause(id),
                Some(["restart"]) => Self::Restart(id),
                _ => Self::JobSchema(id, Schema::parse(rest)?),
            });
        }
        let (key, rest) = entity(segments, "templates")?;
        let id = plain(key)?;
        if rest.is_empty() { Some(Self::Template(id)) } else { Some(Self::TemplateSchema(id, Schema::parse(rest)?)) }
    }
}

impl Schema {
    fn parse(segments: &[Segment]) -> Option<Self> {
        let (_, rest) = segments.split_first().filter(|(first, _)| first.name == "schema" && first.key.is_none())?;
        match names(rest).as_deref() {
            Some([]) => return Some(Self::Whole),
            Some(["directories"]) => return Some(Self::Directories),
            Some(["directories", "$count"]) => return Some(Self::DirectoriesCount),
            Some(["filteroperators"]) => return Some(Self::FilterOperators),
            Some(["functions"]) => return Some(Self::Functions),
            Some(["parseexpression"]) => return Some(Self::ParseExpression),
            _ => {}
        }
        let (key, rest) = entity(rest, "directories")?;
        if rest.is_empty() { Some(Self::Directory(plain(key)?)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(path: &str) -> Option<Node> {
        Address::parse(path).map(|address| address.node)
    }

    fn of(part: Part) -> Option<Node> {
        Some(Node::Of(Owner::ServicePrincipal("p".to_owned()), part))
    }

    #[test]
    fn every_spelling_is_the_same_thing() {
        let job = || "hr.1".to_owned();
        let job_spellings = [
            "/v1.0/servicePrincipals/p/synchronization/jobs/hr.1",
            "/beta/servicePrincipals/p/synchronization/jobs/hr.1/",
            "/v1.0/servicePrincipals('p')/synchronization/jobs('hr.1')",
            "/v1.0/servicePrincipals(p)/synchronization/jobs(id='hr.1')/",
            "/V1.0/SERVICEPRINCIPALS/p//synchronization/Jobs/hr%2E1",
        ];
        for path in job_spellings {
            assert_eq!(node(path), of(Part::Job(job())), "{path}");
        }
        for rest in ["start", "microsoft.graph.start", "graph.start", "start()", "Start/"] {
            let path = format!("/v1.0/servicePrincipals/p/synchronization/jobs/hr.1/{rest}");
            assert_eq!(node(&path), of(Part::Start(job())), "{path}");
        }
        for rest in ["functions", "functions()", "microsoft.graph.functions()", "functions/"] {
            let path = format!("/beta/servicePrincipals('p')/synchronization/jobs/hr.1/schema/{rest}");
            assert_eq!(node(&path), of(Part::JobSchema(job(), Schema::Functions)), "{path}");
        }
        let by_app = Node::ServicePrincipal(Owner::App("a".to_owned()));
        assert_eq!(node("/v1.0/servicePrincipals(appId='a')"), Some(by_app));
        let quoted = Node::ServicePrincipal(Owner::ServicePrincipal("it's".to_owned()));
        assert_eq!(node("/v1.0/servicePrincipals('it''s')"), Some(quoted));
        assert_eq!(node("/v1.0/servicePrincipals/$count"), Some(Node::ServicePrincipalsCount));
    }

    #[test]
    fn what_is_not_there_has_no_address() {
        for path in [
            "",
            "/",
            "/v1.0",
            "/v2.0/servicePrincipals",
            "/v1.0/users",
            "/v1.0/servicePrincipals/p/jobs",
            "/v1.0/servicePrincipals('p'')",
            "/v1.0/servicePrincipals('')",
            "/v1.0/servicePrincipals(name='p')",
            "/v1.0/servicePrincipals/p/synchronization/jobs(appId='a')",
            "/v1.0/servicePrincipals/%FF",
            "/v1.0/servicePrincipals/p/synchronization/jobs/x/y",
            "/v1.0/servicePrincipals/p/synchronization('x')/jobs",
        ] {
            assert_eq!(node(path), None, "{path}");
        }
        assert_eq!(node(&format!("/v1.0/servicePrincipals/{}", "x".repeat(LONGEST_KEY + 1))), None);
        assert_eq!(node(&"/v1.0".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn a_key_is_found_as_it_was_meant(key in "\\PC{1,60}") {
            let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
            let quoted = percent_encoding::utf8_percent_encode(&key.replace('\'', "''"), percent_encoding::NON_ALPHANUMERIC).to_string();
            let expected = of(Part::Template(key));
            prop_assert_eq!(node(&format!("/v1.0/servicePrincipals('p')/synchronization/templates('{quoted}')")), expected.clone());
            // Some words are parts of the collection, which only quotes can tell from keys.
            let segment = node(&format!("/v1.0/servicePrincipals/p/synchronization/templates/{encoded}"));
            prop_assert!(segment == expected || segment == of(Part::TemplatesCount));
        }

        #[test]
        fn no_path_harms(path in "\\PC{0,200}") {
            let _ = Address::parse(&path);
            let _ = Address::parse(&format!("/v1.0/servicePrincipals{path}"));
            let _ = Address::parse(&format!("/v1.0/servicePrincipals/p/synchronization/jobs{path}"));
        }
    }
}
