//! Links and their addresses, as `ip -details -json link` and `ip -json address` print them.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::Value;

use super::words::{link_name, parsed};
use lab_model::observe::{Address, Link, Mtu, VxlanDetails};

#[derive(Deserialize)]
pub(super) struct RawLink {
    ifindex: u32,
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    mtu: u32,
    #[serde(default)]
    link_type: String,
    address: Option<String>,
    link: Option<String>,
    link_index: Option<u32>,
    link_netnsid: Option<i32>,
    master: Option<String>,
    linkinfo: Option<RawInfo>,
}

#[derive(Deserialize)]
struct RawInfo {
    info_kind: Option<String>,
    info_data: Option<Value>,
}

pub(super) fn link(raw: &RawLink, all: &[RawLink]) -> Result<Link, String> {
    // A link may have its other end, and a master, in another namespace, where names mean nothing here.
    let index_of = |name: &String| all.iter().find(|other| other.ifname == *name).map(|other| other.ifindex);
    let flag = |name: &str| raw.flags.iter().any(|flag| flag == name);
    let kind = raw.linkinfo.as_ref().and_then(|info| info.info_kind.clone());
    let data =
        raw.linkinfo.as_ref().and_then(|info| info.info_data.as_ref()).filter(|_| kind.as_deref() == Some("vxlan"));
    let number = |data: &Value, key: &str| data[key].as_u64();
    Ok(Link {
        index: raw.ifindex,
        name: link_name(&raw.ifname)?,
        vxlan: data.map(|data| VxlanDetails {
            vni: number(data, "id").filter(|_| data["external"] != true).and_then(|id| u32::try_from(id).ok()),
            port: number(data, "port").and_then(|port| u16::try_from(port).ok()),
            local: data["local"].as_str().and_then(|address| address.parse().ok()),
        }),
        kind,
        up: flag("UP"),
        carrier: flag("LOWER_UP"),
        mtu: Mtu(raw.mtu),
        mac: raw.address.as_deref().filter(|_| raw.link_type == "ether").and_then(|mac| mac.parse().ok()),
        master: raw.master.as_ref().and_then(index_of),
        peer_index: raw.link_index.or_else(|| raw.link.as_ref().and_then(index_of)),
        peer_netns: raw.link_netnsid,
    })
}

#[derive(Deserialize)]
pub(super) struct RawAddresses {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<RawAddress>,
}

#[derive(Deserialize)]
struct RawAddress {
    #[serde(default)]
    family: String,
    #[serde(default)]
    local: String,
    #[serde(default)]
    prefixlen: u8,
}

pub(super) fn of_link(raw: &RawAddresses) -> impl Iterator<Item = Result<Address, String>> {
    let v4 = raw.addr_info.iter().filter(|address| address.family == "inet");
    v4.map(|address| {
        let net = Ipv4Net::new(parsed(&address.local)?, address.prefixlen).map_err(|error| error.to_string())?;
        Ok(Address { device: link_name(&raw.ifname)?, address: net })
    })
}
