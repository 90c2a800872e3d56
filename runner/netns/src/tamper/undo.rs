//! Taking changes back: what was there is noted before each change, and put back from the last change to the first.

use nlink::netlink::namespace::Netns;
use nlink::netlink::nftables::{Family, RuleInfo};
use nlink::{Connection, Ipv4Address, Nftables, Route, RuleBuilder};
use std::fs;
use std::path::{Path, PathBuf};

use super::fib::Fib;
use super::{Act, Tamper, nft, routes, serve};
use crate::MASQUERADE_CHAIN;
use lab_base::failure::chain;
use lab_model::observe::Mtu;
use lab_probe::nft_layout;
use lab_probe::nft_layout::Service;

/// Opens netlink in a namespace.
pub(super) fn route(netns: &Path) -> Result<Connection<Route>, String> {
    let netns = Netns::from_path(netns).map_err(|error| chain(&error))?;
    Connection::new_in(&netns).map_err(|error| chain(&error))
}

/// Opens nftables' netlink in a namespace.
pub(super) fn nftables(netns: &Path) -> Result<Connection<Nftables>, String> {
    let netns = Netns::from_path(netns).map_err(|error| chain(&error))?;
    Connection::new_in(&netns).map_err(|error| chain(&error))
}

/// What takes one change back.
enum Back {
    /// Nothing of its own: the namespace's routes are put back as a whole, and servers end with this process.
    Nothing,
    Rule(RuleBuilder),
    NoLink(String),
    Master {
        device: String,
        index: Option<u32>,
    },
    Up(String),
    Address {
        device: String,
        from: ipnet::Ipv4Net,
        to: ipnet::Ipv4Net,
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
    Masquerading(Vec<RuleInfo>),
    NoFaultTable,
}

/// What was there before changes were made.
#[derive(Default)]
pub(super) struct Before {
    /// The routes of each namespace that is changed, as they were before the first change there.
    fibs: Vec<(PathBuf, Fib)>,
    /// In the order of the changes.
    back: Vec<(PathBuf, Back)>,
}

impl Before {
    /// Notes what a change is about to change. Called before each.
    pub(super) async fn note(&mut self, change: &Tamper) -> Result<(), String> {
        let netns = &change.netns;
        if !self.fibs.iter().any(|(noted, _)| noted == netns) {
            self.fibs.push((netns.clone(), Fib::read(&route(netns)?).await?));
        }
        self.back.push((netns.clone(), Back::of(netns, &change.act).await?));
        Ok(())
    }

    /// Puts everything back.
    pub(super) async fn restore(self) -> Result<(), String> {
        for (netns, back) in self.back.into_iter().rev() {
            back.do_it(&netns).await.map_err(|why| format!("putting back in {}: {why}", netns.display()))?;
        }
        for (netns, fib) in self.fibs {
            let restored = async { fib.restore(&route(&netns)?).await };
            restored.await.map_err(|why| format!("putting routes back in {}: {why}", netns.display()))?;
        }
        Ok(())
    }
}

impl Back {
    async fn of(netns: &Path, act: &Act) -> Result<Self, String> {
        Ok(match act {
            Act::DeleteRoute(_) | Act::PutRoute { .. } | Act::Serve { .. } | Act::ForgetPaths => Self::Nothing,
            Act::AddRule { priority, source, destination, table } => {
                Self::Rule(routes::rule(*priority, *source, *destination, *table))
            }
            Act::AddVxlan { device } | Act::AddBridge { device, .. } => Self::NoLink(device.clone()),
            Act::SetMaster { device, .. } => {
                Self::Master { device: device.clone(), index: link(netns, device).await?.master() }
            }
            Act::SetDown { device } => Self::Up(device.clone()),
            Act::MoveAddress { device, from, to } => Self::Address { device: device.clone(), from: *to, to: *from },
            Act::SetMtu { device, .. } => {
                let mtu = link(netns, device).await?.mtu().ok_or_else(|| format!("{device} has no MTU"))?;
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
                let rules = nftables(netns)?.list_rules(nft_layout::TABLE, Family::Ip).await;
                let rules = rules.map_err(|error| chain(&error))?;
                Self::Masquerading(rules.into_iter().filter(|rule| rule.chain == MASQUERADE_CHAIN).collect())
            }
            Act::DropTo { .. } | Act::DropPort { .. } | Act::MasqueradeTo(_) => Self::NoFaultTable,
        })
    }

    async fn do_it(self, netns: &Path) -> Result<(), String> {
        let done = match self {
            Self::Nothing => Ok(()),
            Self::Rule(rule) => route(netns)?.del_rule(rule).await,
            Self::NoLink(device) => route(netns)?.del_link(device.as_str()).await,
            Self::Master { device, index: Some(index) } => {
                let index_of = link(netns, &device).await?.ifindex();
                route(netns)?.set_link_master_by_index(index_of, index).await
            }
            Self::Master { device, index: None } => route(netns)?.set_link_nomaster(device.as_str()).await,
            Self::Up(device) => route(netns)?.set_link_up(device.as_str()).await,
            Self::Address { device, from, to } => {
                let route = route(netns)?;
                match route.del_address_v4(device.as_str(), from.addr(), from.prefix_len()).await {
                    Ok(()) => route.add_address(Ipv4Address::new(device.as_str(), to.addr(), to.prefix_len())).await,
                    refused => refused,
                }
            }
            Self::Mtu { device, mtu } => route(netns)?.set_link_mtu(device.as_str(), mtu.0).await,
            Self::Sysctl { key, value } => return serve::set_sysctl(netns, &key, &value),
            Self::Services(services) => return nft::put_services(&nftables(netns)?, &services).await,
            Self::Masquerading(rules) => nft::put_rules(&nftables(netns)?, &rules).await,
            Self::NoFaultTable => nft::remove_fault_table(&nftables(netns)?).await,
        };
        done.map_err(|error| chain(&error))
    }
}

async fn link(netns: &Path, device: &str) -> Result<nlink::netlink::messages::LinkMessage, String> {
    let found = route(netns)?.get_link_by_name(device).await.map_err(|error| chain(&error))?;
    found.ok_or_else(|| format!("there is no link {device}"))
}
