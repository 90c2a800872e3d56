//! Links and their IPv4 addresses.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use nlink::Route;
use nlink::netlink::{Connection, NlMsgType};

use super::netlink::{Message, NetlinkError, Table, dump};
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
const IFF_RUNNING: u32 = 1 << 6;
const IFF_LOWER_UP: u32 = 1 << 16;

/// `AF_INET`, as the one-byte family of a netlink header.
pub(super) const INET: u8 = 2;

/// `struct ifinfomsg`.
struct Links;

impl Table for Links {
    const REQUEST: u16 = NlMsgType::RTM_GETLINK;
    const DOING: &'static str = "list links";
    type Header = [u8; 16];
    const HEADER: [u8; 16] = [0; 16];
}

/// `struct ifaddrmsg`.
struct Addresses;

impl Table for Addresses {
    const REQUEST: u16 = NlMsgType::RTM_GETADDR;
    const DOING: &'static str = "list addresses";
    type Header = [u8; 8];
    const HEADER: [u8; 8] = [INET, 0, 0, 0, 0, 0, 0, 0];
}

/// The names of links by their index.
pub type Names = BTreeMap<u32, String>;

/// The names of these links.
pub(super) fn names(links: &[Link]) -> Names {
    links.iter().map(|link| (link.index, link.name.clone())).collect()
}

/// All links of this namespace, by index.
pub(super) async fn links(connection: &Connection<Route>) -> Result<Vec<Link>, NetlinkError> {
    let mut links: Vec<Link> =
        dump::<Links>(connection).await?.iter().map(|body| parse_link(body)).collect::<Result<_, _>>()?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

/// Whether a link sends: the kernel begins to some time after the carrier came, and drops everything until then.
/// None when there is no such link.
pub(super) async fn running(connection: &Connection<Route>, device: &str) -> Result<Option<bool>, NetlinkError> {
    for body in dump::<Links>(connection).await? {
        let message = Message::of::<Links>(&body)?;
        if message.text(IFLA_IFNAME).as_deref() == Some(device) {
            return Ok(Some(message.header_u32(8) & IFF_RUNNING != 0));
        }
    }
    Ok(None)
}

/// Reads one link of a dump.
///
/// # Errors
/// [`NetlinkError`], naming the part of the message that is not what rtnetlink(7) says.
pub fn parse_link(body: &[u8]) -> Result<Link, NetlinkError> {
    let message = Message::of::<Links>(body)?;
    let flags = message.header_u32(8);
    let info = message.get(IFLA_LINKINFO).map(|payload| message.nested(payload, 0)).transpose()?;
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

fn vxlan(data: &Message<'_>) -> Result<VxlanDetails, NetlinkError> {
    let from_metadata = data.get(IFLA_VXLAN_COLLECT_METADATA).is_some_and(|flag| flag.first() == Some(&1));
    Ok(VxlanDetails {
        vni: data.u32(IFLA_VXLAN_ID, "VNI")?.filter(|_vni| !from_metadata),
        port: data.u16_network_order(IFLA_VXLAN_PORT, "UDP port")?,
        local: data.ipv4(IFLA_VXLAN_LOCAL, "local address")?,
    })
}

/// An Ethernet address; none for other lengths (tunnels) and for the zeros of the loopback.
pub(super) fn mac(octets: &[u8]) -> Option<MacAddr> {
    octets.try_into().ok().filter(|octets| *octets != [0; 6]).map(MacAddr)
}

/// All IPv4 addresses of this namespace; none when a link appeared since `names` was read.
pub(super) async fn addresses(
    connection: &Connection<Route>,
    names: &Names,
) -> Result<Option<Vec<Address>>, NetlinkError> {
    let mut addresses = Vec::new();
    for body in dump::<Addresses>(connection).await? {
        let Some(address) = parse_address(&body, names)? else { return Ok(None) };
        addresses.push(address);
    }
    Ok(Some(addresses))
}

/// Reads one address of a dump; none when its link has no name.
///
/// # Errors
/// [`NetlinkError`], as for [`parse_link`].
pub fn parse_address(body: &[u8], names: &Names) -> Result<Option<Address>, NetlinkError> {
    let message = Message::of::<Addresses>(body)?;
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
