//! What a server may be told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Uri;

use super::files::StaticFile;
use super::tls::TlsConfig;
use crate::error::{Code, Result, TrellisError};
use crate::transport::authority;

/// In a list of names or origins: any.
pub(super) const ANY: &str = "*";

/// How to listen, and for whom.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// With it the server speaks TLS alone.
    pub tls: Option<TlsConfig>,
    /// Listens without TLS where other machines can reach it.
    pub allow_plain: bool,
    /// The origins under which peers dial this server, as in `wss://relay.example`; `*` for any. The address that a
    /// connection arrives at is always one, and so are the names of this machine where it arrives from there. Behind a
    /// proxy that ends TLS, this is what tells the server its origin.
    pub public_origins: Vec<String>,
    /// The origins of web pages, other than the server's own, that may open a link, as in `https://app.example`; `*` for
    /// any. Programs that are no browsers name none.
    pub allowed_origins: Vec<String>,
    /// Files for browsers, each at its own path: a page, whose links then come from the server's own origin.
    pub files: &'static [StaticFile],
    /// Connections at a time.
    pub connections_max: usize,
    /// Connections at a time from one address that have not proven who they are; of IPv6, from one network of 64 bits.
    pub newcomers_per_address_max: usize,
    /// How long TLS and a request's header may take, and how long a connection that asks nothing is kept.
    pub header_limit: Duration,
    /// How long links may take to finish when the server stops.
    pub stop_limit: Duration,
}

impl Default for ServerConfig {
    /// On port 4200 of this machine, for programs of this machine.
    fn default() -> ServerConfig {
        ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4200)),
            tls: None,
            allow_plain: false,
            public_origins: Vec::new(),
            allowed_origins: Vec::new(),
            files: &[],
            connections_max: 1024,
            newcomers_per_address_max: 4,
            header_limit: Duration::from_secs(10),
            stop_limit: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    /// # Errors
    /// `permission_denied` for plain text where it is not allowed, `invalid_argument` for an origin that is none.
    pub(super) fn ensure_valid(&self) -> Result<()> {
        let is_private = self.tls.is_some() || self.listen.ip().to_canonical().is_loopback();
        if !is_private && !self.allow_plain {
            let message = format!(
                "The server does not listen on {}: without TLS everything could be read on the way. Give it a \
                 certificate and a key, or listen on 127.0.0.1, or allow plain text by `allow_plain`.",
                self.listen
            );
            return Err(TrellisError::new(Code::PermissionDenied, message));
        }
        ensure_origins(&self.public_origins, &["ws", "wss"])?;
        ensure_origins(&self.allowed_origins, &["http", "https"])
    }
}

fn ensure_origins(origins: &[String], schemes: &[&str]) -> Result<()> {
    let is_wrong = |origin: &&String| {
        *origin != ANY && Origin::parse(origin).is_none_or(|origin| !schemes.contains(&origin.scheme.as_str()))
    };
    let Some(wrong) = origins.iter().find(is_wrong) else { return Ok(()) };
    let message = format!("{wrong} is no origin: one is {}://, a host, and no path; or {ANY} for any.", schemes[1]);
    Err(TrellisError::new(Code::InvalidArgument, message))
}

/// A scheme and an authority, which can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) scheme: String,
    pub(super) authority: String,
}

impl Origin {
    pub(super) fn parse(text: &str) -> Option<Origin> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_owned();
        let is_bare = text.len() == scheme.len() + "://".len() + uri.authority()?.as_str().len();
        let is_secret = matches!(scheme.as_str(), "wss" | "https");
        let authority = authority(uri.authority()?.as_str(), is_secret)?;
        is_bare.then_some(Origin { scheme, authority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine_unless_it_is_allowed() {
        let everywhere = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..ServerConfig::default() };
        let error = everywhere.ensure_valid().unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        assert!(error.message().contains("allow_plain"), "{error}");
        ServerConfig { allow_plain: true, ..everywhere }.ensure_valid().unwrap();
        ServerConfig { listen: "[::1]:0".parse().unwrap(), ..ServerConfig::default() }.ensure_valid().unwrap();
    }

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_no_more() {
        for wrong in ["relay.example", "wss://relay.example/", "https://relay.example", "wss://", "null"] {
            let config = ServerConfig { public_origins: vec![wrong.to_owned()], ..ServerConfig::default() };
            assert_eq!(config.ensure_valid().unwrap_err().code(), Code::InvalidArgument, "{wrong}");
        }
        let public_origins = vec!["*".to_owned(), "wss://Relay.Example:443".to_owned()];
        ServerConfig { public_origins, ..ServerConfig::default() }.ensure_valid().unwrap();
        let allowed_origins = vec!["http://localhost:5173".to_owned(), "https://app.example".to_owned()];
        ServerConfig { allowed_origins, ..ServerConfig::default() }.ensure_valid().unwrap();
    }
}
