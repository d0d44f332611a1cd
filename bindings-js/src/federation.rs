//! Other repos, and references to what is in them.

use trellis_core::surface::{
    COLLECTIONS, CrossRepoRef, Record, format_reference, linked_repos as linked, links_to as leading_to,
    parse_reference,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, give, read};

/// The names of the collections that say how repos stand together.
#[wasm_bindgen(js_name = federationCollections)]
pub fn collections() -> Result<JsValue> {
    give(&COLLECTIONS)
}

/// Reads a reference.
#[wasm_bindgen(js_name = parseReference)]
pub fn parse(text: &str) -> Result<JsValue> {
    give(&parse_reference(text)?)
}

/// Writes a reference.
#[wasm_bindgen(js_name = formatReference)]
pub fn format(reference: JsValue) -> Result<String> {
    let reference: CrossRepoRef = read(reference)?;
    Ok(format_reference(reference)?)
}

/// The linked repos among records.
#[wasm_bindgen(js_name = linkedRepos)]
pub fn linked_repos(records: JsValue) -> Result<JsValue> {
    let records: Vec<Record> = read(records)?;
    give(&linked(records))
}

/// The links among records that lead to an entity of another repo.
#[wasm_bindgen(js_name = linksTo)]
pub fn links_to(records: JsValue, alias: &str, entity: &str) -> Result<JsValue> {
    let records: Vec<Record> = read(records)?;
    give(&leading_to(records, alias, entity)?)
}
