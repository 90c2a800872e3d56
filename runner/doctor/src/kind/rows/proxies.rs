//! A row about proxies that nodes are given, and what they must reach without one.

use ipnet::Ipv4Net;

use super::segment::network;
use crate::kind::facts::{DockerSeen, HostSeen};
use crate::kind::input::KindDoctorInput;
use crate::{Outcome, Row};

/// Whether one of these entries, separated by commas, takes a network out of the proxy's hands.
fn covers(without: &str, network: Ipv4Net) -> bool {
    without
        .split(',')
        .map(str::trim)
        .any(|entry| entry == "*" || entry.parse::<Ipv4Net>().is_ok_and(|given| given.trunc().contains(&network)))
}

/// `docker.proxies`.
pub(in crate::kind) fn proxies(input: &KindDoctorInput, docker: &DockerSeen, host: &HostSeen) -> Row {
    const ID: &str = "docker.proxies";
    const WHY: &str =
        "kubelet, the API server and containerd in the nodes use it, and a proxy does not reach what is in the lab";
    let subnet = network(docker, &input.network).and_then(|seen| seen.subnets().next());
    for proxies in &host.proxies {
        let within = [("pods", Some(input.pod_pool)), ("Services", Some(input.service_cidr)), ("nodes", subnet)];
        let missing: Vec<(&str, Ipv4Net)> = within
            .into_iter()
            .filter_map(|(what, network)| Some((what, network?)))
            .filter(|(what, _)| !proxies.kind_adds || *what == "pods")
            .filter(|(_, network)| !covers(&proxies.without, *network))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let listed: Vec<String> = missing.iter().map(|(what, network)| format!("the {what}' {network}")).collect();
        let found = format!(
            "nodes get {} from {}, without an exception for {}",
            proxies.names.join(" and "),
            proxies.by,
            listed.join(", ")
        );
        let mut entries: Vec<String> = proxies.without.split(',').map(str::trim).map(str::to_owned).collect();
        entries.extend(missing.iter().map(|(_, network)| network.to_string()));
        entries.extend([".svc", ".cluster.local"].map(str::to_owned));
        if !proxies.kind_adds {
            entries.extend(input.nodes.iter().map(|node| node.0.clone()));
        }
        let mut line: Vec<String> = Vec::new();
        for entry in entries.into_iter().filter(|entry| !entry.is_empty()) {
            if !line.contains(&entry) {
                line.push(entry);
            }
        }
        let line = line.join(",");
        let remedy = if proxies.kind_adds {
            format!("export NO_PROXY={line} no_proxy={line}")
        } else {
            format!("\"noProxy\": \"{line}\" in {}", proxies.by)
        };
        return Row::bad(Outcome::Warning, ID, found, WHY, remedy);
    }
    if host.proxies.is_empty() {
        return Row::ok(ID, "nodes get no proxy", WHY);
    }
    let by: Vec<&str> = host.proxies.iter().map(|proxies| proxies.by.as_str()).collect();
    Row::ok(ID, format!("nodes get a proxy from {}, and not for pods and Services", by.join(", ")), WHY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::facts::Proxies;
    use crate::kind::fixture::{docker, host, input};

    fn row(without: &str, kind_adds: bool) -> Row {
        let mut host = host();
        let (by, names) = ("the file".to_owned(), vec!["HTTP_PROXY".to_owned()]);
        host.proxies = vec![Proxies { by, names, without: without.to_owned(), kind_adds }];
        proxies(&input(), &docker(), &host)
    }

    #[test]
    fn a_proxy_without_exceptions_is_warned_of_with_the_line_to_add() {
        assert_eq!(proxies(&input(), &docker(), &host()).found, "nodes get no proxy");
        let warned = row("localhost", false);
        assert_eq!(warned.outcome, Outcome::Warning);
        assert_eq!(
            warned.found,
            "nodes get HTTP_PROXY from the file, without an exception for the pods' 10.0.0.0/8, the Services' 10.96.0.0/16, \
             the nodes' 172.18.0.0/16"
        );
        assert_eq!(
            warned.remedy,
            "\"noProxy\": \"localhost,10.0.0.0/8,10.96.0.0/16,172.18.0.0/16,.svc,.cluster.local,kind-control-plane,\
             kind-worker,kind-worker2\" in the file"
        );
        assert_eq!(row("10.0.0.0/8, 172.16.0.0/12", false).outcome, Outcome::Ok);
        assert_eq!(row("*", false).outcome, Outcome::Ok);
    }

    #[test]
    fn of_the_environments_kind_itself_adds_all_but_the_pods() {
        let warned = row("", true);
        assert!(warned.found.ends_with("an exception for the pods' 10.0.0.0/8"), "{warned:?}");
        assert!(warned.remedy.starts_with("export NO_PROXY=10.0.0.0/8,.svc,.cluster.local no_proxy="), "{warned:?}");
        assert_eq!(row("10.0.0.0/8", true).outcome, Outcome::Ok);
    }
}
