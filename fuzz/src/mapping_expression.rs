//! The body of the fuzz target of the mapping language.

use std::sync::LazyLock;

use chrono::DateTime;
use provisor::expression::{Context, Draw, Expression, Pattern, Seed, written};
use provisor::model::{Attributes, Value};

static SEED: LazyLock<Seed> = LazyLock::new(|| Seed::from([0; 32]));

/// An expression that is read prints as what it is, and comes to the same each time, whatever the object. What is no
/// expression may be a pattern.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(expression) = Expression::parse(text) else {
        if let Ok(pattern) = Pattern::compile(text) {
            let _ = pattern.is_match("Ada King 1815");
        }
        return;
    };
    let printed = expression.to_string();
    match Expression::parse(&printed) {
        Ok(read) => assert_eq!(read, expression, "{printed}"),
        // Blanks and escapes may make the printed form longer than an expression may be.
        Err(error) => assert!(error.expected.starts_with("at most"), "{printed}: {error}"),
    }
    let draw = Draw { seed: &SEED, job: "people", object: ["Users", "ada"], target: "title" };
    let context = Context { now: DateTime::UNIX_EPOCH, default_domain: Some("n.example"), draw };
    for object in objects(&expression) {
        let flow = expression.evaluate(&object, context);
        let (traced, steps) = expression.evaluate_traced(&object, context);
        assert_eq!(flow, traced, "{printed}");
        assert!(steps.last().is_some_and(|step| step.depth == 0), "{printed}");
        if let Err(error) = flow {
            assert!(error.position <= text.len(), "{printed}: {error}");
        }
    }
}

/// Nobody, somebody with a text everywhere, and somebody with whatever else there is.
fn objects(expression: &Expression) -> [Attributes; 3] {
    let names = expression.source_attributes();
    let others = [
        Value::Integer(i64::MIN),
        Value::texts(["a@n.example", "B", ""]),
        Value::Boolean(true),
        Value::DateTime(DateTime::UNIX_EPOCH),
        Value::List(Vec::new()),
        Value::Record([("id".to_owned(), Value::text("1"))].into()),
        Value::text("2024-02-29"),
    ];
    assert!(others.iter().filter_map(written).count() > 1);
    let texts = names.iter().map(|name| (*name, Value::text("Žofie O'Hara-42")));
    let mixed = names.iter().zip(others.into_iter().cycle()).map(|(name, value)| (*name, value));
    [Attributes::default(), texts.collect(), mixed.collect()]
}
