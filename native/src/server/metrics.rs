//! What a server counts, and the page that shows it in Prometheus' text format.
//!
//! The format is written by hand: a few lines of text, no more than a library would want to have registered.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::transport::Traffic;

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many connections in all.
    Connections,
    /// Too many newcomers from one address.
    Newcomers,
    /// TLS was not agreed, or not in time.
    Tls,
    /// What came is no HTTP, or not in time, or too long.
    Request,
    /// A name that is not this server's.
    Name,
    /// A page of another origin.
    Page,
    /// A request for a link that is no WebSocket handshake.
    Handshake,
    /// A tag that is none.
    Tag,
    /// A body that cannot be read.
    Body,
    /// A request that is not signed as it has to be.
    Signature,
    /// A request that came before.
    Replay,
    /// A request that was signed before the server began.
    Early,
    /// A key that is not let in.
    Guest,
    /// A request about another repo.
    Repo,
    /// A request of a session that is not known.
    Forgotten,
    /// A repo without room.
    Full,
    /// Too many requests.
    Busy,
    /// A repo that cannot be had.
    Trouble,
}

impl Refusal {
    const ALL: &[Refusal] = &[
        Refusal::Connections,
        Refusal::Newcomers,
        Refusal::Tls,
        Refusal::Request,
        Refusal::Name,
        Refusal::Page,
        Refusal::Handshake,
        Refusal::Tag,
        Refusal::Body,
        Refusal::Signature,
        Refusal::Replay,
        Refusal::Early,
        Refusal::Guest,
        Refusal::Repo,
        Refusal::Forgotten,
        Refusal::Full,
        Refusal::Busy,
        Refusal::Trouble,
    ];

    /// The word in logs and on the page.
    pub(super) fn word(self) -> &'static str {
        match self {
            Refusal::Connections => "connections",
            Refusal::Newcomers => "newcomers",
            Refusal::Tls => "tls",
            Refusal::Request => "request",
            Refusal::Name => "name",
            Refusal::Page => "page",
            Refusal::Handshake => "handshake",
            Refusal::Tag => "tag",
            Refusal::Body => "body",
            Refusal::Signature => "signature",
            Refusal::Replay => "replay",
            Refusal::Early => "early",
            Refusal::Guest => "guest",
            Refusal::Repo => "repo",
            Refusal::Forgotten => "forgotten",
            Refusal::Full => "full",
            Refusal::Busy => "busy",
            Refusal::Trouble => "trouble",
        }
    }
}

/// The counters of one server.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) traffic: Arc<Traffic>,
    links_open: AtomicU64,
    links: AtomicU64,
    exchanges: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

/// A link that counts as open until this is dropped.
pub(super) struct OpenLink(Arc<Metrics>);

impl Metrics {
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered.
    pub(super) fn count_exchange(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn open_link(self: &Arc<Self>) -> OpenLink {
        self.links.fetch_add(1, Ordering::Relaxed);
        self.links_open.fetch_add(1, Ordering::Relaxed);
        OpenLink(Arc::clone(self))
    }

    pub(super) fn show(&self, page: &mut Page) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.gauge("trellis_links_open", "Links that are open.", &[(&[], read(&self.links_open))]);
        page.counter("trellis_links_total", "Links that were opened.", &[(&[], read(&self.links))]);
        page.counter("trellis_exchanges_total", "Signed requests that were answered.", &[(&[], read(&self.exchanges))]);
        let (received, sent) = (&self.traffic.received, &self.traffic.sent);
        let by_direction = |received: u64, sent: u64| -> [(&[(&str, &str)], u64); 2] {
            [(&[("direction", "in")], received), (&[("direction", "out")], sent)]
        };
        let frames = by_direction(received.frames(), sent.frames());
        page.counter("trellis_frames_total", "Frames of links.", &frames);
        let bytes = by_direction(received.bytes(), sent.bytes());
        page.counter("trellis_frame_bytes_total", "Bytes in frames of links.", &bytes);
        let labels: Vec<_> = Refusal::ALL.iter().map(|refusal| [("reason", refusal.word())]).collect();
        let refused: Vec<_> =
            labels.iter().zip(&self.refused).map(|(label, count)| (&label[..], read(count))).collect();
        page.counter("trellis_refused_total", "Connections and requests that were turned away.", &refused);
    }
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        self.0.links_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A label's name and its value.
type Label<'a> = (&'a str, &'a str);

/// What `/metrics` shows. Names and labels are the program's words, never a value of a user's.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Numbers that only grow, under one name that ends in `_total`: each with its labels.
    pub fn counter(&mut self, name: &str, help: &str, values: &[(&[Label<'_>], u64)]) {
        self.family("counter", name, help, values);
    }

    /// Numbers that go up and down, under one name: each with its labels.
    pub fn gauge(&mut self, name: &str, help: &str, values: &[(&[Label<'_>], u64)]) {
        self.family("gauge", name, help, values);
    }

    fn family(&mut self, kind: &str, name: &str, help: &str, values: &[(&[Label<'_>], u64)]) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}", escaped(help));
        for (labels, value) in values {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.counter("a_total", "What\nit is.", &[(&[("x", "1"), ("y", "a\"b\\")], 3), (&[], 4)]);
        page.gauge("b", "Else.", &[]);
        let expected = "# HELP a_total What\\nit is.\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\\\\\"} 3\n\
                        a_total 4\n# HELP b Else.\n# TYPE b gauge\n";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn every_refusal_has_its_own_counter() {
        let metrics = Metrics::default();
        for (index, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(*refusal as usize, index);
            metrics.refuse(*refusal);
        }
        let mut page = Page::default();
        metrics.show(&mut page);
        let text = page.into_text();
        for refusal in Refusal::ALL {
            assert!(text.contains(&format!("trellis_refused_total{{reason=\"{}\"}} 1\n", refusal.word())), "{text}");
        }
    }
}
