//! A socket that is the real Engine, but for one thing: it runs privileged containers, by leaving the privilege out.
//! Where an Engine cannot run them at all, a lab's first container would be refused.

use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use super::thread::Serving;

/// As the client writes it, and as many bytes that ask for nothing.
const PRIVILEGED: &[u8] = b"\"Privileged\":true";
const PLAIN: &[u8] = b"\"Privileged\":null";

/// The socket, served until this is dropped.
pub(super) struct EngineSocket {
    socket: PathBuf,
    _serving: Serving,
}

impl EngineSocket {
    /// Serves it in this folder; `engine` is the real one's endpoint.
    pub(super) fn serve(folder: &Path, engine: &str) -> Self {
        let real =
            engine.strip_prefix("unix://").unwrap_or_else(|| panic!("{engine}: these tests need a local Engine"));
        let (real, socket) = (PathBuf::from(real), folder.join("docker.sock"));
        let at = socket.clone();
        let (serving, ()) = Serving::start(async move || {
            let listener = UnixListener::bind(&at).unwrap();
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    if let Ok(engine) = UnixStream::connect(&real).await {
                        let (from_client, to_client) = client.into_split();
                        let (from_engine, to_engine) = engine.into_split();
                        tokio::spawn(hand_on(from_client, to_engine, true));
                        tokio::spawn(hand_on(from_engine, to_client, false));
                    }
                }
            });
        });
        Self { socket, _serving: serving }
    }

    /// As `DOCKER_HOST` names it.
    pub(super) fn endpoint(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

/// Hands on all bytes until the end, and the end.
async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, edit: bool) {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let mut creates = false;
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let read = &chunk[..length];
        // Images and programs pass too: tens of megabytes that need not be looked at.
        creates = edit && creates_container(read).unwrap_or(creates);
        kept.extend_from_slice(read);
        let held = if creates { replace(&mut kept) } else { 0 };
        let out: Vec<u8> = kept.drain(..kept.len() - held).collect();
        if to.write_all(&out).await.is_err() {
            return;
        }
    }
    // Whoever reads may be gone first.
    let _gone = to.write_all(&kept).await;
    let _gone = to.shutdown().await;
}

/// Whether this begins a request for a new container; none where it begins no request.
fn creates_container(bytes: &[u8]) -> Option<bool> {
    let methods: [&[u8]; 5] = [b"GET /", b"POST /", b"PUT /", b"HEAD /", b"DELETE /"];
    let line = bytes.split(|&byte| byte == b'\r').next()?;
    methods.iter().any(|method| line.starts_with(method)).then(|| {
        let line = String::from_utf8_lossy(line);
        line.starts_with("POST /") && line.contains("/containers/create")
    })
}

/// Leaves the privilege out. How many bytes at the end may be the beginning of another.
fn replace(bytes: &mut [u8]) -> usize {
    let all = bytes.windows(PRIVILEGED.len()).enumerate();
    let found: Vec<usize> = all.filter(|(_, window)| *window == PRIVILEGED).map(|(at, _)| at).collect();
    for at in found {
        bytes[at..at + PLAIN.len()].copy_from_slice(PLAIN);
    }
    (1..PRIVILEGED.len()).rev().find(|&length| bytes.ends_with(&PRIVILEGED[..length])).unwrap_or(0)
}

#[test]
fn the_privilege_is_left_out_wherever_the_bytes_are_split() {
    let mut whole = b"{\"Privileged\":true,\"Init\":true}".to_vec();
    assert_eq!(replace(&mut whole), 0);
    assert_eq!(whole, b"{\"Privileged\":null,\"Init\":true}");
    assert_eq!(replace(&mut b"{\"Image\":\"x\",\"Privil".to_vec()), "\"Privil".len());
    assert_eq!(replace(&mut b"{\"Privileged\":false".to_vec()), 0);
    assert_eq!(creates_container(b"POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: x"), Some(true));
    assert_eq!(creates_container(b"POST /v1.41/containers/x/start HTTP/1.1\r\n\r\n"), Some(false));
    assert_eq!(creates_container(b"{\"Privileged\":true"), None);
}
