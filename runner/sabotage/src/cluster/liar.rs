//! An Engine that lies: a socket before the Engine's own, which passes everything on as it is, but says of the Engine that it
//! runs without root.

use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use lab_base::failure::chain;
use lab_engine::{Endpoint, Engine, Host};

/// What an Engine without root has among its `SecurityOptions` (`GET /info`).
const ROOTLESS: &str = "name=rootless";
/// The most octets that the head of a request may have.
const LONGEST_HEAD: usize = 64 << 10;

/// The socket, which is served until this is dropped.
#[derive(Debug)]
pub(super) struct Liar {
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Puts one before this Engine. Returns it, and a connection through it.
///
/// # Errors
/// A text that says why that cannot be done.
pub(super) async fn before(engine: &Engine) -> Result<(Liar, Engine), String> {
    let real = match &engine.at().host {
        Host::Unix(path) => path.clone(),
        Host::Tcp(address) => return Err(format!("the Engine is asked at {address}, and not by a socket")),
    };
    let folder = tempfile::Builder::new().prefix("lab-liar").tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let serving = tokio::spawn(async move {
        while let Ok((asked, _address)) = listener.accept().await {
            let real = real.clone();
            // A connection that breaks is told by whoever asked.
            tokio::spawn(async move { pass_on(asked, &real).await.ok() });
        }
    });
    let liar = Liar { serving, _folder: folder };
    let through = Endpoint { host: Host::Unix(path), ..engine.at().clone() };
    let through = Engine::connect_to(through).await.map_err(|error| chain(&error))?;
    Ok((liar, through))
}

/// Passes one request on, and its answer back.
async fn pass_on(mut asked: UnixStream, real: &PathBuf) -> io::Result<()> {
    let head = head_of(&mut asked).await?;
    let mut engine = UnixStream::connect(Path::new(real)).await?;
    let (line, rest) = head.split_once("\r\n").unwrap_or((head.as_str(), ""));
    if line.split(' ').nth(1).is_some_and(|path| path.ends_with("/info")) {
        // By HTTP 1.0 the whole answer comes as it is, up to the end of the connection (RFC 1945, 7.2.2).
        let plain = line.replace("HTTP/1.1", "HTTP/1.0");
        engine.write_all(format!("{plain}\r\n{rest}").as_bytes()).await?;
        let mut answer = Vec::new();
        engine.read_to_end(&mut answer).await?;
        return asked.write_all(&lied(&answer)).await;
    }
    // One request for each connection, so that the next one is read here too; an upgraded one has no next.
    let once = if rest.to_lowercase().contains("\r\nupgrade:") { "" } else { "Connection: close\r\n" };
    engine.write_all(format!("{line}\r\n{once}{rest}").as_bytes()).await?;
    copy_bidirectional(&mut asked, &mut engine).await.map(drop)
}

/// The head of a request, with the empty line after it.
async fn head_of(asked: &mut UnixStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(asked.read_u8().await?);
    }
    String::from_utf8(head).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The answer to `GET /info` with the lie in it; as it is where it has no such options.
fn lied(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_head, body)| body);
    let Ok(mut info) = serde_json::from_str::<Value>(body) else { return answer.to_vec() };
    if let Some(options) = info.get_mut("SecurityOptions").and_then(Value::as_array_mut) {
        options.push(ROOTLESS.into());
    }
    let body = info.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_told_of_root_is_a_lie() {
        let told = br#"{"SecurityOptions":["name=seccomp,profile=default"],"Driver":"overlay2"}"#;
        let answer = [b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n".as_slice(), told].concat();
        let lied = String::from_utf8(lied(&answer)).unwrap();
        let (head, body) = lied.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with("Connection: close") && head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        let info: Value = serde_json::from_str(body).unwrap();
        assert_eq!(info["SecurityOptions"], serde_json::json!(["name=seccomp,profile=default", ROOTLESS]));
        assert_eq!(info["Driver"], "overlay2");
    }

    #[test]
    fn what_is_no_json_is_passed_on() {
        let refused = b"HTTP/1.0 500 Internal Server Error\r\n\r\nno".to_vec();
        assert_eq!(lied(&refused), refused);
    }
}
