//! `lab try-namespaces`: tries what a netns lab needs, in namespaces that end with the process.

use lab_netlink::nft::{Base, Hook, add_chain, ensure_table};
use lab_netlink::{Error, NewLink, Protocol, Socket, Vxlan};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::process::ExitCode;

use lab_base::failure::chain;
use lab_netns::holder;
use lab_probe::LookError;

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The kernel's error number, if it was the kernel that refused.
    pub errno: Option<i32>,
    /// What was tried, and the kernel's reason, in words.
    pub text: String,
}

impl Refused {
    fn new(errno: Option<i32>, text: &impl ToString) -> Self {
        Self { errno, text: text.to_string() }
    }

    /// The error number as nix has it.
    pub fn errno(&self) -> Option<Errno> {
        self.errno.map(Errno::from_raw)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::new(error.raw_os_error(), &error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::new(error.errno().map(|errno| errno as i32), &chain(&error))
    }
}

/// The result of each attempt: none if it succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Making the lab's own namespaces.
    pub isolate: Option<Refused>,
    /// Making as many network namespaces at a time as the lab has nodes and pods.
    pub namespaces: Option<Refused>,
    /// Writing below `/proc/sys`.
    pub proc_sys: Option<Refused>,
    /// Making a bridge.
    pub bridge: Option<Refused>,
    /// Making a veth pair.
    pub veth: Option<Refused>,
    /// Making a vxlan device, which only a lab with `--routing vxlan` needs.
    pub vxlan: Option<Refused>,
    /// Making an nftables table with a nat chain.
    pub nftables: Option<Refused>,
    /// Opening a packet socket.
    pub packet_socket: Option<Refused>,
    /// Reading all that cases look at in a namespace: links, addresses, routes, rules, neighbours, listening sockets.
    pub look: Option<Refused>,
}

/// Tries everything, with so many network namespaces, and writes the results to standard output as JSON.
pub fn main(namespaces: usize) -> ExitCode {
    let tried = try_all(namespaces);
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

fn try_all(namespaces: usize) -> Tried {
    let mut tried = Tried::default();
    if let Err(error) = holder::isolate() {
        tried.isolate = Some(Refused::new(error.source.raw_os_error(), &error));
        return tried;
    }
    let write = std::fs::write("/proc/sys/net/ipv4/ip_forward", "1");
    tried.proc_sys = write.err().map(Refused::from);
    let socket = socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None);
    tried.packet_socket = socket.err().map(Refused::from);
    tried.namespaces = try_namespaces(namespaces).err();
    match lab_base::runtime() {
        Ok(runtime) => runtime.block_on(try_netlink(&mut tried)),
        Err(error) => tried.bridge = Some(error.into()),
    }
    tried
}

/// Makes so many network namespaces, and holds them until all are there. This process is in the last one then.
fn try_namespaces(count: usize) -> Result<(), Refused> {
    let mut held = Vec::new();
    for number in 1..=count {
        let failed = |error: io::Error| {
            let text = format!("making network namespace {number} of {count}: {error}");
            Refused::new(error.raw_os_error(), &text)
        };
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))?;
        match File::open("/proc/self/ns/net") {
            Ok(file) => held.push(file),
            // How many files may be open has a row of its own.
            Err(error) if error.raw_os_error() == Some(Errno::EMFILE as i32) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

async fn try_netlink(tried: &mut Tried) {
    match Socket::open(Protocol::Route) {
        Ok(route) => {
            let vxlan = Vxlan { vni: 1, port: 8472, local: None, device: None, learning: true };
            tried.bridge = failed(route.make(NewLink::bridge("lab-bridge").add()).await);
            tried.veth = failed(route.make(NewLink::veth("lab-veth", &NewLink::peer("lab-veth-peer")).add()).await);
            tried.vxlan = failed(route.make(NewLink::vxlan("lab-vxlan", vxlan).add()).await);
        }
        Err(error) => tried.bridge = Some(error.into()),
    }
    tried.nftables = failed(try_nftables().await);
    tried.look = lab_probe::own_view().await.err().map(|error| match error {
        LookError::Netlink(error) => error.into(),
        other => Refused::new(None, &chain(&other)),
    });
}

async fn try_nftables() -> Result<(), Error> {
    let base = Base { kind: "nat", hook: Hook::Output, priority: -100 };
    let changes = [ensure_table("lab"), add_chain("lab", "try", Some(base))];
    Socket::open(Protocol::Nftables)?.commit(&changes).await
}

fn failed(result: Result<(), Error>) -> Option<Refused> {
    result.err().map(Refused::from)
}
