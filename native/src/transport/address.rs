//! Where a peer listens, read from a URL.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::Authority;

use crate::error::{Code, Result, TrellisError};

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// WebSocket.
    Link,
    /// Signed requests.
    Exchange,
}

impl Speaks {
    /// What a URL's scheme says is spoken there.
    pub(crate) fn of(url: &str) -> Speaks {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("http" | "https") => Speaks::Exchange,
            _ => Speaks::Link,
        }
    }

    /// Refuses a URL at which nothing is spoken.
    ///
    /// # Errors
    /// `invalid_argument`; the URL is not repeated.
    #[cfg(feature = "http")]
    pub(crate) fn ensure_some(url: &str) -> Result<()> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_some = scheme.is_some_and(|scheme| ["ws", "wss", "http", "https"].contains(&scheme));
        is_some.then_some(()).ok_or_else(|| wrong("it starts with none of ws://, wss://, http:// and https://"))
    }

    /// The schemes without TLS and with it.
    fn schemes(self) -> [&'static str; 2] {
        match self {
            Speaks::Link => ["ws", "wss"],
            Speaks::Exchange => ["http", "https"],
        }
    }

    /// The path of a URL that names none. Which one requests go to depends on the repo.
    fn path(self) -> &'static str {
        match self {
            Speaks::Link => "/sync/v1/link",
            Speaks::Exchange => "",
        }
    }
}

/// The URL of a peer, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) speaks: Speaks,
    /// By TLS, with `wss` and `https`.
    pub(super) is_secret: bool,
    /// The host's name in small letters, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// With the query, if there is one.
    pub(super) path: String,
}

impl Address {
    /// Reads a URL at which this is spoken.
    ///
    /// # Errors
    /// `invalid_argument`; the URL is not repeated, since it may hold what is not for everybody.
    pub(super) fn parse(url: &str, speaks: Speaks) -> Result<Address> {
        let uri: Uri = url.parse().map_err(|cause| wrong("it is no URL").caused_by(cause))?;
        let [plain, secret] = speaks.schemes();
        let is_secret = match uri.scheme_str() {
            Some(scheme) if scheme == secret => true,
            Some(scheme) if scheme == plain => false,
            _ => return Err(wrong(&format!("it starts with neither {plain}:// nor {secret}://"))),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a name or a password in it is not sent; leave out what stands before @"));
        }
        let (host, port) = host_and_port(authority).ok_or_else(|| wrong("it names no host, or no port that can be"))?;
        let path = match (uri.path(), uri.query()) {
            (_, Some(_)) if speaks == Speaks::Exchange => return Err(wrong("a query in it is not sent")),
            ("" | "/", None) => speaks.path().to_owned(),
            ("" | "/", Some(query)) => format!("{}?{query}", speaks.path()),
            (path, None) => path.to_owned(),
            (path, Some(query)) => format!("{path}?{query}"),
        };
        Ok(Address { speaks, is_secret, host, port: port.unwrap_or(default_port(is_secret)), path })
    }

    /// Scheme, host, and the port unless it is the usual one.
    pub(super) fn origin(&self) -> String {
        let scheme = self.speaks.schemes()[usize::from(self.is_secret)];
        format!("{scheme}://{}", self.authority())
    }

    /// What to dial instead, so that nothing goes in plain text: the schemes without TLS and with it.
    pub(super) fn schemes(&self) -> [&'static str; 2] {
        self.speaks.schemes()
    }

    /// Host, and the port unless it is the usual one.
    pub(super) fn authority(&self) -> String {
        let port = Some(self.port).filter(|port| *port != default_port(self.is_secret));
        with_port(&self.host, port)
    }

    /// The URL as it is asked for.
    pub(super) fn url(&self) -> String {
        format!("{}{}", self.origin(), self.path)
    }

    /// Whether the host can be nothing but this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback_name(&self.host)
    }
}

/// `localhost`, or an address of the machine itself.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// What stands in an HTTP `Host` field, in the one form in which two of them can be compared. The port is left out where
/// it is the usual one.
#[cfg(feature = "http")]
pub(crate) fn authority(text: &str, is_secret: bool) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let (host, port) = host_and_port(&authority)?;
    Some(with_port(&host, port.filter(|port| *port != default_port(is_secret))))
}

