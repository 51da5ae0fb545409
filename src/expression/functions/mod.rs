//! The one table of functions: name, parameters, documentation, examples and what they do.
//!
//! Parser, evaluation, the function listing of the API and the generated reference all read this table.

mod date;
mod list;
mod logic;
mod random;
mod replace;
mod text;

use std::fmt;

use super::eval::{Arguments, Evaluated};
use super::parser::ParseError;
use super::{Node, Pattern};

/// A function of the mapping language.
pub struct Function {
    /// Case-sensitive.
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    /// One sentence: what it answers.
    pub doc: &'static str,
    /// Calls as they are written.
    pub examples: &'static [&'static str],
    /// True for functions that may only stand around the whole expression.
    pub outermost: bool,
    /// Checks what the table cannot say, and compiles a constant regular expression. Given the arguments and the
    /// position of the call.
    pub(super) prepare: Option<Prepare>,
    pub(super) evaluate: fn(&Arguments<'_>) -> Evaluated,
}

/// See [`Function`].
pub(super) type Prepare = fn(&[Option<Node>], usize) -> Result<Option<Pattern>, ParseError>;

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The key under which the synchronization API writes the argument.
    pub name: &'static str,
    pub kind: ParameterType,
    /// False when the argument may be left empty or out.
    pub required: bool,
    /// True for the last parameters of a function that takes any number of them, in turn.
    pub multiple: bool,
}

/// What an argument is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    Text,
    Integer,
    Boolean,
    DateTime,
    List,
    /// Any value.
    Any,
    /// A value or a comparison.
    Condition,
    /// Any value, or a keyword that stops the flow.
    Branch,
    /// `vbTextCompare` or `vbBinaryCompare`.
    CompareType,
}

