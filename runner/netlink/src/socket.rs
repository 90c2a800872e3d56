//! Netlink sockets: they send requests to the kernel and receive its answers within a deadline.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lab_base::clock;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use netlink_sys::{AsyncSocket, AsyncSocketExt, TokioSocket};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use tokio::runtime::Handle;

use super::error::{Error, Why};
use super::message::Attributes;
use super::read::{Message, Table, padded};
use super::request::{HEADER, Request, flags};

/// How long the kernel may take to answer. It takes microseconds; the deadline only keeps a broken kernel from hanging
/// this program.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// How many times a dump is tried when the table changes during it.
const DUMPS: usize = 10;

/// Most requests in one datagram. Each request that fails is answered separately, and all answers must fit into the
/// socket's buffer.
const TOGETHER: usize = 64;

/// Octets of the longest datagram: the kernel's dumps come in pieces of at most 32 KiB.
const DATAGRAM: usize = 64 << 10;

// include/uapi/linux/netlink.h.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
/// `RTNLGRP_NEIGH`.
const NEIGHBOURS: u32 = 3;

/// The part of the kernel that a socket talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Links, addresses, routes, rules, neighbours.
    Route,
    /// nftables.
    Nftables,
    /// The kernel's tables of sockets (`sock_diag(7)`).
    Sockets,
}

/// A connection to the kernel, in one network namespace.
pub struct Socket {
    io: TokioSocket,
    sequence: AtomicU32,
}

impl Socket {
    /// Opens a socket in the network namespace of this thread. It must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open(protocol: Protocol) -> Result<Self, Error> {
        socket(protocol).map_err(opening)
    }

    /// Opens a socket in another network namespace. The socket keeps that namespace alive.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open_in(protocol: Protocol, netns: &File) -> Result<Self, Error> {
        // setns(2) changes the calling thread, so a thread of its own enters the namespace, and ends.
        let runtime = Handle::current();
        let inside = || {
            let _entered = runtime.enter();
            setns(netns, CloneFlags::CLONE_NEWNET)?;
            socket(protocol)
        };
        let opened = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, inside)?;
            thread.join().unwrap_or_else(|_panic| Err(io::Error::other("the thread panicked")))
        });
        opened.map_err(opening)
    }

    /// Sends one request. Returns the body of the kernel's message, or none when it only acknowledged.
    ///
    /// # Errors
    /// [`Error`]: the kernel refuses, with [`Error::errno`], or it does not answer.
    pub async fn ask(&self, request: &Request) -> Result<Option<Vec<u8>>, Error> {
        let body = |_index, answer: Answer<'_>| Some((answer.kind != NLMSG_ERROR).then(|| answer.body.to_vec()));
        self.converse(std::slice::from_ref(request), body).await
    }

    /// Sends one request that changes something, and waits for its acknowledgement.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub async fn make(&self, request: Request) -> Result<(), Error> {
        self.ask(&request.acknowledged()).await.map(drop)
    }

    /// Sends several requests that change something, in their order. After a request that fails, the kernel still
    /// carries out those in the same datagram.
    ///
    /// # Errors
    /// As for [`Self::ask`], of the first that fails.
    pub async fn make_all(&self, requests: &[Request]) -> Result<(), Error> {
        for together in requests.chunks(TOGETHER) {
            let Some((last, before)) = together.split_last() else { continue };
            let together = [before, &[last.clone().acknowledged()]].concat();
            self.acknowledged(&together, together.len() - 1).await?;
        }
        Ok(())
    }

    /// Waits until the request at this position is acknowledged and none has failed.
    pub(crate) async fn acknowledged(&self, requests: &[Request], position: usize) -> Result<(), Error> {
        self.converse(requests, |index, answer| (answer.kind == NLMSG_ERROR && index == position).then_some(())).await
    }

    /// All messages of a table that [`Table`] describes.
    pub async fn table(&self, table: &Table) -> Result<Vec<Vec<u8>>, Error> {
        self.dump(&Request::new(table.doing, table.request, flags::DUMP, Attributes::after(table.header))).await
    }

    /// All messages that answer a request for a dump. When the table changes during a dump, the dump is repeated.
    ///
    /// # Errors
    /// [`Error`], when the kernel refuses or does not answer, or when the table changes during every attempt.
    pub async fn dump(&self, request: &Request) -> Result<Vec<Vec<u8>>, Error> {
        for _attempt in 0..DUMPS {
            let (mut bodies, mut steady) = (Vec::new(), true);
            let collect = |_index, answer: Answer<'_>| {
                steady &= answer.flags & NLM_F_DUMP_INTR == 0;
                if answer.kind == NLMSG_DONE {
                    return Some(());
                }
                bodies.push(answer.body.to_vec());
                None
            };
            match self.converse(std::slice::from_ref(request), collect).await {
                Err(Error { why: Why::Refused { errno: Errno::EINTR, .. }, .. }) => {}
                Err(error) => return Err(error),
                Ok(()) if steady => return Ok(bodies),
                Ok(()) => {}
            }
        }
        Err(request.failed(Why::Unsteady(DUMPS)))
    }

    /// Sends requests in one datagram, and passes each answer, with the position of its request, to `enough` until that
    /// returns a result. The first error of the kernel ends it.
    async fn converse<T>(
        &self,
        requests: &[Request],
        mut enough: impl FnMut(usize, Answer<'_>) -> Option<T>,
    ) -> Result<T, Error> {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let first = self.sequence.fetch_add(count, Ordering::Relaxed);
        let mut datagram = Vec::new();
        for (sequence, request) in (0..count).zip(requests) {
            request.write(first.wrapping_add(sequence), &mut datagram);
        }
        let whole =
            |why| requests.first().map_or_else(|| opening(io::ErrorKind::InvalidInput.into()), |r| r.failed(why));
        let conversation = async {
            self.io.send(&datagram).await.map_err(|error| whole(Why::Socket(error)))?;
            let mut buffer = Vec::with_capacity(DATAGRAM);
            loop {
                self.receive(&mut buffer).await.map_err(|error| whole(Why::Socket(error)))?;
                let mut rest = buffer.as_slice();
                while !rest.is_empty() {
                    let answer = Answer::next(&mut rest).ok_or_else(|| whole(Why::Malformed("length")))?;
                    // Answers to an earlier request that failed may still be queued; they are skipped.
                    let Ok(index) = usize::try_from(answer.sequence.wrapping_sub(first)) else { continue };
                    let Some(request) = requests.get(index) else { continue };
                    answer.check().map_err(|why| request.failed(why))?;
                    if let Some(result) = enough(index, answer) {
                        return Ok(result);
                    }
                }
            }
        };
        let waited = clock::within(ANSWER_DEADLINE, "the kernel's answer", conversation).await;
        waited.map_err(|error| whole(Why::Silent(error)))?
    }

    /// Reads one datagram of the kernel's.
    async fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<()> {
        loop {
            buffer.clear();
            let sender = self.io.recv_from(buffer).await?;
            if buffer.len() == buffer.capacity() {
                return Err(io::Error::other(format!("an answer of more than {} octets", buffer.len())));
            }
            // The kernel has port 0; datagrams of other processes are ignored.
            if sender.port_number() == 0 {
                return Ok(());
            }
        }
    }

    /// Subscribes to changes of the table of neighbours; [`Self::changed`] waits for the next.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn subscribe_to_neighbours(&self) -> Result<(), Error> {
        let subscribed = self.io.socket_ref().add_membership(NEIGHBOURS);
        subscribed.map_err(|error| Error { doing: "subscribe to neighbours".into(), why: Why::Socket(error) })
    }

    /// Waits for a change that was subscribed to, and empties the queue of changes. That changes were lost because the
    /// queue was full counts as a change too.
    pub async fn changed(&self) {
        let mut buffer = Vec::with_capacity(DATAGRAM);
        let _notified_or_lost = self.receive(&mut buffer).await;
        while self.io.socket_ref().recv(&mut Vec::with_capacity(HEADER), 0).is_ok() {}
    }
}

