//! A packet socket on one link (packet(7)).

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns, RxqOvfl};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvmsg,
    setsockopt, socket,
};
use nix::sys::time::TimeSpec;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::datagram::register;
use super::decode::RawFrame;
use super::filter::{attach, keeps};
use super::look::LookError;
use super::packet_diag;
use lab_base::clock;
use lab_model::request::CaptureFilter;

/// Octets of each frame that are kept.
const KEPT: usize = 65_535;

/// Octets that wait in the kernel to be read, frames' bookkeeping included. An ordinary user gets what
/// `net.core.rmem_max` allows.
const RECEIVE_BUFFER: usize = 32 << 20;

/// How much later than its arrival the kernel may date a frame. It begins to date frames some time after it was asked
/// to, and a frame that came before has the time at which it is read (`__sock_recv_timestamp()` in net/socket.c).
const DATED_LATE: Duration = Duration::from_millis(250);

/// Reads the frames of one link, each with the time at which it passed.
#[derive(Debug)]
pub struct PacketSocket {
    socket: UdpSocket,
    reader: Reader,
}

#[derive(Debug)]
struct Reader {
    socket: RawFd,
    index: usize,
    filter: CaptureFilter,
    buffer: Vec<u8>,
    /// What was dropped for want of room, as of the last frame that was queued.
    overflow: u32,
}

impl PacketSocket {
    /// Listens on this link of the network namespace of this thread, for frames that this filter keeps.
    ///
    /// # Errors
    /// [`LookError::NoLink`] if there is no such link, [`LookError::System`] with the system call that failed: packet
    /// sockets take `CAP_NET_RAW` (packet(7)).
    pub fn open(device: &str, filter: CaptureFilter) -> Result<Self, LookError> {
        let link = link_address(device)?;
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
            .map_err(LookError::system("open a packet socket"))?;
        if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
            let resized = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
            resized.map_err(|source| LookError::System { doing: "size a packet socket's buffer", source })?;
        }
        setsockopt(&socket, ReceiveTimestampns, &true).map_err(LookError::system("ask for the time of frames"))?;
        setsockopt(&socket, RxqOvfl, &1).map_err(LookError::system("ask for the number of lost frames"))?;
        attach(&socket, &filter).map_err(|source| LookError::System { doing: "filter a packet socket", source })?;
        // The protocol in `link` is 0, and then packet_bind() takes the socket's own: all of them.
        bind(socket.as_raw_fd(), &link).map_err(LookError::system("bind a packet socket to its link"))?;
        let descriptor = socket.as_raw_fd();
        let reader = Reader { socket: descriptor, index: link.ifindex(), filter, buffer: vec![0; KEPT], overflow: 0 };
        Ok(Self { socket: register(socket).map_err(waiting)?, reader })
    }

    /// Waits until frames are queued, and takes them all.
    pub(crate) async fn wait(&mut self, frames: &mut Vec<RawFrame>) -> Result<(), LookError> {
        self.socket.readable().await.map_err(waiting)?;
        let mut drained = Ok(());
        // Always "would block": the queue is empty then, and the runtime waits for the next frame.
        let _ = self.socket.try_io(Interest::READABLE, || {
            drained = self.reader.drain(frames, Duration::MAX);
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        drained
    }

    /// Takes the frames that are queued, none that came well after `until` (time since 1970): a link that is never quiet
    /// must not be read for ever.
    ///
    /// # Errors
    /// [`LookError::System`] if the kernel refuses to hand them over.
    pub fn drain(&mut self, frames: &mut Vec<RawFrame>, until: Duration) -> Result<(), LookError> {
        self.reader.drain(frames, until + DATED_LATE)
    }

    /// How many frames there was no room for. A frame tells how many were lost before it; those after the last one
    /// are known to `sock_diag(7)` alone, where the kernel has it.
    pub async fn lost(&self) -> u32 {
        let known = self.drops().await.unwrap_or(0);
        known.max(self.told_lost())
    }

    /// How many frames were lost before the last one that was taken, as that one tells (`SO_RXQ_OVFL`,
    /// socket(7)).
    pub fn told_lost(&self) -> u32 {
        self.reader.overflow
    }

    async fn drops(&self) -> Option<u32> {
        let file = File::from(self.socket.as_fd().try_clone_to_owned().ok()?);
        packet_diag::drops(file.metadata().ok()?.ino()).await.ok()?
    }
}

/// The socket itself, whose options (socket(7)) may be set.
impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Reader {
    fn drain(&mut self, frames: &mut Vec<RawFrame>, until: Duration) -> Result<(), LookError> {
        loop {
            match self.receive() {
                Ok(Some(frame)) if frame.at > until => return Ok(()),
                Ok(Some(frame)) => frames.push(frame),
                // Queued before the filter and the link were set, or interrupted.
                Ok(None) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(LookError::system("read frames")(errno)),
            }
        }
    }

    fn receive(&mut self) -> Result<Option<RawFrame>, Errno> {
        let mut control = nix::cmsg_space!(TimeSpec, u32);
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        // With MSG_TRUNC the length is the frame's, also where the buffer was too short for it.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let message = recvmsg::<LinkAddr>(self.socket, &mut parts, Some(&mut control), flags)?;
        let (length, index) = (message.bytes, message.address.map(|address| address.ifindex()));
        let mut at = None;
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::ScmTimestampns(time) => at = Some(time.into()),
                ControlMessageOwned::RxqOvfl(lost) => self.overflow = lost,
                _ => {}
            }
        }
        let bytes = &self.buffer[..length.min(KEPT)];
        if index != Some(self.index) || !keeps(&self.filter, bytes) {
            return Ok(None);
        }
        Ok(Some(RawFrame {
            at: at.unwrap_or_else(clock::unix_now),
            bytes: bytes.to_vec(),
            original_length: u32::try_from(length).unwrap_or(u32::MAX),
        }))
    }
}

fn waiting(source: io::Error) -> LookError {
    LookError::System { doing: "wait for frames", source }
}

/// The link's address as a packet socket knows it.
fn link_address(device: &str) -> Result<LinkAddr, LookError> {
    let addresses = getifaddrs().map_err(LookError::system("list link addresses"))?;
    addresses
        .filter(|one| one.interface_name == device)
        .find_map(|one| one.address.and_then(|address| address.as_link_addr().copied()))
        .ok_or_else(|| LookError::NoLink { device: device.to_owned() })
}
