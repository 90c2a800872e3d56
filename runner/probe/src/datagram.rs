//! Waiting for sockets of kinds that tokio has no type for.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::UdpSocket;

/// Registers a non-blocking socket, raw(7) or packet(7), with the runtime.
///
/// Tokio's general type for this, `AsyncFd`, can only be made with `unsafe`. Its UDP socket can be made from any
/// descriptor and does nothing to it but wait, sendto(2) and recv(2), which mean the same for all datagram sockets.
pub(super) fn register(socket: impl Into<OwnedFd>) -> io::Result<UdpSocket> {
    UdpSocket::from_std(std::net::UdpSocket::from(socket.into()))
}
