//! The import table of `ARCHITECTURE.md`: `| Module | May import | Crates that live only here |`.

use std::collections::BTreeMap;
use std::fs;

use crate::support::repository;

/// One module's row.
pub(super) struct Row {
    pub(super) imports: Imports,
    pub(super) crates: Vec<String>,
}

pub(super) enum Imports {
    Anything,
    These(Vec<Rule>),
}

/// A module, or a path into one, that may be named.
pub(super) struct Rule {
    pub(super) path: Vec<String>,
    /// Only what the module itself offers, none of its inner modules.
    pub(super) top_level: bool,
}

/// The rows by module. A first cell may name several modules.
pub(super) fn rows() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(repository("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let section = text.split("## Who may import whom").nth(1).expect("the section with the table");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let [modules, imports, crates] = cells.as_slice() else { panic!("a row has three cells: {line}") };
        for module in quoted(modules) {
            let row = Row { imports: parse_imports(imports), crates: quoted(crates) };
            assert!(rows.insert(module.clone(), row).is_none(), "`{module}` has two rows");
        }
    }
    assert!(rows.len() > 5, "the table has rows");
    rows
}

fn parse_imports(cell: &str) -> Imports {
    if cell.trim() == "anything" {
        return Imports::Anything;
    }
    let rules = cell.split(',').flat_map(|part| {
        let top_level = part.contains("(top level)");
        quoted(part)
            .into_iter()
            .map(move |path| Rule { path: path.split("::").map(str::to_owned).collect(), top_level })
    });
    Imports::These(rules.collect())
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
