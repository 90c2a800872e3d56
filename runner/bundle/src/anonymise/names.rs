//! Names in the place of names. They are numbered in the order of the names that they stand for, so that lists stay sorted.

use std::collections::{BTreeMap, BTreeSet};

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Node,
    Context,
    Zone,
    Namespace,
    Service,
    Workload,
    NodeConfig,
    Chain,
    Link,
    /// Something of which only the form tells that it is a name.
    Other,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Context => "context",
            Self::Zone => "zone",
            Self::Namespace => "namespace",
            Self::Service => "service",
            Self::Workload => "workload",
            Self::NodeConfig => "node-config",
            Self::Chain => "CHAIN",
            Self::Link => "link",
            Self::Other => "name",
        }
    }
}

/// Names that Kubernetes, Cilium, this program and its article give: they are the same everywhere, and what they are for is
/// judged.
const COMMON: [&str; 35] = [
    "cluster.ciliumHealth",
    "in-cluster",
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kubernetes",
    "kube-dns",
    "kube-proxy",
    "cilium",
    "cilium-agent",
    "cilium-config",
    "cilium-envoy",
    "cilium-operator",
    "cilium-health-ep",
    "coredns",
    "hubble-peer",
    "hubble-relay",
    "hubble-ui",
    "metrics-server",
    "hello-app",
    "cluster-pool",
    "cluster-pool-v2beta",
    "multi-pool",
    "delegated-plugin",
    "aws-cni",
    "generic-veth",
    "auto-direct-node-routes",
    "routing-mode",
    "bpf-lb-dsr-dispatch",
    "enable-high-scale-ipcache",
    "iptables-nft-save",
    "iptables-legacy-save",
    "kubectl",
    "CiliumNodeConfig",
];
/// How the kernel, udev and other programs begin the names of links. A short number may follow.
const LINKS: [&str; 24] = [
    "eth", "ens", "enp", "eno", "enx", "bond", "br", "vlan", "veth", "lxc", "docker", "cni", "cali", "wg", "tun",
    "tap", "tunl", "dummy", "sit", "gre", "vxlan", "geneve", "l2tpeth", "team",
];
/// Links that are called so everywhere.
const COMMON_LINKS: [&str; 3] = ["lo", "lxc_health", "nodelocaldns"];
/// How many digits a link's number may have that says nothing about its machine.
const SHORT: usize = 3;
/// Chains whose last part is a hash of a Service's name (Kubernetes: `pkg/proxy/iptables/proxier.go`).
const HASHED: [&str; 6] = ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-", "KUBE-XLB-"];
/// How the names of chains begin that the kernel, Kubernetes, Cilium and Docker make.
const COMMON_CHAINS: [&str; 11] = [
    "INPUT",
    "OUTPUT",
    "FORWARD",
    "PREROUTING",
    "POSTROUTING",
    "KUBE-",
    "CILIUM_",
    "OLD_CILIUM_",
    "DOCKER",
    "LIBVIRT_",
    "ip6tables",
];

/// Whether a name is the same everywhere.
pub(super) fn is_common(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Link => COMMON_LINKS.contains(&name) || name.starts_with("cilium_") || is_plain_link(name),
        Kind::Chain => {
            COMMON_CHAINS.iter().any(|start| name.starts_with(start))
                && !HASHED.iter().any(|hashed| name.starts_with(hashed))
        }
        _ => is_common_word(name),
    }
}

/// Whether a word stays in a text although it is no plain one.
pub(super) fn is_common_word(word: &str) -> bool {
    COMMON.contains(&word)
}

