//! What a hub counts.

use std::sync::atomic::{AtomicU64, Ordering};

use trellis_core::output::Progress;

use crate::error::Code;
use crate::server::Page;

/// The counters of a hub.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Links of which the peer is not known yet, and those of which it is.
    links: [AtomicU64; 2],
    ops: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
    clean_ends: AtomicU64,
    failures: [AtomicU64; Code::ALL.len()],
}

const DIRECTIONS: [&str; 2] = ["in", "out"];
const STATES: [&str; 2] = ["connecting", "connected"];

impl Tally {
    /// Links that are open.
    pub(super) fn links(&self) -> u64 {
        self.links.iter().map(read).sum()
    }

    /// Counts how a link ended.
    pub(super) fn end(&self, failure: Option<Code>) {
        let place = failure.and_then(|code| Code::ALL.iter().position(|known| *known == code));
        place.map_or(&self.clean_ends, |place| &self.failures[place]).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn show(&self, page: &mut Page) {
        show(page, Page::gauge, ("trellis_links", "Links by their state."), ("state", &STATES), &self.links);
        show(page, Page::counter, ("trellis_ops_total", "Ops on links."), ("direction", &DIRECTIONS), &self.ops);
        let bytes = ("trellis_content_bytes_total", "Bytes of ops and blobs on links.");
        show(page, Page::counter, bytes, ("direction", &DIRECTIONS), &self.bytes);
        let failed = Code::ALL.iter().zip(&self.failures).map(|(code, count)| (code.as_str(), read(count)));
        let ends = std::iter::once(("none", read(&self.clean_ends))).chain(failed.filter(|(_, count)| *count > 0));
        let ends: Vec<_> = ends.map(|(code, count)| ([("code", code)], count)).collect();
        let values: Vec<_> = ends.iter().map(|(label, count)| (&label[..], *count)).collect();
        page.counter("trellis_link_ends_total", "Links that ended, by the code of what ended them.", &values);
    }
}

/// How a family of numbers is added to a page.
type Add = fn(&mut Page, &str, &str, &[(&[(&str, &str)], u64)]);

fn show(page: &mut Page, add: Add, (name, help): (&str, &str), label: (&str, &[&str; 2]), counts: &[AtomicU64; 2]) {
    let labels = label.1.map(|word| [(label.0, word)]);
    let values: Vec<_> = labels.iter().zip(counts).map(|(label, count)| (&label[..], read(count))).collect();
    add(page, name, help, &values);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// One link's part of the counters.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    tally: &'a Tally,
    is_known: bool,
    seen: Progress,
}

impl Counted<'_> {
    pub(super) fn new(tally: &Tally) -> Counted<'_> {
        tally.links[0].fetch_add(1, Ordering::Relaxed);
        Counted { tally, is_known: false, seen: Progress::default() }
    }

    /// A link that is known and has been counted before, for as long as a request of it takes.
    pub(super) fn again(tally: &Tally, seen: Progress) -> Counted<'_> {
        tally.links[1].fetch_add(1, Ordering::Relaxed);
        Counted { tally, is_known: true, seen }
    }

    /// The peer is known.
    pub(super) fn open(&mut self) {
        if !self.is_known {
            self.is_known = true;
            self.tally.links[0].fetch_sub(1, Ordering::Relaxed);
            self.tally.links[1].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts what came and went since it was last looked at.
    pub(super) fn add(&mut self, now: Progress) {
        let add = |counter: &AtomicU64, now: u64, before: u64| {
            counter.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        };
        add(&self.tally.ops[0], now.ops_in, self.seen.ops_in);
        add(&self.tally.ops[1], now.ops_out, self.seen.ops_out);
        add(&self.tally.bytes[0], now.bytes_in, self.seen.bytes_in);
        add(&self.tally.bytes[1], now.bytes_out, self.seen.bytes_out);
        if now != Progress::default() {
            self.seen = now;
        }
    }

    pub(super) fn seen(&self) -> Progress {
        self.seen
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.tally.links[usize::from(self.is_known)].fetch_sub(1, Ordering::Relaxed);
    }
}
