//! Makes what JavaScript loads of a compiled WASM module: the module before it is made smaller, and the glue around it.
//!
//! `trellis-pack MODULE FOLDER` writes `trellis_bg.wasm`, `trellis.js` and their types into the folder. Functions keep their
//! names, by which the optimiser puts them in order.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let path = args.next().context("which module?")?;
    let folder = args.next().context("into which folder?")?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&path).out_name("trellis").web(true)?;
    bindgen.typescript(true).omit_default_module_path(true).remove_name_section(false).remove_producers_section(true);
    bindgen.generate(folder)
}
