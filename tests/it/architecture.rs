//! The code keeps to the import table of `ARCHITECTURE.md`, and to one TLS stack.
//!
//! The source is read as text: `crate::` paths, `super::` chains and the names of external crates. Unit tests inside
//! the modules may look further than the code they test, so they are left out.

mod codes;
mod source;
mod table;

use std::collections::BTreeMap;
use std::process::Command;

use self::source::{File, files};
use self::table::{Imports, Row, rows};
use crate::support::repository;

#[test]
fn every_module_has_a_row_and_imports_only_what_it_may() {
    let rows = rows();
    let mut broken = Vec::new();
    for file in files() {
        let Some(row) = rows.get(&file.module) else {
            broken.push(format!("`{}` has no row for `{}`", file.path, file.module));
            continue;
        };
        for path in &file.crate_paths {
            if !may_import(&file, row, path) {
                broken.push(format!("{}: `{}` may not import `crate::{}`", file.path, file.module, path.join("::")));
            }
        }
        if file.deepest_super >= file.depth {
            broken.push(format!("{}: a chain of `super::` leaves `{}`; write `crate::`", file.path, file.module));
        }
    }
    assert!(broken.is_empty(), "against the table in ARCHITECTURE.md:\n{}", broken.join("\n"));
}

#[test]
fn external_crates_stay_where_they_live() {
    let rows = rows();
    let mut homes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, row) in &rows {
        for name in &row.crates {
            homes.entry(name).or_default().push(module);
        }
    }
    let mut strays = Vec::new();
    for file in files() {
        for (name, modules) in &homes {
            if !modules.contains(&file.module.as_str()) && file.names_crate(name) {
                strays.push(format!("{}: `{name}` lives only in {modules:?}", file.path));
            }
        }
    }
    assert!(strays.is_empty(), "against the table in ARCHITECTURE.md:\n{}", strays.join("\n"));
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let readers: Vec<_> = files()
        .into_iter()
        .filter(|file| file.module != "config" && ["env::var", "env::vars"].iter().any(|call| file.text.contains(call)))
        .map(|file| file.path)
        .collect();
    assert!(readers.is_empty(), "take the value from the configuration instead: {readers:?}");
}

#[test]
fn there_is_one_tls_stack_and_one_crypto_provider() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(repository(""))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for wanted in ["rustls", "ring"] {
        assert!(packages.contains(&wanted), "`{wanted}` is gone");
    }
    for unwanted in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "schannel-sys", "pq-sys"] {
        assert!(!packages.contains(&unwanted), "`{unwanted}` came in: see `cargo tree -i {unwanted}`");
    }
}

fn may_import(file: &File, row: &Row, path: &[String]) -> bool {
    let Some(module) = path.first() else { return true };
    // A macro of the crate root, or a name that is no module, belongs to nobody.
    if *module == file.module || !file.is_module(path, 1) {
        return true;
    }
    match &row.imports {
        Imports::Anything => true,
        Imports::These(allowed) => allowed
            .iter()
            .any(|rule| path.starts_with(&rule.path) && !(rule.top_level && file.is_module(path, rule.path.len() + 1))),
    }
}
