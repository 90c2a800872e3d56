//! The observations of a lab in racks: its segments, its routers, and where nodes send what is not for their own rack.

use async_recursion::async_recursion as boxed;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures_util::future::join_all;

use crate::lab::KindLab;
use lab_backend::LabError;
use lab_engine::router_container;
use lab_model::observe::{NetnsView, NodeName, Place, RouterSeen, Segment};
use lab_model::racks::{self, Racks, TOR_UPLINK, router_port};
use lab_model::request::{Answer, Answered, Request};

impl KindLab {
    /// What the ToRs and the router say and show; empty where there are none.
    ///
    /// # Errors
    /// When the cluster has not been created.
    #[boxed(?Send)]
    pub async fn routers(&self) -> Result<Vec<RouterSeen>, LabError> {
        let Some(layout) = self.layout() else { return Ok(Vec::new()) };
        let places: Vec<Place> = layout.routers().collect();
        let asks = places.iter().map(|place| (place.clone(), Request::View)).collect();
        let daemons = join_all(places.iter().map(|place| self.daemon(place)));
        let (views, daemons) = tokio::join!(self.ask(asks), daemons);
        let seen = views?.into_iter().zip(daemons).map(|(answered, daemon)| RouterSeen {
            place: answered.place.clone(),
            daemon,
            kernel: view(answered),
        });
        Ok(seen.collect())
    }

    /// The container of the router with this name, `tor0` or `router`, if there is one.
    pub fn router_called(&self, name: &str) -> Option<NodeName> {
        let router = self.layout()?.routers().find(|router| router.to_string() == name)?;
        Some(router_container(&self.spec.cluster, &router.to_string()))
    }

    /// The containers of its routers.
    pub(crate) fn router_containers(&self) -> Vec<NodeName> {
        let places = self.layout().into_iter().flat_map(Racks::routers);
        places.map(|place| router_container(&self.spec.cluster, &place.to_string())).collect()
    }

    /// The links of routers by which pods' packets may go: to nodes, and between routers.
    pub fn router_links(&self) -> Vec<(Place, String)> {
        let Some(layout) = self.layout() else { return Vec::new() };
        let links =
            |rack| [self.spec.expect.network.clone(), TOR_UPLINK.to_owned()].map(|link| (racks::tor(rack), link));
        let count = layout.racks.len();
        (0..count).flat_map(links).chain((0..count).map(|rack| (racks::router(), router_port(rack)))).collect()
    }

    /// Where each node's default route must lead, where that is not the same for all: in racks, its ToR.
    pub fn gateways(&self) -> BTreeMap<NodeName, Ipv4Addr> {
        let racks = self.layout().map(|layout| layout.racks.as_slice()).unwrap_or_default();
        let of =
            |rack: &racks::Rack| rack.nodes.iter().map(|node| (node.clone(), rack.gateway.addr())).collect::<Vec<_>>();
        racks.iter().flat_map(of).collect()
    }
}

fn view(answered: Answered) -> Result<NetnsView, String> {
    match answered.answer? {
        Answer::View(view) => Ok(view),
        other => Err(other.not("a view")),
    }
}

/// Of the Docker networks with nodes on them, those of the racks, with the ToRs' addresses as gateways: the Engine's own is nobody's.
/// That of management is no segment of pods.
pub(crate) fn segments_of(layout: &Racks, segments: Vec<Segment>) -> Vec<Segment> {
    let of_rack = |segment: Segment| {
        let rack = layout.racks.iter().find(|rack| rack.network.as_deref() == Some(segment.name.as_str()))?;
        Some(Segment { gateway: Some(rack.gateway), ..segment })
    };
    segments.into_iter().filter_map(of_rack).collect()
}
