//! ICMP echo requests of an exact length, with DF set.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::datagram::register;
use super::icmp::{Echo, ICMP_HEADER, IP_HEADER, News, icmp_text};
use super::look::{LookError, io_error_text};
use super::lookup::path_mtu;
use lab_base::clock;
use lab_model::observe::{PingOutcome, PingReply};

/// Octets of the largest IPv4 packet (RFC 791).
const MOST: usize = 65_535;

/// A request that was sent, and how it ended.
struct Sent {
    echo: Echo,
    length: u32,
    at: Instant,
    end: Option<(PingOutcome, Duration)>,
}

/// Sends one request of each length, all at once, and waits for what comes of each, at most for the deadline.
pub(super) async fn ping(
    destination: Ipv4Addr,
    lengths: &[u32],
    deadline: Duration,
) -> Result<Vec<PingReply>, LookError> {
    let socket = open().map_err(|source| LookError::System { doing: "open an ICMP socket", source })?;
    let id = fastrand::u16(..);
    let mut requests = Vec::with_capacity(lengths.len());
    for (&length, sequence) in lengths.iter().zip(1..) {
        let echo = Echo { destination, id, sequence, payload: payload(length)? };
        requests.push(send(&socket, echo, length).await?);
    }
    let replies = async {
        while requests.iter().any(|sent| sent.end.is_none()) {
            let packet = receive(&socket).await?;
            for sent in requests.iter_mut().filter(|sent| sent.end.is_none()) {
                if let Some(news) = sent.echo.read(&packet) {
                    sent.end = outcome(&news).map(|outcome| (outcome, sent.at.elapsed()));
                }
            }
        }
        Ok(())
    };
    if let Ok(Err(source)) = clock::within(deadline, "ICMP replies", replies).await {
        return Err(LookError::System { doing: "receive ICMP replies", source });
    }
    let reply = |sent: Sent| {
        let (outcome, elapsed) = sent.end.unwrap_or_else(|| (PingOutcome::Silent, sent.at.elapsed()));
        PingReply { destination, length: sent.length, outcome, elapsed }
    };
    Ok(requests.into_iter().map(reply).collect())
}

fn open() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW.nonblocking().cloexec(), Some(Protocol::ICMPV4))?;
    // With a header of our own DF can be set and the length is what it says.
    socket.set_header_included_v4(true)?;
    register(socket)
}

/// Random octets, so that no other ping's reply can be mistaken for this one's.
fn payload(length: u32) -> Result<Vec<u8>, LookError> {
    let (least, most) = (IP_HEADER + ICMP_HEADER, MOST);
    let octets = usize::try_from(length).ok().filter(|octets| (least..=most).contains(octets));
    let octets = octets.ok_or(LookError::Length { length, least, most })?;
    Ok(std::iter::repeat_with(|| fastrand::u8(..)).take(octets - least).collect())
}

async fn send(socket: &UdpSocket, echo: Echo, length: u32) -> Result<Sent, LookError> {
    let at = clock::now();
    let outcome = match socket.send_to(&echo.packet(), SocketAddrV4::new(echo.destination, 0)).await {
        Ok(_octets) => None,
        // The device's MTU, or the route's: in either case the kernel has not let it out.
        Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
            Some(PingOutcome::TooBig(path_mtu(echo.destination).await?.map(|mtu| mtu.0)))
        }
        // No route, an `unreachable` or `prohibit` one, a filter.
        Err(error) => Some(PingOutcome::Refused(io_error_text(&error))),
    };
    let end = outcome.map(|outcome| (outcome, at.elapsed()));
    Ok(Sent { echo, length, at, end })
}

async fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; MOST];
    let length = socket.recv(&mut packet).await?;
    packet.truncate(length);
    Ok(packet)
}

/// A damaged reply ends nothing: the whole one may still come.
fn outcome(news: &News) -> Option<PingOutcome> {
    match *news {
        News::Reply => Some(PingOutcome::Answered),
        News::Damaged => None,
        News::TooBig(mtu) => Some(PingOutcome::TooBig(mtu.map(u32::from))),
        News::Refused { from, kind, code } => {
            Some(PingOutcome::Refused(format!("{}, from {from}", icmp_text(kind, code))))
        }
    }
}
