//! Requests that make, change, remove and look up links.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc::{
    IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU, IFLA_NET_NS_FD,
    IFLA_OPERSTATE, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK,
};

use super::error::{Error, Why};
use super::message::Attributes;
use super::read::Message;
use super::request::{Request, flags};
use super::socket::Socket;

// include/uapi/linux/if_link.h.
const VETH_INFO_PEER: u16 = 1;
const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_LINK: u16 = 2;
const IFLA_VXLAN_LOCAL: u16 = 4;
const IFLA_VXLAN_LEARNING: u16 = 7;
const IFLA_VXLAN_PORT: u16 = 15;

// include/uapi/linux/if.h.
const IFF_UP: u32 = 1;
const IFF_RUNNING: u32 = 1 << 6;
const IF_OPER_UP: u8 = 6;

/// Octets of `struct ifinfomsg`.
const HEADER: usize = 16;

/// A link to be made, or the peer of one.
#[derive(Debug, Clone)]
pub struct NewLink {
    name: String,
    up: bool,
    attributes: Attributes,
}

/// The properties of a vxlan device to be made.
#[derive(Debug, Clone, Copy)]
pub struct Vxlan {
    /// The network identifier.
    pub vni: u32,
    /// The UDP port.
    pub port: u16,
    /// The address that it sends from.
    pub local: Option<Ipv4Addr>,
    /// Index of the link that it sends by.
    pub device: Option<u32>,
    /// Whether it learns forwarding entries from the frames that it receives.
    pub learning: bool,
}

impl NewLink {
    /// The other end of a veth.
    pub fn peer(name: &str) -> Self {
        Self { name: name.to_owned(), up: false, attributes: Attributes::default() }
    }

    /// A bridge.
    pub fn bridge(name: &str) -> Self {
        Self::of_kind(name, "bridge", &Attributes::default())
    }

    /// A veth with this peer.
    pub fn veth(name: &str, peer: &Self) -> Self {
        let body = peer.body();
        Self::of_kind(name, "veth", &Attributes::default().put(VETH_INFO_PEER, body.octets()))
    }

    /// A vxlan device.
    pub fn vxlan(name: &str, Vxlan { vni, port, local, device, learning }: Vxlan) -> Self {
        let mut data = Attributes::default()
            .u32(IFLA_VXLAN_ID, vni)
            .put(IFLA_VXLAN_PORT, &port.to_be_bytes())
            .put(IFLA_VXLAN_LEARNING, &[learning.into()]);
        if let Some(local) = local {
            data = data.put(IFLA_VXLAN_LOCAL, &local.octets());
        }
        if let Some(device) = device {
            data = data.u32(IFLA_VXLAN_LINK, device);
        }
        Self::of_kind(name, "vxlan", &data)
    }

    fn of_kind(name: &str, kind: &str, data: &Attributes) -> Self {
        let info = Attributes::default().text(IFLA_INFO_KIND, kind).nest(IFLA_INFO_DATA, data);
        let peer = Self::peer(name);
        Self { attributes: peer.attributes.nest(IFLA_LINKINFO, &info), ..peer }
    }

    /// The same link with this MTU.
    pub fn mtu(self, mtu: u32) -> Self {
        Self { attributes: self.attributes.u32(IFLA_MTU, mtu), ..self }
    }

    /// The same link with this link-layer address.
    pub fn mac(self, octets: [u8; 6]) -> Self {
        Self { attributes: self.attributes.put(IFLA_ADDRESS, &octets), ..self }
    }

    /// The same link as a port of the bridge with this index.
    pub fn master(self, index: u32) -> Self {
        Self { attributes: self.attributes.u32(IFLA_MASTER, index), ..self }
    }

    /// The same link in another network namespace.
    pub fn netns(self, file: &File) -> Self {
        Self { attributes: self.attributes.put(IFLA_NET_NS_FD, &file.as_raw_fd().to_ne_bytes()), ..self }
    }

    /// The same link, set up when it is made.
    pub fn up(self) -> Self {
        Self { up: true, ..self }
    }

