//! Attribute paths such as `emails[type eq "work"].value`: their parts and their canonical text.
//!
//! A path names a place. What stands there is asked of [`Resource`](super::Resource); what may stand there, of
//! [`ResourceSchema`](super::ResourceSchema).

use std::fmt;
use std::str::FromStr;

use super::filter::Filter;
use super::parser::{self, ParseError};
use super::strictness::Strictness;

/// The path of an attribute (RFC 7644 section 3.10 and the PATCH path of section 3.5.2).
///
/// Equality is exact; [`AttributePath::is_same`] compares as the protocol does. The path of a whole extension is
/// its URN cut like any other: `…:2.0:User` has the attribute `User` of the schema `…:2.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// The schema's URN, when the path spells it out.
    pub schema: Option<String>,
    pub attribute: String,
    /// Which elements of a multi-valued attribute are meant. Its paths name sub-attributes.
    pub filter: Option<Box<Filter>>,
    pub sub_attribute: Option<String>,
}

impl AttributePath {
    /// The path of a core attribute. The name is taken as it is: use [`AttributePath::parse`] for text from outside.
    pub fn new(attribute: impl Into<String>) -> Self {
        Self { schema: None, attribute: attribute.into(), filter: None, sub_attribute: None }
    }

    /// Reads a path as clients write it. The URN ends at the last colon, so the dot of a version number is never taken
    /// for a separator.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_as(text, Strictness::Lenient)
    }

    /// Reads a path: strict, by the grammar of RFC 7644 section 3.5.2 alone.
    pub fn parse_as(text: &str, strictness: Strictness) -> Result<Self, ParseError> {
        parser::path(text, strictness)
    }

    /// The same path, in this schema.
    pub fn in_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The same path, for this part of the attribute.
    pub fn part(mut self, sub_attribute: impl Into<String>) -> Self {
        self.sub_attribute = Some(sub_attribute.into());
        self
    }

    /// The same path, for the elements that this filter selects.
    pub fn filtered(mut self, filter: Filter) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }

    /// True when both name the same place: names and URNs in any case (RFC 7643 section 2.1), and filters that
    /// print the same but for case.
    pub fn is_same(&self, other: &Self) -> bool {
        fn same(a: Option<&str>, b: Option<&str>) -> bool {
            match (a, b) {
                (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                (a, b) => a == b,
            }
        }
        let filters = (self.filter.as_ref().map(|f| f.to_string()), other.filter.as_ref().map(|f| f.to_string()));
        self.attribute.eq_ignore_ascii_case(&other.attribute)
            && same(self.schema.as_deref(), other.schema.as_deref())
            && same(self.sub_attribute.as_deref(), other.sub_attribute.as_deref())
            && same(filters.0.as_deref(), filters.1.as_deref())
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub_attribute) = &self.sub_attribute {
            write!(f, ".{sub_attribute}")?;
        }
        Ok(())
    }
}

impl FromStr for AttributePath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_at_the_last_colon_and_never_in_a_version() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (text, schema, attribute, sub_attribute) in [
            ("userName", None, "userName", None),
            ("name.givenName", None, "name", Some("givenName")),
            ("members.$ref", None, "members", Some("$ref")),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", Some(enterprise), "manager", None),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                Some(enterprise),
                "manager",
                Some("value"),
            ),
        ] {
            let path = AttributePath::parse(text).unwrap();
            let parts = (path.schema.as_deref(), path.attribute.as_str(), path.sub_attribute.as_deref());
            assert_eq!(parts, (schema, attribute, sub_attribute), "{text}");
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn a_filtered_path_keeps_its_filter() {
        let path = AttributePath::parse("urn:x:2.0:Y:emails[ Type EQ \"a:b]c\" ].value").unwrap();
        assert_eq!(path.schema.as_deref(), Some("urn:x:2.0:Y"));
        assert_eq!(path.filter.as_deref(), Some(&Filter::equals(AttributePath::new("Type"), "a:b]c")));
        assert_eq!(path.to_string(), "urn:x:2.0:Y:emails[Type eq \"a:b]c\"].value");
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_breaks() {
        for (text, offset) in [
            ("", 0),
            (" ", 1),
            ("a b", 2),
            ("emails[", 7),
            ("emails[]", 7),
            ("emails[type eq \"work\"", 21),
            ("emails[type eq \"work\"].", 23),
            ("emails.value[type eq \"work\"]", 12),
            ("emails[phones[type eq 1] eq 2]", 13),
            ("a.b.c", 0),
            ("1a", 0),
            ("urn:x:", 0),
            ("name.", 0),
        ] {
            assert_eq!(AttributePath::parse(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn paths_are_the_same_in_any_case() {
        let same = |a, b| AttributePath::parse(a).unwrap().is_same(&AttributePath::parse(b).unwrap());
        assert!(same("name.GivenName", "NAME.givenname"));
        assert!(same("emails[type eq \"work\"].value", "Emails[Type  eq \"work\"].Value"));
        assert!(!same("emails[type eq \"work\"].value", "emails[type eq \"home\"].value"));
        assert!(!same("name", "name.givenName"));
        assert!(!same("urn:x:User:name", "name"));
    }
}
