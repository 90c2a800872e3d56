//! HTTP requests, each on a connection of its own.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::look::io_error_text;
use lab_base::clock;
use lab_base::failure::chain;
use lab_model::observe::{Connection, HttpOutcome, HttpReply};
use lab_model::request::HttpAsk;

/// Attempts that are made at the same time.
const WAVE: usize = 8;

/// Octets of a response's body that are read; hello-app sends 65.
const BODY_LIMIT: usize = 64 * 1024;

/// Asks until enough different bodies have come, in waves: each attempt that was begun is in the answer.
pub(super) async fn replies(ask: &HttpAsk) -> Vec<HttpReply> {
    let begun = clock::now();
    let mut replies = Vec::new();
    let mut bodies = BTreeSet::new();
    while replies.len() < ask.attempts && bodies.len() < ask.until_bodies && begun.elapsed() < ask.deadline {
        let mut wave = JoinSet::new();
        for _attempt in 0..WAVE.min(ask.attempts - replies.len()) {
            wave.spawn(attempt(ask.to, ask.path.clone(), ask.ttl, ask.attempt_deadline));
        }
        while let Some(ended) = wave.join_next().await {
            let reply = ended.unwrap_or_else(|broken| HttpReply {
                url: url(ask.to, &ask.path),
                connection: None,
                outcome: HttpOutcome::Broken(format!("the probe's own task ended: {broken}")),
                elapsed: begun.elapsed(),
            });
            if let HttpOutcome::Response { status: 200, body } = &reply.outcome {
                bodies.insert(body.clone());
            }
            replies.push(reply);
        }
    }
    replies
}

fn url(to: SocketAddrV4, path: &str) -> String {
    format!("http://{to}{path}")
}

/// How far an attempt has got; it is looked at when the attempt is given up.
#[derive(Default)]
struct Progress {
    connection: Option<Connection>,
    sent: bool,
}

async fn attempt(to: SocketAddrV4, path: String, ttl: Option<u8>, deadline: Duration) -> HttpReply {
    let begun = clock::now();
    let progress = Mutex::new(Progress::default());
    let outcome = match clock::within(deadline, "a response", get(to, &path, ttl, &progress)).await {
        Ok(outcome) => outcome,
        Err(_passed) => {
            let sent = lock(&progress).sent;
            HttpOutcome::TimedOut(if sent { "connected, waiting for the response" } else { "connecting" }.to_owned())
        }
    };
    let connection = lock(&progress).connection.take();
    HttpReply { url: url(to, &path), connection, outcome, elapsed: begun.elapsed() }
}

fn lock(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    // Nothing is left half done under this lock, so a panic elsewhere does not matter.
    progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A connection whose packets begin with this TTL.
async fn connect(to: SocketAddrV4, ttl: Option<u8>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(ttl) = ttl {
        SockRef::from(&socket).set_ttl_v4(ttl.into())?;
    }
    socket.connect(to.into()).await
}

async fn get(to: SocketAddrV4, path: &str, ttl: Option<u8>, progress: &Mutex<Progress>) -> HttpOutcome {
    let stream = match connect(to, ttl).await {
        Ok(stream) => stream,
        Err(error) => return HttpOutcome::NotConnected(io_error_text(&error)),
    };
    match stream.local_addr() {
        Ok(SocketAddr::V4(local)) => {
            let peer = match stream.peer_addr() {
                Ok(SocketAddr::V4(peer)) => Some(peer),
                // A connection that was reset has no other end any more.
                Ok(SocketAddr::V6(_)) | Err(_) => None,
            };
            lock(progress).connection = Some(Connection { local, remote: to, peer });
        }
        Ok(SocketAddr::V6(local)) => return HttpOutcome::Broken(format!("the connection's own end is {local}")),
        Err(error) => return HttpOutcome::Broken(io_error_text(&error)),
    }
    lock(progress).sent = true;
    let request = Request::get(path)
        .header(HOST, to.to_string())
        .header(USER_AGENT, concat!("lab/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let request = match request {
        Ok(request) => request,
        Err(error) => return HttpOutcome::Broken(format!("the request cannot be written: {error}")),
    };
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(pair) => pair,
        Err(error) => return failed(&error),
    };
    // The connection is driven beside the exchange, and dropped with it.
    let exchange = async {
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), BODY_LIMIT).collect().await {
            Ok(body) => {
                let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                HttpOutcome::Response { status, body }
            }
            Err(error) if error.is::<LengthLimitError>() => {
                HttpOutcome::Broken(format!("status {status}, and a body of more than {BODY_LIMIT} octets"))
            }
            Err(error) => HttpOutcome::Broken(format!("status {status}, and then {}", chain(error.as_ref()))),
        }
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        outcome = &mut exchange => outcome,
        // It ends with the response, or with the reason that the exchange reports.
        _ended = connection => exchange.await,
    }
}

fn failed(error: &hyper::Error) -> HttpOutcome {
    if error.is_incomplete_message() {
        return HttpOutcome::Empty;
    }
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    HttpOutcome::Broken(io.map_or_else(|| chain(error), io_error_text))
}
