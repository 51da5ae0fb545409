//! Scoping filters, checked.

use super::{Between, Compiler};
use crate::expression::{Pattern, PatternError};
use crate::sync_schema::directory::AttributeType;
use crate::sync_schema::scoping::Operand;
use crate::sync_schema::wire::{Filter, FilterClause, Vocabulary};
use crate::sync_schema::{Clause, Finding, Group, Operator, Scope};

impl Compiler<'_> {
    pub(super) fn scope(&mut self, pointer: &str, filter: Option<&Filter>, between: Between<'_>) -> Scope {
        let Some(filter) = filter else { return Scope::default() };
        let unsupported = [
            ("inputFilterGroups", &filter.input_filter_groups),
            ("categoryFilterGroups", &filter.category_filter_groups),
        ];
        for (name, groups) in unsupported {
            if !groups.is_empty() {
                let expected = "no groups here: use `groups`, which also says what happens to objects that leave";
                self.report(Finding::error(&format!("{pointer}/{name}"), expected, format!("{}", groups.len())));
            }
        }
        let mut scope = Scope::default();
        for (index, group) in filter.groups.items() {
            let pointer = format!("{pointer}/groups/{index}/clauses");
            let clauses = group.clauses.items();
            let clauses = clauses
                .filter_map(|(index, clause)| self.clause(&format!("{pointer}/{index}"), clause, between))
                .collect();
            scope.groups.push(Group { title: group.name.text().unwrap_or_default().to_owned(), clauses });
        }
        scope
    }

    fn clause(&mut self, pointer: &str, clause: &FilterClause, between: Between<'_>) -> Option<Clause> {
        let pointer_of_operator = format!("{pointer}/operatorName");
        let name = clause.operator_name.text().unwrap_or_default();
        let operator = Operator::named(name);
        if operator == Some(Operator::IsMemberOf) {
            return self.member_clause(pointer, clause, between);
        }
        let kind = self.operand_type(
            &format!("{pointer}/sourceOperandName"),
            clause.source_operand_name.text().unwrap_or_default(),
            between,
        );
        let Some(operator) = operator else {
            let names = Operator::ALL.into_iter().map(Operator::name);
            self.report(Finding::unknown(&pointer_of_operator, "a known operator", name, names));
            return None;
        };
        let kind = kind?;
        if !operator.accepts(kind) {
            let hint = match kind {
                AttributeType::Boolean => "IS TRUE, IS FALSE, IS NULL or IS NOT NULL".to_owned(),
                _ => format!("an operator for attributes of type {}", kind.name()),
            };
            self.report(Finding::error(&pointer_of_operator, hint, format!("`{name}`")));
            return None;
        }
        if !operator.supported_types().contains(&kind) {
            let advice = "the attribute is a text: values of another form never pass";
            self.report(Finding::hint(&pointer_of_operator, advice, format!("`{name}`")));
        }
        let text = self.operand(&format!("{pointer}/targetOperand/values"), clause, operator)?;
        let operand = match text {
            None => Operand::None,
            Some(text) if operator.is_regex() => {
                let pattern = self.pattern(&format!("{pointer}/targetOperand/values/0"), &text)?;
                Operand::Pattern(text, Box::new(pattern))
            }
            Some(text) => Operand::Text(text),
        };
        let attribute = clause.source_operand_name.text().unwrap_or_default().to_owned();
        Some(Clause::new(attribute, operator, operand))
    }

    fn pattern(&mut self, pointer: &str, text: &str) -> Option<Pattern> {
        let (offset, problem) = match Pattern::compile(text) {
            Ok(pattern) => return Some(pattern),
            Err(PatternError::Invalid { problem, .. }) => (None, problem),
            Err(PatternError::Unsupported { construct, offset }) => {
                (Some(offset), format!("{construct} is not supported"))
            }
            Err(other) => (None, other.to_string()),
        };
        let finding = Finding::error(pointer, format!("a regular expression ({problem})"), "another text");
        self.report(Finding { offset, ..finding });
        None
    }

    fn operand_type(&mut self, pointer: &str, name: &str, between: Between<'_>) -> Option<AttributeType> {
        if name == between.soft_deleted {
            let expected = "an attribute of the source, not one that is computed from the scope";
            self.report(Finding::error(pointer, expected, format!("`{name}`")));
            return None;
        }
        let Some(definition) = between.source.attribute(name) else {
            let expected = "an attribute of the source object";
            self.report(Finding::unknown(pointer, expected, name, between.source.attribute_names()));
            return None;
        };
        let kind = definition.kind.word();
        if matches!(kind, AttributeType::Reference | AttributeType::DateTime) {
            let expected = "an attribute that filters can test, neither a reference nor a date";
            self.report(Finding::error(pointer, expected, format!("`{name}`")));
            return None;
        }
        Some(kind)
    }

    /// The value to compare with; `None` within, where the operator needs none.
    fn operand(&mut self, pointer: &str, clause: &FilterClause, operator: Operator) -> Option<Option<String>> {
        if !operator.has_operand() {
            return Some(None);
        }
        let values = values(clause);
        let [value] = values[..] else {
            self.report(Finding::error(pointer, "one value to compare with", format!("{}", values.len())));
            return None;
        };
        let numeric = matches!(operator, Operator::Greater | Operator::GreaterOrEquals);
        if numeric && value.parse::<u64>().is_err() {
            let pointer = format!("{pointer}/0");
            self.report(Finding::error(&pointer, "a whole number, zero or greater", "another text"));
            return None;
        }
        Some(Some(value.to_owned()))
    }
}

/// The values that a clause compares with.
pub(super) fn values(clause: &FilterClause) -> Vec<&str> {
    let operand = clause.target_operand.get();
    operand.iter().flat_map(|operand| operand.values.items()).map(|(_, value)| value.text()).collect()
}
