//! Checks what the netns backend needs: namespaces, a few kinds of links, nftables, room in the neighbour table, and
//! folders for state and runs.

use async_recursion::async_recursion as boxed;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::remedies::{self, Needs};
use super::{Outcome, Row, Tried, files, limits};
use lab_base::exec::Invocation;
use lab_base::failure::chain;
use lab_model::Routing;
use lab_netns::bird;
use lab_netns::plan::Spec;

/// The deadline for all attempts together.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks this machine for a netns lab with this spec. What is tried leaves nothing behind.
#[boxed(?Send)]
pub async fn netns(program: &Path, spec: &Spec, runs_dir: &Path) -> Vec<Row> {
    let mut rows = vec![limits::processes(spec)];
    rows.extend(limits::files(spec));
    let limit = remedies::limit("net");
    match try_namespaces(program, tried_at_a_time(namespaces(spec), limit)).await {
        Ok(tried) => rows.extend(tried_rows(&tried, spec, limit)),
        Err(why) => rows.push(Row::bad(
            Outcome::Refusal,
            "netns.tried",
            why,
            "what a lab needs could not be tried",
            "run `lab try-namespaces` to see it fail",
        )),
    }
    if let Some(racks) = &spec.racks {
        rows.push(bird_row(&racks.bird).await);
    }
    rows.extend(neighbours(spec));
    rows.push(files::state());
    rows.push(files::runs(runs_dir));
    rows
}

/// How many network namespaces there are at a time: those of nodes, pods and the holder, and the holder's that is tried
/// here, since the kernel takes that away some time after its process has ended.
fn namespaces(spec: &Spec) -> usize {
    let routers = spec.racks.as_ref().map_or(0, |racks| racks.layout.racks.len() + 1);
    spec.nodes.len() + spec.replicas + 2 + routers
}

/// `netns.bird`: whether there is a BIRD that routers between racks can run.
async fn bird_row(program: &Path) -> Row {
    const ID: &str = "netns.bird";
    const WHY: &str = "with `--topology racks`, each ToR and the router between them run BIRD 2";
    const REMEDY: &str = "install it: `apt-get install bird2` on Debian and Ubuntu, `nix shell nixpkgs#bird2` with Nix; or leave \
                          `--topology racks` out";
    if program.as_os_str().is_empty() {
        let found = "there is no program `bird` on PATH, in /usr/sbin or in /sbin";
        return Row::bad(Outcome::Refusal, ID, found, WHY, REMEDY);
    }
    match bird::version(program).await {
        Ok(version) if bird::will_do(&version) => Row::ok(ID, format!("BIRD {version} is {}", program.display()), WHY),
        Ok(version) => {
            let found = format!("{} is BIRD {version}, whose configuration is in another language", program.display());
            Row::bad(Outcome::Refusal, ID, found, WHY, REMEDY)
        }
        Err(why) => Row::bad(Outcome::Refusal, ID, format!("{}: {why}", program.display()), WHY, REMEDY),
    }
}

/// How many of them are tried. Where the limit is near, none are, because what was tried would still count when the lab is
/// built; then the limit itself is compared.
fn tried_at_a_time(wanted: usize, limit: Option<usize>) -> usize {
    if limit.is_some_and(|limit| limit < 2 * wanted) { 0 } else { wanted - 2 }
}

async fn try_namespaces(program: &Path, count: usize) -> Result<Tried, String> {
    let tried = Invocation::new(program).args(["try-namespaces", "--namespaces", &count.to_string()]);
    let finished = tried.run(DEADLINE).await.map_err(|error| chain(&error))?;
    serde_json::from_slice(&finished.stdout).map_err(|error| {
        format!("`lab try-namespaces` ended with {}: {error}; {}", finished.exit, finished.stderr_text().trim())
    })
}

