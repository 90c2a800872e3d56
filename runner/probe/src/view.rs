//! Everything about routing that one look sees.

use std::os::unix::fs::MetadataExt;

use lab_netlink::{Protocol, Socket};

use super::links::{addresses, links, names};
use super::listeners::listeners;
use super::look::LookError;
use super::neighbours::neighbours;
use super::routes::routes;
use super::rules::rules;
use lab_model::observe::{NetnsId, NetnsView};

/// This thread's network namespace.
pub(super) const OWN_NETNS: &str = "/proc/thread-self/ns/net";

/// How often a look is begun anew because a link appeared while it was taken.
const ATTEMPTS: usize = 8;

/// Looks into the namespace of this process, where nothing has to be entered.
///
/// # Errors
/// [`LookError`] if the kernel's tables could not be read.
pub async fn own_view() -> Result<NetnsView, LookError> {
    view().await
}

/// Looks into the namespace of this thread.
pub(super) async fn view() -> Result<NetnsView, LookError> {
    let inode = std::fs::metadata(OWN_NETNS)
        .map_err(|source| LookError::System { doing: "read which namespace this is", source })?
        .ino();
    let connection = Socket::open(Protocol::Route)?;
    for _attempt in 0..ATTEMPTS {
        let links = links(&connection).await?;
        let names = names(&links);
        let Some(addresses) = addresses(&connection, &names).await? else { continue };
        let Some(routes) = routes(&connection, &names).await? else { continue };
        let Some(neighbours) = neighbours(&connection, &names).await? else { continue };
        let rules = rules(&connection).await?;
        let listeners = listeners().await?;
        return Ok(NetnsView { netns: NetnsId(inode), links, addresses, routes, rules, neighbours, listeners });
    }
    Err(LookError::Unsteady { attempts: ATTEMPTS })
}
