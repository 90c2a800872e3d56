//! Nothing on the host changes: its links, addresses, routes, rules, nftables and sysctls are what they were.
//!
//! For what a network namespace holds, the host is one of the test's own, with something in it, so that nobody else
//! changes it meanwhile: this test program starts itself there again. What is one for all namespaces is looked at
//! where the tests run.

use lab_base::clock;
use lab_model::observe::{NetnsView, Place};
use lab_model::request::{Answer, Ask, Request};
use lab_netlink::nft::{Base, Expression, Hook, add_chain, add_rule, ensure_table};
use lab_netlink::{Attributes, NewLink, NewRoute, Protocol, Socket, add_address, flags, set_up};
use lab_probe::answers;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::left::below;
use super::process::{DEADLINE, Running, block_on};
use super::world::{Lab, PROGRAM};

/// Set where this program is started again: what to start `lab` through, or nothing.
const INSIDE: &str = "LAB_CLI_INSIDE";

#[test]
fn nothing_of_the_hosts_network_changes_by_labs_of_root() {
    in_a_host_of_its_own("host::nothing_of_the_hosts_network_changes_by_labs_of_root", &["--map-root-user"], "env");
}

#[test]
fn nothing_of_the_hosts_network_changes_by_labs_of_a_user() {
    in_a_host_of_its_own(
        "host::nothing_of_the_hosts_network_changes_by_labs_of_a_user",
        &["--map-user=1000", "--map-group=1000", "--keep-caps"],
        "setpriv --ambient-caps=-all --inh-caps=-all",
    );
}

