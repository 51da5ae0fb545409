//! What must hold for every document of the synchronization API.

use provisor::sync_schema::wire::{Shape, SynchronizationSchema};
use provisor::sync_schema::{Compiled, Finding, Severity, compile, diff};
use serde_json::Value;

/// Any object is a schema that is written as it was read, compiles to rules or to errors, and means the same when every
/// member is written out.
pub fn schema(data: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(schema) = serde_json::from_value::<SynchronizationSchema>(json.clone()) else {
        assert!(!json.is_object(), "{json}");
        return;
    };
    assert_eq!(schema.write(), json);
    let mut complete = schema.clone();
    complete.complete();
    let once = complete.write();
    complete.complete();
    assert_eq!(complete.write(), once);
    assert_eq!(diff(&schema, &complete), []);
    assert_eq!(said(&compile(&schema)), said(&compile(&complete)), "{json}");
}

/// The mappings that run, and each finding without its words. What is said of an expression is said of its text, which a
/// complete document always has.
fn said(compiled: &Compiled) -> (Option<Vec<String>>, Vec<(Severity, String)>) {
    let errors = compiled.findings.iter().any(Finding::is_error);
    assert_eq!(compiled.schema.is_none(), errors);
    assert!(Finding::lines(&compiled.findings).len() <= compiled.findings.len());
    let ids = |schema: &provisor::sync_schema::Schema| {
        schema.mappings.iter().map(|mapping| mapping.id.as_str().to_owned()).collect()
    };
    let place = |pointer: &str| match pointer.strip_suffix("/source/name") {
        Some(mapping) => [mapping, "/source/expression"].concat(),
        None => pointer.to_owned(),
    };
    let findings = compiled.findings.iter().map(|finding| (finding.severity, place(&finding.pointer))).collect();
    (compiled.schema.as_ref().map(ids), findings)
}
