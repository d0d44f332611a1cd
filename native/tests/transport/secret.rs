//! TLS, with an authority of the test's own.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;
use trellis_sync::core::input::Tier;
use trellis_sync::link::{LinkOptions, Welcome};
use trellis_sync::server::{Hub, HubConfig, Server, ServerConfig, TlsConfig};
use trellis_sync::transport::Frame;
use trellis_sync::transport::tls::Root;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::{Code, Repo, Value};

use crate::host::{Host, loopback, next, read_to_end, soon};

/// An authority, and a certificate of it for these names, in files.
struct Authority {
    root: String,
    folder: TempDir,
}

impl Authority {
    fn certify(names: &[&str]) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Authority { root: authority.pem(), folder }
    }

    fn tls(&self) -> TlsConfig {
        let at = |name| self.folder.path().join(name);
        TlsConfig { certificate: at("certificate.pem"), key: at("key.pem") }
    }

    fn config(&self) -> ServerConfig {
        ServerConfig { tls: Some(self.tls()), ..loopback() }
    }

    fn options(&self) -> ConnectOptions {
        ConnectOptions { roots: Root::from_pem(self.root.as_bytes()).unwrap(), ..ConnectOptions::default() }
    }
}

fn url(host: &Host) -> String {
    format!("wss://{}", host.address)
}

#[tokio::test]
async fn both_ends_know_what_nobody_else_does() {
    let authority = Authority::certify(&["127.0.0.1"]);
    let mut host = Host::start(authority.config()).await;
    let mut bindings = Vec::new();
    for _ in 0..2 {
        let mut client = soon(connect(&url(&host), &authority.options())).await.unwrap();
        let mut server = host.visit().await.arrived.connection;
        assert_eq!((&client.origin, &server.origin), (&url(&host), &url(&host)));
        assert_eq!((client.binding.len(), &client.binding), (32, &server.binding));
        client.sender.send(Frame::Text("over TLS".to_owned())).await.unwrap();
        assert_eq!(next(&mut server).await, Frame::Text("over TLS".to_owned()));
        drop(server);
        assert!(soon(client.receiver.recv()).await.is_none());
        bindings.push(client.binding);
    }
    assert_ne!(bindings[0], bindings[1]);
}

#[tokio::test]
async fn a_server_must_prove_who_it_is() {
    let authority = Authority::certify(&["127.0.0.1"]);
    let host = Host::start(authority.config()).await;
    let code = async |url: &str, options: &ConnectOptions| {
        let error = soon(connect(url, options)).await.unwrap_err();
        assert!(!error.is_retryable());
        error.code()
    };
    assert_eq!(code(&url(&host), &ConnectOptions::default()).await, Code::AuthFailed, "an unknown authority");
    let other = Authority::certify(&["127.0.0.1"]);
    assert_eq!(code(&url(&host), &other.options()).await, Code::AuthFailed, "another authority");
    let by_name = format!("wss://localhost:{}", host.address.port());
    assert_eq!(code(&by_name, &authority.options()).await, Code::AuthFailed, "another name");
    let plain = Host::start(loopback()).await;
    assert_eq!(code(&url(&plain), &authority.options()).await, Code::AuthFailed, "no TLS at all");
}

#[tokio::test]
async fn a_server_with_tls_speaks_nothing_else() {
    let authority = Authority::certify(&["127.0.0.1"]);
    let host = Host::start(authority.config()).await;
    assert!(!host.get("/healthz").await.contains("200 OK"));
    let mut socket = host.socket().await;
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(!read_to_end(&mut socket).await.contains("HTTP"));
}

/// Requests are signed, and nobody reads them on the way: a server that does not prove who it is gets none.
#[tokio::test]
async fn signed_requests_go_over_tls() {
    let (authority, strangers) = (Authority::certify(&["127.0.0.1"]), Authority::certify(&["127.0.0.1"]));
    let folder = tempfile::tempdir().unwrap();
    let repo = async |name| Repo::open(folder.path().join(name)).await.unwrap();
    let (ann, bob) = (repo("ann").await, repo("bob").await);
    ann.set("notes/1/title", Value::from("from Ann")).await.unwrap();
    let server = Server::bind(authority.config()).await.unwrap();
    let url = format!("https://{}", server.local_addr());
    let hub = Hub::one(ann.clone(), HubConfig { welcome: Welcome::Anyone, ..HubConfig::default() }).unwrap();
    let (stopper, running) = (server.stopper(), tokio::spawn(server.run(Arc::new(hub.clone()))));
    let dialled = |connect| bob.sync_with(&url, LinkOptions { connect, ..LinkOptions::default() }).unwrap();
    for connect in [ConnectOptions::default(), strangers.options()] {
        let refused = soon(dialled(connect).in_sync()).await.unwrap_err();
        assert_eq!(refused.code(), Code::AuthFailed);
    }
    assert_eq!(bob.status().await.unwrap().ops, 0);
    let mut link = dialled(authority.options());
    soon(link.in_sync()).await.unwrap();
    let read = async |repo: &Repo, place| repo.get(place).await.unwrap().value;
    assert_eq!(read(&bob, "notes/1/title").await, Some(Value::from("from Ann")));
    let receipt = bob.set("notes/2/title", Value::from("from Bob")).await.unwrap();
    soon(receipt.durable(Tier::Relay)).await.unwrap();
    assert_eq!(read(&ann, "notes/2/title").await, Some(Value::from("from Bob")));
    soon(link.close()).await;
    stopper.stop();
    soon(running).await.unwrap();
    soon(hub.close()).await.unwrap();
}

/// A browser cannot see what TLS exports, so its links are bound to the origin.
#[tokio::test]
async fn a_page_is_bound_to_the_origin() {
    let authority = Authority::certify(&["127.0.0.1"]);
    let mut host = Host::start(authority.config()).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.root.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, host.socket().await).await.unwrap();
    let mut request = format!("{}/sync/v1/link", url(&host)).into_client_request().unwrap();
    let page = format!("https://{}", host.address);
    request.headers_mut().insert(ORIGIN, HeaderValue::from_str(&page).unwrap());
    let _raw = soon(client_async(request, stream)).await.unwrap();
    let server = host.visit().await.arrived.connection;
    assert_eq!((&server.origin, &server.binding[..]), (&url(&host), url(&host).as_bytes()));
}

#[tokio::test]
async fn files_that_are_not_for_tls_are_named() {
    let (authority, other) = (Authority::certify(&["127.0.0.1"]), Authority::certify(&["127.0.0.1"]));
    let mixed = TlsConfig { key: other.tls().key, ..authority.tls() };
    let swapped = TlsConfig { key: authority.tls().certificate, ..authority.tls() };
    for (tls, file) in [(mixed, authority.tls().certificate), (swapped, authority.tls().certificate)] {
        let error = Server::bind(ServerConfig { tls: Some(tls), ..loopback() }).await.unwrap_err();
        assert_eq!((error.code(), error.path()), (Code::InvalidArgument, Some(file.as_path())));
    }
    let key = fs::read_to_string(authority.tls().key).unwrap();
    for wrong in ["", "no PEM", key.as_str()] {
        assert_eq!(Root::from_pem(wrong.as_bytes()).unwrap_err().code(), Code::InvalidArgument);
    }
}
