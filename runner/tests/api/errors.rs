//! A server that is not there, hangs, refuses, and answers something else; a kubeconfig that is none.

use lab_base::exec::Invocation;
use lab_kind::api::{Api, ApiError};
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::objects::CILIUM;
use super::server::{DEADLINE, Fault, Server, block_on, kubeconfig};

const SOON: Duration = Duration::from_millis(300);

/// What comes of listing nodes at a server that has this fault.
async fn nodes_with(fault: Fault) -> (Server, ApiError) {
    let server = Server::start(CILIUM).await;
    server.fault("/api/v1/nodes", fault);
    let error = server.api().await.with_deadline(SOON).nodes().await.unwrap_err();
    (server, error)
}

#[test]
fn a_server_that_is_not_there_is_named_with_its_reason_and_what_to_look_at() {
    block_on(async {
        let mut server = Server::start(CILIUM).await;
        let api = server.api().await;
        server.stop().await;
        let error = api.nodes().await.unwrap_err();
        assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
        assert!(error.is_transient());
        let url = server.url();
        assert_eq!(
            error.to_string(),
            format!(
                "{url} cannot be reached to list nodes: tcp connect error: Connection refused (os error 111); \
                 `docker ps` shows whether the control plane's container runs"
            )
        );
        assert_eq!(
            error.briefly(),
            "the API server cannot be reached: tcp connect error: Connection refused (os error 111)"
        );
    });
}

#[test]
fn a_server_that_hangs_is_left_at_the_deadline() {
    block_on(async {
        let (server, error) = nodes_with(Fault::Hang).await;
        let ApiError::Silent { server: url, call, deadline } = &error else { panic!("{error:?}") };
        assert_eq!((url, call.as_str(), *deadline), (&server.url(), "list nodes", SOON));
        assert!(error.to_string().contains("did not answer within 300ms"), "{error}");
    });
}

#[test]
fn a_refusal_has_the_servers_code_and_words() {
    block_on(async {
        let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
            "message":"nodes is forbidden: User \"lab\" cannot list resource \"nodes\"","reason":"Forbidden","code":403}"#;
        let (server, error) = nodes_with(Fault::Answer(403, status.to_owned())).await;
        let words = "nodes is forbidden: User \"lab\" cannot list resource \"nodes\"";
        assert_eq!(error.to_string(), format!("{} refused to list nodes: 403 {words}", server.url()));
        assert!(!error.is_transient());
        let (_server, error) = nodes_with(Fault::Answer(503, "not ready yet".to_owned())).await;
        let ApiError::Refused { code: 503, reason, .. } = &error else { panic!("{error:?}") };
        assert!(reason.contains("not ready yet"), "{reason}");
        assert!(error.is_transient());
    });
}

#[test]
fn an_answer_that_is_not_json_is_garbled() {
    block_on(async {
        for text in ["<html>It works!</html>", "", "{\"items\": [{\"metadata\": 7}]}", "[1"] {
            let (server, error) = nodes_with(Fault::Answer(200, text.to_owned())).await;
            let ApiError::Garbled { call, problem, .. } = &error else { panic!("{text:?}: {error:?}") };
            assert_eq!(call, "list nodes");
            assert!(!problem.is_empty() && !problem.contains("Error("), "{problem}");
            let start = format!("{} was asked to list nodes, and its answer cannot be read: ", server.url());
            assert!(error.to_string().starts_with(&start), "{error}");
        }
    });
}

