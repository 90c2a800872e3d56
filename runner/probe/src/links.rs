//! Links and their IPv4 addresses.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use lab_netlink::{Error, Message, Socket, Table};
use nix::libc::{RTM_GETADDR, RTM_GETLINK};

use lab_model::observe::{Address, Link, MacAddr, Mtu, VxlanDetails};

// include/uapi/linux/if_link.h and if_addr.h.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_LOCAL: u16 = 4;
const IFLA_VXLAN_PORT: u16 = 15;
const IFLA_VXLAN_COLLECT_METADATA: u16 = 25;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

// include/uapi/linux/if.h.
const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;

/// `AF_INET`, as the one-byte family of a netlink header.
pub(super) const INET: u8 = 2;
/// `AF_INET6`.
pub(super) const INET6: u8 = 10;

/// `struct ifinfomsg`.
const LINKS: Table = Table { request: RTM_GETLINK, doing: "list links", header: &[0; 16] };

/// `struct ifaddrmsg`.
const ADDRESSES: Table = Table { request: RTM_GETADDR, doing: "list addresses", header: &[INET, 0, 0, 0, 0, 0, 0, 0] };

/// The names of links by their index.
pub type Names = BTreeMap<u32, String>;

/// The names of these links.
pub(super) fn names(links: &[Link]) -> Names {
    links.iter().map(|link| (link.index, link.name.clone())).collect()
}

/// All links of this namespace, by index.
pub(super) async fn links(socket: &Socket) -> Result<Vec<Link>, Error> {
    let mut links: Vec<Link> =
        socket.table(&LINKS).await?.iter().map(|body| parse_link(body)).collect::<Result<_, _>>()?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

/// Reads one link of a dump.
///
/// # Errors
/// [`Error`], naming the part of the message that is not what rtnetlink(7) says.
pub fn parse_link(body: &[u8]) -> Result<Link, Error> {
    let message = Message::of(&LINKS, body)?;
    let flags = message.header_u32(8);
    let info = message.within(IFLA_LINKINFO)?;
    let kind = info.as_ref().and_then(|info| info.text(IFLA_INFO_KIND));
    let data = info.as_ref().and_then(|info| info.get(IFLA_INFO_DATA));
    let vxlan = match (kind.as_deref(), data) {
        (Some("vxlan"), Some(data)) => Some(vxlan(&message.nested(data, 0)?)?),
        _ => None,
    };
    Ok(Link {
        index: message.header_u32(4),
        name: message.text(IFLA_IFNAME).ok_or_else(|| message.malformed("interface name"))?,
        kind,
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_LOWER_UP != 0,
        mtu: Mtu(message.u32(IFLA_MTU, "MTU")?.ok_or_else(|| message.malformed("MTU"))?),
        mac: message.get(IFLA_ADDRESS).and_then(mac),
        master: message.u32(IFLA_MASTER, "master")?,
        // Tunnels without a lower device report 0.
        peer_index: message.u32(IFLA_LINK, "lower link")?.filter(|index| *index != 0),
        peer_netns: message.u32(IFLA_LINK_NETNSID, "namespace id")?.map(u32::cast_signed),
        vxlan,
    })
}

fn vxlan(data: &Message<'_>) -> Result<VxlanDetails, Error> {
    let from_metadata = data.get(IFLA_VXLAN_COLLECT_METADATA).is_some_and(|flag| flag.first() == Some(&1));
    Ok(VxlanDetails {
        vni: data.u32(IFLA_VXLAN_ID, "VNI")?.filter(|_vni| !from_metadata),
        port: data.u16_be(IFLA_VXLAN_PORT, "UDP port")?,
        local: data.ipv4(IFLA_VXLAN_LOCAL, "local address")?,
    })
}

/// An Ethernet address; none for other lengths (tunnels) and for the zeros of the loopback.
pub(super) fn mac(octets: &[u8]) -> Option<MacAddr> {
    octets.try_into().ok().filter(|octets| *octets != [0; 6]).map(MacAddr)
}

/// All IPv4 addresses of this namespace; none when a link appeared since `names` was read.
pub(super) async fn addresses(socket: &Socket, names: &Names) -> Result<Option<Vec<Address>>, Error> {
    let mut addresses = Vec::new();
    for body in socket.table(&ADDRESSES).await? {
        let Some(address) = parse_address(&body, names)? else { return Ok(None) };
        addresses.push(address);
    }
    Ok(Some(addresses))
}

/// Reads one address of a dump; none when its link has no name.
///
/// # Errors
/// [`Error`], as for [`parse_link`].
pub fn parse_address(body: &[u8], names: &Names) -> Result<Option<Address>, Error> {
    let message = Message::of(&ADDRESSES, body)?;
    let Some(device) = names.get(&message.header_u32(4)) else { return Ok(None) };
    // On a point-to-point link IFA_ADDRESS is the peer's.
    let own = match message.ipv4(IFA_LOCAL, "address")? {
        Some(local) => Some(local),
        None => message.ipv4(IFA_ADDRESS, "address")?,
    };
    let address = own.and_then(|own| Ipv4Net::new(own, message.header_u8(1)).ok());
    let address = address.ok_or_else(|| message.malformed("address"))?;
    Ok(Some(Address { device: device.clone(), address }))
}
