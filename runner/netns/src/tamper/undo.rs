//! Undoes changes: the state is noted before each change, and restored from the last change to the first.

use lab_netlink::nft::Rule;
use lab_netlink::{
    LinkSeen, NewRule, Protocol, Socket, add_address, delete_address, delete_link, delete_next_hop, set_master,
    set_mtu, set_up,
};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::fib::Fib;
use super::routes::{GROUP, objects};
use super::{Act, Tamper, nft, serve};
use crate::MASQUERADE_CHAIN;
use lab_base::failure::chain;
use lab_model::observe::Mtu;
use lab_probe::nft_layout;
use lab_probe::nft_layout::Service;

/// Opens netlink in a namespace.
pub(super) fn route(netns: &Path) -> Result<Socket, String> {
    open(netns, Protocol::Route)
}

/// Opens nftables' netlink in a namespace.
pub(super) fn nftables(netns: &Path) -> Result<Socket, String> {
    open(netns, Protocol::Nftables)
}

fn open(netns: &Path, protocol: Protocol) -> Result<Socket, String> {
    let file = File::open(netns).map_err(|error| format!("{}: {error}", netns.display()))?;
    Socket::open_in(protocol, &file).map_err(|error| chain(&error))
}

/// How to undo one change.
enum Back {
    /// Nothing to do: the routes of the namespace are restored as a whole, and servers end with this process.
    Nothing,
    /// By their numbers; routes by them go with them.
    NoNextHops(Vec<u32>),
    Rule(NewRule),
    NoLink(String),
    Master {
        device: String,
        index: u32,
    },
    Up(String),
    Address {
        device: String,
        from: ipnet::Ipv4Net,
        to: ipnet::Ipv4Net,
    },
    Taken {
        device: String,
        address: ipnet::Ipv4Net,
    },
    Mtu {
        device: String,
        mtu: Mtu,
    },
    Sysctl {
        key: String,
        value: String,
    },
    Services(Vec<Service>),
    Masquerading(Vec<Rule>),
    NoFaultTable,
}

/// The state before changes were made.
#[derive(Default)]
pub(super) struct Before {
    /// The routes of each changed namespace before the first change there.
    fibs: Vec<(PathBuf, Fib)>,
    /// How to undo each change, in the order of the changes.
    back: Vec<(PathBuf, Back)>,
}

impl Before {
    /// Notes the state that a change is about to change. Must be called before each change.
    pub(super) async fn note(&mut self, change: &Tamper) -> Result<(), String> {
        let netns = &change.netns;
        if !self.fibs.iter().any(|(noted, _)| noted == netns) {
            let fib = Fib::read(&route(netns)?).await.map_err(|error| chain(&error))?;
            self.fibs.push((netns.clone(), fib));
        }
        self.back.push((netns.clone(), Back::of(netns, &change.act).await?));
        Ok(())
    }

    /// Restores everything.
    pub(super) async fn restore(self) -> Result<(), String> {
        for (netns, back) in self.back.into_iter().rev() {
            back.apply(&netns)
                .await
                .map_err(|why| format!("cannot restore the state in {}: {why}", netns.display()))?;
        }
        for (netns, fib) in self.fibs {
            let restored = async { fib.restore(&route(&netns)?).await.map_err(|error| chain(&error)) };
            restored.await.map_err(|why| format!("cannot restore the routes in {}: {why}", netns.display()))?;
        }
        Ok(())
    }
}

impl Back {
    async fn of(netns: &Path, act: &Act) -> Result<Self, String> {
        Ok(match act {
            Act::DeleteRoute(_) | Act::PutRoute { .. } | Act::Serve { .. } | Act::ForgetPaths => Self::Nothing,
            Act::PutRouteByObjects { gateways, .. } => {
                let group = (gateways.len() > 1).then_some(GROUP);
                Self::NoNextHops(group.into_iter().chain(objects(gateways)).collect())
            }
            &Act::AddRule { priority, source, destination, table } => {
                Self::Rule(NewRule { priority, source, destination, table })
            }
            Act::AddVxlan { device } | Act::AddBridge { device, .. } | Act::JoinNetwork { device, .. } => {
                Self::NoLink(device.clone())
            }
            Act::SetMaster { device, .. } => {
                Self::Master { device: device.clone(), index: link(netns, device).await?.master.unwrap_or(0) }
            }
            Act::SetDown { device } => Self::Up(device.clone()),
            Act::MoveAddress { device, from, to } => Self::Address { device: device.clone(), from: *to, to: *from },
            Act::TakeAddress { device, address } => Self::Taken { device: device.clone(), address: *address },
            Act::SetMtu { device, .. } => {
                let mtu = link(netns, device).await?.mtu.ok_or_else(|| format!("{device} has no MTU"))?;
                Self::Mtu { device: device.clone(), mtu: Mtu(mtu) }
            }
            Act::SetSysctl { key, .. } => {
                let read = || fs::read_to_string(format!("/proc/sys/{key}")).map_err(|error| error.to_string());
                Self::Sysctl { key: key.clone(), value: serve::inside(netns, read)?.trim_end().to_owned() }
            }
            Act::SetBackends { .. } | Act::RemoveServices | Act::AddService { .. } => {
                let services = nft_layout::services(&nftables(netns)?).await;
                Self::Services(services.map_err(|error| chain(&error))?)
            }
            Act::StopMasquerading => {
                let rules = nftables(netns)?.nft_rules(nft_layout::TABLE).await;
                let rules = rules.map_err(|error| chain(&error))?;
                Self::Masquerading(rules.into_iter().filter(|rule| rule.chain == MASQUERADE_CHAIN).collect())
            }
            Act::DropTo { .. } | Act::DropPort { .. } | Act::MasqueradeTo { .. } => Self::NoFaultTable,
        })
    }

    async fn apply(self, netns: &Path) -> Result<(), String> {
        let done = match self {
            Self::Nothing => Ok(()),
            Self::NoNextHops(ids) => {
                route(netns)?.make_all(&ids.into_iter().map(delete_next_hop).collect::<Vec<_>>()).await
            }
            Self::Rule(rule) => route(netns)?.make(rule.delete()).await,
            Self::NoLink(device) => route(netns)?.make(delete_link(&device)).await,
            Self::Master { device, index } => route(netns)?.make(set_master(&device, index)).await,
            Self::Up(device) => route(netns)?.make(set_up(&device)).await,
            Self::Address { device, from, to } => {
                let index = link(netns, &device).await?.index;
                route(netns)?.make_all(&[delete_address(index, from), add_address(index, to)]).await
            }
            Self::Taken { device, address } => {
                let index = link(netns, &device).await?.index;
                route(netns)?.make(add_address(index, address)).await
            }
            Self::Mtu { device, mtu } => route(netns)?.make(set_mtu(&device, mtu.0)).await,
            Self::Sysctl { key, value } => return serve::set_sysctl(netns, &key, &value),
            Self::Services(services) => {
                let put = async |nftables: &Socket| nft::put_services(nftables, &services).await;
                return nft::forgetting(netns, put).await;
            }
            Self::Masquerading(rules) => {
                let put = async |nftables: &Socket| nft::put_rules(nftables, &rules).await;
                return nft::forgetting(netns, put).await;
            }
            Self::NoFaultTable => {
                return nft::forgetting(netns, async |nftables: &Socket| nft::remove_fault_table(nftables).await).await;
            }
        };
        done.map_err(|error| chain(&error))
    }
}

async fn link(netns: &Path, device: &str) -> Result<LinkSeen, String> {
    route(netns)?.existing(device).await.map_err(|error| chain(&error))
}
