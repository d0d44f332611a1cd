//! Other repos, and references to what is in them.

use napi_derive::napi;
use trellis_core::surface::{self, COLLECTIONS, CrossRepoRef, Record};

use crate::error::Thrown;
use crate::plain::{Given, give, read};

/// The names of the collections that say how repos stand together.
#[napi]
pub fn federation_collections() -> napi::Result<Given> {
    Ok(give(&COLLECTIONS)?)
}

/// Reads a reference.
#[napi]
pub fn parse_reference(text: String) -> napi::Result<Given> {
    Ok(give(&surface::parse_reference(&text).map_err(Thrown::from)?)?)
}

/// Writes a reference.
#[napi]
pub fn format_reference(reference: String) -> napi::Result<String> {
    let reference: CrossRepoRef = read(&reference, None)?;
    Ok(surface::format_reference(reference).map_err(Thrown::from)?)
}

/// The linked repos among records.
#[napi]
pub fn linked_repos(records: String) -> napi::Result<Given> {
    let records: Vec<Record> = read(&records, None)?;
    Ok(give(&surface::linked_repos(records))?)
}

/// The links among records that lead to an entity of another repo.
#[napi]
pub fn links_to(records: String, alias: String, entity: String) -> napi::Result<Given> {
    let records: Vec<Record> = read(&records, None)?;
    Ok(give(&surface::links_to(records, &alias, &entity).map_err(Thrown::from)?)?)
}
