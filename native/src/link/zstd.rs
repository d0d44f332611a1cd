//! zstd for frames: the core has none, for it needs std.

use std::cell::RefCell;

use trellis_core::link::compress::Compression;
use zstd::bulk::{Compressor, Decompressor};

/// Fast enough that a local network does not wait for it: most of what a level more saves are bytes of ids, which no level
/// makes smaller.
const LEVEL: i32 = 1;

/// The one that every repo has.
#[derive(Debug)]
pub(crate) struct Zstd;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

impl Compression for Zstd {
    fn compress(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(bytes).ok())
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(bytes, bytes_max).ok())
    }
}
