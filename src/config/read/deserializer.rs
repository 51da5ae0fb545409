//! Serde's view of a node: a deserializer that places every fault and skips what was set aside.
//!
//! It is lenient where YAML is: a number is a good text, and a text that spells a number is a good number, because
//! a value taken from the environment is always a text.

use std::collections::BTreeSet;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::LOCATED;
use super::fault::{ReadFault, is_slip_for};
use crate::config::document::{Content, Entry, Node, NodeId};

#[derive(Clone, Copy)]
pub(super) struct NodeReader<'a> {
    pub(super) node: &'a Node,
    pub(super) set_aside: &'a BTreeSet<NodeId>,
}

impl<'a> NodeReader<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn keeps(self, entry: &Entry) -> bool {
        !self.set_aside.contains(&entry.key_id) && !self.set_aside.contains(&entry.value.id)
    }

    /// Places the fault here, and says whether it is news: a key that was set aside is known to be missing.
    fn place(self, mut fault: ReadFault) -> ReadFault {
        if fault.node.is_none()
            && let (Some(missing), Content::Map(entries)) = (fault.missing, &self.node.content)
        {
            fault.follows = entries.iter().any(|entry| !self.keeps(entry) && is_slip_for(&entry.key, missing));
        }
        fault.at(self.node.id)
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        let outcome = match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value, _) => visitor.visit_bool(*value),
            Content::Unsigned(value, _) => visitor.visit_u64(*value),
            Content::Signed(value, _) => visitor.visit_i64(*value),
            Content::Float(value, _) => visitor.visit_f64(*value),
            Content::Text(text) => visitor.visit_str(text),
            Content::List(nodes) => visitor.visit_seq(Elements { reader: self, rest: nodes.iter() }),
            Content::Map(entries) => visitor.visit_map(Entries { reader: self, rest: entries.iter(), value: None }),
        };
        outcome.map_err(|fault| self.place(fault))
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match self.node.text() {
            Some(text) => visitor.visit_str(text).map_err(|fault| self.place(fault)),
            None => self.any(visitor),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        let Content::Text(text) = &self.node.content else { return self.any(visitor) };
        if let Ok(value) = text.parse() {
            visitor.visit_u64(value)
        } else if let Ok(value) = text.parse() {
            visitor.visit_i64(value)
        } else if let Ok(value) = text.parse() {
            visitor.visit_f64(value)
        } else {
            visitor.visit_str(text)
        }
        .map_err(|fault| self.place(fault))
    }
}

macro_rules! read_as {
    ($way:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
            self.$way(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = ReadFault;

    read_as!(any: deserialize_any);
    read_as!(text: deserialize_char deserialize_str deserialize_string deserialize_identifier);
    read_as!(number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64);

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct seq tuple tuple_struct map
    }

    /// Serde would also fill a struct from a list, by position; nobody means that.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        match self.node.content {
            Content::List(_) => Err(self.place(de::Error::invalid_type(Unexpected::Seq, &visitor))),
            _ => self.any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match self.node.text() {
            Some("true") => visitor.visit_bool(true).map_err(|fault| self.place(fault)),
            Some("false") => visitor.visit_bool(false).map_err(|fault| self.place(fault)),
            _ => self.any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match self.node.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|fault| self.place(fault))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        match name {
            LOCATED => visitor.visit_seq(PlaceAndValue { reader: self, given: 0 }),
            _ => visitor.visit_newtype_struct(self),
        }
        .map_err(|fault| self.place(fault))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        let choice = match (&self.node.content, self.node.text()) {
            (_, Some(text)) => visitor.visit_enum(Choice { reader: self, name: text, value: None }),
            (Content::Map(entries), _) => {
                let kept: Vec<&Entry> = entries.iter().filter(|entry| self.keeps(entry)).collect();
                match kept.as_slice() {
                    [entry] => visitor.visit_enum(Choice { reader: self, name: &entry.key, value: Some(entry) }),
                    [] if !entries.is_empty() => Err(ReadFault { follows: true, ..de::Error::custom("no choice") }),
                    _ => Err(one_of(variants)),
                }
            }
            _ => Err(one_of(variants)),
        };
        choice.map_err(|fault| self.place(fault))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_unit()
    }
}