    fn body(&self) -> Attributes {
        let flags = if self.up { IFF_UP } else { 0 };
        let named = Attributes::after(header(flags, flags)).text(IFLA_IFNAME, &self.name);
        Attributes::after([named.octets(), self.attributes.octets()].concat())
    }

    /// The request that makes the link.
    pub fn add(&self) -> Request {
        let doing = format!("add the link {}", self.name);
        Request::new(doing, RTM_NEWLINK, flags::CREATE | flags::EXCLUSIVE, self.body())
    }
}

/// `struct ifinfomsg` with index 0: the name among the attributes says which link is meant.
fn header(flags: u32, change: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..].copy_from_slice(&change.to_ne_bytes());
    header
}

fn named(name: &str, flags: u32, change: u32) -> Attributes {
    Attributes::after(header(flags, change)).text(IFLA_IFNAME, name)
}

/// Sets a link up.
pub fn set_up(name: &str) -> Request {
    Request::new(format!("set {name} up"), RTM_SETLINK, 0, named(name, IFF_UP, IFF_UP))
}

/// Sets a link down.
pub fn set_down(name: &str) -> Request {
    Request::new(format!("set {name} down"), RTM_SETLINK, 0, named(name, 0, IFF_UP))
}

/// Changes a link's MTU.
pub fn set_mtu(name: &str, mtu: u32) -> Request {
    Request::new(format!("set the MTU of {name} to {mtu}"), RTM_SETLINK, 0, named(name, 0, 0).u32(IFLA_MTU, mtu))
}

/// Makes a link a port of the bridge with this index; 0 removes it from its bridge.
pub fn set_master(name: &str, index: u32) -> Request {
    Request::new(format!("set the bridge of {name}"), RTM_SETLINK, 0, named(name, 0, 0).u32(IFLA_MASTER, index))
}

/// Removes a link.
pub fn delete_link(name: &str) -> Request {
    Request::new(format!("delete the link {name}"), RTM_DELLINK, 0, named(name, 0, 0))
}

/// A link as the kernel shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSeen {
    /// Its index.
    pub index: u32,
    /// Index of the bridge that it is a port of.
    pub master: Option<u32>,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// Whether it runs, as `IFF_RUNNING` says it.
    pub running: bool,
    /// Whether it is up and operational (`IF_OPER_UP`). A link that only has a carrier does not send yet.
    pub operational: bool,
}

impl Socket {
    /// The link of this name, or none.
    ///
    /// # Errors
    /// [`Error`], when the kernel refuses, or its message cannot be read.
    pub async fn link(&self, name: &str) -> Result<Option<LinkSeen>, Error> {
        let request = Request::new(format!("find the link {name}"), RTM_GETLINK, 0, named(name, 0, 0));
        let body = match self.ask(&request).await {
            Err(error) if error.errno() == Some(Errno::ENODEV) => return Ok(None),
            answer => answer?.unwrap_or_default(),
        };
        let message = Message::split("find a link", &body, HEADER)?;
        let (flags, state) = (message.header_u32(8), message.sized(IFLA_OPERSTATE, "state")?);
        Ok(Some(LinkSeen {
            index: message.header_u32(4),
            master: message.u32(IFLA_MASTER, "master")?,
            mtu: message.u32(IFLA_MTU, "MTU")?,
            running: flags & IFF_RUNNING != 0,
            operational: flags & IFF_UP != 0 && state == Some([IF_OPER_UP]),
        }))
    }

    /// The link of this name, which must exist.
    ///
    /// # Errors
    /// As for [`Self::link`], and [`Why::NoLink`] when there is none.
    pub async fn existing(&self, name: &str) -> Result<LinkSeen, Error> {
        let missing = || Error { doing: "find a link".into(), why: Why::NoLink(name.to_owned()) };
        self.link(name).await?.ok_or_else(missing)
    }

    /// The index of the link of this name.
    pub async fn index(&self, name: &str) -> Result<u32, Error> {
        Ok(self.existing(name).await?.index)
    }
}
