//! Checks what the netns backend needs: namespaces, a few kinds of links, nftables, room in the neighbour table, and
//! folders for state and runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Outcome, Row, Tried, files};
use lab_base::exec::Invocation;
use lab_base::failure::chain;
use lab_model::Routing;
use lab_netns::plan::Spec;

/// The deadline for all attempts together.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks this machine for a netns lab with this spec. What is tried leaves nothing behind.
pub async fn netns(program: &Path, spec: &Spec, runs_dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    match try_namespaces(program).await {
        Ok(tried) => rows.extend(tried_rows(&tried, spec)),
        Err(why) => rows.push(Row::bad(
            Outcome::Refusal,
            "netns.tried",
            why,
            "what a lab needs could not be tried",
            "run `lab try-namespaces` to see it fail",
        )),
    }
    rows.extend(neighbours(spec));
    rows.push(files::state());
    rows.push(files::runs(runs_dir));
    rows
}

async fn try_namespaces(program: &Path) -> Result<Tried, String> {
    let finished =
        Invocation::new(program).args(["try-namespaces"]).run(DEADLINE).await.map_err(|error| chain(&error))?;
    serde_json::from_slice(&finished.stdout).map_err(|error| {
        format!("`lab try-namespaces` ended with {}: {error}; {}", finished.exit, finished.stderr_text().trim())
    })
}

fn tried_rows(tried: &Tried, spec: &Spec) -> Vec<Row> {
    const WHY: &str = "every node and pod of the lab is a network namespace";
    if let Some(refused) = &tried.isolate {
        return vec![Row::bad(Outcome::Refusal, "netns.namespaces", refused.as_str(), WHY, namespace_remedy())];
    }
    let who = if nix::unistd::geteuid().is_root() { "as root" } else { "in a user namespace" };
    let mut rows =
        vec![Row::ok("netns.namespaces", format!("network, mount, IPC and PID namespaces can be made {who}"), WHY)];
    let vxlan = if spec.routing == Routing::Vxlan { Outcome::Refusal } else { Outcome::Warning };
    let tries = [
        (
            "netns.proc_sys",
            &tried.proc_sys,
            Outcome::Refusal,
            "/proc/sys can be written inside",
            "forwarding is turned on there for nodes, whatever the host's setting is",
            "mount /proc/sys writable: in a container, run it with --security-opt systempaths=unconfined",
        ),
        (
            "netns.bridge",
            &tried.bridge,
            Outcome::Refusal,
            "bridges can be made",
            "a bridge connects the nodes",
            "sudo modprobe bridge",
        ),
        (
            "netns.veth",
            &tried.veth,
            Outcome::Refusal,
            "veth pairs can be made",
            "they connect nodes with the bridge and pods with their nodes",
            "sudo modprobe veth",
        ),
        (
            "netns.vxlan",
            &tried.vxlan,
            vxlan,
            "vxlan devices can be made",
            "`--routing vxlan` needs one",
            "sudo modprobe vxlan",
        ),
        (
            "netns.nftables",
            &tried.nftables,
            Outcome::Refusal,
            "nftables tables with nat chains can be made",
            "they translate connections to the Service",
            "sudo modprobe -a nf_tables nft_chain_nat nft_numgen nft_masq",
        ),
        (
            "netns.packet_socket",
            &tried.packet_socket,
            Outcome::Refusal,
            "packet sockets can be opened",
            "frames are captured with them",
            "sudo modprobe af_packet",
        ),
    ];
    rows.extend(tries.into_iter().map(|(id, failed, outcome, found, why, remedy)| match failed {
        None => Row::ok(id, found, why),
        Some(reason) => Row::bad(outcome, id, reason.as_str(), why, remedy),
    }));
    rows
}

/// The command that allows namespaces, for the setting that forbids them.
fn namespace_remedy() -> String {
    let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor restricts user namespaces (Ubuntu 23.10 and later): sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run lab as root".to_owned()
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "sudo sysctl kernel.unprivileged_userns_clone=1, or run lab as root".to_owned()
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "sudo sysctl user.max_user_namespaces=15000, or run lab as root".to_owned()
    } else if nix::unistd::geteuid().is_root() {
        "root may not make namespaces here: in a container, run it with --privileged or --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined".to_owned()
    } else {
        "run lab as root; in a container, user namespaces may be forbidden by its seccomp profile".to_owned()
    }
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
