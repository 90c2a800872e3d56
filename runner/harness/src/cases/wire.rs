//! `wire::…`: what is on the links while pods talk. All of them judge the one observation of stage
//! `traffic_observed`.

use super::both;
use crate::case::Case;
use crate::lab::Lab;
use lab_judge::wire as judge;
use lab_model::deviation::Pinned;
use lab_model::seen::WireSeen;
use lab_model::stage::Stage;

/// Without the Service.
pub(super) const PODS_REACH_EACH_OTHER_DIRECTLY: Case = Case {
    name: "wire::pods_reach_each_other_directly",
    article: "pods reach each other across nodes",
    claim: "A pod reaches a pod on another node by its own address, both ways.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::pods_reach_each_other_directly),
};

/// No overlay.
pub(super) const FRAMES_ARE_NOT_ENCAPSULATED: Case = Case {
    name: "wire::frames_are_not_encapsulated",
    article: "native routing: no encapsulation",
    claim: "The receiving node's eth0 sees IP packets from pod to pod between the two nodes' link-layer addresses, in no tunnel.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::frames_are_not_encapsulated),
};

/// No masquerading within.
pub(super) const SOURCE_ADDRESS_IS_KEPT: Case = Case {
    name: "wire::source_address_is_kept",
    article: "ipv4NativeRoutingCIDR=10.0.0.0/8",
    claim: "The receiver sees the sending pod's own address.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::source_address_is_kept),
};

/// No room lost to headers.
pub(super) const FULL_MTU_FITS: Case = Case {
    name: "wire::full_mtu_fits",
    article: "native routing: no encapsulation",
    claim: "A packet of the link's whole MTU passes between pods with DF set.",
    against: &[],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::full_mtu_fits),
};

/// bpf.masquerade=true.
pub(super) const MASQUERADED_OUTSIDE_THE_NATIVE_CIDR: Case = Case {
    name: "wire::masqueraded_outside_the_native_cidr",
    article: "bpf.masquerade=true",
    claim: "A pod's request to an address outside the native routing CIDR leaves its node with the node's address.",
    against: &[Pinned::Value("ipv4NativeRoutingCIDR")],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::masqueraded_outside_the_native_cidr),
};

/// Sealed.
pub(super) const NOTHING_LEAKS_TO_THE_UPLINK: Case = Case {
    name: "wire::nothing_leaks_to_the_uplink",
    article: "default via 172.18.0.1 dev eth0",
    claim: "While pods talk, no frame for the native routing CIDR goes to the gateway.",
    against: &[Pinned::Value("ipv4NativeRoutingCIDR")],
    needs: Stage::TrafficObserved,
    on: both!(traffic, judge::nothing_leaks_to_the_uplink),
};

#[expect(clippy::unused_async, reason = "looks are asynchronous; what this one takes was observed before")]
async fn traffic(lab: &Lab) -> Result<WireSeen, String> {
    lab.traffic().ok_or_else(|| "no traffic was observed".to_owned())
}