impl Function {
    /// The parameter that the argument at `index` is given to; those that repeat take turns.
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        if let Some(parameter) = self.parameters.get(index) {
            return Some(parameter);
        }
        let first = self.parameters.iter().position(|parameter| parameter.multiple)?;
        let repeated = &self.parameters[first..];
        repeated.get((index - first) % repeated.len())
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// The function of this name, in exactly this spelling.
pub(super) fn function_named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const fn required(name: &'static str, kind: ParameterType) -> Parameter {
    Parameter { name, kind, required: true, multiple: false }
}

const fn optional(name: &'static str, kind: ParameterType) -> Parameter {
    Parameter { name, kind, required: false, multiple: false }
}

const fn repeated(name: &'static str, kind: ParameterType) -> Parameter {
    Parameter { name, kind, required: true, multiple: true }
}

/// A function without checks of its own.
const fn plain(
    name: &'static str,
    parameters: &'static [Parameter],
    evaluate: fn(&Arguments<'_>) -> Evaluated,
    doc: &'static str,
    examples: &'static [&'static str],
) -> Function {
    Function { name, parameters, doc, examples, outermost: false, prepare: None, evaluate }
}

use ParameterType::{Any, Boolean, Branch, CompareType, Condition, DateTime, Integer, List, Text};

/// Every function, by name.
pub static FUNCTIONS: &[Function] = &[
    plain(
        "Append",
        &[required("source", Text), required("suffix", Text)],
        text::append,
        "The source followed by the suffix; null when the source is null.",
        &[r#"Append([mailNickname], "@corp.example")"#],
    ),
    plain(
        "BitAnd",
        &[required("value1", Integer), required("value2", Integer)],
        logic::bit_and,
        "The bits that both whole numbers have.",
        &["BitAnd([userAccountControl], 2)", "BitAnd(&H1F, 9)"],
    ),
    plain(
        "CBool",
        &[required("expression", Condition)],
        logic::to_boolean,
        "True for a true condition, for the text true, and for a number other than zero; false for null.",
        &["CBool(BitAnd([flags], 8))"],
    ),
    plain(
        "CDate",
        &[required("expression", Text)],
        date::to_date,
        "The instant that an ISO 8601 or month/day/year text names; without an offset it is UTC.",
        &["CDate([hireDate])"],
    ),
    plain(
        "Coalesce",
        &[repeated("source", Any)],
        logic::coalesce,
        "The first source that is neither null nor empty, else the last one as it is.",
        &[r#"Coalesce([preferredName], [givenName], "unknown")"#],
    ),
    plain(
        "ConvertToBase64",
        &[required("source", Text)],
        text::to_base64,
        "The UTF-16 little-endian bytes of the source in Base64.",
        &["ConvertToBase64([employeeId])"],
    ),
    plain(
        "ConvertToUTF8Hex",
        &[required("source", Text)],
        text::to_utf8_hex,
        "The UTF-8 bytes of the source as upper-case hexadecimal digits.",
        &["ConvertToUTF8Hex([employeeId])"],
    ),
    plain(
        "Count",
        &[required("attribute", List)],
        list::count,
        "How many values there are: none for null, one for a single value.",
        &["Count([otherMails])"],
    ),
    plain("CStr", &[required("value", Any)], text::to_text, "The value as text.", &["CStr(BitAnd([flags], 8))"]),
    plain(
        "DateAdd",
        &[required("interval", Text), required("value", Integer), required("dateTime", DateTime)],
        date::add,
        "The date moved by a number of intervals: yyyy, m, d, ww, h, n or s. Months end on their last day.",
        &[r#"DateAdd("d", -7, CDate([hireDate]))"#],
    ),
    plain(
        "DateDiff",
        &[required("interval", Text), required("date1", DateTime), required("date2", DateTime)],
        date::difference,
        "How many intervals the second date lies after the first: elapsed ones for d, h, n and s, calendar ones for ww, m and yyyy.",
        &[r#"DateDiff("d", Now(), CDate([hireDate]))"#],
    ),
    plain(
        "DateFromNum",
        &[required("value", Integer)],
        date::from_file_time,
        "The instant of a Windows file time.",
        &["DateFromNum([accountExpires])"],
    ),
    plain(
        "DefaultDomain",
        &[],
        text::default_domain,
        "The default domain of the source, without an at sign.",
        &[r#"Join("@", [mailNickname], DefaultDomain())"#],
    ),
    plain("Guid", &[], random::guid, "A random UUID of version 4. Map it only when an object is created.", &["Guid()"]),
    Function {
        outermost: true,
        ..plain(
            "IgnoreFlowIfNullOrEmpty",
            &[required("expression", Any)],
            logic::ignore_if_empty,
            "The value, or nothing at all is sent when it is null or empty.",
            &["IgnoreFlowIfNullOrEmpty([jobTitle])"],
        )
    },
    plain(
        "IIF",
        &[required("condition", Condition), required("valueIfTrue", Branch), required("valueIfFalse", Branch)],
        logic::iif,
        "The second argument when the condition is true, else the third.",
        &[r#"IIF([country] = "DE", "EMEA", "OTHER")"#],
    ),
    plain(
        "InStr",
        &[
            required("value1", Text),
            required("value2", Text),
            optional("start", Integer),
            optional("compareType", CompareType),
        ],
        text::position,
        "Where the second text begins in the first, counted from 1; 0 when it does not occur.",
        &[r#"InStr([displayName], ",")"#, r#"InStr([mail], "@CORP", 1, vbTextCompare)"#],
    ),
    plain(
        "IsNothing",
        &[required("source", Any)],
        logic::is_null,
        "True when there is no value.",
        &["IsNothing([mail])"],
    ),
    plain(
        "IsNull",
        &[required("expression", Any)],
        logic::is_null,
        "True when there is no value.",
        &["IsNull([mail])"],
    ),
    plain(
        "IsNullOrEmpty",
        &[required("expression", Any)],
        logic::is_null_or_empty,
        "True when there is no value, or an empty text.",
        &["IsNullOrEmpty([mail])"],
    ),
    plain(
        "IsPresent",
        &[required("expression", Any)],
        logic::is_present,
        "True when there is a value other than an empty text.",
        &["IsPresent([mail])"],
    ),
    plain(
        "IsString",
        &[required("expression", Any)],
        logic::is_string,
        "True for one value that has a text form.",
        &["IsString([mail])"],
    ),
    plain(
        "Item",
        &[required("attribute", List), required("index", Integer)],
        list::item,
        "The value at a position counted from 1; an error beyond the end, null for null.",
        &["Item([otherMails], 1)"],
    ),
    plain(
        "Join",
        &[required("separator", Text), repeated("source", Any)],
        list::join,
        "All values that are neither null nor empty, with the separator between them.",
        &[r#"Join(" ", [givenName], [surname])"#],
    ),
    plain(
        "Left",
        &[required("source", Text), required("numChars", Integer)],
        text::left,
        "The first characters; all of them for a negative number, none for null.",
        &["Left([employeeId], 3)"],
    ),
    plain(
        "Len",
        &[required("source", Text)],
        text::length,
        "How many characters (Unicode scalar values) the text has; 0 for null.",
        &["Len([mailNickname])"],
    ),
    plain(
        "Mid",
        &[required("source", Text), required("start", Integer), required("length", Integer)],
        text::mid,
        "So many characters from a position counted from 1, as far as there are any.",
        &["Mid([mailNickname], 1, 8)"],
    ),
    plain(
        "NormalizeDiacritics",
        &[required("source", Text)],
        text::normalize_diacritics,
        "Latin letters without their marks, ligatures written out; everything else unchanged.",
        &["NormalizeDiacritics([surname])"],
    ),
    plain(
        "Not",
        &[required("source", Boolean)],
        logic::not,
        "False for true, true for everything else.",
        &["Not([IsSoftDeleted])"],
    ),
    plain("Now", &[], date::now, "The instant of the evaluation, the same for all mappings of an object.", &["Now()"]),
    plain(
        "NumFromDate",
        &[required("value", DateTime)],
        date::to_file_time,
        "The Windows file time of a date.",
        &["NumFromDate(CDate([hireDate]))"],
    ),
    plain(
        "PCase",
        &[required("source", Text), optional("wordSeparators", Text)],
        text::proper_case,
        "Every word with a capital first letter and small ones after it.",
        &["PCase([displayName])", r#"PCase([surname], " ")"#],
    ),
    plain(
        "Prepend",
        &[required("prefix", Text), required("source", Text)],
        text::prepend,
        "The prefix followed by the source; null when the source is null.",
        &[r#"Prepend("EXT-", [employeeId])"#],
    ),
    plain(
        "RandomString",
        &[
            required("length", Integer),
            required("minNumbers", Integer),
            required("minSpecial", Integer),
            required("minCapital", Integer),
            required("minLower", Integer),
            optional("charactersToAvoid", Text),
        ],
        random::string,
        "Random characters, with at least so many of each class. Map it only when an object is created.",
        &[r#"Redact(RandomString(16, 2, 2, 2, 2, "0O1lI"))"#],
    ),
    Function {
        outermost: true,
        ..plain(
            "Redact",
            &[required("value", Any)],
            logic::redact,
            "The value, which logs show as [Redact].",
            &["Redact([employeeId])"],
        )
    },
    plain(
        "RemoveDuplicates",
        &[required("attribute", List)],
        list::remove_duplicates,
        "The first of every value, in their order.",
        &["RemoveDuplicates([otherMails])"],
    ),
    Function {
        prepare: Some(replace::prepare),
        ..plain(
            "Replace",
            &[
                required("source", Text),
                optional("Find", Text),
                optional("RegularExpression", Text),
                optional("RegularExpressionGroupName", Text),
                optional("Replacement", Text),
                optional("ReplacementPropertyName", Text),
                optional("Template", Text),
            ],
            replace::replace,
            "A text or a pattern replaced in the source, the source put into a template, or a fallback extracted from another attribute, by which arguments are given.",
            &[
                r#"Replace([userPrincipalName], "@old.example", , , "@new.example", , )"#,
                r#"Replace([id], "{id}", , , , , "user-{id}")"#,
                r#"Replace([telephoneNumber], , "[^0-9]", , "", , )"#,
                r#"Replace([office], , "^(?<site>[A-Z]+)-", "site", "HQ", , )"#,
                r#"Replace([nickName], , "(?<name>[a-z]+)", "name", , [mail], )"#,
            ],
        )
    },
    plain(
        "Split",
        &[required("source", Text), optional("delimiter", Text)],
        list::split,
        "The parts of a text without the blanks around them; empty parts are left out.",
        &[r#"Split([codes], ";")"#],
    ),
    plain(
        "StripSpaces",
        &[required("source", Text)],
        text::strip_spaces,
        "The text without its blanks.",
        &["StripSpaces([surname])"],
    ),
    Function {
        prepare: Some(logic::check_switch),
        ..plain(
            "Switch",
            &[
                required("source", Any),
                optional("defaultValue", Branch),
                repeated("switchKey", Any),
                repeated("switchValue", Branch),
            ],
            logic::switch,
            "The value after the first key that equals the source, else the default. The key \"\" stands for no value.",
            &[r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#],
        )
    },
    plain(
        "ToLower",
        &[required("source", Text), optional("culture", Text)],
        text::to_lower,
        "The text in small letters, by the rules of a culture such as tr-TR where one is named.",
        &["ToLower([mail])"],
    ),
    plain(
        "ToUpper",
        &[required("source", Text), optional("culture", Text)],
        text::to_upper,
        "The text in capital letters, by the rules of a culture such as tr-TR where one is named.",
        &["ToUpper([surname])"],
    ),
    plain(
        "Word",
        &[required("source", Text), required("wordNumber", Integer), required("delimiters", Text)],
        text::word,
        "The word at a position counted from 1, any of the delimiters ending a word; empty when there is none.",
        &[r#"Word([displayName], 2, " ")"#],
    ),
];
