//! ARP resolutions that are made for one look and forgotten afterwards.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use lab_netlink::{Attributes, Error, Protocol, Request, Socket, Why, flags};
use nix::errno::Errno;
use nix::libc::{RTM_DELNEIGH, RTM_NEWNEIGH};

use super::links::{INET, Names, links, names};
use super::look::{LookError, errno_text};
use super::neighbours::neighbours;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_model::observe::{Link, Neighbour, NeighbourState, Resolution, Resolved};

// include/uapi/linux/neighbour.h.
const NDA_DST: u16 = 1;
/// Use the entry now: the kernel resolves it, as if a packet were to be sent.
const NTF_USE: u8 = 1;

/// How long to wait for a notification before the table is read again all the same: a notification can be lost, when
/// more come than the socket holds.
const REREAD: Duration = Duration::from_millis(250);

/// How often to look whether a link has come up.
const RECHECK: Duration = Duration::from_millis(2);

/// The ARP table of one link, with a subscription to its changes.
struct ArpTable {
    requests: Socket,
    changes: Socket,
    names: Names,
    link: Link,
}

/// Asks on this link for all the addresses at once, and forgets the entries afterwards.
pub(super) async fn resolve(
    device: &str,
    addresses: &[Ipv4Addr],
    deadline: Duration,
) -> Result<Vec<Resolution>, LookError> {
    let begun = clock::now();
    let table = ArpTable::open(device).await?;
    if let Some(reason) = table.unable(deadline).await {
        let not_asked = |&address: &Ipv4Addr| (address, Resolved::NotAsked(reason.clone()));
        return Ok(table.resolutions(addresses, &addresses.iter().map(not_asked).collect()));
    }
    let mut outcomes = table.forget_all(addresses).await?;
    let mut asked = Vec::new();
    for &address in addresses {
        if outcomes.contains_key(&address) || asked.contains(&address) {
            continue;
        }
        match table.ask(address).await? {
            None => asked.push(address),
            Some(refused) => drop(outcomes.insert(address, refused)),
        }
    }
    let waited = table.wait(&asked, deadline.saturating_sub(begun.elapsed())).await;
    // The entries are taken away whether or not the wait ended well.
    let forgotten = table.forget(&asked).await;
    outcomes.extend(waited?);
    forgotten?;
    Ok(table.resolutions(addresses, &outcomes))
}

/// Drops the entries of these addresses, and says how many there were. Permanent ones stay.
pub(super) async fn forget(device: &str, addresses: &[Ipv4Addr]) -> Result<usize, LookError> {
    let table = ArpTable::open(device).await?;
    let entries = table.entries().await?;
    let known =
        |address: &&Ipv4Addr| entries.get(address).is_some_and(|entry| entry.state != NeighbourState::Permanent);
    let stale: Vec<Ipv4Addr> = addresses.iter().filter(known).copied().collect();
    table.forget(&stale).await?;
    Ok(stale.len())
}

impl ArpTable {
    async fn open(device: &str) -> Result<Self, LookError> {
        let (requests, changes) = (Socket::open(Protocol::Route)?, Socket::open(Protocol::Route)?);
        changes.subscribe_to_neighbours()?;
        let links = links(&requests).await?;
        let names = names(&links);
        let link = links.into_iter().find(|link| link.name == device);
        let link = link.ok_or_else(|| LookError::NoLink { device: device.to_owned() })?;
        Ok(Self { requests, changes, names, link })
    }

    async fn entries(&self) -> Result<BTreeMap<Ipv4Addr, Neighbour>, LookError> {
        // An entry of a link that has come since then is not one of this link's.
        let all = neighbours(&self.requests, &self.names).await?.ok_or(LookError::Unsteady { attempts: 1 })?;
        let own = all.into_iter().filter(|entry| entry.device == self.link.name);
        Ok(own.map(|entry| (entry.address, entry)).collect())
    }

    /// Why nothing can be asked on this link, once it has had the time to come up.
    async fn unable(&self, deadline: Duration) -> Option<String> {
        let Link { name, up, carrier, .. } = &self.link;
        match (up, carrier) {
            (false, _) => return Some(format!("link {name} is down")),
            (true, false) => return Some(format!("link {name} has no carrier")),
            (true, true) => {}
        }
        let running = async || match self.requests.link(name).await {
            Ok(Some(link)) if link.running => Poll::Ready(()),
            Ok(Some(_)) => Poll::NotYet("it has a carrier, and does not send yet".to_owned()),
            Ok(None) => Poll::Failed("it has gone".to_owned()),
            Err(error) => Poll::Failed(chain(&error)),
        };
        let what = format!("link {name} coming up");
        clock::until(deadline, RECHECK, &what, running).await.err().map(|error| error.to_string())
    }

