//! Other repos, and references to what is in them.

use trellis_core::surface::crossing;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, whole};

/// The names of the collections that say how repos stand together.
#[wasm_bindgen(js_name = federationCollections)]
pub fn collections() -> Result<Vec<u8>> {
    Ok(whole(crossing::federation_collections()?))
}

/// Reads a reference.
#[wasm_bindgen(js_name = parseReference)]
pub fn parse(text: &str) -> Result<Vec<u8>> {
    Ok(whole(crossing::parse_reference(text)?))
}

/// Writes a reference.
#[wasm_bindgen(js_name = formatReference)]
pub fn format(reference: &str) -> Result<String> {
    Ok(crossing::format_reference(reference)?)
}

/// The linked repos among records.
#[wasm_bindgen(js_name = linkedRepos)]
pub fn linked_repos(records: &str) -> Result<Vec<u8>> {
    Ok(whole(crossing::linked_repos(records)?))
}

/// The links among records that lead to an entity of another repo.
#[wasm_bindgen(js_name = linksTo)]
pub fn links_to(records: &str, alias: &str, entity: &str) -> Result<Vec<u8>> {
    Ok(whole(crossing::links_to(records, alias, entity)?))
}
