//! What each judge gets to see, put together from what was recorded.

use ipnet::Ipv4Net;
use lab_model::observe::{
    NeighbourState, NetnsId, NetnsView, NodeName, Place, PodCidrs, PodName, Resolution, Resolved,
};
use lab_model::seen::{
    AdjacencySeen, AnswersSeen, BaseSeen, EndpointsSeen, NodeAnswer, NodesSeen, RoutingSeen, SegmentsSeen, TablesSeen,
    WorkloadSeen,
};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use super::replies::{self, Block};
use super::{CONTROL_PLANE, NODES, Read, Recording, cilium, docker, expectations, ip, kube};

/// A look into every node.
pub(super) fn nodes(recording: Recording) -> Read<BTreeMap<NodeName, NetnsView>> {
    let look = |node: &str| {
        let netns = if recording.listing()?.contains(&format!("docker/inspect-{node}.json")) {
            docker::netns(recording, node)?
        } else {
            // Not recorded, and told apart by nobody: the case about it is not judged on such a recording.
            NetnsId(0)
        };
        Ok((NodeName::from(node), ip::view(recording, node, netns)?))
    };
    NODES.into_iter().map(look).collect()
}

/// Every node with its role.
pub(crate) fn members(recording: Recording) -> Read<NodesSeen> {
    let mut views = nodes(recording)?;
    let roles = kube::roles(recording)?;
    let answer = |(name, role): (NodeName, _)| {
        let view = views.remove(&name).ok_or_else(|| format!("{name} was not looked into"));
        NodeAnswer { name, role, view }
    };
    Ok(NodesSeen { nodes: roles.into_iter().map(answer).collect() })
}

/// The nodes and the network `kind`.
pub(crate) fn segments(recording: Recording) -> Read<SegmentsSeen> {
    Ok(SegmentsSeen { nodes: NODES.map(NodeName::from).into(), segments: vec![docker::segment(recording)?] })
}

/// Who answered ARP for whom, as the neighbour tables tell it: an entry that is reachable was answered within the
/// last minute. Others are left out.
pub(crate) fn adjacency(recording: Recording) -> Read<AdjacencySeen> {
    let nodes = nodes(recording)?;
    let own: Vec<_> = nodes.values().filter_map(|view| view.address_of("eth0")).map(|net| net.addr()).collect();
    let answered = |view: &NetnsView| {
        let peers = view.neighbours.iter().filter(|one| own.contains(&one.address));
        let reachable = peers.filter(|one| one.state == NeighbourState::Reachable);
        let resolution = |address, device: &str, mac| Resolution {
            address,
            device: device.into(),
            outcome: Resolved::Answered(mac),
        };
        reachable.filter_map(|one| Some(resolution(one.address, &one.device, one.mac?))).collect()
    };
    let resolutions = nodes.iter().map(|(node, view)| (node.clone(), answered(view))).collect();
    // The kernels were asked nothing: rules and routes tell the ways.
    Ok(AdjacencySeen { nodes, resolutions, lookups: None })
}

/// What the nodes showed at this moment, taken for the moment before routing.
pub(crate) fn base(recording: Recording) -> Read<BaseSeen> {
    let gateway = docker::segment(recording)?.gateway.map(|net| net.addr());
    let gateway = gateway.ok_or_else(|| recording.wrong("docker/network-kind.json", "no gateway"))?;
    Ok(BaseSeen { age: Duration::ZERO, gateway, gateways: BTreeMap::new(), nodes: nodes(recording)? })
}

/// Routes and rules. The kernel's own lookups were not recorded.
pub(crate) fn routing(recording: Recording) -> Read<RoutingSeen> {
    let nodes = nodes(recording)?;
    let pod_cidrs = pod_cidrs(recording, &nodes)?;
    Ok(RoutingSeen { nodes, pod_cidrs, lookups: BTreeMap::new() })
}