/// A host, in brackets where it is an address of IPv6, and its port.
pub(crate) fn with_port(host: &str, port: Option<u16>) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn host_and_port(authority: &Authority) -> Option<(String, Option<u16>)> {
    let host = match authority.host().strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string(),
        None => authority.host().to_ascii_lowercase(),
    };
    let rest = &authority.as_str()[authority.as_str().rfind(authority.host())? + authority.host().len()..];
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    (!host.is_empty()).then_some((host, port))
}

fn default_port(is_secret: bool) -> u16 {
    if is_secret { 443 } else { 80 }
}

fn wrong(why: &str) -> TrellisError {
    let message = format!("This address cannot be dialled: {why}. One that can looks like wss://relay.example.");
    TrellisError::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_has_one_origin() {
        for (url, origin, path) in [
            ("ws://127.0.0.1:4200", "ws://127.0.0.1:4200", "/sync/v1/link"),
            ("wss://Relay.Example/", "wss://relay.example", "/sync/v1/link"),
            ("wss://relay.example:443/a?b=c", "wss://relay.example", "/a?b=c"),
            ("ws://relay.example:443?b", "ws://relay.example:443", "/sync/v1/link?b"),
            ("ws://[0:0::1]:80", "ws://[::1]", "/sync/v1/link"),
        ] {
            let address = Address::parse(url, Speaks::Link).unwrap();
            assert_eq!((address.origin().as_str(), address.path.as_str()), (origin, path), "{url}");
            assert_eq!(Address::parse(&address.url(), Speaks::Link).unwrap(), address, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for url in [
            "",
            "relay.example",
            "http://relay.example",
            "ws://",
            "ws://:4200",
            "ws://me:secret@relay.example",
            "ws://relay.example:0",
            "ws://relay.example:65536",
            "ws://relay.example:",
            "ws://[::1",
            "ws://a b",
            "ws:///secret",
        ] {
            let error = Address::parse(url, Speaks::Link).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{url}");
            assert!(!error.message().contains("secret"), "{url}");
        }
    }

    #[test]
    fn what_speaks_no_way_at_all_is_told_every_way_there_is() {
        for url in ["ftp://relay.example/secret", "relay.example", "", "wss:/relay.example", "://"] {
            let error = Speaks::ensure_some(url).unwrap_err();
            let named = ["ws://", "wss://", "http://", "https://"].iter().all(|way| error.message().contains(way));
            assert!(named && !error.message().contains("secret"), "{error}");
        }
        assert!(["ws://a", "wss://a", "http://a", "https://a"].iter().all(|url| Speaks::ensure_some(url).is_ok()));
    }

    #[test]
    fn requests_go_by_http() {
        for (url, origin, path) in [
            ("http://127.0.0.1:4200", "http://127.0.0.1:4200", ""),
            ("https://Relay.Example:443/", "https://relay.example", ""),
            ("https://relay.example/a/exchange", "https://relay.example", "/a/exchange"),
        ] {
            let address = Address::parse(url, Speaks::of(url)).unwrap();
            assert_eq!((address.origin().as_str(), address.path.as_str()), (origin, path), "{url}");
        }
        for url in ["http://relay.example/?token=secret", "ws://relay.example", "http://me:secret@relay.example"] {
            let error = Address::parse(url, Speaks::Exchange).unwrap_err();
            assert_eq!((error.code(), error.message().contains("secret")), (Code::InvalidArgument, false), "{url}");
        }
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        for (url, expected) in [
            ("ws://localhost", true),
            ("ws://127.9.9.9", true),
            ("ws://[::1]", true),
            ("ws://[::ffff:127.0.0.1]", true),
            ("ws://localhost.example", false),
            ("ws://127.0.0.1.example", false),
            ("ws://0.0.0.0", false),
            ("ws://192.168.0.1", false),
        ] {
            assert_eq!(Address::parse(url, Speaks::Link).unwrap().is_loopback(), expected, "{url}");
        }
    }

    #[test]
    #[cfg(feature = "http")]
    fn what_a_host_field_says_compares_with_what_was_dialled() {
        assert_eq!(authority("Relay.Example:80", false).as_deref(), Some("relay.example"));
        assert_eq!(authority("relay.example:80", true).as_deref(), Some("relay.example:80"));
        assert_eq!(authority("[::1]:4200", false).as_deref(), Some("[::1]:4200"));
        for wrong in ["", "a b", "relay.example:x", ":80"] {
            assert_eq!(authority(wrong, false), None, "{wrong}");
        }
    }
}
