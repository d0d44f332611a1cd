//! One of the fuzz targets under libFuzzer. `cargo xtask fuzz` builds and runs this.
#![no_main]

use std::sync::LazyLock;

use trellis_tests::fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("TRELLIS_FUZZ_TARGET").expect("TRELLIS_FUZZ_TARGET is set");
    Target::named(&name).expect("TRELLIS_FUZZ_TARGET names a target")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (TARGET.check)(bytes);
});
