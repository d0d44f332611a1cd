//! Who a server proves to be: its certificate and its key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use tokio_rustls::TlsAcceptor;

use crate::error::{Code, Result, TrellisError};
use crate::transport::tls::{ALPN, no_tls, provider};

/// Who a server is: the files of its certificate and of its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate, followed by those that lead to a root.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// What a listener answers TLS with.
pub(super) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor> {
    let unreadable = |path: &Path, cause| {
        let message = format!("The file {} cannot be used for TLS; it must be PEM.", path.display());
        TrellisError::new(Code::InvalidArgument, message).at_path(path).caused_by(cause)
    };
    let chain = CertificateDer::pem_file_iter(&config.certificate)
        .and_then(|read| read.collect::<std::result::Result<Vec<_>, _>>())
        .map_err(|cause| unreadable(&config.certificate, cause))?;
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|cause| unreadable(&config.key, cause))?;
    let builder =
        rustls::ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(no_tls)?;
    let mut server = builder.with_no_client_auth().with_single_cert(chain, key).map_err(|cause| {
        let message = format!(
            "The certificate {} and the key {} do not belong together.",
            config.certificate.display(),
            config.key.display()
        );
        TrellisError::new(Code::InvalidArgument, message).at_path(&config.certificate).caused_by(cause)
    })?;
    server.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}
