//! What a match is replaced with: `${name}`, `$1`, `$&` and the other substitutions of .NET.

use super::Pattern;
use super::matches::Match;
use super::pattern::taken;

/// A replacement, read for one pattern. What names no group stays as it is; a group that took no part expands to
/// nothing.
#[derive(Debug)]
pub(in crate::expression) struct Replacement<'r> {
    parts: Vec<Part<'r>>,
}

#[derive(Debug)]
enum Part<'r> {
    Text(&'r str),
    /// The engine's groups of one name or number.
    Group(Vec<usize>),
    /// `$&`, `${0}`
    Whole,
    /// `` $` ``
    Before,
    /// `$'`
    After,
    /// `$_`
    Everything,
}

impl<'r> Replacement<'r> {
    pub(in crate::expression) fn read(text: &'r str, pattern: &Pattern) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            parts.push(Part::Text(&rest[..dollar]));
            let (part, length) = substitution(&rest[dollar + 1..], pattern).unwrap_or((Part::Text("$"), 0));
            parts.push(part);
            rest = &rest[dollar + 1 + length..];
        }
        parts.push(Part::Text(rest));
        Self { parts }
    }

    /// Appends what stands in the place of a match in `text`.
    pub(in crate::expression) fn expand(&self, found: &Match<'_>, text: &str, output: &mut String) {
        for part in &self.parts {
            output.push_str(match part {
                Part::Text(text) => text,
                Part::Group(groups) => taken(&found.captures, groups).map_or("", |range| &text[range]),
                Part::Whole => &text[found.range.clone()],
                Part::Before => &text[..found.range.start],
                Part::After => &text[found.range.end..],
                Part::Everything => text,
            });
        }
    }
}

/// What follows a dollar sign, and how many bytes of it belong to it.
fn substitution<'r>(text: &'r str, pattern: &Pattern) -> Option<(Part<'r>, usize)> {
    let group = |name: &str| match name.bytes().all(|byte| byte == b'0') {
        true => Some(Part::Whole),
        false => Some(pattern.groups(name)).filter(|groups| !groups.is_empty()).map(Part::Group),
    };
    if let Some(braced) = text.strip_prefix('{') {
        let name = &braced[..braced.find('}')?];
        return (!name.is_empty()).then(|| group(name))?.map(|part| (part, name.len() + 2));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return group(&text[..digits]).map(|part| (part, digits));
    }
    let part = match text.as_bytes().first()? {
        b'$' => Part::Text("$"),
        b'&' => Part::Whole,
        b'`' => Part::Before,
        b'\'' => Part::After,
        b'_' => Part::Everything,
        b'+' => match pattern.last_group() {
            groups if groups.is_empty() => Part::Whole,
            groups => Part::Group(groups),
        },
        _ => return None,
    };
    Some((part, 1))
}