#[test]
fn an_object_of_another_form_is_garbled_and_unknown_fields_are_passed_over() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let api = server.api().await;
        server.fault(
            "/api/v1/nodes",
            Fault::Answer(
                200,
                r#"{"kind":"NodeList","apiVersion":"v1","metadata":{"new":1},
            "items":[{"metadata":{"name":"kind-worker"},"spec":{"new":[1]},"status":{"new":{},"nodeInfo":null}}]}"#
                    .to_owned(),
            ),
        );
        let nodes = api.nodes().await.unwrap();
        assert_eq!(nodes[0].kubelet_version, "");
        assert_eq!(nodes[0].ready(), None);
        server.fault("/ciliumnodes", Fault::Answer(200, r#"{"items":[{"metadata":{}}]}"#.to_owned()));
        let error = api.pod_cidrs().await.unwrap_err();
        assert!(
            matches!(&error, ApiError::Garbled { problem, .. } if problem.contains("missing field `name`")),
            "{error:?}"
        );
        server.fault("/version", Fault::Answer(200, "{}".to_owned()));
        let error = api.version().await.unwrap_err().to_string();
        assert!(error.ends_with("gitVersion is missing"), "{error}");
    });
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    block_on(async {
        let (_server, error) = nodes_with(Fault::Break).await;
        assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
    });
}

/// What comes of listing nodes at a program that says this, after it was asked or before.
async fn nodes_of(words: &'static [u8], first: bool) -> ApiError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(kubeconfig(&url).as_bytes()).unwrap();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        if !first {
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        }
        stream.write_all(words).await.unwrap();
    });
    let error = Api::from_kubeconfig(file.path()).await.unwrap().nodes().await.unwrap_err();
    other.await.unwrap();
    error
}

#[test]
fn what_speaks_no_http_is_no_api_server() {
    block_on(async {
        for first in [true, false] {
            let error = nodes_of(b"SSH-2.0-OpenSSH_9.2\r\n", first).await;
            assert!(matches!(error, ApiError::Garbled { .. }), "{error:?}");
            assert!(error.to_string().ends_with("check whether another program listens at that port"), "{error}");
        }
        let error = nodes_of(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", false).await;
        assert!(matches!(error, ApiError::Unreachable { .. }), "{error:?}");
    });
}

#[test]
fn a_kubeconfig_that_is_none_is_named_with_its_fault() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let refused = async |text: Option<&str>| {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let error = Api::from_kubeconfig(&file).await.unwrap_err();
            let ApiError::Kubeconfig { file: named, problem } = &error else { panic!("{error:?}") };
            assert_eq!(*named, file);
            assert!(error.to_string().starts_with(&format!("the kubeconfig {} cannot be used: ", file.display())));
            problem.clone()
        };
        let good = kubeconfig("http://127.0.0.1:1");
        let missing = refused(None).await;
        assert!(missing.contains("No such file or directory"), "{missing}");
        for (text, words) in [
            (String::new(), "current context"),
            ("clusters: [".to_owned(), "failed to parse"),
            (good.replace("current-context: kind-kind", "current-context: other"), "other"),
            (good.replace("    server: http://127.0.0.1:1\n", "    insecure-skip-tls-verify: false\n"), "cluster url"),
            (good.replace("http://127.0.0.1:1", "not a url"), "url"),
            (
                good.replace("user: {}", "user:\n    client-certificate-data: '***'\n    client-key-data: '***'"),
                "base64",
            ),
        ] {
            let problem = refused(Some(&text)).await;
            assert!(problem.to_lowercase().contains(words), "{text}: {problem}");
        }
    });
}

/// Says to a run of this program that it is the one behind a proxy.
const PROXIED: &str = "LAB_TESTS_BEHIND_A_PROXY";

#[test]
fn a_proxy_of_the_environment_is_not_used_for_the_labs_own_server() {
    block_on(async {
        if std::env::var_os(PROXIED).is_some() {
            let server = Server::start(CILIUM).await;
            assert_eq!(server.api().await.nodes().await.unwrap().len(), 3);
            return;
        }
        let name = "errors::a_proxy_of_the_environment_is_not_used_for_the_labs_own_server";
        let mut again = Invocation::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(PROXIED, "1");
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            again = again.env(variable, "http://127.0.0.1:9");
        }
        let ended = again.run(DEADLINE).await.unwrap();
        assert!(ended.success() && ended.stdout_text().contains("1 passed"), "{}", ended.stdout_text());
    });
}