fn one_of(variants: &'static [&'static str]) -> ReadFault {
    let names: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
    de::Error::custom(format!("exactly one of {} belongs here", names.join(", ")))
}

struct Elements<'a> {
    reader: NodeReader<'a>,
    rest: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadFault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadFault> {
        match self.rest.find(|node| !self.reader.set_aside.contains(&node.id)) {
            Some(node) => seed.deserialize(self.reader.of(node)).map(Some).map_err(|fault| fault.at(node.id)),
            None => Ok(None),
        }
    }
}

struct Entries<'a> {
    reader: NodeReader<'a>,
    rest: std::slice::Iter<'a, Entry>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ReadFault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadFault> {
        let reader = self.reader;
        let Some(entry) = self.rest.find(|entry| reader.keeps(entry)) else { return Ok(None) };
        self.value = Some(&entry.value);
        let key: StrDeserializer<'_, ReadFault> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| fault.at(entry.key_id))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadFault> {
        match self.value.take() {
            Some(node) => seed.deserialize(self.reader.of(node)).map_err(|fault| fault.at(node.id)),
            None => Err(de::Error::custom("a key without a value")),
        }
    }
}

/// What [`super::Located`] reads: the number of the node, then the value.
struct PlaceAndValue<'a> {
    reader: NodeReader<'a>,
    given: u8,
}

impl<'de> SeqAccess<'de> for PlaceAndValue<'_> {
    type Error = ReadFault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadFault> {
        self.given = self.given.saturating_add(1);
        match self.given {
            1 => seed.deserialize(self.reader.node.id.0.into_deserializer()).map(Some),
            2 => seed.deserialize(self.reader).map(Some),
            _ => Ok(None),
        }
    }
}

/// A choice: its name alone (`tls`), or its name with what belongs to it (`{bearer: …}`).
struct Choice<'a> {
    reader: NodeReader<'a>,
    name: &'a str,
    value: Option<&'a Entry>,
}

impl<'a, 'de> EnumAccess<'de> for Choice<'a> {
    type Error = ReadFault;
    type Variant = ChoiceValue<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, ChoiceValue<'a>), ReadFault> {
        let at = self.value.map_or(self.reader.node.id, |entry| entry.key_id);
        let name: StrDeserializer<'_, ReadFault> = self.name.into_deserializer();
        let name = seed.deserialize(name).map_err(|fault| fault.at(at))?;
        Ok((name, ChoiceValue { reader: self.reader, name: self.name, value: self.value }))
    }
}

struct ChoiceValue<'a> {
    reader: NodeReader<'a>,
    /// One of the choices.
    name: &'a str,
    value: Option<&'a Entry>,
}

impl<'a> ChoiceValue<'a> {
    fn reader(self) -> Result<NodeReader<'a>, ReadFault> {
        match self.value {
            Some(entry) => Ok(self.reader.of(&entry.value)),
            None => {
                let name = self.name;
                Err(de::Error::custom(format!(
                    "`{name}` needs settings; write `{name}: {{ … }}` with what belongs to it"
                )))
            }
        }
    }
}

impl<'de> VariantAccess<'de> for ChoiceValue<'_> {
    type Error = ReadFault;

    fn unit_variant(self) -> Result<(), ReadFault> {
        match self.value {
            None => Ok(()),
            Some(Entry { value: Node { content: Content::Null, .. }, .. }) => Ok(()),
            Some(entry) => {
                let fault: ReadFault = de::Error::custom(format!("`{}` takes no settings", entry.key));
                Err(fault.at(entry.value.id))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadFault> {
        seed.deserialize(self.reader()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, ReadFault> {
        self.reader()?.any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        self.reader()?.any(visitor)
    }
}
