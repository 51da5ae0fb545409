//! A line as a record of a CSV file (RFC 4180) that a spreadsheet may open.

use std::borrow::Cow;

use serde_json::json;

use super::advice::{explanation, recommended_action};
use super::document::{milliseconds, text};
use super::{Logged, ModifiedProperty};

/// The columns, in their order.
pub const COLUMNS: &[&str] = &[
    "time",
    "job",
    "cycle",
    "id",
    "action",
    "status",
    "code",
    "reason",
    "recommended_action",
    "source_type",
    "anchor",
    "name",
    "target_type",
    "resource",
    "duration_ms",
    "scope",
    "modified",
    "references_added",
    "references_removed",
    "request",
    "request_status",
    "request_detail",
];

/// The first record, with its line end.
pub fn header() -> String {
    record(COLUMNS.iter().map(|column| (*column).to_owned()))
}

/// The line as a record, with its line end. Modified properties are one cell of JSON.
pub fn row(line: &Logged) -> String {
    let (subject, event) = (&line.summary.subject, &line.summary.event);
    let reason = event.reason.as_ref();
    let code = reason.map(|reason| reason.code.as_str()).unwrap_or_default();
    let request = reason.and_then(|reason| reason.request.as_ref());
    let said = reason.and_then(|reason| reason.text.as_deref()).or_else(|| explanation(code));
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    record([
        line.at.format("%FT%T%.3fZ").to_string(),
        line.job.to_string(),
        line.cycle.to_string(),
        line.id.to_string(),
        event.action.to_string(),
        event.status.to_string(),
        code.to_owned(),
        owned(said),
        owned(recommended_action(code)),
        subject.source_kind.to_string(),
        line.key.anchor.to_string(),
        owned(subject.name.as_deref()),
        subject.target_kind.to_string(),
        subject.resource.as_ref().map(ToString::to_string).unwrap_or_default(),
        milliseconds(line).to_string(),
        owned(subject.scope.as_deref()),
        modified(&event.modified),
        event.references.added.to_string(),
        event.references.removed.to_string(),
        owned(request.map(|request| request.request.as_str())),
        request.and_then(|request| request.status).map(|status| status.to_string()).unwrap_or_default(),
        owned(request.and_then(|request| request.detail.as_deref())),
    ])
}

fn modified(properties: &[ModifiedProperty]) -> String {
    if properties.is_empty() {
        return String::new();
    }
    let properties = properties.iter().map(|property| {
        let (old, new) = (property.old.as_ref().map(text), property.new.as_ref().map(text));
        json!({ "displayName": property.path, "oldValue": old, "newValue": new })
    });
    json!(properties.collect::<Vec<_>>()).to_string()
}

fn record(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&cell)).collect();
    let mut record = cells.join(",");
    record.push_str("\r\n");
    record
}

/// A cell. What a spreadsheet would take for a formula begins with an apostrophe, which makes it text there.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell: Cow<'_, str> = if is_formula { Cow::Owned(["'", cell].concat()) } else { Cow::Borrowed(cell) };
    if cell.contains(['"', ',', '\n', '\r']) {
        ["\"", &cell.replace('"', "\"\""), "\""].concat()
    } else {
        cell.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_cells_stay_one_cell_of_text() {
        for (cell, expected) in [
            ("", ""),
            ("Ada", "Ada"),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+49 30", "'+49 30"),
            ("-2", "'-2"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
            ("Zoë 日本 🙂", "Zoë 日本 🙂"),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }

    #[test]
    fn a_record_has_a_cell_for_each_column() {
        assert_eq!(header().trim_end().split(',').count(), COLUMNS.len());
    }
}