fn is_plain_link(name: &str) -> bool {
    let (letters, rest) = letters(name);
    LINKS.contains(&letters) && rest.len() <= SHORT && rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn letters(name: &str) -> (&str, &str) {
    name.split_at(name.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(name.len()))
}

/// The names that were seen, and afterwards those in their place.
#[derive(Debug, Default)]
pub(super) struct Names {
    seen: BTreeMap<String, Kind>,
    images: BTreeMap<String, String>,
}

impl Names {
    /// Takes a name in, unless it is the same everywhere. What is a node's name and something else's is a node's.
    pub(super) fn see(&mut self, kind: Kind, name: &str) {
        if !name.is_empty() && !is_common(kind, name) {
            self.seen.entry(name.to_owned()).and_modify(|known| *known = (*known).min(kind)).or_insert(kind);
        }
    }

    /// Gives each name another, which none of them has.
    pub(super) fn number(&mut self) {
        let mut of_kind: BTreeMap<Kind, Vec<&String>> = BTreeMap::new();
        for (name, kind) in &self.seen {
            of_kind.entry(*kind).or_default().push(name);
        }
        let mut images = BTreeMap::new();
        let mut taken: BTreeSet<String> = self.seen.keys().cloned().collect();
        for (kind, names) in of_kind {
            let width = names.len().to_string().len();
            let mut number = 0;
            for name in names {
                let image = loop {
                    number += 1;
                    let image = image(kind, name, number, width);
                    if taken.insert(image.clone()) {
                        break image;
                    }
                };
                images.insert(name.clone(), image);
            }
        }
        self.images = images;
    }

    /// The name in the place of this one; none where it stays.
    pub(super) fn image(&self, name: &str) -> Option<&str> {
        self.images.get(name).map(String::as_str)
    }
}

fn image(kind: Kind, name: &str, number: usize, width: usize) -> String {
    match kind {
        // What a link is for is told by how its name begins, and longer numbers are not mistaken for those that stay.
        Kind::Link => {
            let start =
                LINKS.iter().find(|start| **start == letters(name).0 || **start == "lxc" && name.starts_with("lxc"));
            format!("{}{number:0width$}", start.unwrap_or(&"link"), width = width.max(SHORT + 1))
        }
        Kind::Chain => {
            let start = HASHED.iter().find(|start| name.starts_with(**start)).unwrap_or(&"CHAIN-");
            format!("{start}{number:0width$}")
        }
        _ => format!("{}-{number:0width$}", kind.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(names: &[(Kind, &str)]) -> Names {
        let mut all = Names::default();
        for (kind, name) in names {
            all.see(*kind, name);
        }
        all.number();
        all
    }

    #[test]
    fn names_keep_their_order_and_none_becomes_another_that_is_there() {
        let names =
            numbered(&[(Kind::Node, "node-2"), (Kind::Node, "node-1"), (Kind::Node, "b.example"), (Kind::Zone, "eu")]);
        assert_eq!(names.image("b.example"), Some("node-3"));
        assert_eq!((names.image("node-1"), names.image("node-2")), (Some("node-4"), Some("node-5")));
        assert_eq!(names.image("eu"), Some("zone-1"));
        let many: Vec<String> = (0..11).map(|number| format!("w{number:02}")).collect();
        let names = numbered(&many.iter().map(|name| (Kind::Node, name.as_str())).collect::<Vec<_>>());
        let images: Vec<&str> = many.iter().filter_map(|name| names.image(name)).collect();
        assert_eq!((images.first(), images.last()), (Some(&"node-01"), Some(&"node-11")));
        assert!(images.is_sorted());
    }

    #[test]
    fn what_is_called_so_everywhere_stays() {
        for (kind, name) in [
            (Kind::Namespace, "kube-system"),
            (Kind::Workload, "kube-proxy"),
            (Kind::Link, "cilium_host"),
            (Kind::Link, "eth0"),
            (Kind::Link, "ens192"),
            (Kind::Chain, "KUBE-KUBELET-CANARY"),
        ] {
            assert_eq!(numbered(&[(kind, name)]).image(name), None, "{name}");
        }
        for (kind, name, image) in [
            (Kind::Namespace, "acme", "namespace-1"),
            (Kind::Link, "lxc1a2b3c4d", "lxc0001"),
            (Kind::Link, "enx0242ac120003", "enx0001"),
            (Kind::Link, "acme0", "link0001"),
            (Kind::Chain, "KUBE-SVC-ERIFXISQEP7F7OF4", "KUBE-SVC-1"),
            (Kind::Chain, "ACME-IN", "CHAIN-1"),
        ] {
            assert_eq!(numbered(&[(kind, name)]).image(name), Some(image), "{name}");
        }
        // A node's name that is something else's too has one image.
        assert_eq!(numbered(&[(Kind::Workload, "acme"), (Kind::Node, "acme")]).image("acme"), Some("node-1"));
    }
}
