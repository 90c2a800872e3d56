//! TLS, as kind's kubeconfig has it: the cluster's authority, and a certificate that names this client.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_base::clock::WaitError;
use lab_kind::api::{Api, ApiError, Patience};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::objects::CILIUM;
use super::server::{DEADLINE, Server, block_on};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

/// A server that answers those alone whose certificate the cluster's authority has signed.
fn acceptor() -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("cluster-ca.crt")).unwrap();
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(clients);
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate("server.crt")], key).unwrap()))
}

/// A kubeconfig with this authority, and the administrator's certificate if asked for.
fn kubeconfig(server: &Server, authority: &str, client: bool) -> PathBuf {
    let data = |name: &str| STANDARD.encode(std::fs::read(file(name)).unwrap());
    let user = if client {
        format!("{{client-certificate-data: {}, client-key-data: {}}}", data("admin.crt"), data("admin.key"))
    } else {
        "{}".to_owned()
    };
    let cluster =
        format!("{{server: \"https://{}\", certificate-authority-data: {}}}", server.address(), data(authority));
    let text = std::fs::read_to_string(server.kubeconfig()).unwrap();
    let text = text
        .replace(&format!("cluster:\n    server: {}\n", server.url()), &format!("cluster: {cluster}\n"))
        .replace("user: {}", &format!("user: {user}"));
    assert!(text.contains("certificate-authority-data"), "{text}");
    let path = server.kubeconfig().with_extension("tls");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_clusters_own_client_is_answered() {
    block_on(async {
        let server = Server::start_with(CILIUM, Some(acceptor())).await;
        let api = Api::from_kubeconfig(&kubeconfig(&server, "cluster-ca.crt", true)).await.unwrap();
        assert_eq!(api.server(), format!("https://{}", server.address()));
        assert_eq!(api.version().await.unwrap(), "v1.20.2");
        assert_eq!(api.nodes().await.unwrap().len(), 3);
    });
}

#[test]
fn another_clusters_server_is_not_waited_for() {
    block_on(async {
        let server = Server::start_with(CILIUM, Some(acceptor())).await;
        let api = Api::from_kubeconfig(&kubeconfig(&server, "other-ca.crt", true)).await.unwrap();
        let error = api.nodes().await.unwrap_err();
        let ApiError::Untrusted { why, .. } = &error else { panic!("{error:?}") };
        assert_eq!(why, "invalid peer certificate: UnknownIssuer");
        assert!(!error.is_transient());
        assert_eq!(
            error.to_string(),
            format!(
                "https://{} could not be asked to list nodes: invalid peer certificate: UnknownIssuer; the kubeconfig belongs to \
                 another cluster, or the cluster was made again since",
                server.address()
            )
        );
        let say = |_words| ();
        let error = api.until_it_answers(Patience { deadline: DEADLINE, say: &say }).await.unwrap_err();
        assert!(matches!(&error, WaitError::Failed { waited, .. } if *waited < DEADLINE / 2), "{error:?}");
    });
}

#[test]
fn a_client_without_the_clusters_certificate_is_told_so() {
    block_on(async {
        let server = Server::start_with(CILIUM, Some(acceptor())).await;
        let api = Api::from_kubeconfig(&kubeconfig(&server, "cluster-ca.crt", false)).await.unwrap();
        let error = api.nodes().await.unwrap_err();
        assert!(matches!(error, ApiError::Untrusted { .. }), "{error:?}");
        // So does a server that asks for no certificate of TLS and then knows nobody.
        let status =
            r#"{"kind":"Status","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
        let server = Server::start(CILIUM).await;
        server.fault("/nodes", super::server::Fault::Answer(401, status.to_owned()));
        let error = server.api().await.nodes().await.unwrap_err();
        let ApiError::Untrusted { why, .. } = &error else { panic!("{error:?}") };
        assert_eq!(why, "it does not accept this client's certificate (401 Unauthorized)");
    });
}

#[test]
fn what_speaks_no_tls_is_no_api_server_of_a_cluster() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let api = Api::from_kubeconfig(&kubeconfig(&server, "cluster-ca.crt", true)).await.unwrap();
        let error = api.nodes().await.unwrap_err();
        assert!(matches!(error, ApiError::Garbled { .. }), "{error:?}");
    });
}
