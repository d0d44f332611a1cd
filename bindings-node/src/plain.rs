//! Values as they cross (`trellis_core::surface::crossing`), as napi carries them.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::Serialize;
use trellis_core::surface::{FromPlain, crossing};

use crate::error::{Result, Thrown};

/// A value on its way out.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Given {
    /// The JSON text.
    pub text: String,
    /// The bytes that it refers to; left out where it has none.
    pub bytes: Option<Uint8Array>,
}

impl From<crossing::Given> for Given {
    fn from(crossing::Given { text, bytes }: crossing::Given) -> Given {
        Given { text, bytes: bytes.map(Into::into) }
    }
}

/// Gives a value.
pub(crate) fn give(value: &(impl Serialize + ?Sized)) -> Result<Given> {
    Ok(crossing::give(value).map_err(Thrown::bad)?.into())
}

/// Reads a value.
pub(crate) fn read<T: FromPlain>(text: &str, bytes: Option<&[u8]>) -> Result<T> {
    Ok(crossing::read(text, bytes)?)
}

/// What a call of the core gives, as JavaScript gets or throws it.
pub(crate) fn given(
    given: std::result::Result<crossing::Given, trellis_core::surface::Problem>,
) -> napi::Result<Given> {
    Ok(given.map_err(Thrown::from)?.into())
}
