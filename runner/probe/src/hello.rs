//! Servers: hello-app's three lines, and one that answers with the client's address.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use tokio::net::{TcpListener, TcpStream};

use lab_model::hello_app;

/// The answer of a server.
#[derive(Debug, Clone)]
pub enum Says {
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

/// Answers whoever comes, until it is dropped.
pub async fn serve(listener: TcpListener, says: Says) {
    // When accept fails (the client is gone, or descriptors are short), only that client is affected.
    loop {
        if let Ok((stream, client)) = listener.accept().await {
            tokio::spawn(answer(stream, client, says.clone()));
        }
    }
}

/// Listens here with hello-app's three lines, until this process ends.
///
/// # Errors
/// When there is no runtime, or nobody can listen there.
pub fn serve_hello(at: SocketAddrV4, hostname: String) -> io::Result<()> {
    lab_base::runtime()?.block_on(async {
        let listener = TcpListener::bind(at).await?;
        serve(listener, Says::Hello { hostname }).await;
        Ok(())
    })
}

async fn answer(stream: TcpStream, client: SocketAddr, says: Says) {
    let service = service_fn(move |_request: Request<Incoming>| {
        let body = says.body(client);
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body)))) }
    });
    // An error on a connection is observed by its client; the server need not report it.
    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use crate::serve::ProbeArgs;

    #[test]
    fn a_server_has_a_port_and_a_name() {
        let parse = |args: &[&str]| ProbeArgs::parse(args.iter().map(Into::into)).map(|args| args.hello);
        assert_eq!(parse(&["--hello", "8080", "client-1"]), Ok(Some((8080, "client-1".to_owned()))));
        for args in [&["--hello"][..], &["--hello", "8080"], &["--hello", "client-1", "8080"]] {
            assert_eq!(parse(args).unwrap_err(), "--hello: expected a port and a name after it", "{args:?}");
        }
    }
}