    fn resolutions(&self, addresses: &[Ipv4Addr], outcomes: &BTreeMap<Ipv4Addr, Resolved>) -> Vec<Resolution> {
        let resolution = |&address: &Ipv4Addr| Resolution {
            address,
            device: self.link.name.clone(),
            outcome: outcomes.get(&address).cloned().unwrap_or(Resolved::Silent),
        };
        addresses.iter().map(resolution).collect()
    }

    /// Takes away what is known of these addresses, and says which must not be asked for.
    async fn forget_all(&self, addresses: &[Ipv4Addr]) -> Result<BTreeMap<Ipv4Addr, Resolved>, LookError> {
        let entries = self.entries().await?;
        let (mut outcomes, mut stale) = (BTreeMap::new(), Vec::new());
        for &address in addresses {
            match entries.get(&address) {
                Some(Neighbour { state: NeighbourState::Permanent, mac, .. }) => {
                    let mac = mac.map(|mac| format!(", {mac}")).unwrap_or_default();
                    let reason = format!("the ARP table has a permanent entry for it{mac}");
                    outcomes.insert(address, Resolved::NotAsked(reason));
                }
                Some(_transient) => stale.push(address),
                None => {}
            }
        }
        self.forget(&stale).await?;
        Ok(outcomes)
    }

    async fn forget(&self, addresses: &[Ipv4Addr]) -> Result<(), LookError> {
        for address in addresses {
            match self.requests.make(self.entry("forget a neighbour", RTM_DELNEIGH, 0, 0, *address)).await {
                Err(error) if error.errno() != Some(Errno::ENOENT) => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Makes the kernel ask; what it says when it cannot.
    async fn ask(&self, address: Ipv4Addr) -> Result<Option<Resolved>, LookError> {
        let used = self.entry("resolve a neighbour", RTM_NEWNEIGH, flags::CREATE, NTF_USE, address);
        let Err(Error { doing, why }) = self.requests.make(used).await else { return Ok(None) };
        Ok(match why {
            Why::Refused { errno: Errno::ENOBUFS, .. } => Some(Resolved::NotAsked(
                "the neighbour table, one for all namespaces, is full: raise net.ipv4.neigh.default.gc_thresh3 on the \
                 host"
                    .to_owned(),
            )),
            Why::Refused { errno, text } => Some(Resolved::NotAsked(text.unwrap_or_else(|| errno_text(errno)))),
            why => return Err(Error { doing, why }.into()),
        })
    }

    fn entry(&self, doing: &'static str, kind: u16, flags: u16, entry_flags: u8, address: Ipv4Addr) -> Request {
        // struct ndmsg: family, padding, index, state, flags, type.
        let header = [&[INET, 0, 0, 0][..], &self.link.index.to_ne_bytes(), &[0, 0, entry_flags, 0]].concat();
        Request::new(doing, kind, flags, Attributes::after(header).put(NDA_DST, &address.octets()))
    }

    /// Waits until each resolution has ended, or the deadline; those that have not by then are left out.
    async fn wait(&self, asked: &[Ipv4Addr], deadline: Duration) -> Result<BTreeMap<Ipv4Addr, Resolved>, LookError> {
        let begun = clock::now();
        let mut outcomes = BTreeMap::new();
        loop {
            let entries = self.entries().await?;
            for &address in asked {
                let Some(entry) = entries.get(&address) else { continue };
                match (entry.state, entry.mac) {
                    (NeighbourState::Reachable, Some(mac)) => drop(outcomes.insert(address, Resolved::Answered(mac))),
                    (NeighbourState::Failed, _) => drop(outcomes.insert(address, Resolved::Silent)),
                    (NeighbourState::Noarp, _) => {
                        let reason = "the kernel does not resolve this address on this link".to_owned();
                        outcomes.insert(address, Resolved::NotAsked(reason));
                    }
                    // Its own ARP request came before its answer to ours. That is no answer: ask again.
                    (NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe, _)
                        if !outcomes.contains_key(&address) =>
                    {
                        self.forget(&[address]).await?;
                        if let Some(refused) = self.ask(address).await? {
                            outcomes.insert(address, refused);
                        }
                    }
                    _ => {}
                }
            }
            let left = deadline.saturating_sub(begun.elapsed());
            if outcomes.len() == asked.len() || left.is_zero() {
                return Ok(outcomes);
            }
            self.change(left.min(REREAD)).await;
        }
    }

    /// Waits for a change of the table, at most this long, and takes all changes that are queued: what matters is the
    /// table, which is read again.
    async fn change(&self, at_most: Duration) {
        let _passed = clock::within(at_most, "a change of the neighbour table", self.changes.changed()).await;
    }
}
