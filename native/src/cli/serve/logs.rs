//! Logs of a server, on stderr: what happened to whom, never what they wrote.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use trellis_sync::{Code, Result, TrellisError};

use crate::cli::page::Detail;

/// The variable that says what is logged.
const VARIABLE: &str = "TRELLIS_LOG";
/// Below this level these tell what went over the wire.
const WIRES: [&str; 3] = ["tungstenite", "tokio_tungstenite", "hyper"];

/// Begins to log.
///
/// # Errors
/// `invalid_argument` for what `TRELLIS_LOG` may not be.
pub(super) fn begin(detail: Detail, is_json: bool) -> Result<()> {
    let asked = filter(std::env::var(VARIABLE).ok().as_deref(), detail)?;
    let filter = asked.and(filter_fn(|told| is_discreet(told.target(), told.level())));
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let layer = if is_json { layer.json().flatten_event(true).boxed() } else { layer.boxed() };
    // Fails where something in this process logs already, which nothing does.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

fn filter(variable: Option<&str>, detail: Detail) -> Result<Targets> {
    let usual = match detail {
        Detail::Quiet => LevelFilter::WARN,
        Detail::Usual => LevelFilter::INFO,
        Detail::Verbose => LevelFilter::DEBUG,
    };
    match variable.filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(wrong),
        None => Ok(Targets::new().with_default(usual)),
    }
}

/// Whether a target is not one that would tell what went over the wire.
fn is_discreet(target: &str, level: &Level) -> bool {
    *level < Level::TRACE || !WIRES.contains(&target.split("::").next().unwrap_or_default())
}

fn wrong(cause: tracing_subscriber::filter::ParseError) -> TrellisError {
    let message = format!(
        "{VARIABLE} is no level and no list of targets with levels. Set it to error, warn, info, debug or trace, or \
         as in trellis_sync=debug."
    );
    TrellisError::new(Code::InvalidArgument, message).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_over_the_wire_is_never_logged() {
        assert!(!is_discreet("tungstenite::protocol::frame", &Level::TRACE));
        assert!(!is_discreet("hyper", &Level::TRACE));
        assert!(is_discreet("tungstenite::handshake", &Level::DEBUG));
        assert!(is_discreet("trellis_sync::server::hub", &Level::TRACE));
    }

    #[test]
    fn the_variable_says_more_than_the_flags() {
        let debugs = |filter: Targets| filter.would_enable("trellis_sync", &Level::DEBUG);
        assert!(debugs(filter(Some("debug"), Detail::Quiet).unwrap()));
        assert!(debugs(filter(Some("warn,trellis_sync=debug"), Detail::Quiet).unwrap()));
        assert!(debugs(filter(None, Detail::Verbose).unwrap()) && debugs(filter(Some(""), Detail::Verbose).unwrap()));
        assert!(!debugs(filter(None, Detail::Usual).unwrap()));
        assert_eq!(filter(Some("a=b=c"), Detail::Usual).unwrap_err().code(), Code::InvalidArgument);
    }
}
