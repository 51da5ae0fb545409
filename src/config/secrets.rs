//! `${env:NAME}` and `${file:PATH}` in the texts of the file, put in before anything reads them.
//!
//! This is the only place of the program that reads the environment. What is put in is never part of a message.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::document::{Content, Document, Node, NodeId};
use super::problem::Problem;

/// Keys and certificates fit; a device that never ends does not.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where references are looked up.
pub(super) struct Surroundings<'a> {
    /// The value of an environment variable.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The folder of the configuration file, which relative paths start from.
    pub(super) folder: &'a Path,
}

/// The variable of that name in the environment of this process.
pub(super) fn environment_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Puts in the value of every reference. Returns what could not be found, with the texts that lack it.
pub(super) fn put_in(document: &mut Document, surroundings: &Surroundings<'_>) -> Vec<(NodeId, Problem)> {
    let mut missing = Vec::new();
    walk(&mut document.root, surroundings, &mut missing);
    missing
}

/// The texts that lack a value.
pub(super) fn nodes(missing: &[(NodeId, Problem)]) -> BTreeSet<NodeId> {
    missing.iter().map(|(node, _)| *node).collect()
}

fn walk(node: &mut Node, surroundings: &Surroundings<'_>, missing: &mut Vec<(NodeId, Problem)>) {
    match &mut node.content {
        Content::Text(text) => match expanded(text, surroundings) {
            Ok(whole) => *text = whole,
            Err((what, hint)) => missing.push((node.id, Problem { at: node.at, what, hint: Some(hint) })),
        },
        Content::List(nodes) => nodes.iter_mut().for_each(|node| walk(node, surroundings, missing)),
        Content::Map(entries) => entries.iter_mut().for_each(|entry| walk(&mut entry.value, surroundings, missing)),
        Content::Null | Content::Bool(..) | Content::Unsigned(..) | Content::Signed(..) | Content::Float(..) => {}
    }
}

type Lack = (String, String);

/// `$${` stands for a literal `${`.
fn expanded(text: &str, surroundings: &Surroundings<'_>) -> Result<String, Lack> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        if let Some(literal) = before.strip_suffix('$') {
            whole.push_str(literal);
            whole.push_str("${");
            rest = &reference[2..];
            continue;
        }
        whole.push_str(before);
        let Some((inside, after)) = reference[2..].split_once('}') else {
            return Err((
                "a `${` without its `}`".into(),
                "write `${env:NAME}`, `${file:PATH}`, or `$${` for the text".into(),
            ));
        };
        whole.push_str(&value_of(inside, surroundings)?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

fn value_of(reference: &str, surroundings: &Surroundings<'_>) -> Result<String, Lack> {
    match reference.split_once(':') {
        Some(("env", name)) => variable(name, surroundings),
        Some(("file", path)) => contents(path, surroundings),
        _ => Err((
            format!("`${{{reference}}}` is no reference"),
            "write `${env:NAME}` for an environment variable, `${file:PATH}` for a file, or `$${` for the text".into(),
        )),
    }
}

fn variable(name: &str, surroundings: &Surroundings<'_>) -> Result<String, Lack> {
    let usable = !name.is_empty() && !name.contains(['=', '\0']);
    match usable.then(|| (surroundings.environment)(name)).flatten() {
        Some(value) if !value.is_empty() => Ok(value),
        found => Err((
            format!("the environment variable `{name}` is {}", if found.is_some() { "empty" } else { "not set" }),
            format!("set it before the start: `export {name}=…`"),
        )),
    }
}

fn contents(path: &str, surroundings: &Surroundings<'_>) -> Result<String, Lack> {
    let file = surroundings.folder.join(path);
    let lack = |why: String| {
        (
            format!("the file `{}` {why}", file.display()),
            "write the value, and nothing else, to a file that this user may read".to_owned(),
        )
    };
    let mut text = String::new();
    File::open(&file)
        .and_then(|open| open.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text))
        .map_err(|cause| lack(format!("cannot be read: {cause}")))?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(lack(format!("has more than {MAX_SECRET_BYTES} bytes")));
    }
    // Editors and `echo` end a file with a newline that is not part of the secret.
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() { Err(lack("is empty".into())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, Lack> {
        let environment = |name: &str| match name {
            "PASSWORD" => Some("p{w}$$".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expanded(text, &Surroundings { environment: &environment, folder: Path::new("/nowhere") })
    }

    #[test]
    fn references_are_put_in_once_and_not_looked_at_again() {
        for (text, whole) in [
            ("plain", "plain"),
            ("${env:PASSWORD}", "p{w}$$"),
            ("a-${env:PASSWORD}-b", "a-p{w}$$-b"),
            ("$${env:PASSWORD}", "${env:PASSWORD}"),
            ("100$", "100$"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(whole), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_to_set_it() {
        for (text, what, hint) in [
            ("${env:NONE}", "the environment variable `NONE` is not set", "export NONE="),
            ("${env:EMPTY}", "the environment variable `EMPTY` is empty", "export EMPTY="),
            ("${env:}", "the environment variable `` is not set", "export"),
            ("${file:x}", "the file `/nowhere/x` cannot be read", "write the value"),
            ("${vault:x}", "`${vault:x}` is no reference", "${env:NAME}"),
            ("${env:NONE", "a `${` without its `}`", "${env:NAME}"),
        ] {
            let lack = expand(text).expect_err(text);
            assert!(lack.0.starts_with(what) && lack.1.contains(hint), "{text}: {lack:?}");
        }
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_newline() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("token"), "abc\r\n").expect("it is writable");
        std::fs::write(folder.path().join("large"), vec![b'x'; 70_000]).expect("it is writable");
        std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).expect("it is writable");
        let surroundings = Surroundings { environment: &|_| None, folder: folder.path() };
        assert_eq!(expanded("Bearer ${file:token}", &surroundings).as_deref(), Ok("Bearer abc"));
        assert!(expanded("${file:large}", &surroundings).is_err());
        assert!(expanded("${file:binary}", &surroundings).is_err());
        assert!(expanded("${file:/dev/zero}", &surroundings).is_err());
    }
}
