//! Scratch network namespaces. The kernel takes one away with its last file descriptor.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use ipnet::Ipv4Net;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_model::observe::{NetnsView, Place};
use lab_model::request::{Answer, Answered, Ask, Request};
use lab_netlink::{NewLink, NewRoute, Protocol, Socket, add_address, set_up};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::sync::watch;

/// A network namespace of a test's own, with its loopback up.
pub(crate) struct Netns(File);

impl Netns {
    pub(crate) fn new() -> Self {
        let file = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .expect("these tests make network namespaces: run them as root, or with `unshare -Urn`");
            File::open("/proc/thread-self/ns/net").unwrap()
        });
        let netns = Self(file.join().unwrap());
        netns.run(async |connection| connection.make(set_up("lo")).await.unwrap());
        netns
    }

    /// The namespace's file, for as long as this value lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// Runs this inside, in a thread of its own, with rtnetlink.
    pub(crate) fn run<T: Send>(&self, body: impl AsyncFnOnce(Socket) -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { body(Socket::open(Protocol::Route).unwrap()).await })
            });
            match inside.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Connects a device here and `eth0` there, both up and running, with these addresses (/24) and this MTU.
    pub(crate) fn connect(&self, device: &str, own: Ipv4Addr, other: &Netns, peer: Ipv4Addr, mtu: u32) {
        self.plug(device, own, other, peer, mtu);
        self.wait_until_running(device);
        other.wait_until_running("eth0");
    }

    /// The same without waiting until the kernel sends on the link.
    pub(crate) fn plug(&self, device: &str, own: Ipv4Addr, other: &Netns, peer: Ipv4Addr, mtu: u32) {
        self.run(async |connection| {
            let end = NewLink::peer("eth0").mtu(mtu).netns(&other.0);
            connection.make(NewLink::veth(device, &end).mtu(mtu).add()).await.unwrap();
            address(&connection, device, own).await;
            connection.make(set_up(device)).await.unwrap();
        });
        other.run(async |connection| {
            address(&connection, "eth0", peer).await;
            connection.make(set_up("eth0")).await.unwrap();
        });
    }

    /// The kernel begins to send some time after both ends are up, and drops everything until then.
    fn wait_until_running(&self, device: &str) {
        self.run(async |connection| {
            let running = async || match connection.link(device).await.unwrap() {
                Some(link) if link.running => Poll::Ready(()),
                other => Poll::NotYet(format!("{other:?}")),
            };
            let (deadline, interval) = (Duration::from_secs(10), Duration::from_millis(1));
            clock::until(deadline, interval, "a running link", running).await.unwrap();
        });
    }

    /// Adds a route.
    pub(crate) fn route(&self, route: NewRoute) {
        self.run(async |connection| connection.make(route.add()).await.unwrap());
    }

    /// Adds a route by a link.
    pub(crate) fn route_by(&self, device: &str, route: NewRoute) {
        self.run(async |connection| {
            let index = connection.index(device).await.unwrap();
            connection.make(route.by(index).add()).await.unwrap();
        });
    }

    /// Writes a file below /proc/sys/net, which shows each namespace its own.
    pub(crate) fn sysctl(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/net/{name}");
        self.run(async |_connection| std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}")));
    }

    pub(crate) fn view(&self) -> NetnsView {
        let Ok(Answer::View(view)) = self.answer(Request::View) else { panic!("no view") };
        view
    }

    pub(crate) fn ask(&self, request: Request) -> Ask {
        Ask { place: Place::Bridge, netns: Some(self.path()), request }
    }

    /// Asks one question about this namespace.
    pub(crate) fn answer(&self, request: Request) -> Result<Answer, String> {
        let (_sender, stop) = watch::channel(false);
        let mut answers = lab_probe::answers(&[self.ask(request)], None, || {}, &stop);
        let Answered { place, answer } = answers.pop().unwrap();
        assert_eq!(place, Place::Bridge);
        answer
    }
}

/// Gives a link an address (/24).
pub(crate) async fn address(connection: &Socket, device: &str, address: Ipv4Addr) {
    let index = connection.index(device).await.unwrap();
    connection.make(add_address(index, Ipv4Net::new(address, 24).unwrap())).await.unwrap();
}

/// Two namespaces and a link between them: `eth0` at both ends, .1 and .2 of 192.0.2.0/24 (RFC 5737).
pub(crate) fn pair() -> (Netns, Netns) {
    let (one, two) = (Netns::new(), Netns::new());
    one.connect("eth0", ONE, &two, TWO, 1500);
    (one, two)
}

pub(crate) const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const TWO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// Nobody has it.
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
