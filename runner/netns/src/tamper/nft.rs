//! Makes changes to nftables: Services, dropping packets, masquerading.

use lab_netlink::nft::{
    Base, Expression, Field, Hook, add_chain, add_rule, compare_address, compare_interface, delete_rule, delete_set,
    delete_table, ensure_table, flush_chain, put_rule, tcp_port,
};
use lab_netlink::{Error, Socket};
use nix::errno::Errno;
use std::path::Path;

use super::{Act, undo};
use crate::MASQUERADE_CHAIN;
use lab_base::failure::chain;
use lab_probe::nft_layout;
use lab_probe::nft_layout::{LayoutError, Service};

/// The table for the rules of faults, separate from the lab's own table.
const TABLE: &str = "lab_fault";

/// Makes a change of a namespace's nftables, and has it forget its connections: they keep the translation that they began
/// with, and so does a new one from the port of an old one that was never answered.
pub(super) async fn forgetting<E: std::error::Error + 'static>(
    netns: &Path,
    change: impl AsyncFnOnce(&Socket) -> Result<(), E>,
) -> Result<(), String> {
    let nftables = undo::nftables(netns)?;
    change(&nftables).await.map_err(|error| chain(&error))?;
    nftables.forget_connections().await.map_err(|error| chain(&error))
}

/// Makes the change, if it is one of nftables; otherwise does nothing.
pub(super) async fn make(act: &Act, nftables: &Socket) -> Result<(), Error> {
    let filter = |hook| Base { kind: "filter", hook, priority: 0 };
    let (chain, base, rule) = match act {
        Act::DropTo { destination } => (
            "output",
            filter(Hook::Output),
            [tcp_port(None), compare_address(Field::Destination, (*destination).into(), true), vec![Expression::Drop]],
        ),
        Act::DropPort { port } => {
            ("input", filter(Hook::Input), [tcp_port(Some(*port)), Vec::new(), vec![Expression::Drop]])
        }
        Act::MasqueradeTo { device, destination } => (
            "postrouting",
            // The priority is before that of the lab's own chain.
            Base { kind: "nat", hook: Hook::Postrouting, priority: 90 },
            [
                compare_interface(Field::Outward, device, true),
                compare_address(Field::Destination, *destination, true),
                vec![Expression::Masquerade],
            ],
        ),
        Act::StopMasquerading => return nftables.commit(&[flush_chain(nft_layout::TABLE, MASQUERADE_CHAIN)]).await,
        Act::RemoveServices => return nftables.commit(&[flush_chain(nft_layout::TABLE, nft_layout::CHAIN)]).await,
        Act::AddService { service, target_port, backends } => {
            return nftables.commit(&nft_layout::install(*service.ip(), service.port(), *target_port, backends)).await;
        }
        _ => return Ok(()),
    };
    let changes = [ensure_table(TABLE), add_chain(TABLE, chain, Some(base)), add_rule(TABLE, chain, &rule.concat())];
    nftables.commit(&changes).await
}

/// Adds rules that were read from the kernel to the end of their chains again.
pub(super) async fn put_rules(nftables: &Socket, rules: &[lab_netlink::nft::Rule]) -> Result<(), Error> {
    nftables.commit(&rules.iter().map(put_rule).collect::<Vec<_>>()).await
}

/// Replaces the Services of this namespace's table by the saved ones.
pub(super) async fn put_services(nftables: &Socket, services: &[Service]) -> Result<(), LayoutError> {
    let now = nft_layout::services(nftables).await?;
    let mut changes: Vec<_> =
        now.iter().map(|service| delete_rule(nft_layout::TABLE, nft_layout::CHAIN, service.handle)).collect();
    nftables.commit(&changes).await?;
    // Also the maps of saved Services whose rule is gone already.
    for map in now.iter().chain(services).filter_map(|service| service.map.as_deref()) {
        ignore_missing(nftables.commit(&[delete_set(nft_layout::TABLE, map)]).await)?;
    }
    changes.clear();
    for Service { address, target_port, backends, .. } in services {
        changes.extend(nft_layout::install(*address.ip(), address.port(), target_port.unwrap_or_default(), backends));
    }
    Ok(nftables.commit(&changes).await?)
}

/// Removes the table of faults. It may be gone already, because all changes of a namespace share it.
pub(super) async fn remove_fault_table(nftables: &Socket) -> Result<(), Error> {
    ignore_missing(nftables.commit(&[delete_table(TABLE)]).await)
}

fn ignore_missing(deleted: Result<(), Error>) -> Result<(), Error> {
    deleted.or_else(|error| if error.errno() == Some(Errno::ENOENT) { Ok(()) } else { Err(error) })
}
