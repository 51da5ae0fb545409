//! Every fixture has a row in `fixtures/README.md`, every row has a fixture, and every fixture is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

#[test]
fn every_fixture_is_listed_and_every_listed_one_exists() {
    let listed = listed();
    let present = present();
    let unlisted: Vec<_> = present.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&present).collect();
    assert!(unlisted.is_empty(), "add a row to fixtures/README.md for: {unlisted:?}");
    assert!(gone.is_empty(), "fixtures/README.md lists what is not there: {gone:?}");
}

#[test]
fn every_fixture_is_read() {
    let mut readers = String::new();
    for folder in ["src", "tests", "scripts", "docker", "docker-compose.yml"] {
        for file in files(&repository(folder)) {
            readers.push_str(&fs::read_to_string(file).unwrap_or_default());
        }
    }
    let unread: Vec<_> =
        present().into_iter().filter(|fixture| !readers.contains(&format!("fixtures/{fixture}"))).collect();
    assert!(unread.is_empty(), "no code names `fixtures/…` for: {unread:?}");
}

/// The first cells of the rows: paths below `fixtures/`, in backticks.
fn listed() -> BTreeSet<String> {
    let readme = fs::read_to_string(repository("fixtures/README.md")).expect("the list of fixtures");
    readme
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('|')?.split('|').next()?.trim().strip_prefix('`'))
        .filter_map(|cell| Some(cell.strip_suffix('`')?.to_owned()))
        .collect()
}

fn present() -> BTreeSet<String> {
    let root = repository("fixtures");
    let relative = |file: PathBuf| file.strip_prefix(&root).map(|path| path.display().to_string()).ok();
    files(&root).into_iter().filter_map(relative).filter(|path| path != "README.md").collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
    entries.iter().flat_map(|entry| files(&entry.path())).collect()
}
