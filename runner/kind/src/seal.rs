//! Seals a lab: keeps its pods' packets from leaving the host.
//!
//! If a route is missing, a packet for a peer's pod CIDR follows the node's default route to the Docker host, and from
//! there the host's own routes, so packets for 10.0.0.0/8 leak into the host's network. An nftables table of the lab drops
//! packets that come from the lab's bridge, are for the native routing CIDR, and would leave by another link. The table is
//! in the host's namespace and needs root. It is removed with the lab.

use ipnet::Ipv4Net;
use lab_netlink::nft::{
    Base, Expression, Field, Hook, add_chain, add_rule, compare_address, compare_interface, delete_table, ensure_table,
};
use lab_netlink::{Error, Protocol, Socket};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use lab_base::failure::chain;

/// The chain of the table.
const CHAIN: &str = "forward";
/// The chain's hook. Its priority is before that of Docker's own chains, which is `filter` (0).
const BASE: Base = Base { kind: "filter", hook: Hook::Forward, priority: -10 };

/// Whether a lab is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seal {
    /// It is sealed, by the nftables table of this name, family ip.
    Table(String),
    /// It is not sealed; with the reason.
    Open(String),
}

/// The name of the table of a lab: `lab_seal_kind`.
pub fn table_name(lab: &str) -> String {
    format!("lab_seal_{lab}")
}

/// Installs rules that drop packets from these bridges for these networks which would leave by another link. It may be called
/// again.
///
/// If that is not possible, the result says so; it is not an error, because a lab works without it, and the case
/// `wire::nothing_leaks_to_the_uplink` checks for leaks.
pub async fn seal(lab: &str, bridges: &[String], networks: &[Ipv4Net]) -> Seal {
    let by_hand = by_hand(lab, bridges, networks);
    if !nix::unistd::geteuid().is_root() {
        return Seal::Open(format!("sealing it needs root: sudo sh -c '{by_hand}'"));
    }
    for bridge in bridges {
        match has_link(bridge).await {
            Ok(true) => {}
            Ok(false) => {
                return Seal::Open(format!("the bridge {bridge} is not on this host; to seal it there: {by_hand}"));
            }
            Err(error) => return Seal::Open(format!("this host's links cannot be read: {}", chain(&error))),
        }
    }
    match install(lab, bridges, networks).await {
        Ok(()) => Seal::Table(table_name(lab)),
        Err(error) => Seal::Open(format!("nftables refused: {}; to seal it by hand: {by_hand}", chain(&error))),
    }
}

/// Removes a lab's table. Returns whether there was one.
///
/// # Errors
/// When there is one and the kernel does not remove it.
pub async fn unseal(lab: &str) -> Result<bool, Error> {
    match Socket::open(Protocol::Nftables)?.commit(&[delete_table(&table_name(lab))]).await {
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(false),
        deleted => deleted.map(|()| true),
    }
}

async fn has_link(name: &str) -> Result<bool, Error> {
    Ok(Socket::open(Protocol::Route)?.link(name).await?.is_some())
}

async fn install(lab: &str, bridges: &[String], networks: &[Ipv4Net]) -> Result<(), Error> {
    let table = table_name(lab);
    // Replaces an existing table in one transaction. It is made first if there is none, because deleting a missing table
    // would fail.
    let fresh =
        [ensure_table(&table), delete_table(&table), ensure_table(&table), add_chain(&table, CHAIN, Some(BASE))];
    let rule = |(bridge, network): (&String, &Ipv4Net)| {
        let rule = [
            compare_interface(Field::Inward, bridge, true),
            compare_interface(Field::Outward, bridge, false),
            compare_address(Field::Destination, *network, true),
            vec![Expression::Count, Expression::Drop],
        ];
        add_rule(&table, CHAIN, &rule.concat())
    };
    let changes: Vec<_> = fresh.into_iter().chain(each(bridges, networks).map(rule)).collect();
    Socket::open(Protocol::Nftables)?.commit(&changes).await
}

/// Every bridge with every network.
fn each<'a>(bridges: &'a [String], networks: &'a [Ipv4Net]) -> impl Iterator<Item = (&'a String, &'a Ipv4Net)> {
    bridges.iter().flat_map(move |bridge| networks.iter().map(move |network| (bridge, network)))
}

/// The nft commands that do the same, for a user who must run them by hand.
fn by_hand(lab: &str, bridges: &[String], networks: &[Ipv4Net]) -> String {
    let table = table_name(lab);
    let mut commands = vec![
        format!("nft add table ip {table}"),
        format!("nft add chain ip {table} {CHAIN} {{ type filter hook forward priority -10\\; }}"),
    ];
    commands.extend(each(bridges, networks).map(|(bridge, network)| {
        format!("nft add rule ip {table} {CHAIN} iifname {bridge} oifname != {bridge} ip daddr {network} drop")
    }));
    commands.join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_for_the_hand_name_the_bridge_and_every_network() {
        let networks: Vec<Ipv4Net> = vec!["10.0.0.0/8".parse().unwrap(), "172.31.0.0/16".parse().unwrap()];
        assert_eq!(
            by_hand("kind", &["br-1".to_owned()], &networks),
            "nft add table ip lab_seal_kind && \
             nft add chain ip lab_seal_kind forward { type filter hook forward priority -10\\; } && \
             nft add rule ip lab_seal_kind forward iifname br-1 oifname != br-1 ip daddr 10.0.0.0/8 drop && \
             nft add rule ip lab_seal_kind forward iifname br-1 oifname != br-1 ip daddr 172.31.0.0/16 drop"
        );
    }
}
