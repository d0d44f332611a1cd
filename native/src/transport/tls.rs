//! TLS 1.3 by rustls, as those who dial use it; those who listen take the same cryptography.
//!
//! Whom to believe is the system's matter (its store of roots, which also holds what a company or a user added), and the
//! caller's, who may name more. Of a session both ends export the same 32 bytes, to which a handshake binds itself.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, ConnectionCommon, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Code, Result, TrellisError};

/// What a session exports is bound to this use of it.
const EXPORT_LABEL: &[u8] = b"EXPORTER-trellis-link-1";
const EXPORT_BYTES: usize = 32;
/// WebSocket stands on HTTP/1.1.
pub(crate) const ALPN: &[u8] = b"http/1.1";

/// A root certificate to believe in beside those of the system.
#[derive(Clone, PartialEq, Eq)]
pub struct Root(CertificateDer<'static>);

impl Root {
    /// Reads every certificate of a PEM text.
    ///
    /// # Errors
    /// `invalid_argument` where it holds none, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Vec<Root>> {
        let wrong = || TrellisError::new(Code::InvalidArgument, "This text holds no PEM certificates.");
        let read = CertificateDer::pem_slice_iter(text).collect::<std::result::Result<Vec<_>, _>>();
        let roots: Vec<_> = read.map_err(|cause| wrong().caused_by(cause))?.into_iter().map(Root).collect();
        if roots.is_empty() { Err(wrong()) } else { Ok(roots) }
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({} bytes)", self.0.len())
    }
}

/// Puts TLS over an open socket to a server that must prove to be `host`.
pub(super) async fn dial(socket: TcpStream, host: &str, roots: &[Root]) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(|cause| {
        TrellisError::new(Code::InvalidArgument, "No certificate can name this host.").caused_by(cause)
    })?;
    let connector = TlsConnector::from(Arc::new(client_config(roots).await?));
    connector.connect(name, socket).await.map_err(|cause| not_proven(host, cause))
}

/// What both ends of a session know, and nobody else.
pub(crate) fn exported<Data>(session: &ConnectionCommon<Data>) -> Result<Vec<u8>> {
    session.export_keying_material(vec![0; EXPORT_BYTES], EXPORT_LABEL, None).map_err(|cause| {
        TrellisError::new(Code::AuthFailed, "This TLS session exports nothing to bind a link to.").caused_by(cause)
    })
}

async fn client_config(extra: &[Root]) -> Result<ClientConfig> {
    let mut roots = match tokio::task::spawn_blocking(system_roots).await {
        Ok(roots) => roots.clone(),
        Err(cause) => return Err(TrellisError::new(Code::Aborted, "The program is ending.").caused_by(cause)),
    };
    for Root(root) in extra {
        roots.add(root.clone()).map_err(|cause| {
            TrellisError::new(Code::InvalidArgument, "An extra root is no certificate.").caused_by(cause)
        })?;
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(no_tls)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// The system's roots, read once; those that rustls cannot use are left out. A system without any trusts nobody, and a
/// handshake says so.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(crate) fn no_tls(cause: rustls::Error) -> TrellisError {
    TrellisError::new(Code::Unsupported, "TLS 1.3 is not to be had here.").caused_by(cause)
}

/// A server that proved to be somebody else is not asked again; a socket that broke is.
fn not_proven(host: &str, cause: std::io::Error) -> TrellisError {
    let is_refusal = cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    let (code, message) = if is_refusal {
        (Code::AuthFailed, format!("{host} did not prove who it is: its certificate or its TLS was not accepted."))
    } else {
        (Code::Offline, format!("{host} closed the connection before TLS was agreed."))
    };
    TrellisError::new(code, message).caused_by(cause)
}