fn tried_rows(tried: &Tried, spec: &Spec, limit: Option<usize>) -> Vec<Row> {
    const ID: &str = "netns.namespaces";
    const WHY: &str = "every node and pod of the lab is a network namespace";
    let wanted = namespaces(spec);
    if let Some(refused) = &tried.isolate {
        let remedy = remedies::namespaces(refused, wanted);
        return vec![Row::bad(Outcome::Refusal, ID, refused.text.as_str(), WHY, remedy)];
    }
    let who = if nix::unistd::geteuid().is_root() { "as root" } else { "in a user namespace" };
    let is = limit.map_or_else(|| "cannot be read".to_owned(), |limit| format!("is {limit}"));
    let mut rows = vec![if let Some(refused) = &tried.namespaces {
        let found = format!("{}; user.max_net_namespaces {is}", refused.text);
        Row::bad(Outcome::Refusal, ID, found, WHY, remedies::namespaces(refused, wanted))
    } else if let Some(limit) = limit.filter(|limit| *limit < wanted) {
        let (nodes, pods) = (spec.nodes.len(), spec.replicas);
        let found = format!(
            "user.max_net_namespaces is {limit}; {nodes} nodes and {pods} pods need {wanted} with those of lab itself"
        );
        Row::bad(Outcome::Refusal, ID, found, WHY, remedies::raise("net", wanted))
    } else {
        let found = format!("network, mount, IPC and PID namespaces can be made {who}; user.max_net_namespaces {is}");
        Row::ok(ID, found, WHY)
    }];
    let vxlan = if spec.routing == Routing::Vxlan { Outcome::Refusal } else { Outcome::Warning };
    let tries = [
        (
            "netns.proc_sys",
            &tried.proc_sys,
            Outcome::Refusal,
            "/proc/sys can be written inside",
            "forwarding is turned on there for nodes, whatever the host's setting is",
            Needs::ProcSys,
        ),
        (
            "netns.bridge",
            &tried.bridge,
            Outcome::Refusal,
            "bridges can be made",
            "a bridge connects the nodes",
            Needs::Kernel { modules: "bridge", capability: "NET_ADMIN" },
        ),
        (
            "netns.veth",
            &tried.veth,
            Outcome::Refusal,
            "veth pairs can be made",
            "they connect nodes with the bridge and pods with their nodes",
            Needs::Kernel { modules: "veth", capability: "NET_ADMIN" },
        ),
        (
            "netns.vxlan",
            &tried.vxlan,
            vxlan,
            "vxlan devices can be made",
            "`--routing vxlan` needs one",
            Needs::Kernel { modules: "vxlan", capability: "NET_ADMIN" },
        ),
        (
            "netns.nftables",
            &tried.nftables,
            Outcome::Refusal,
            "nftables tables with nat chains can be made",
            "they translate connections to the Service",
            Needs::Kernel { modules: "-a nf_tables nft_chain_nat nft_numgen nft_masq", capability: "NET_ADMIN" },
        ),
        (
            "netns.packet_socket",
            &tried.packet_socket,
            Outcome::Refusal,
            "packet sockets can be opened",
            "frames are captured with them",
            Needs::Kernel { modules: "af_packet", capability: "NET_RAW" },
        ),
        (
            "netns.look",
            &tried.look,
            Outcome::Refusal,
            "links, routes, rules, neighbours and listening sockets can be read",
            "cases are judged by what the kernel tells of them",
            Needs::Kernel { modules: "-a inet_diag tcp_diag", capability: "NET_ADMIN" },
        ),
    ];
    rows.extend(tries.into_iter().map(|(id, failed, outcome, found, why, needs)| match failed {
        None => Row::ok(id, found, why),
        Some(refused) => Row::bad(outcome, id, refused.text.as_str(), why, needs.remedy(refused)),
    }));
    rows
}

/// `net.neighbours`: the kernel has one table of neighbours for all namespaces, which a large lab can fill.
fn neighbours(spec: &Spec) -> Option<Row> {
    const FILE: &str = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
    const WHY: &str = "all network namespaces share the kernel's table of neighbours, and this is its size";
    let limit: usize = fs::read_to_string(FILE).ok()?.trim().parse().ok()?;
    // Cases resolve at most 300 neighbours at a time, with entries on both sides (cases/l2.rs). In addition: each node and
    // the gateway for each other; each pod and its node for each other; each node with a pod for each other such node.
    let (nodes, pods) = (spec.nodes.len(), spec.replicas);
    let wanted = 600.min(2 * nodes * nodes) + 2 * nodes + 2 * pods + pods * pods.saturating_sub(1);
    let found = format!(
        "net.ipv4.neigh.default.gc_thresh3 is {limit}; {} nodes need up to {wanted} neighbours at a time",
        spec.nodes.len()
    );
    Some(if limit >= wanted {
        Row::ok("net.neighbours", found, WHY)
    } else {
        let remedy = format!("sudo sysctl net.ipv4.neigh.default.gc_thresh3={}", wanted.next_power_of_two().max(4096));
        Row::bad(Outcome::Warning, "net.neighbours", found, WHY, remedy)
    })
}
