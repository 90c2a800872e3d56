//! What answers at an Engine's address and is none, or none that a lab can be built with: fake servers, real sockets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lab_engine::{Endpoint, Engine, EngineError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// Instead of a reply: the connection stays open and nothing is said.
const SILENCE: &str = "silence";

/// Answers each request by its path; what it has been asked, in order.
pub(crate) struct Stranger {
    pub(crate) endpoint: Endpoint,
    asked: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Stranger {
    pub(crate) fn serve(reply: impl Fn(&str) -> String + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = connection.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..length]).into_owned();
                // A connection without a request is one that only knocks.
                let Some(path) = head.split(' ').nth(1) else { continue };
                kept.lock().unwrap().push(path.to_owned());
                match reply(path) {
                    reply if reply != SILENCE => connection.write_all(reply.as_bytes()).await.unwrap(),
                    _silence => tokio::spawn(async move { connection.read_to_end(&mut Vec::new()).await })
                        .await
                        .map(drop)
                        .unwrap(),
                }
            }
        });
        let endpoint = Endpoint::parse(&format!("unix://{}", socket.display()), None, "DOCKER_HOST").unwrap();
        Self { endpoint, asked, _folder: folder }
    }

    /// The paths that it has been asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn met(reply: fn(&str) -> String) -> Result<Engine, EngineError> {
    lab_base::runtime().unwrap().block_on(async {
        let stranger = Stranger::serve(reply);
        Engine::connect_to(stranger.endpoint).await
    })
}

#[test]
fn what_is_no_engine_is_told_with_what_it_said() {
    for (reply, why) in [
        ((|_| http("200 OK", "{}")) as fn(&str) -> String, "it names no API version"),
        (|_| http("200 OK", r#"{"ApiVersion":"new"}"#), "it names `new` as its API version"),
        (|_| http("200 OK", "<html>"), "its answer does not have the expected form: expected value"),
        (
            |_| http("404 Not Found", "<html>nothing here</html>"),
            "it answered with HTTP status 404: <html>nothing here",
        ),
        (|_| "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "Error in the hyper legacy client"),
        (|_| String::new(), "Error in the hyper legacy client"),
    ] {
        let error = met(reply).unwrap_err();
        let EngineError::NotAnEngine { why: told, .. } = &error else { panic!("{error}") };
        assert!(told.starts_with(why), "{told}");
        assert!(!error.to_string().contains("Error {"), "{error}");
    }
}

#[test]
fn silence_ends_at_a_deadline() {
    let begun = lab_base::clock::now();
    let error = met(|_| SILENCE.to_owned()).unwrap_err();
    assert!(matches!(error, EngineError::NoAnswer { .. }), "{error}");
    assert!(error.to_string().contains(" did not tell its version within 5s; see `docker info`"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_engine_of_another_age_is_named_with_its_version() {
    let old = met(|_| http("200 OK", r#"{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12"}"#));
    let error = old.unwrap_err();
    let EngineError::TooOld { version, api, least, .. } = &error else { panic!("{error}") };
    assert_eq!((version.as_str(), api.as_str(), least.as_str()), ("19.03.15", "1.40", "1.41"));
    let new = met(|_| http("200 OK", r#"{"Version":"99.0.0","ApiVersion":"1.99","MinAPIVersion":"1.90"}"#));
    let error = new.unwrap_err();
    let EngineError::TooNew { version, api, .. } = &error else { panic!("{error}") };
    assert_eq!((version.as_str(), api.as_str()), ("99.0.0", "1.90"));
}

#[test]
fn the_version_that_was_agreed_on_is_spoken() {
    lab_base::runtime().unwrap().block_on(async {
        let answers = |path: &str| match path {
            "/version" => http("200 OK", r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Arch":"amd64"}"#),
            _ => http("200 OK", r#"{"Driver":"overlay2","SomethingNew":{"a":[1]},"SecurityOptions":["name=seccomp,profile=default","name=rootless"]}"#),
        };
        let stranger = Stranger::serve(answers);
        let engine = Engine::connect_to(stranger.endpoint.clone()).await.unwrap();
        assert_eq!((engine.api().to_string().as_str(), engine.architecture()), ("1.41", Some("amd64")));
        let facts = engine.facts().await.unwrap();
        assert_eq!(stranger.asked(), ["/version", "/v1.41/info"]);
        assert_eq!((facts.rootless, facts.storage_driver.as_deref()), (Some(true), Some("overlay2")));
        // What it does not tell is not made up.
        assert_eq!((facts.cgroup_version, facts.kernel, facts.runtimes.len()), (None, None, 0));
    });
}

#[test]
fn what_an_engine_refuses_is_told_in_its_own_words() {
    lab_base::runtime().unwrap().block_on(async {
        let answers = |path: &str| match path {
            "/version" => http("200 OK", r#"{"Version":"28.2.2","ApiVersion":"1.50","MinAPIVersion":"1.24"}"#),
            _ => http("500 Internal Server Error", r#"{"message":"no space left on device\n"}"#),
        };
        let stranger = Stranger::serve(answers);
        let engine = Engine::connect_to(stranger.endpoint.clone()).await.unwrap();
        let error = engine.networks().await.unwrap_err();
        let expected = "the Docker Engine would not list its networks: no space left on device (HTTP status 500)";
        assert_eq!(error.to_string(), expected);
        assert_eq!(stranger.asked()[1], "/v1.50/networks");
    });
}
