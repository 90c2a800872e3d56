//! A BGP speaker as Cilium's control plane has one on each node: it announces the node's pod CIDR to the node's ToR, and
//! nothing else. What it is told it reads and forgets: it makes no route (Cilium 1.12, Documentation/network/bgp-control-plane:
//! "does not program the datapath").
//!
//! It connects, and connects again; it never listens. GoBGP waits up to 120 s before it tries again; here it is much less, so
//! that a lab is up at once.

use ipnet::Ipv4Net;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use zettabgp::prelude::{
    BgpASitem, BgpASpath, BgpASset, BgpAddrV4, BgpAddrs, BgpAttrItem, BgpAttrOrigin, BgpCapability, BgpError,
    BgpMessage, BgpMessageType, BgpNextHop, BgpOpenMessage, BgpOrigin, BgpSessionParams, BgpTransportMode,
    BgpUpdateMessage,
};

use super::namespace::{Namespace, NamespaceError};
use lab_base::clock;

/// BGP's port (RFC 4271).
const PORT: u16 = 179;
/// The deadline for a connection, and for the other end's first messages.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The time between the end of one session and the next attempt.
const RETRY: Duration = Duration::from_millis(50);
/// The longest message (RFC 4271, 4.1).
const LONGEST: usize = 4096;
/// Octets of a message's header.
const HEADER: usize = 19;

/// What a speaker says, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speech {
    /// The node's address: its identifier, and the next hop.
    pub(super) own: Ipv4Addr,
    pub(super) own_as: u32,
    pub(super) tor: Ipv4Addr,
    pub(super) tor_as: u32,
    /// The hold time that it asks for; keepalives are sent three times as often.
    pub(super) hold: Duration,
    /// What it announces.
    pub(super) pod_cidr: Option<Ipv4Net>,
}

