//! Scratch network namespaces. The kernel takes one away with its last file descriptor.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread;

use lab::observe::Place;
use lab::probe::{Answer, Answered, Ask, Request};
use nix::sched::{CloneFlags, setns, unshare};
use nlink::Route;
use nlink::netlink::Connection;
use nlink::netlink::addr::Ipv4Address;
use nlink::netlink::link::VethLink;
use tokio::sync::watch;

/// A network namespace of a test's own, with its loopback up.
pub struct Netns(File);

impl Netns {
    pub fn new() -> Self {
        let file = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .expect("these tests make network namespaces: run them as root, or with `unshare -Urn`");
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let netns = Self(file.join().unwrap());
        netns.run(async |connection| connection.set_link_up("lo").await.unwrap());
        netns
    }

    /// The namespace's file, for as long as this value lives.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// Runs this inside, in a thread of its own, with rtnetlink.
    pub fn run<T: Send>(&self, body: impl AsyncFnOnce(Connection<Route>) -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { body(Connection::<Route>::new().unwrap()).await })
            });
            match inside.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Connects `eth0` here and `peer_device` there, both up, with these addresses and this MTU.
    pub fn connect(&self, own: Ipv4Addr, other: &Netns, peer_device: &str, peer: Ipv4Addr, mtu: u32) {
        self.run(async |connection| {
            let pair = VethLink::new("eth0", peer_device).mtu(mtu).peer_mtu(mtu).peer_netns_fd(&other.0);
            connection.add_link(pair).await.unwrap();
            connection.add_address(Ipv4Address::new("eth0", own, 24)).await.unwrap();
            connection.set_link_up("eth0").await.unwrap();
        });
        other.run(async |connection| {
            connection.add_address(Ipv4Address::new(peer_device, peer, 24)).await.unwrap();
            connection.set_link_up(peer_device).await.unwrap();
        });
    }

    pub fn ask(&self, request: Request) -> Ask {
        Ask { place: Place::Bridge, netns: Some(self.path()), request }
    }

    /// Asks one question about this namespace.
    pub fn answer(&self, request: Request) -> Result<Answer, String> {
        let (_sender, stop) = watch::channel(false);
        let mut answers = lab::probe::answers(&[self.ask(request)], None, || {}, &stop);
        let Answered { place, answer } = answers.pop().unwrap();
        assert_eq!(place, Place::Bridge);
        answer
    }
}

/// Two namespaces and a link between them: `eth0` at both ends, .1 and .2 of 192.0.2.0/24 (RFC 5737).
pub fn pair() -> (Netns, Netns) {
    let (one, two) = (Netns::new(), Netns::new());
    one.connect(ONE, &two, "eth0", TWO, 1500);
    (one, two)
}

pub const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const TWO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Nobody has it.
pub const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
