//! The load balancer's table of a namespace, from nftables.

use std::net::SocketAddrV4;

use lab_netlink::{Protocol, Socket};

use super::look::LookError;
use crate::nft_layout::{Service, TABLE, services};
use lab_model::observe::{Backend, BackendState, Frontend, ServiceTable};

/// Reads it. A namespace without one has no frontends.
pub(super) async fn service_table() -> Result<ServiceTable, LookError> {
    let services = services(&Socket::open(Protocol::Nftables)?).await.map_err(LookError::Layout)?;
    Ok(ServiceTable { source: format!("nftables ip {TABLE}"), frontends: services.iter().map(frontend).collect() })
}

fn frontend(service: &Service) -> Frontend {
    // Without a port there are no backends either.
    let port = service.target_port.unwrap_or_default();
    let backend =
        |state: BackendState| move |&ip| Backend { address: SocketAddrV4::new(ip, port), state: state.clone() };
    let never = BackendState::Other("never picked".to_owned());
    let active = service.backends.iter().map(backend(BackendState::Active));
    Frontend {
        address: service.address,
        backends: active.chain(service.never_picked.iter().map(backend(never))).collect(),
    }
}
