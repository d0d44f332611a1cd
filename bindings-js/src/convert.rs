//! Between JavaScript's values and the surface's.

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use trellis_core::error::{CommandError, UsageError};
use trellis_core::surface::{FromPlain, Plain, Problem, Unreadable};
use wasm_bindgen::JsValue;

/// Why a call failed, as what JavaScript throws: an object of `code`, `message`, and `op` where it is about one.
pub struct Thrown(Problem);

/// What a call of JavaScript returns.
pub type Result<T> = core::result::Result<T, Thrown>;

impl Thrown {
    pub(crate) fn bad(message: impl ToString) -> Thrown {
        Thrown(Problem { code: "invalid_argument", message: message.to_string(), op: None })
    }
}

impl From<Unreadable> for Thrown {
    fn from(unreadable: Unreadable) -> Thrown {
        Thrown::bad(unreadable)
    }
}

impl From<CommandError> for Thrown {
    fn from(error: CommandError) -> Thrown {
        Thrown(error.into())
    }
}

impl From<UsageError> for Thrown {
    fn from(error: UsageError) -> Thrown {
        Thrown(Problem { code: "aborted", message: error.to_string(), op: None })
    }
}

impl From<Thrown> for JsValue {
    fn from(Thrown(problem): Thrown) -> JsValue {
        give(&problem).unwrap_or_default()
    }
}

/// Reads a value.
pub(crate) fn read<T: FromPlain>(value: JsValue) -> Result<T> {
    Ok(T::from_plain(plain(value)?)?)
}

/// A value as plain data. What is wrong with it is not told, since that would show the value itself.
fn plain(value: JsValue) -> Result<Plain> {
    serde_wasm_bindgen::from_value(value).map_err(|_| Thrown::bad("this is not of the shape that is expected here"))
}

/// Gives a value. Structures become objects; objects of JSON become a `Map`, since their names are not ours.
pub(crate) fn give<T: Serialize + ?Sized>(value: &T) -> Result<JsValue> {
    value.serialize(&Serializer::new().serialize_missing_as_null(true)).map_err(Thrown::bad)
}

/// A time of JavaScript: milliseconds since 1970, of which what is no time is the beginning.
pub(crate) fn millis(now: f64) -> trellis_core::time::Millis {
    trellis_core::time::Millis(now as u64)
}
