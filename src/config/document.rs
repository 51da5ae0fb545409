//! The YAML file as a tree in which every value knows its place.
//!
//! It knows nothing of what the keys mean. Size and depth are bounded before anything else looks at the text.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

use super::problem::{Position, Problem};

/// More than any directory landscape needs; a larger file is a mistake.
const MAX_FILE_BYTES: usize = 1 << 20;
/// The deepest settings nest eight levels.
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 100_000;

/// A node's number, in the order of the file; an inner node comes before what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u64);

/// One value of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) at: Position,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Null,
    Bool(bool, Written),
    Unsigned(u64, Written),
    Signed(i64, Written),
    Float(f64, Written),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar as it stands in the file: `007` and `1.50` are good names although YAML reads numbers.
pub(super) type Written = String;

/// One key of a mapping with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_id: NodeId,
    pub(super) value: Node,
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    positions: Vec<Position>,
}

impl Document {
    /// Parses the text. Syntax errors and repeated keys end the reading: what follows them cannot be trusted.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_FILE_BYTES {
            return Err(Problem {
                at: Position::START,
                what: format!("the file has more than {MAX_FILE_BYTES} bytes"),
                hint: Some("is this the right file?".into()),
            });
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES },
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
            with_snippet: false,
        };
        let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(&error))?;
        let mut numbering = Numbering { text, positions: Vec::new() };
        let root = numbering.node(raw);
        Ok(Self { root, positions: numbering.positions })
    }

    pub(super) fn position(&self, id: NodeId) -> Position {
        usize::try_from(id.0).ok().and_then(|index| self.positions.get(index)).copied().unwrap_or(Position::START)
    }
}

impl Node {
    /// The value of a key, when this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The elements, when this is a list.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::List(nodes) => nodes,
            _ => &[],
        }
    }

    /// A scalar as text; nothing for the others.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Bool(_, written)
            | Content::Unsigned(_, written)
            | Content::Signed(_, written)
            | Content::Float(_, written) => Some(written),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The highest id below this node, its own when it holds nothing.
    pub(super) fn last_id(&self) -> NodeId {
        match &self.content {
            Content::List(nodes) => nodes.last().map_or(self.id, Self::last_id),
            Content::Map(entries) => entries.last().map_or(self.id, |entry| entry.value.last_id()),
            _ => self.id,
        }
    }
}

fn syntax(error: &serde_saphyr::Error) -> Problem {
    let at = error.location().map_or(Position::START, position);
    let (what, hint) = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => (
            match key {
                Some(key) => format!("the key `{key}` stands here twice"),
                None => "a key stands here twice".into(),
            },
            "keep one of the two",
        ),
        serde_saphyr::Error::MultipleDocuments { .. } => {
            ("the file holds more than one YAML document".into(), "remove the line `---`")
        }
        other => (
            format!("this is not YAML as it should be: {}", without_place(&other.to_string())),
            "check indentation, quotes and brackets here and on the line above",
        ),
    };
    Problem { at, what, hint: Some(hint.into()) }
}

/// The parser ends its messages with a place, and ours begin with it.
fn without_place(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    line.split_once(" at line ").map_or(line, |(text, _)| text)
}

fn position(location: Location) -> Position {
    Position { line: location.line().max(1), column: location.column().max(1) }
}

/// Gives every node its number, and numbers their spelling.
struct Numbering<'a> {
    text: &'a str,
    positions: Vec<Position>,
}

impl Numbering<'_> {
    fn next(&mut self, at: Position) -> NodeId {
        self.positions.push(at);
        NodeId(self.positions.len() as u64 - 1)
    }

    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let at = position(raw.referenced);
        let id = self.next(at);
        let spelled = |value: String| self.spelling(&raw.defined).unwrap_or(value);
        let content = match raw.value {
            Raw::Null => Content::Null,
            Raw::Bool(value) => Content::Bool(value, spelled(value.to_string())),
            Raw::Unsigned(value) => Content::Unsigned(value, spelled(value.to_string())),
            Raw::Signed(value) => Content::Signed(value, spelled(value.to_string())),
            Raw::Float(value) => Content::Float(value, spelled(value.to_string())),
            Raw::Text(text) => Content::Text(text),
            Raw::List(nodes) => Content::List(nodes.into_iter().map(|node| self.node(node)).collect()),
            Raw::Map(entries) => Content::Map(entries.into_iter().map(|(key, value)| self.entry(key, value)).collect()),
        };
        Node { id, at, content }
    }

    fn entry(&mut self, key: Spanned<Raw>, value: Spanned<Raw>) -> Entry {
        let key = self.node(key);
        Entry { key: key.text().unwrap_or_default().to_owned(), key_id: key.id, value: self.node(value) }
    }

    fn spelling(&self, location: &Location) -> Option<String> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        let spelling = self.text.get(start..end)?.trim();
        (!spelling.is_empty()).then(|| spelling.to_owned())
    }
}

/// A value as the parser gives it.
enum Raw {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(u64::try_from(value).map_or(Raw::Signed(value), Raw::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let document = Document::parse("store:\n  url: sqlite://x.db\nlist: [a, 007, 1.50]\n").expect("it is YAML");
        let url = document.root.get("store").and_then(|store| store.get("url")).expect("it is there");
        assert_eq!((url.at, url.text()), (Position { line: 2, column: 8 }, Some("sqlite://x.db")));
        let list = document.root.get("list").expect("it is there");
        let texts: Vec<_> = list.elements().iter().map(Node::text).collect();
        assert_eq!(texts, [Some("a"), Some("007"), Some("1.50")]);
        assert_eq!(list.elements()[1].at, Position { line: 3, column: 11 });
        assert_eq!(document.position(list.id), list.at);
    }

    #[test]
    fn a_large_a_deep_and_a_self_referring_file_are_refused() {
        let cases = [
            "#".repeat(MAX_FILE_BYTES + 1),
            format!("a: {}{}", "[".repeat(200), "]".repeat(200)),
            format!("a: {}", "[".repeat(500_000)),
            "a: &a [*a, *a]".to_owned(),
            "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
             d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\n\
             g: [*f,*f,*f,*f,*f,*f,*f,*f]"
                .to_owned(),
        ];
        for text in cases {
            assert!(Document::parse(&text).is_err(), "{}", text.chars().take(40).collect::<String>());
        }
    }
}
