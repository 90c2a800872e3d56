//! `lab try-namespaces`: tries what a netns lab needs, in namespaces that end with the process.

use lab_netlink::nft::{Base, Hook, add_chain, ensure_table};
use lab_netlink::{Error, NewLink, Protocol, Socket, Vxlan};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

use lab_base::failure::chain;
use lab_netns::holder;

/// The result of each attempt: none if it succeeded, otherwise the kernel's reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Making namespaces.
    pub isolate: Option<String>,
    /// Writing below `/proc/sys`.
    pub proc_sys: Option<String>,
    /// Making a bridge.
    pub bridge: Option<String>,
    /// Making a veth pair.
    pub veth: Option<String>,
    /// Making a vxlan device, which only a lab with `--routing vxlan` needs.
    pub vxlan: Option<String>,
    /// Making an nftables table with a nat chain.
    pub nftables: Option<String>,
    /// Opening a packet socket.
    pub packet_socket: Option<String>,
}

/// Tries everything, and writes the results to standard output as JSON.
pub fn main() -> ExitCode {
    let tried = try_all();
    match serde_json::to_string(&tried) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_all() -> Tried {
    let mut tried = Tried::default();
    if let Err(error) = holder::isolate() {
        tried.isolate = Some(error.to_string());
        return tried;
    }
    let write = std::fs::write("/proc/sys/net/ipv4/ip_forward", "1");
    tried.proc_sys = write.err().map(|error| error.to_string());
    let socket = socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None);
    tried.packet_socket = socket.err().map(|error| error.to_string());
    match lab_base::runtime() {
        Ok(runtime) => runtime.block_on(try_netlink(&mut tried)),
        Err(error) => tried.bridge = Some(error.to_string()),
    }
    tried
}

async fn try_netlink(tried: &mut Tried) {
    match Socket::open(Protocol::Route) {
        Ok(route) => {
            let vxlan = Vxlan { vni: 1, port: 8472, local: None, device: None, learning: true };
            tried.bridge = failed(route.make(NewLink::bridge("lab-bridge").add()).await);
            tried.veth = failed(route.make(NewLink::veth("lab-veth", &NewLink::peer("lab-veth-peer")).add()).await);
            tried.vxlan = failed(route.make(NewLink::vxlan("lab-vxlan", vxlan).add()).await);
        }
        Err(error) => tried.bridge = Some(chain(&error)),
    }
    tried.nftables = failed(try_nftables().await);
}

async fn try_nftables() -> Result<(), Error> {
    let base = Base { kind: "nat", hook: Hook::Output, priority: -100 };
    let changes = [ensure_table("lab"), add_chain("lab", "try", Some(base))];
    Socket::open(Protocol::Nftables)?.commit(&changes).await
}

fn failed(result: Result<(), Error>) -> Option<String> {
    result.err().map(|error| chain(&error))
}
