//! Functions that give a value another form.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::row::{example, function, required};
use super::{Function, ValueType};
use crate::expression::arguments::Arguments;
use crate::expression::eval::Evaluated;
use crate::expression::operand::Operand;

use ValueType::{Any, Boolean, Condition, Integer, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "BitAnd",
        &[required("value1", Integer), required("value2", Integer)],
        Integer,
        bit_and,
        "The bits that both whole numbers of 64 bits have.",
        &[
            example("BitAnd(&H1F, 9)", "{}", r#""9""#),
            example("BitAnd([userAccountControl], 2)", r#"{"userAccountControl": "514"}"#, r#""2""#),
        ],
    ),
    function(
        "CBool",
        &[required("expression", Condition)],
        Boolean,
        to_boolean,
        "True for a true condition, for the text true, and for a number other than zero; false for null.",
        &[example("CBool(BitAnd([flags], 8))", r#"{"flags": "12"}"#, r#""True""#)],
    ),
    function(
        "ConvertToBase64",
        &[required("source", Text)],
        Text,
        to_base64,
        "The UTF-16 little-endian bytes of the source in Base64.",
        &[example("ConvertToBase64([employeeId])", r#"{"employeeId": "Ada"}"#, r#""QQBkAGEA""#)],
    ),
    function(
        "ConvertToUTF8Hex",
        &[required("source", Text)],
        Text,
        to_utf8_hex,
        "The UTF-8 bytes of the source as upper-case hexadecimal digits.",
        &[example("ConvertToUTF8Hex([employeeId])", r#"{"employeeId": "Ada"}"#, r#""416461""#)],
    ),
    function(
        "CStr",
        &[required("value", Any)],
        Text,
        to_text,
        "The value as text.",
        &[example("CStr(BitAnd(6, 3))", "{}", r#""2""#)],
    ),
];

fn bit_and<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::integer(arguments.number(0)? & arguments.number(1)?)))
}

fn to_boolean<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(Some(Operand::boolean(arguments.condition(0)?)))
}

fn to_base64<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    arguments.map(0, |source| {
        let bytes: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Ok(STANDARD.encode(bytes))
    })
}

fn to_utf8_hex<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    arguments.map(0, |source| Ok(source.bytes().map(|byte| format!("{byte:02X}")).collect()))
}

fn to_text<'a>(arguments: &Arguments<'a, '_>) -> Evaluated<'a> {
    Ok(arguments.text(0)?.map(|text| Operand::text(text.into_owned())))
}
