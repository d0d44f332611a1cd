//! Makes what JavaScript loads of a compiled WASM module: the module as it is shipped, and the glue around it.
//!
//! `trellis-pack MODULE FOLDER` writes `trellis_bg.wasm`, `trellis.js` and their types into the folder.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// What a module says that uses references to values of JavaScript, and what one says that must not. With them it has a
/// second table, which the optimiser of Debian mistakes for the first.
const WITH_REFERENCES: &[u8] = b"+\x0freference-types";
const WITHOUT_REFERENCES: &[u8] = b"-\x0freference-types";

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let path = args.next().context("which module?")?;
    let folder = args.next().context("into which folder?")?;
    let mut module = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let said = module.windows(WITH_REFERENCES.len()).position(|bytes| bytes == WITH_REFERENCES);
    if let Some(at) = said {
        module[at..at + WITHOUT_REFERENCES.len()].copy_from_slice(WITHOUT_REFERENCES);
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes("trellis", module).out_name("trellis").web(true)?;
    bindgen.typescript(true).omit_default_module_path(true).remove_name_section(true).remove_producers_section(true);
    bindgen.generate(folder)
}