/// From `CiliumNode`, or, where it was not recorded, each node's address on `cilium_host` and the pool's mask size.
fn pod_cidrs(recording: Recording, nodes: &BTreeMap<NodeName, NetnsView>) -> Read<PodCidrs> {
    if !recording.is_flat() {
        return kube::pod_cidrs(recording);
    }
    let prefix = expectations()?.pod_cidr_prefix;
    let cidr = |(node, view): (&NodeName, &NetnsView)| {
        let own = view.address_of("cilium_host").ok_or_else(|| format!("{node} has no address on cilium_host"))?;
        let cidr = Ipv4Net::new(own.addr(), prefix).map_err(|error| error.to_string())?;
        Ok((node.clone(), cidr.trunc()))
    };
    let source = format!("the address of cilium_host and clusterPoolIPv4MaskSize {prefix}");
    Ok(PodCidrs { source, by_node: nodes.iter().map(cidr).collect::<Read<_>>()? })
}

/// The pods, from the API.
pub(crate) fn workload(recording: Recording) -> Read<WorkloadSeen> {
    Ok(WorkloadSeen {
        pods: kube::pods(recording)?,
        roles: kube::roles(recording)?,
        pod_cidrs: kube::pod_cidrs(recording)?,
    })
}

/// The Service and its endpoints, from the API.
pub(crate) fn endpoints(recording: Recording) -> Read<EndpointsSeen> {
    Ok(EndpointsSeen {
        service: kube::service(recording, &expectations()?.service)?,
        pods: kube::pods(recording)?,
        pod_cidrs: kube::pod_cidrs(recording)?,
    })
}

/// The BPF maps of all nodes.
pub(crate) fn tables(recording: Recording) -> Read<TablesSeen> {
    Ok(TablesSeen {
        cluster_ip: kube::service(recording, &expectations()?.service)?.cluster_ip,
        pods: kube::pods(recording)?,
        tables: NODES.map(|node| (Place::Node(node.into()), cilium::table(recording, node))).into(),
    })
}

/// What the Service answered when the control plane asked.
pub(crate) fn answers_to_control_plane(recording: Recording) -> Read<AnswersSeen> {
    let cluster_ip = kube::service(recording, &expectations()?.service)?.cluster_ip;
    let to = cluster_ip.ok_or("no such Service")?;
    let blocks = replies::blocks(recording, "traffic/from-nodes.txt")?;
    let own = blocks.iter().filter(|block| block.about(&format!("from node {CONTROL_PLANE} #")).is_some());
    let replies = own.map(|block| block.http(to)).collect();
    Ok(AnswersSeen {
        cluster_ip,
        pods: kube::pods(recording)?,
        roles: kube::roles(recording)?,
        replies: vec![(Place::Node(CONTROL_PLANE.into()), Ok(replies))],
    })
}

/// What the Service answered when each pod asked.
pub(crate) fn answers_to_pods(recording: Recording) -> Read<AnswersSeen> {
    let (file, pods, to) = if recording.is_flat() {
        ("traffic.txt", replies::pods(recording)?, replies::cluster_ip(recording)?)
    } else {
        let to = kube::service(recording, &expectations()?.service)?.cluster_ip;
        ("traffic/from-pods.txt", kube::pods(recording)?, to.ok_or("no such Service")?)
    };
    let blocks = replies::blocks(recording, file)?;
    let replies = pods.iter().map(|pod| {
        let own = blocks.iter().filter(|block| asks_service(block, &pod.name, to));
        (Place::Pod(pod.name.clone()), Ok(own.map(|block| block.http(to)).collect()))
    });
    // Of 7 and 8 the roles were not recorded, and no node asked.
    Ok(AnswersSeen { cluster_ip: Some(to), replies: replies.collect(), pods, roles: BTreeMap::new() })
}

/// `from pod NAME on NODE (ADDRESS) to ClusterIP #1` or `pod NAME (ADDRESS) on NODE: curl http://TO #1`.
fn asks_service(block: &Block, pod: &PodName, to: SocketAddrV4) -> bool {
    let of_pod = block.about(&format!("from pod {pod} ")).or_else(|| block.about(&format!("pod {pod} ")));
    of_pod.is_some_and(|rest| rest.contains(" to ClusterIP #") || rest.contains(&format!(": curl http://{to} #")))
}
