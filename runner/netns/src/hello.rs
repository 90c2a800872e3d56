//! The servers of a lab: hello-app in each pod, and a server behind the bridge that answers with the client's address.

use std::net::{SocketAddrV4, TcpListener};
use tokio::task::JoinHandle;

use super::namespace::{Namespace, NamespaceError};
use super::world::BuildError;
use lab_probe::hello;
pub(super) use lab_probe::hello::Says;

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
    Ok(tokio::spawn(hello::serve(listener, says)))
}
