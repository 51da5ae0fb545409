//! What the API lists, made from the tables of the program: operators of scoping filters, functions of the language.

use super::scoping::Operator;
use super::wire::{
    AttributeType, FilterOperatorSchema, FunctionSchema, List, MultivaluedComparison, OperatorArity, ParameterSchema,
    Word,
};
use crate::expression::{FUNCTIONS, Function, Parameter, ValueType};

impl FilterOperatorSchema {
    /// Every operator.
    pub fn all() -> Vec<Self> {
        Operator::ALL.into_iter().map(Self::of).collect()
    }

    fn of(operator: Operator) -> Self {
        let arity = if operator.has_operand() { OperatorArity::Binary } else { OperatorArity::Unary };
        let comparison =
            if operator == Operator::IsMemberOf { MultivaluedComparison::Any } else { MultivaluedComparison::All };
        let types: List<Word<AttributeType>> = operator.supported_types().iter().copied().map(Word::from).collect();
        Self {
            id: operator.name().to_owned().into(),
            name: operator.name().to_owned().into(),
            arity: Word::from(arity).into(),
            multivalued_comparison_type: Word::from(comparison).into(),
            supported_attribute_types: types.into(),
            ..Self::default()
        }
    }
}

impl FunctionSchema {
    /// Every function of the mapping language.
    pub fn all() -> Vec<Self> {
        FUNCTIONS.iter().map(|function| Self::of(function)).collect()
    }

    fn of(function: &Function) -> Self {
        let parameters: List<ParameterSchema> = function.parameters.iter().map(ParameterSchema::of).collect();
        Self {
            id: function.name.to_owned().into(),
            name: function.name.to_owned().into(),
            parameters: parameters.into(),
            ..Self::default()
        }
    }
}

impl ParameterSchema {
    fn of(parameter: &Parameter) -> Self {
        let kind = match parameter.kind {
            ValueType::Integer => AttributeType::Integer,
            ValueType::Boolean | ValueType::Condition => AttributeType::Boolean,
            ValueType::DateTime => AttributeType::DateTime,
            _ => AttributeType::String,
        };
        Self {
            name: parameter.name.to_owned().into(),
            kind: Word::from(kind).into(),
            required: parameter.required.into(),
            allow_multiple_occurrences: parameter.multiple.into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_and_functions_are_listed_as_the_contract_has_them() {
        let operators = serde_json::to_value(FilterOperatorSchema::all()).unwrap();
        assert_eq!(
            operators[0],
            json!({"id": "EQUALS", "name": "EQUALS", "arity": "Binary", "multivaluedComparisonType": "All",
                "supportedAttributeTypes": ["Integer", "String"]})
        );
        let unary = operators.as_array().unwrap().iter().find(|operator| operator["id"] == "IS TRUE").unwrap();
        assert_eq!((&unary["arity"], &unary["supportedAttributeTypes"]), (&json!("Unary"), &json!(["Boolean"])));
        let members = operators.as_array().unwrap().iter().find(|operator| operator["id"] == "IsMemberOf").unwrap();
        assert_eq!((&members["arity"], &members["multivaluedComparisonType"]), (&json!("Binary"), &json!("Any")));
        let functions = serde_json::to_value(FunctionSchema::all()).unwrap();
        let append = functions.as_array().unwrap().iter().find(|function| function["id"] == "Append").unwrap();
        assert_eq!(
            append["parameters"],
            json!([{"name": "source", "type": "String", "required": true, "allowMultipleOccurrences": false},
                {"name": "suffix", "type": "String", "required": true, "allowMultipleOccurrences": false}])
        );
    }
}
