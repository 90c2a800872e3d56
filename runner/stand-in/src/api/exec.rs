//! Commands in pods: a WebSocket with the channels of `v5.channel.k8s.io`, as kubelets speak it.

use futures_util::{SinkExt, StreamExt};
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::server::{Printed, State, Step};

/// Channels of the protocol (Kubernetes: `staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go`).
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
/// How many octets a message has at most, so that what is read is put together from several.
const CHUNK: usize = 1000;

/// Agrees to the WebSocket, and says there what the command prints.
pub(super) fn begin(state: &Arc<Mutex<State>>, parts: &Parts, upgrade: OnUpgrade) -> Response<()> {
    let path: Vec<&str> = parts.uri.path().split('/').collect();
    // /api/v1/namespaces/NAMESPACE/pods/POD/exec
    let pod = format!("{}/{}", path[4], path[6]);
    let query = parts.uri.query().unwrap_or_default();
    let argv = words(query);
    let interactive = query.split('&').any(|part| part == "stdin=true") && state.lock().unwrap().interactive.is_some();
    let of = Arc::clone(state);
    let printed = if interactive {
        None
    } else {
        state.lock().unwrap().commands.as_ref().map_or_else(
            || Some(Printed { code: 127, stdout: String::new(), stderr: "there are no commands".to_owned() }),
            |commands| commands(&pod, &argv),
        )
    };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let printed = if interactive { talk(&of, &mut socket, &pod, &argv).await } else { printed };
        let Some(printed) = printed else { return std::future::pending().await };
        for (channel, text) in [(STDOUT, &printed.stdout), (STDERR, &printed.stderr)] {
            for chunk in text.as_bytes().chunks(CHUNK) {
                let message = [&[channel], chunk].concat();
                if socket.send(Message::Binary(message.into())).await.is_err() {
                    return;
                }
            }
        }
        let message = [&[STATUS], status(printed.code).to_string().as_bytes()].concat();
        let _sent = socket.send(Message::Binary(message.into())).await;
        let _closed = socket.close(None).await;
    });
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes())).unwrap_or_default();
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, key)
        .header(SEC_WEBSOCKET_PROTOCOL, "v5.channel.k8s.io")
        .body(())
        .unwrap()
}

/// Reads standard input until the command ends; none for one that never does, or whose client has gone.
async fn talk(
    state: &Arc<Mutex<State>>,
    socket: &mut WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
    pod: &str,
    argv: &[String],
) -> Option<Printed> {
    let (mut input, mut said) = (Vec::new(), false);
    loop {
        match socket.next().await?.ok()? {
            // The end of standard input, as v5 tells it, is no octet of it.
            Message::Binary(message) if message.first() == Some(&STDIN) => input.extend(&message[1..]),
            Message::Close(_) => return None,
            _ => continue,
        }
        let step = state.lock().unwrap().interactive.as_ref().map(|interactive| interactive(pod, argv, &input))?;
        match step {
            Step::End(printed) => return Some(printed),
            Step::Say(line) if !said => {
                said = true;
                let message = [&[STDERR], format!("{line}\n").as_bytes()].concat();
                socket.send(Message::Binary(message.into())).await.ok()?;
            }
            Step::Say(_) | Step::More => {}
            Step::Hang => return std::future::pending().await,
        }
    }
}

fn status(code: i32) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}})
}

/// The words of the command in a query.
fn words(query: &str) -> Vec<String> {
    query.split('&').filter_map(|part| part.strip_prefix("command=")).map(decoded).collect()
}

fn decoded(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(octets).unwrap()
}
