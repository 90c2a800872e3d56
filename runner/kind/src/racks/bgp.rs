//! Has Cilium announce pod CIDRs, and waits until routers have learnt them: a peering policy for each rack, and what BIRD of each
//! router says. Cilium 1.12 tells nothing of its sessions itself.

use futures_util::future::join_all;
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use std::time::Duration;

use super::{RACK_LABEL, rack_name};
use crate::lab::KindLab;
use crate::stages::failed;
use lab_backend::LabError;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_base::failure::chain;
use lab_model::observe::{DaemonSeen, Place, PodCidrs};
use lab_model::racks::{Rack, Racks};
use lab_model::stage::Stage;

/// How long routers may take to learn of each other's racks: BIRD waits up to a second before it connects, and looks for links
/// once in a second.
const UNDERLAY_DEADLINE: Duration = Duration::from_mins(1);
/// How long sessions with nodes and routes may take. GoBGP, which Cilium's agents speak BGP with, tries again after up to 120 s.
const LEARNT_DEADLINE: Duration = Duration::from_mins(3);
/// The time between two looks at all routers.
const INTERVAL: Duration = Duration::from_millis(500);
/// The state of a session over which routes are exchanged (RFC 4271, 8.2.2).
const ESTABLISHED: &str = "Established";

/// What BIRD of each router said.
type Said = Vec<(Place, Result<DaemonSeen, String>)>;

impl KindLab {
    /// Waits until every router has the way to every rack.
    pub(crate) async fn until_racks_are_joined(&self, layout: &Racks) -> Result<(), LabError> {
        let racks: Vec<Ipv4Net> = layout.racks.iter().map(|rack| rack.gateway.trunc()).collect();
        let what = "the routers' learning of all racks";
        let joined = self.until(UNDERLAY_DEADLINE, what, |said| lacking_route(said, &racks));
        joined.await.map_err(|why| failed(Stage::ClusterCreated, why))
    }

    /// Applies the policies, and waits for sessions and routes. Returns a summary as text.
    pub(crate) async fn announce(&self, layout: &Racks) -> Result<String, LabError> {
        let stage = Stage::RoutingInstalled;
        let api = self.api()?;
        for (position, rack) in layout.racks.iter().enumerate() {
            self.doing.now(format!("applying the peering policy of {}", rack_name(position)));
            let applied = api.apply_peering_policy(&rack_name(position), &policy(position, rack)).await;
            applied.map_err(|error| failed(stage, chain(&error)))?;
        }
        let begun = clock::now();
        let cidrs = Box::pin(self.until_pod_cidrs(layout)).await?;
        let nets: Vec<Ipv4Net> = cidrs.by_node.values().copied().collect();
        let learnt = self.until(LEARNT_DEADLINE, "BGP sessions with all nodes, and their pod CIDRs", |said| {
            lacking_session(said, layout).or_else(|| lacking_route(said, &nets))
        });
        learnt.await.map_err(|why| failed(stage, why))?;
        let (nodes, routers) = (nets.len(), layout.racks.len() + 1);
        let took = lab_base::text::duration(begun.elapsed());
        Ok(format!("{nodes} nodes announce their pod CIDRs by BGP, {routers} routers have learnt all in {took}"))
    }

    /// Each node's pod CIDR, once all nodes have one.
    async fn until_pod_cidrs(&self, layout: &Racks) -> Result<PodCidrs, LabError> {
        let nodes: usize = layout.racks.iter().map(|rack| rack.nodes.len()).sum();
        let what = format!("pod CIDRs of {nodes} nodes");
        let api = self.api()?;
        let found = clock::until(UNDERLAY_DEADLINE, INTERVAL, &what, async || match api.pod_cidrs().await {
            Ok(cidrs) if cidrs.by_node.len() >= nodes => Poll::Ready(cidrs),
            Ok(cidrs) => Poll::NotYet(format!("{} have one", cidrs.by_node.len())),
            Err(error) => Poll::NotYet(chain(&error)),
        });
        found.await.map_err(|error| failed(Stage::RoutingInstalled, error.to_string()))
    }

    /// Asks all routers until nothing is lacking. The error says what was lacking last.
    async fn until(
        &self,
        deadline: Duration,
        what: &str,
        lacking: impl Fn(&Said) -> Option<String>,
    ) -> Result<(), String> {
        let places: Vec<Place> = self.layout().map(|layout| layout.routers().collect()).unwrap_or_default();
        let waited = clock::until(deadline, INTERVAL, what, async || {
            let said = join_all(places.iter().map(async |place| (place.clone(), self.daemon(place).await))).await;
            match lacking(&said) {
                None => Poll::Ready(()),
                Some(lacking) => {
                    self.doing.now(format!("waiting for {what}: {lacking}"));
                    Poll::<(), String>::NotYet(lacking)
                }
            }
        });
        Box::pin(waited).await.map_err(|error| error.to_string())
    }
}

/// The policy for the nodes of one rack (cilium.io/v2alpha1 of 1.12: timers are none of it).
fn policy(position: usize, rack: &Rack) -> Value {
    json!({
        "apiVersion": "cilium.io/v2alpha1",
        "kind": "CiliumBGPPeeringPolicy",
        "metadata": { "name": rack_name(position) },
        "spec": {
            "nodeSelector": { "matchLabels": { RACK_LABEL: rack_name(position) } },
            "virtualRouters": [{
                "localASN": rack.node_as,
                "exportPodCIDR": true,
                "neighbors": [{ "peerAddress": format!("{}/32", rack.gateway.addr()), "peerASN": rack.tor_as }],
            }],
        },
    })
}