/// Why a session ended. Nobody is told: how the session stands is read from its other end.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    #[error(transparent)]
    Connection(#[from] io::Error),
    #[error("{0}")]
    Message(String),
    #[error(transparent)]
    Late(#[from] clock::WaitError),
}

impl From<BgpError> for Ended {
    fn from(error: BgpError) -> Self {
        Self::Message(error.to_string())
    }
}

/// Speaks until the task is aborted, which closes the connection.
pub(super) async fn speak(namespace: Namespace, speech: Speech) -> Infallible {
    clock::again_and_again(RETRY, async || match session(&namespace, &speech).await {
        Ok(never) => match never {},
        // Nobody is told: how the session stands is read from its other end.
        Err(_ended) => {}
    })
    .await
}

async fn session(namespace: &Namespace, speech: &Speech) -> Result<Infallible, Ended> {
    // A socket is in the network namespace of the thread that makes it.
    let socket = namespace.run(|| {
        let made = TcpSocket::new_v4();
        made.map_err(|error| NamespaceError::Thread { name: namespace.name().to_owned(), what: error.to_string() })
    })?;
    socket.bind(SocketAddr::V4(SocketAddrV4::new(speech.own, 0)))?;
    let to = SocketAddr::V4(SocketAddrV4::new(speech.tor, PORT));
    let stream = clock::within(CONNECT_DEADLINE, "a connection", socket.connect(to)).await??;
    let mut talk = Talk::new(stream, speech);
    talk.open().await?;
    talk.announce(speech).await?;
    talk.keep_alive().await
}

/// A connection, and what of the other end's octets has not been read yet.
struct Talk {
    stream: TcpStream,
    params: BgpSessionParams,
    unread: Vec<u8>,
    hold: Duration,
    tor_as: u32,
}

impl Talk {
    fn new(stream: TcpStream, speech: &Speech) -> Self {
        let capabilities = vec![BgpCapability::SafiIPv4u, BgpCapability::CapASN32(speech.own_as)];
        let seconds = u16::try_from(speech.hold.as_secs()).unwrap_or(u16::MAX);
        let params = BgpSessionParams::new(speech.own_as, seconds, BgpTransportMode::IPv4, speech.own, capabilities);
        Self { stream, params, unread: Vec::new(), hold: speech.hold, tor_as: speech.tor_as }
    }

    /// Opens the session: OPEN both ways, KEEPALIVE both ways.
    async fn open(&mut self) -> Result<(), Ended> {
        let open = self.params.open_message();
        self.send(BgpMessageType::Open, |params, buffer| open.encode_to(params, buffer)).await?;
        let body = self.expect(&BgpMessageType::Open).await?;
        let mut theirs = BgpOpenMessage::new();
        theirs.decode_from(&self.params, &body)?;
        // Of four octets is the number in the capability.
        let capability = theirs.caps.iter().find_map(|capability| match capability {
            BgpCapability::CapASN32(number) => Some(*number),
            _ => None,
        });
        let found = capability.unwrap_or(theirs.as_num);
        if found != self.tor_as {
            return Err(Ended::Message(format!("the ToR is in AS {found}, not {}", self.tor_as)));
        }
        self.hold = self.hold.min(Duration::from_secs(theirs.hold_time.into()));
        self.params.match_caps(&theirs.caps);
        self.keepalive().await?;
        self.expect(&BgpMessageType::Keepalive).await.map(drop)
    }

    /// Announces the pod CIDR, with the node as next hop.
    async fn announce(&mut self, speech: &Speech) -> Result<(), Ended> {
        let Some(cidr) = speech.pod_cidr else { return Ok(()) };
        let mut update = BgpUpdateMessage::new();
        update.updates = BgpAddrs::IPV4U(vec![BgpAddrV4::new(cidr.network(), cidr.prefix_len())]);
        // The library (0.6.0) writes what it calls a sequence with the type of a set, and the other way round (RFC 4271, 4.3:
        // 1 is AS_SET, 2 is AS_SEQUENCE). GoBGP sends a sequence.
        let path = BgpASpath { value: vec![BgpASitem::Set(BgpASset { value: [speech.own_as.into()].into() })] };
        update.attrs = vec![
            BgpAttrItem::Origin(BgpOrigin::new(BgpAttrOrigin::Igp)),
            BgpAttrItem::ASPath(path),
            BgpAttrItem::NextHop(BgpNextHop::new(IpAddr::V4(speech.own))),
        ];
        self.send(BgpMessageType::Update, |params, buffer| update.encode_to(params, buffer)).await
    }

    /// Says that it is there, and hears that the other end is, until it is not.
    async fn keep_alive(&mut self) -> Result<Infallible, Ended> {
        let every = self.hold / 3;
        let mut heard = clock::now();
        let mut next = heard + every;
        loop {
            let left = next.saturating_duration_since(clock::now());
            match clock::within(left, "a message of the ToR", self.message()).await {
                Ok(message) => {
                    heard = match message? {
                        (BgpMessageType::Notification, _) => return Err(Ended::Message("the ToR ended it".to_owned())),
                        // What it announces is of no interest to a node.
                        _ => clock::now(),
                    };
                }
                Err(_it_is_time) => {
                    self.silent_for(heard)?;
                    self.keepalive().await?;
                    next = clock::now() + every;
                }
            }
        }
    }

    fn silent_for(&self, heard: Instant) -> Result<(), Ended> {
        if heard.elapsed() < self.hold { Ok(()) } else { Err(Ended::Message("the hold timer expired".to_owned())) }
    }

    async fn keepalive(&mut self) -> Result<(), Ended> {
        self.send(BgpMessageType::Keepalive, |_params, _buffer| Ok(0)).await
    }

    async fn send(
        &mut self,
        kind: BgpMessageType,
        body: impl FnOnce(&BgpSessionParams, &mut [u8]) -> Result<usize, BgpError>,
    ) -> Result<(), Ended> {
        let mut buffer = [0; LONGEST];
        let length = body(&self.params, &mut buffer[HEADER..])?;
        let whole = self.params.prepare_message_buf(&mut buffer, kind, length)?;
        Ok(self.stream.write_all(&buffer[..whole]).await?)
    }

    /// The next message, which must be of this kind.
    async fn expect(&mut self, kind: &BgpMessageType) -> Result<Vec<u8>, Ended> {
        let (found, body) = clock::within(CONNECT_DEADLINE, "the ToR's first messages", self.message()).await??;
        if found == *kind { Ok(body) } else { Err(Ended::Message(format!("{found:?} where {kind:?} should be"))) }
    }

    /// The next message. It may be abandoned at any time: what has been read of it is kept.
    async fn message(&mut self) -> Result<(BgpMessageType, Vec<u8>), Ended> {
        loop {
            if let Some(head) = self.unread.get(..HEADER) {
                // The library does not look whether a length has room for the header.
                if usize::from(u16::from_be_bytes([head[16], head[17]])) < HEADER {
                    return Err(Ended::Message("a message shorter than its header".to_owned()));
                }
                let (kind, length) = self.params.decode_message_head(head)?;
                if self.unread.len() >= HEADER + length {
                    let body = self.unread[HEADER..HEADER + length].to_vec();
                    drop(self.unread.drain(..HEADER + length));
                    return Ok((kind, body));
                }
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(Ended::Message("the ToR closed the connection".to_owned()));
            }
        }
    }
}
