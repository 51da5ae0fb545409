//! The shape of the functions that the API lists, and of expressions that it tries out.

use serde_json::Value as Json;

use super::directory::{AttributeType, ObjectDefinition};
use super::given::{List, Shape};
use super::record::record;
use super::schema::AttributeMappingSource;
use super::word::Word;

record! {
    /// `attributeMappingFunctionSchema`
    FunctionSchema ("a function of the mapping language") {
        /// The name of the function.
        id: String = "id";
        name: String = "name";
        parameters: List<ParameterSchema> = "parameters";
    }
}

record! {
    /// `attributeMappingParameterSchema`
    ParameterSchema ("a parameter of a function") {
        name: String = "name";
        kind: Word<AttributeType> = "type";
        required: bool = "required";
        allow_multiple_occurrences: bool = "allowMultipleOccurrences";
    }
}

record! {
    /// `expressionInputObject`
    ExpressionInputObject ("an object to try an expression on") {
        definition: ObjectDefinition = "definition";
        properties: List<ObjectProperty> = "properties";
    }
}

record! {
    /// `stringKeyObjectValuePair`: the value is of any type, and an array has its type beside it.
    ObjectProperty ("a property of an object") {
        key: String = "key";
        value: Json = "value";
        value_type: String = "value@odata.type", unset is super::Given::Absent;
    }
}

record! {
    /// `parseExpressionResponse`
    ParseExpressionResponse ("the answer to an expression that was tried out") {
        parsing_succeeded: bool = "parsingSucceeded";
        parsed_expression: AttributeMappingSource = "parsedExpression";
        evaluation_succeeded: bool = "evaluationSucceeded";
        evaluation_result: List<String> = "evaluationResult";
        error: PublicError = "error";
    }
}

record! {
    /// `publicError`
    PublicError ("an error") {
        code: String = "code";
        message: String = "message";
        target: String = "target";
        details: List<PublicErrorDetail> = "details";
        inner_error: PublicInnerError = "innerError";
    }
}

record! {
    /// `publicErrorDetail`
    PublicErrorDetail ("a detail of an error") {
        code: String = "code";
        message: String = "message";
        target: String = "target";
    }
}

record! {
    /// `publicInnerError`
    PublicInnerError ("an inner error") {
        code: String = "code";
        message: String = "message";
        target: String = "target";
        details: List<PublicErrorDetail> = "details";
    }
}

/// Any value is of the contract's type.
impl Shape for Json {
    const EXPECTED: &'static str = "a value";

    fn read(json: Json) -> Result<Self, Json> {
        Ok(json)
    }

    fn write(&self) -> Json {
        self.clone()
    }
}
