//! Tells the linker that the interpreter has Python's symbols, on systems where it has to be told.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
