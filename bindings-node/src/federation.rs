//! Other repos, and references to what is in them.

use napi_derive::napi;
use trellis_core::surface::crossing;

use crate::error::Thrown;
use crate::plain::{Given, given};

/// The names of the collections that say how repos stand together.
#[napi]
pub fn federation_collections() -> napi::Result<Given> {
    given(crossing::federation_collections())
}

/// Reads a reference.
#[napi]
pub fn parse_reference(text: String) -> napi::Result<Given> {
    given(crossing::parse_reference(&text))
}

/// Writes a reference.
#[napi]
pub fn format_reference(reference: String) -> napi::Result<String> {
    Ok(crossing::format_reference(&reference).map_err(Thrown::from)?)
}

/// The linked repos among records.
#[napi]
pub fn linked_repos(records: String) -> napi::Result<Given> {
    given(crossing::linked_repos(&records))
}

/// The links among records that lead to an entity of another repo.
#[napi]
pub fn links_to(records: String, alias: String, entity: String) -> napi::Result<Given> {
    given(crossing::links_to(&records, &alias, &entity))
}
