//! The tree of an expression in the form of the contract, in both directions.
//!
//! The text is the truth where a source has one; the tree is what clients show.

use super::wire::{AttributeMappingSource, Other, SourceParameter, SourceType, Word};
use crate::expression::{Call, Expression, FUNCTIONS, Node, NodeKind, Operator, Parameter};

impl AttributeMappingSource {
    /// The tree of a parsed expression in the contract's form.
    pub fn of(expression: &Expression) -> Self {
        Self::of_node(expression.root())
    }

    /// The text that the expression has, or that its parts make: written out where a client sent only the tree. `None`
    /// for a source that names nothing.
    pub(super) fn text(&self) -> Option<String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        given(&self.expression).or_else(|| match self.kind {
            Word::Known(SourceType::Constant) => {
                Some(Expression::constant(self.name.clone().unwrap_or_default()).to_string())
            }
            Word::Known(SourceType::Function) => Some(self.function_text()),
            _ => given(&self.name).map(|name| Expression::attribute(name).to_string()),
        })
    }

    /// The parameters in the order of the function's table, each under its key. JSON bounds the depth of the tree.
    fn function_text(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let text_of = |parameter: &SourceParameter| parameter.value.as_ref().and_then(Self::text).unwrap_or_default();
        let is_given = |given: &SourceParameter, parameter: &Parameter| {
            given.key.as_deref().is_some_and(|key| parameter.is_named(key))
        };
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            let sides: Vec<String> = self.parameters.iter().map(text_of).collect();
            let is_operator = Operator::ALL.into_iter().any(|operator| operator.symbol() == name);
            return if is_operator { sides.join(name) } else { [name, "(", &sides.join(", "), ")"].concat() };
        };
        let (repeated, single): (Vec<&Parameter>, Vec<&Parameter>) =
            function.parameters.iter().partition(|parameter| parameter.multiple);
        let find = |parameter| self.parameters.iter().find(|given| is_given(given, parameter)).map(text_of);
        let mut arguments: Vec<String> =
            single.into_iter().map(|parameter| find(parameter).unwrap_or_default()).collect();
        let rest = self.parameters.iter().filter(|given| repeated.iter().any(|parameter| is_given(given, parameter)));
        arguments.extend(rest.map(text_of));
        [name, "(", &arguments.join(", "), ")"].concat()
    }

    /// The parser bounds the depth of the tree.
    fn of_node(node: &Node) -> Self {
        let (kind, name, parameters) = match &node.kind {
            NodeKind::Attribute(name) => (SourceType::Attribute, name.clone(), Vec::new()),
            NodeKind::Text(text) | NodeKind::Number(text) => (SourceType::Constant, text.clone(), Vec::new()),
            NodeKind::Keyword(keyword) => (SourceType::Constant, keyword.name().to_owned(), Vec::new()),
            NodeKind::Call(call) => (SourceType::Function, call.function.name.to_owned(), Self::parameters_of(call)),
            NodeKind::Comparison(comparison) => {
                let sides = [("left", &comparison.left), ("right", &comparison.right)];
                let sides = sides.into_iter().map(|(key, side)| SourceParameter::new(key, side));
                (SourceType::Function, comparison.operator.symbol().to_owned(), sides.collect())
            }
        };
        let expression = match &node.kind {
            // A number stands for its text.
            NodeKind::Number(text) => Expression::constant(text).to_string(),
            _ => node.to_string(),
        };
        let (name, expression) = (Some(name), Some(expression));
        Self { kind: Word::Known(kind), name, expression, parameters, other: Other::new() }
    }

    fn parameters_of(call: &Call) -> Vec<SourceParameter> {
        let given = call.arguments.iter().enumerate().filter_map(|(index, argument)| {
            Some(SourceParameter::new(call.parameter(index)?.name, argument.as_ref()?))
        });
        given.collect()
    }
}

impl SourceParameter {
    fn new(key: &str, value: &Node) -> Self {
        let value = Some(AttributeMappingSource::of_node(value));
        Self { key: Some(key.to_owned()), value, other: Other::new() }
    }
}