/// The first route that a router does not have.
fn lacking_route(said: &Said, wanted: &[Ipv4Net]) -> Option<String> {
    said.iter().find_map(|(place, daemon)| {
        let daemon = match daemon {
            Ok(daemon) => daemon,
            Err(why) => return Some(why.clone()),
        };
        let has = |net: &&Ipv4Net| daemon.routes.iter().any(|route| route.destination == **net && route.chosen);
        let lacks = wanted.iter().find(|net| !has(net))?;
        Some(format!("{place} has no route to {lacks} yet"))
    })
}

/// The first session of a ToR with one of its nodes that is not established.
fn lacking_session(said: &Said, layout: &Racks) -> Option<String> {
    layout.racks.iter().zip(said).find_map(|(rack, (place, daemon))| {
        let daemon = match daemon {
            Ok(daemon) => daemon,
            Err(why) => return Some(why.clone()),
        };
        rack.nodes.iter().find_map(|node| {
            let address = layout.address_of(node)?.addr();
            let session = daemon.sessions.iter().find(|session| session.neighbour == address);
            match session {
                Some(session) if session.state == ESTABLISHED => None,
                Some(session) => {
                    let last =
                        session.last_error.as_ref().map(|why| format!(", last error: {why}")).unwrap_or_default();
                    Some(format!("{place}: the session with {node} ({address}) is {}{last}", session.state))
                }
                None => Some(format!("{place} has no session for {node} ({address})")),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_manifest::{Fabric, Manifests};
    use lab_model::observe::{BgpSession, Learnt};

    fn layout() -> Racks {
        let nodes = ["kind-control-plane", "kind-worker", "kind-worker2"].map(Into::into);
        let native = "10.0.0.0/8".parse().unwrap();
        Manifests::embedded().unwrap().racks.racks(2, &nodes, native, true, Fabric::Docker("kind")).unwrap()
    }

    /// What BIRD of each router says when all is well.
    fn said(layout: &Racks, routes: &[&str]) -> Said {
        let route = |net: &&str| Learnt {
            destination: net.parse().unwrap(),
            via: None,
            device: None,
            session: "s".to_owned(),
            chosen: true,
        };
        let session = |node| BgpSession {
            name: "s".to_owned(),
            neighbour: layout.address_of(node).unwrap().addr(),
            neighbour_as: 64701,
            local_as: 64601,
            state: ESTABLISHED.to_owned(),
            hold: None,
            last_error: None,
        };
        let mut said: Said = Vec::new();
        for (position, place) in layout.routers().enumerate() {
            let nodes = layout.racks.get(position).map(|rack| rack.nodes.as_slice()).unwrap_or_default();
            let sessions = nodes.iter().map(session).collect();
            let routes = routes.iter().map(route).collect();
            said.push((place, Ok(DaemonSeen { version: "BIRD 2.0.12".to_owned(), sessions, routes })));
        }
        said
    }

    #[test]
    fn a_policy_names_the_racks_nodes_and_their_tor() {
        let layout = layout();
        let policy = policy(1, &layout.racks[1]);
        assert_eq!(policy["metadata"]["name"], "rack1");
        assert_eq!(policy["spec"]["nodeSelector"]["matchLabels"], json!({ "rack": "rack1" }));
        assert_eq!(
            policy["spec"]["virtualRouters"],
            json!([{
                "localASN": 64702,
                "exportPodCIDR": true,
                "neighbors": [{ "peerAddress": "198.19.1.1/32", "peerASN": 64602 }],
            }])
        );
    }

    #[test]
    fn nothing_is_lacking_once_all_is_there() {
        let layout = layout();
        let said = said(&layout, &["10.0.0.0/24", "10.0.1.0/24"]);
        assert_eq!(lacking_session(&said, &layout), None);
        assert_eq!(lacking_route(&said, &["10.0.1.0/24".parse().unwrap()]), None);
        let lacks = lacking_route(&said, &["10.0.2.0/24".parse().unwrap()]);
        assert_eq!(lacks.as_deref(), Some("tor0 has no route to 10.0.2.0/24 yet"));
    }

    #[test]
    fn what_is_lacking_is_told_with_the_last_error() {
        let layout = layout();
        let mut said = said(&layout, &[]);
        if let Ok(daemon) = &mut said[1].1 {
            daemon.sessions[0].state = "Active".to_owned();
            daemon.sessions[0].last_error = Some("Received: Bad peer AS".to_owned());
        }
        let lacks = lacking_session(&said, &layout).unwrap();
        assert_eq!(
            lacks,
            "tor1: the session with kind-worker2 (198.19.1.4) is Active, last error: Received: Bad peer AS"
        );
        said[0].1 = Err("tor0 does not run".to_owned());
        assert_eq!(lacking_session(&said, &layout).as_deref(), Some("tor0 does not run"));
        assert_eq!(lacking_route(&said, &[]).as_deref(), Some("tor0 does not run"));
    }
}
