//! Where in a JSON text a member stands, for messages.

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use trellis_core::op::pointer::{Pointer, array_index};

/// JSON as RFC 8259 has it, and nothing else.
pub(super) const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The line, from 1, of the member at a place, or of the error where the text is no JSON. Of members with one name it
/// is the last: the one that is too many. Where a part of the way is not there, the line of what is.
pub(super) fn line_of(text: &str, at: &Pointer) -> usize {
    match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(parsed) => parsed.value.map_or(1, |root| line(text.as_bytes(), deepest(&root, at).start)),
        Err(error) => line(text.as_bytes(), error.range().start),
    }
}

/// The line, from 1, in which a byte stands.
pub(super) fn line(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

fn deepest(root: &Value<'_>, at: &Pointer) -> Range {
    let (mut value, mut range) = (root, root.range());
    for token in &at.0 {
        let next = match value {
            Value::Object(object) => last_member(object, token).map(|member| (&member.value, member.range)),
            Value::Array(array) => {
                array_index(token).and_then(|index| array.elements.get(index)).map(|item| (item, item.range()))
            }
            _ => None,
        };
        let Some(next) = next else { break };
        (value, range) = next;
    }
    range
}

fn last_member<'a, 'b>(object: &'b Object<'a>, name: &str) -> Option<&'b ObjectProp<'a>> {
    object.properties.iter().rev().find(|member| member.name.as_str() == name)
}
