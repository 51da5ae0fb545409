//! The files of `src` as far as their imports go.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// One file of `src`.
pub(super) struct File {
    /// From the root of the repository.
    pub(super) path: String,
    /// The module of the crate root it belongs to; `main` and `lib` count as such.
    pub(super) module: String,
    /// How many modules deep it is: 1 for `src/x.rs` and `src/x/mod.rs`.
    pub(super) depth: usize,
    /// Its code without comments and unit tests.
    pub(super) text: String,
    /// Every path behind `crate::`, one for each leaf of a group.
    pub(super) crate_paths: Vec<Vec<String>>,
    /// The longest chain of `super::`.
    pub(super) deepest_super: usize,
}

impl File {
    /// True when the first `length` names of a path lead to a module that has a file.
    pub(super) fn is_module(&self, path: &[String], length: usize) -> bool {
        let Some(names) = path.get(..length) else { return false };
        let folder = names.iter().fold(repository("src"), |folder, name| folder.join(name));
        folder.is_dir() || folder.with_extension("rs").is_file()
    }

    /// True when the code names something of that external crate.
    pub(super) fn names_crate(&self, name: &str) -> bool {
        self.text.match_indices(name).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            let after = &self.text[at + name.len()..];
            let starts = before.is_none_or(|c| !c.is_alphanumeric() && !"_:.\"".contains(c));
            let root = self.text[..at].ends_with(" ::");
            (starts || root)
                && (after.starts_with("::") || (self.text[..at].ends_with("use ") && after.starts_with(';')))
        })
    }
}

/// All files with code that ships.
pub(super) fn files() -> Vec<File> {
    let root = repository("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let files: Vec<File> = paths.iter().filter_map(|path| file(&root, path)).collect();
    assert!(files.len() > 10, "src is read");
    files
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of src").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn file(root: &Path, path: &Path) -> Option<File> {
    let relative = path.strip_prefix(root).ok()?;
    let mut names: Vec<String> =
        relative.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if names.iter().any(|name| name == "tests") {
        return None;
    }
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    let whole = fs::read_to_string(path).expect("a file of src");
    let text = without_comments(without_unit_tests(&whole));
    let crate_paths =
        text.match_indices("crate::").flat_map(|(at, found)| leaves(&text, at, at + found.len())).collect();
    Some(File {
        path: Path::new("src").join(relative).display().to_string(),
        module: names.first()?.clone(),
        depth: names.len(),
        deepest_super: deepest_super(&text),
        crate_paths,
        text,
    })
}

/// Unit tests stand at the end of a file.
fn without_unit_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| if line.trim_start().starts_with("//") { String::new() } else { format!("{line}\n") };
    text.lines().map(code).collect()
}

fn deepest_super(text: &str) -> usize {
    let mut deepest = 0;
    let mut rest = text;
    while let Some(at) = rest.find("super::") {
        let mut chain = 0;
        rest = &rest[at..];
        while let Some(after) = rest.strip_prefix("super::") {
            chain += 1;
            rest = after;
        }
        deepest = deepest.max(chain);
    }
    deepest
}

/// The paths behind one `crate::`, with groups in braces taken apart.
fn leaves(text: &str, at: usize, from: usize) -> Vec<Vec<String>> {
    // `$crate::` in a macro and `some_crate::` are something else.
    if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return Vec::new();
    }
    let mut paths = Vec::new();
    tree(&text[from..], &mut Vec::new(), &mut paths);
    paths
}

/// Reads one use tree and returns what follows it.
fn tree<'a>(text: &'a str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let before = rest;
            rest = tree(rest, &mut prefix.clone(), paths);
            rest = rest.find([',', '}']).map_or("", |end| rest[end..].trim_start_matches(','));
            if rest.len() >= before.len() || rest.is_empty() {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if !name.is_empty() {
        prefix.push(name.to_owned());
    }
    match after.strip_prefix("::") {
        Some(inner) if inner.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
            tree(inner, prefix, paths)
        }
        _ => {
            paths.push(prefix.clone());
            after
        }
    }
}

#[test]
fn groups_are_taken_apart() {
    let text = "use crate::{model::{Anchor, Value as V}, source::ldap::{self, Settings}, secret::Secret};\ncrate::net::client::<T>()";
    let found: Vec<String> = text
        .match_indices("crate::")
        .flat_map(|(at, found)| leaves(text, at, at + found.len()))
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(
        found,
        [
            "model::Anchor",
            "model::Value",
            "source::ldap::self",
            "source::ldap::Settings",
            "secret::Secret",
            "net::client"
        ]
    );
    assert_eq!(deepest_super("use super::super::model; pub(super) fn f() { super::g() }"), 2);
}
