//! What crosses, as wasm-bindgen carries it.

use trellis_core::surface::Problem;
use trellis_core::surface::crossing::{Given, give};
use wasm_bindgen::JsValue;

/// Why a call failed, as what JavaScript throws: the JSON text of `code`, `message`, and `op` where it is about one.
pub struct Thrown(Problem);

/// What a call of JavaScript returns.
pub type Result<T> = core::result::Result<T, Thrown>;

impl From<Problem> for Thrown {
    fn from(problem: Problem) -> Thrown {
        Thrown(problem)
    }
}

impl From<Thrown> for JsValue {
    fn from(Thrown(problem): Thrown) -> JsValue {
        JsValue::from_str(&give(&problem).unwrap_or_default().text)
    }
}

/// A value in one piece: a number of four bytes, little-endian, which is twice the length of the text, and one more where bytes
/// follow it; the text; the bytes.
pub(crate) fn whole(Given { text, bytes }: Given) -> Vec<u8> {
    let head = (text.len() as u32) << 1 | u32::from(bytes.is_some());
    [&head.to_le_bytes(), text.as_bytes(), &bytes.unwrap_or_default()].concat()
}
