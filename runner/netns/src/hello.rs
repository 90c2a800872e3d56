//! The servers of a lab: hello-app in each pod, and a server behind the bridge that answers with the client's address.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{SocketAddr, SocketAddrV4, TcpListener};
use tokio::task::JoinHandle;

use super::namespace::{Namespace, NamespaceError};
use super::world::BuildError;
use lab_model::hello_app;

/// The answer of a server.
#[derive(Debug, Clone)]
pub(super) enum Says {
    /// The three lines of hello-app 1.0.
    Hello {
        /// The pod's name.
        hostname: String,
    },
    /// The client's address as the server sees it, which shows masquerading.
    ClientAddress,
}

impl Says {
    fn body(&self, client: SocketAddr) -> String {
        match self {
            Self::Hello { hostname } => hello_app::answer(hostname),
            Self::ClientAddress => format!("you are {client}\n"),
        }
    }
}

/// Listens in a namespace and answers until the task is aborted.
pub(super) fn serve(namespace: &Namespace, at: SocketAddrV4, says: Says) -> Result<JoinHandle<()>, BuildError> {
    let name = namespace.name();
    let socket = |source| BuildError::Socket { doing: format!("{name}: listening at {at}"), source };
    let listener = namespace.run(|| {
        TcpListener::bind(at).and_then(|listener| listener.set_nonblocking(true).map(|()| listener)).map_err(|source| {
            NamespaceError::Thread { name: name.to_owned(), what: format!("listening at {at}: {source}") }
        })
    })?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(socket)?;
    Ok(tokio::spawn(async move {
        // When accept fails (the client is gone, or descriptors are short), only that client is affected.
        loop {
            if let Ok((stream, client)) = listener.accept().await {
                tokio::spawn(answer(stream, client, says.clone()));
            }
        }
    }))
}

async fn answer(stream: tokio::net::TcpStream, client: SocketAddr, says: Says) {
    let service = service_fn(move |_request: Request<hyper::body::Incoming>| {
        let body = says.body(client);
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body)))) }
    });
    // An error on a connection is observed by its client; the server need not report it.
    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
