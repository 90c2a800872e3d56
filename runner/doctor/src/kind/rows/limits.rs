//! A row about limits of the host that all containers share.

use crate::kind::facts::HostSeen;
use crate::{Outcome, Row};

/// The inotify instances that the nodes of the article's size need (kind's documentation, Known Issues: "Pod errors due to
/// too many open files").
const INSTANCES: u64 = 512;
/// The inotify watches that they need, from the same page.
const WATCHES: u64 = 524_288;
/// The number of nodes for which these are enough. More nodes are taken to need more in proportion.
const NODES: u64 = 3;

/// What so many nodes need.
fn needed(of_three: u64, nodes: usize) -> u64 {
    (of_three * nodes as u64).div_ceil(NODES).max(of_three)
}

/// `host.inotify`.
pub(in crate::kind) fn inotify(host: &HostSeen, nodes: usize) -> Row {
    const ID: &str = "host.inotify";
    const WHY: &str =
        "systemd, kubelet, containerd and Cilium of all nodes watch files as one user, and limits are the host's";
    let limits = [
        ("max_user_instances", host.inotify_instances, needed(INSTANCES, nodes)),
        ("max_user_watches", host.inotify_watches, needed(WATCHES, nodes)),
    ];
    let mut found = Vec::new();
    let mut remedy = Vec::new();
    let mut unread = false;
    for (name, limit, needed) in limits {
        match limit {
            None => {
                unread = true;
                found.push(format!("{name} cannot be read"));
            }
            Some(limit) if limit < needed => {
                found.push(format!("{name} is {limit}; {nodes} nodes need {needed}"));
                remedy.push(format!("sudo sysctl fs.inotify.{name}={needed}"));
            }
            Some(limit) => found.push(format!("{name} is {limit}")),
        }
    }
    let found = found.join(", ");
    if remedy.is_empty() && !unread {
        return Row::ok(ID, found, WHY);
    }
    if remedy.is_empty() {
        remedy.push("sysctl fs.inotify".to_owned());
    }
    Row::bad(Outcome::Warning, ID, found, WHY, remedy.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::host;

    #[test]
    fn what_is_too_low_is_named_with_its_remedy() {
        let mut host = host();
        assert_eq!(inotify(&host, 3).outcome, Outcome::Ok);
        host.inotify_instances = Some(128);
        let row = inotify(&host, 3);
        assert_eq!(row.outcome, Outcome::Warning);
        assert_eq!(row.found, "max_user_instances is 128; 3 nodes need 512, max_user_watches is 1048576");
        assert_eq!(row.remedy, "sudo sysctl fs.inotify.max_user_instances=512");
        host.inotify_watches = Some(8192);
        assert!(inotify(&host, 3).remedy.ends_with("\nsudo sysctl fs.inotify.max_user_watches=524288"));
    }

    #[test]
    fn more_nodes_need_more_and_fewer_no_less() {
        let row = inotify(&host(), 50);
        assert_eq!(row.outcome, Outcome::Warning);
        assert_eq!(
            row.found,
            "max_user_instances is 1024; 50 nodes need 8534, max_user_watches is 1048576; 50 nodes need 8738134"
        );
        assert_eq!(inotify(&host(), 6).outcome, Outcome::Ok);
        let mut host = host();
        host.inotify_instances = Some(511);
        assert_eq!(inotify(&host, 2).outcome, Outcome::Warning);
    }

    #[test]
    fn what_is_exactly_enough_is_enough() {
        let mut host = host();
        host.inotify_instances = Some(INSTANCES);
        host.inotify_watches = Some(WATCHES);
        assert_eq!(inotify(&host, 3).outcome, Outcome::Ok);
        host.inotify_watches = None;
        assert_eq!(inotify(&host, 3).outcome, Outcome::Warning);
    }
}