/// A socket in the network namespace of this thread.
fn socket(protocol: Protocol) -> io::Result<Socket> {
    let number = match protocol {
        Protocol::Route => NETLINK_ROUTE,
        Protocol::Nftables => NETLINK_NETFILTER,
        Protocol::Sockets => NETLINK_SOCK_DIAG,
    };
    let mut io = TokioSocket::new(number)?;
    let socket = io.socket_mut();
    socket.bind_auto()?;
    // Errors carry the kernel's text, but not a copy of the request.
    socket.set_ext_ack(true)?;
    socket.set_cap_ack(true)?;
    if protocol == Protocol::Route {
        // Without strict checking, a dump of routes also lists the exceptions that path MTU discovery has learned.
        socket.set_netlink_get_strict_chk(true)?;
    }
    Ok(Socket { io, sequence: AtomicU32::new(1) })
}

fn opening(error: io::Error) -> Error {
    Error { doing: "open a netlink socket".into(), why: Why::Socket(error) }
}

/// One message of an answer.
struct Answer<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Removes the first message from a datagram; none when that message is cut off.
    fn next(datagram: &mut &'a [u8]) -> Option<Self> {
        let [a, b, c, d, kind @ ..] = *datagram.first_chunk::<6>()?;
        let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).ok()?;
        let message = datagram.get(..length)?;
        let header = message.first_chunk::<HEADER>()?;
        *datagram = datagram.get(padded(length)..).unwrap_or_default();
        Some(Self {
            kind: u16::from_ne_bytes(kind),
            flags: u16::from_ne_bytes([header[6], header[7]]),
            sequence: u32::from_ne_bytes([header[8], header[9], header[10], header[11]]),
            body: &message[HEADER..],
        })
    }

    /// Fails when this message reports an error, of a request or of the rest of a dump.
    fn check(&self) -> Result<(), Why> {
        if self.kind != NLMSG_ERROR && self.kind != NLMSG_DONE {
            return Ok(());
        }
        let errno = match self.body.first_chunk() {
            Some(errno) => i32::from_ne_bytes(*errno),
            // Old kernels end some dumps without an error number.
            None if self.kind == NLMSG_DONE => 0,
            None => return Err(Why::Malformed("error number")),
        };
        if errno == 0 {
            Ok(())
        } else {
            Err(Why::Refused { errno: Errno::from_raw(errno.wrapping_neg()), text: self.text() })
        }
    }

    /// The text of an error, after its number and the header of the request.
    fn text(&self) -> Option<String> {
        let capped = self.kind == NLMSG_ERROR && self.flags & NLM_F_CAPPED != 0;
        let header = if capped { 4 + HEADER } else { 4 };
        let has_text = self.flags & NLM_F_ACK_TLVS != 0 && (capped || self.kind == NLMSG_DONE);
        let attributes = has_text.then(|| Message::split("read an error", self.body, header).ok()).flatten()?;
        attributes.text(NLMSGERR_ATTR_MSG)
    }
}
