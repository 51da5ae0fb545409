//! The tree of an expression in the form of the contract, in both directions.
//!
//! The text is the truth where a source has one; the tree is what clients show.

use super::wire::{AttributeMappingSource, Given, List, SourceParameter, SourceType, Word};
use crate::expression::{Call, Expression, FUNCTIONS, Node, NodeKind, Operator, Parameter};

impl AttributeMappingSource {
    /// The tree of a parsed expression in the contract's form.
    pub fn of(expression: &Expression) -> Self {
        Self::of_node(expression.root())
    }

    /// The text that the expression has, or that its parts make: written out where a client sent only the tree. `None`
    /// for a source that names nothing.
    pub(super) fn text(&self) -> Option<String> {
        let given = |text: &Given<String>| text.text().filter(|text| !text.is_empty()).map(str::to_owned);
        given(&self.expression).or_else(|| match self.kind.word() {
            SourceType::Constant => Some(Expression::constant(self.name.text().unwrap_or_default()).to_string()),
            SourceType::Function => Some(self.function_text()),
            SourceType::Attribute => given(&self.name).map(|name| Expression::attribute(name).to_string()),
        })
    }

    /// Makes the tree of the text, or the text of the tree, where only one of them is given. What does not parse, or
    /// would not say the same, stays as it is.
    pub(super) fn derive(&mut self) {
        let has_text = self.expression.text().is_some_and(|text| !text.is_empty());
        let is_known = match &self.kind {
            Given::Is(kind) => kind.known().is_some(),
            Given::Odd(_) => false,
            Given::Absent | Given::Null => true,
        };
        let is_odd = matches!(self.name, Given::Odd(_))
            || matches!(self.expression, Given::Odd(_))
            || matches!(self.parameters, Given::Odd(_));
        if has_text == self.has_parts() || !is_known || is_odd {
            return;
        }
        let Some(tree) = self.text().and_then(|text| Some(Self::of(&Expression::parse(&text).ok()?))) else { return };
        if has_text {
            (self.kind, self.name, self.parameters) = (tree.kind, tree.name, tree.parameters);
        } else if self.has_parts_of(&tree) {
            self.take_texts(&tree);
        }
    }

    /// Takes over the texts of a tree with the same parts: a comparison is no text that could be read by itself.
    fn take_texts(&mut self, tree: &Self) {
        if self.expression.text().is_none_or(str::is_empty) {
            self.expression = tree.expression.clone();
        }
        let own = self.parameters.items_mut().filter_map(|parameter| parameter.value.get_mut());
        for (own, (_, parameter)) in own.zip(tree.parameters.items()) {
            if let Some(tree) = parameter.value.get() {
                own.take_texts(tree);
            }
        }
    }

    /// True when the parts say something else than the expression, which was parsed from the text. Constants are texts
    /// in the tree, and parameters are told apart by their order.
    pub(super) fn contradicts(&self, expression: &Expression) -> bool {
        self.has_parts() && !self.has_parts_of(&Self::of(expression))
    }

    fn has_parts(&self) -> bool {
        !self.parameters.is_empty() || self.name.text().is_some_and(|name| !name.is_empty())
    }

    fn has_parts_of(&self, other: &Self) -> bool {
        let derived = |mut source: Self| {
            source.derive();
            source
        };
        let values = |source: &Self| -> Vec<Self> {
            source.parameters.items().filter_map(|(_, parameter)| parameter.value.get().cloned().map(derived)).collect()
        };
        let (own, others) = (values(self), values(other));
        self.kind.word() == other.kind.word()
            && self.name.text() == other.name.text()
            && own.len() == others.len()
            && own.iter().zip(&others).all(|(own, other)| own.has_parts_of(other))
    }

    /// The parameters in the order of the function's table, each under its key. JSON bounds the depth of the tree.
    fn function_text(&self) -> String {
        let name = self.name.text().unwrap_or_default();
        let text_of = |parameter: &SourceParameter| parameter.value.get().and_then(Self::text).unwrap_or_default();
        let is_given = |given: &SourceParameter, parameter: &Parameter| {
            given.key.text().is_some_and(|key| parameter.is_named(key))
        };
        let given = self.parameters.items().map(|(_, parameter)| parameter);
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            let sides: Vec<String> = given.clone().map(text_of).collect();
            let is_operator = Operator::ALL.into_iter().any(|operator| operator.symbol() == name);
            return if is_operator { sides.join(name) } else { [name, "(", &sides.join(", "), ")"].concat() };
        };
        let (repeated, single): (Vec<&Parameter>, Vec<&Parameter>) =
            function.parameters.iter().partition(|parameter| parameter.multiple);
        let find = |parameter| given.clone().find(|given| is_given(given, parameter)).map(text_of);
        let mut arguments: Vec<String> =
            single.into_iter().map(|parameter| find(parameter).unwrap_or_default()).collect();
        let rest = given.clone().filter(|given| repeated.iter().any(|parameter| is_given(given, parameter)));
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
        let parameters: List<SourceParameter> = parameters.into_iter().collect();
        Self {
            kind: Word::from(kind).into(),
            name: name.into(),
            expression: expression.into(),
            parameters: parameters.into(),
            ..Self::default()
        }
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
        Self { key: key.to_owned().into(), value: AttributeMappingSource::of_node(value).into(), ..Self::default() }
    }
}