#[track_caller]
fn in_a_host_of_its_own(name: &str, who: &[&str], through: &str) {
    if let Ok(through) = std::env::var(INSIDE) {
        return labs_come_and_go(&through.split(' ').collect::<Vec<_>>());
    }
    let lab = Lab::new();
    let mut command = lab.program("unshare");
    command.args(who).args(["--net", "--"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(INSIDE, through);
    let ended = Running::start(command).finish().code(0);
    assert!(ended.stdout.contains("test result: ok. 1 passed"), "{ended}");
    lab.assert_nothing_left();
}

fn labs_come_and_go(through: &[&str]) {
    block_on(furnish());
    let before = block_on(Snapshot::take());
    assert!(before.view.routes.len() > 1 && before.nftables.contains("somebodys"), "{before:#?}");
    for (routing, code) in [("native", 0), ("vxlan", 1), ("none", 1)] {
        let lab = Lab::new();
        let run = |args: &[&str]| {
            let mut command = lab.program(through[0]);
            command.args(&through[1..]).arg(PROGRAM).args(args);
            Running::start(command).finish()
        };
        run(&["run", "--routing", routing]).code(code).quiet();
        run(&["up", "--routing", routing]).code(0).quiet();
        run(&["verify"]).code(code);
        let during = block_on(Snapshot::take());
        before.assert_is(&during);
        run(&["down"]).code(0).quiet();
        lab.assert_nothing_left();
        before.assert_is(&block_on(Snapshot::take()));
    }
    block_on(refurnish());
    let after = block_on(Snapshot::take());
    assert_ne!(before.view, after.view);
    assert_ne!(before.nftables, after.nftables);
    assert_ne!(changed(&before.sysctls, &after.sysctls), [""; 0]);
}

/// Changes all of it, to see that it shows.
async fn refurnish() {
    let route = Socket::open(Protocol::Route).unwrap();
    let eth0 = route.index("eth0").await.unwrap();
    route.make(add_address(eth0, "172.18.0.9/16".parse().unwrap())).await.unwrap();
    Socket::open(Protocol::Nftables).unwrap().commit(&[ensure_table("anothers")]).await.unwrap();
    let file = "/proc/sys/net/ipv4/ip_forward";
    let other = if fs::read_to_string(file).unwrap().trim() == "0" { "1" } else { "0" };
    fs::write(file, other).unwrap();
}

/// A link, an address, a route, and rules of somebody's.
async fn furnish() {
    let route = Socket::open(Protocol::Route).unwrap();
    route.make_all(&[set_up("lo"), NewLink::veth("eth0", &NewLink::peer("outside")).add()]).await.unwrap();
    let eth0 = route.index("eth0").await.unwrap();
    let address = add_address(eth0, "172.18.0.1/16".parse().unwrap());
    let default = NewRoute::default_via([172, 18, 0, 2].into()).add();
    route.make_all(&[address, set_up("eth0"), set_up("outside"), default]).await.unwrap();
    let base = Base { kind: "nat", hook: Hook::Output, priority: -100 };
    let rule = add_rule("somebodys", "out", &[Expression::Accept]);
    let changes = [ensure_table("somebodys"), add_chain("somebodys", "out", Some(base)), rule];
    Socket::open(Protocol::Nftables).unwrap().commit(&changes).await.unwrap();
    // Addresses become usable, and links up, after they are made.
    let settled = clock::until(DEADLINE, std::time::Duration::from_millis(5), "a host that stands still", async || {
        let one = Snapshot::take().await;
        let again = Snapshot::take().await;
        let up = one.view.link("eth0").is_some_and(|link| link.up);
        if up && one == again { clock::Poll::Ready(()) } else { clock::Poll::NotYet(format!("{:?}", again.view)) }
    });
    settled.await.unwrap();
}

/// What a network namespace holds.
#[derive(Debug, PartialEq)]
struct Snapshot {
    view: NetnsView,
    /// Tables, chains and rules; with the number of the generation, which any change raises.
    nftables: String,
    sysctls: BTreeMap<PathBuf, String>,
}

impl Snapshot {
    async fn take() -> Self {
        let ask = Ask { place: Place::Bridge, netns: None, request: Request::View };
        let (_sender, stop) = tokio::sync::watch::channel(false);
        let answered = answers(&[ask], None, || {}, &stop).pop().unwrap();
        let Ok(Answer::View(view)) = answered.answer else { panic!("{answered:?}") };
        Self { view, nftables: nftables().await, sysctls: sysctls("net") }
    }

    #[track_caller]
    fn assert_is(&self, other: &Self) {
        assert_eq!(self.view, other.view);
        assert_eq!(self.nftables, other.nftables);
        assert_eq!(changed(&self.sysctls, &other.sysctls), [""; 0]);
        let new: Vec<_> = other.sysctls.keys().filter(|key| !self.sysctls.contains_key(*key)).collect();
        assert!(new.iter().all(|key| !key.to_string_lossy().contains("/conf/")), "new links: {new:?}");
    }
}

async fn nftables() -> String {
    let nftables = Socket::open(Protocol::Nftables).unwrap();
    let mut found = vec![format!("generation {}", nftables.nft_generation().await.unwrap())];
    // NFT_MSG_GETTABLE, GETCHAIN, GETRULE and GETSET, of all families; names are in the messages as they are.
    for message in [1, 4, 7, 10] {
        let list = lab_netlink::Request::new("list", 10 << 8 | message, flags::DUMP, Attributes::after([0; 4]));
        let text = |body: Vec<u8>| body.escape_ascii().to_string();
        found.extend(nftables.dump(&list).await.unwrap().into_iter().map(text));
    }
    found.join("\n")
}

/// All values that can be read below a folder of `/proc/sys`.
fn sysctls(area: &str) -> BTreeMap<PathBuf, String> {
    let root = Path::new("/proc/sys").join(area);
    let read = |path: PathBuf| fs::read_to_string(&path).ok().map(|value| (path, value));
    let found: BTreeMap<PathBuf, String> = below(&root).into_iter().filter_map(read).collect();
    assert!(!found.is_empty(), "nothing can be read below {}", root.display());
    found
}

/// Those that were there before and have another value, or none, now.
fn changed(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let differ = |(path, value): (&PathBuf, &String)| {
        let now = after.get(path);
        let now_text = now.map_or("gone", |now| now.trim());
        (now != Some(value)).then(|| format!("{}: {} before, {now_text} now", path.display(), value.trim()))
    };
    before.iter().filter_map(differ).collect()
}

/// Values that change on their own, and links that others make and remove.
fn moves_by_itself(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let moving =
        ["/kernel/random/", "/kernel/ns_last_pid", "/kernel/pty/nr", "/nf_conntrack_count", "/vm/stat_refresh"];
    let link = ["/conf/", "/neigh/"].iter().any(|part| text.contains(part));
    let for_all = ["/all/", "/default/", "/lo/"].iter().any(|part| text.contains(part));
    moving.iter().any(|part| text.contains(part)) || (link && !for_all)
}

#[test]
fn no_sysctl_of_the_host_changes() {
    let take = || {
        let all = ["net", "kernel", "user", "vm"].into_iter().flat_map(sysctls);
        all.filter(|(path, _)| !moves_by_itself(path)).collect::<BTreeMap<_, _>>()
    };
    let lab = Lab::new();
    let before = take();
    assert!(before.contains_key(Path::new("/proc/sys/net/ipv4/ip_forward")));
    for (routing, code) in [("native", 0), ("vxlan", 1), ("none", 1)] {
        lab.run(&["run", "--routing", routing]).code(code).quiet();
    }
    lab.run(&["up"]).code(0).quiet();
    assert_eq!(changed(&before, &take()), [""; 0], "while a lab is up");
    lab.run(&["down"]).code(0).quiet();
    assert_eq!(changed(&before, &take()), [""; 0]);
    lab.assert_nothing_left();
}
