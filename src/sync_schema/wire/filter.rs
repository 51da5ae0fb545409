//! `filter`: which objects of a mapping are in scope; and the shape of the operators that the API lists.

use super::directory::AttributeType;
use super::given::{List, Scalar};
use super::record::record;
use super::word::{MultivaluedComparison, OperatorArity, Word};

record! {
    /// `filter`
    Filter ("a scoping filter") {
        category_filter_groups: List<FilterGroup> = "categoryFilterGroups";
        groups: List<FilterGroup> = "groups";
        input_filter_groups: List<FilterGroup> = "inputFilterGroups";
    }
}

record! {
    /// `filterGroup`
    FilterGroup ("a group of clauses") {
        name: String = "name";
        clauses: List<FilterClause> = "clauses";
    }
}

record! {
    /// `filterClause`
    FilterClause ("a clause of a filter") {
        source_operand_name: String = "sourceOperandName";
        operator_name: String = "operatorName";
        target_operand: FilterOperand = "targetOperand";
    }
}

record! {
    /// `filterOperand`
    FilterOperand ("the operand of a clause") {
        values: List<Scalar> = "values";
    }
}

record! {
    /// `filterOperatorSchema`
    FilterOperatorSchema ("an operator of scoping filters") {
        /// The name of the operator.
        id: String = "id";
        name: String = "name";
        arity: Word<OperatorArity> = "arity";
        multivalued_comparison_type: Word<MultivaluedComparison> = "multivaluedComparisonType";
        supported_attribute_types: List<Word<AttributeType>> = "supportedAttributeTypes";
    }
}
