//! Which of the article's commands show what a case judges.

use serde_json::Value;
use std::net::SocketAddrV4;

use lab_kind::{ByHand, KindLab};
use lab_model::observe::{NodeName, Role};
use lab_model::said::Said;

/// The commands that show by hand what this case saw; none where the article has none.
fn commands(case: &str, lab: &KindLab, seen: &Value) -> Vec<ByHand> {
    let on_host = |command: &str| vec![ByHand::OnHost(words(command))];
    let in_nodes = |command: &str| each(lab, None).map(|node| ByHand::InNode(node, words(command))).collect();
    let in_control_planes =
        |command: &str| each(lab, Some(Role::ControlPlane)).map(|node| ByHand::InNode(node, words(command))).collect();
    match case {
        "cluster::docker_engine_answers" => on_host("docker version"),
        "cluster::three_node_containers_run" => on_host("docker ps --all"),
        "cluster::no_kube_proxy" => on_host("kubectl get daemonsets --all-namespaces"),
        "cluster::nodes_are_what_the_article_shows" | "cluster::nodes_become_ready" => {
            on_host("kubectl get nodes -o wide")
        }
        "l2::nodes_share_one_bridge" => on_host("docker network ls"),
        "cluster::control_plane_runs_nested_containers" => in_control_planes("ctr -n k8s.io c ls"),
        "cilium::release_has_the_articles_values" => {
            let release = &lab.spec().manifests.cilium.release;
            let values = format!("helm get values {} --namespace {}", release.name, release.namespace);
            [on_host("helm list --all-namespaces"), on_host(&values)].concat()
        }
        "cilium::components_are_ok" => on_host("cilium status"),
        "routing::direct_route_to_every_peer" => in_nodes("ip route"),
        "service::two_replicas_on_two_workers" => on_host("kubectl get pods -o wide"),
        "service::cluster_ip_has_both_backends" => on_host("kubectl get service"),
        "service::load_balancer_table_matches" => {
            each(lab, None).map(|node| ByHand::InAgent(node, words("service list"))).collect()
        }
        "service::answers_from_the_control_plane" => {
            let address = seen.get("cluster_ip").and_then(Value::as_str);
            let address = address.and_then(|address| address.parse::<SocketAddrV4>().ok());
            address.map_or_else(Vec::new, |address| in_control_planes(&format!("curl -sS -m 5 http://{address}")))
        }
        _ => Vec::new(),
    }
}

/// What these commands say now; or, for what was only to be seen before Cilium, what they said then.
pub async fn said(case: &str, lab: &KindLab, seen: &Value) -> Vec<Said> {
    match case {
        "cluster::nodes_not_ready_for_want_of_a_cni" => said_before(lab, "kubectl"),
        "routing::only_base_routes_before" => said_before(lab, "ip"),
        now => lab.say_by_hand(commands(now, lab, seen)).await,
    }
}

fn said_before(lab: &KindLab, program: &str) -> Vec<Said> {
    let stored = lab.before_cni().ok().flatten().map(|before| before.said).unwrap_or_default();
    stored.into_iter().filter(|said| said.command.split(' ').next() == Some(program)).collect()
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

fn each(lab: &KindLab, role: Option<Role>) -> impl Iterator<Item = NodeName> {
    lab.nodes().iter().filter(move |(_, is)| role.is_none_or(|role| role == *is)).map(|(name, _)| name.clone())
}
