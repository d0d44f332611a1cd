//! What the machine must have, and how to get it.
//!
//! Rust's own linker is a C compiler, so whoever can run this program has one; what may be absent are components of
//! the toolchain. An absent one is installed; where that cannot be done, its name is the error.

use anyhow::{Result, bail};

use crate::child::{cargo, program, run, succeeds};

/// One component of the Rust toolchain, by rustup's name for it.
pub(crate) struct Component {
    name: &'static str,
    probe: &'static [&'static str],
}

pub(crate) const RUSTFMT: Component = Component { name: "rustfmt", probe: &["fmt", "--version"] };
pub(crate) const CLIPPY: Component = Component { name: "clippy", probe: &["clippy", "--version"] };

/// Installs those of `components` that are absent.
///
/// # Errors
/// One is absent and cannot be installed here; the error names every such component.
pub(crate) fn ensure(components: &[Component]) -> Result<()> {
    let absent = components.iter().filter(|component| !succeeds(cargo(component.probe)));
    let missing: Vec<&str> = absent.map(|component| component.name).filter(|name| !install(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("missing: {0}. Install with: rustup component add {0}", missing.join(" "))
}

/// Asks rustup for a component; false if there is no rustup or it refuses.
fn install(name: &str) -> bool {
    println!("setting up: rustup component add {name}");
    run(program("rustup", &["component", "add", name])).is_ok()
}
