//! Services and their endpoints, as tables should have them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use lab_kube::api::{Api, ApiError, ServicePort, SliceEndpoint};
use lab_model::foreign::ForeignService;

/// What the API server told at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Listed {
    pub(super) ports: Vec<ServicePort>,
    pub(super) endpoints: Vec<SliceEndpoint>,
    /// Services and addresses that a policy leads to one node's pods.
    pub(super) redirected: Vec<String>,
    /// Services of which it is known otherwise that they need not have exactly these endpoints, and why.
    pub(super) unsettled: BTreeMap<String, String>,
}

impl Listed {
    pub(super) async fn take(api: &Api) -> Result<Self, ApiError> {
        Ok(Self {
            ports: api.service_ports().await?,
            endpoints: api.slice_endpoints().await?,
            redirected: api.redirected().await.unwrap_or_default(),
            unsettled: BTreeMap::new(),
        })
    }

    /// The Services, with what makes a table's endpoints differ in a sound cluster. `later` was told after tables had been
    /// read.
    pub(super) fn services(&self, later: &Self) -> Vec<ForeignService> {
        let (before, after) = (self.by_port(), later.by_port());
        let still = |port: &&ServicePort| later.ports.iter().any(|other| other.address == port.address);
        self.ports
            .iter()
            .filter(still)
            .map(|port| {
                let key = (port.namespace.as_str(), port.service.as_str(), port.port.as_str());
                let (now, then) = (before.get(&key), after.get(&key));
                ForeignService {
                    name: format!("{}/{}", port.namespace, port.service),
                    address: port.address,
                    endpoints: now.map(|found| found.ready.iter().copied().collect()).unwrap_or_default(),
                    loose: self.loose(port, now, then),
                }
            })
            .collect()
    }

    /// The endpoints that slices call ready pods', now and later: their addresses and their Services. Those of a Service that
    /// publishes pods that are not ready are called so in any case; of one without an address it is not read whether it does.
    pub(super) fn claimed(&self, later: &Self) -> Vec<(Ipv4Addr, String)> {
        let of = |listed: &Self| -> BTreeSet<(Ipv4Addr, String)> {
            let ports = listed.ports.iter().filter(|port| !port.publishes_unready);
            let by_readiness: BTreeSet<_> = ports.map(|port| (&port.namespace, &port.service)).collect();
            let ready = listed.endpoints.iter().filter(|one| one.ready && one.is_pod && !one.terminating);
            ready
                .filter(|one| by_readiness.contains(&(&one.namespace, &one.service)))
                .map(|one| (*one.address.ip(), format!("{}/{}", one.namespace, one.service)))
                .collect()
        };
        of(self).intersection(&of(later)).cloned().collect()
    }

    fn loose(&self, port: &ServicePort, before: Option<&Of>, after: Option<&Of>) -> Option<String> {
        let name = format!("{}/{}", port.namespace, port.service);
        let is = |target: &String| *target == name || *target == port.address.ip().to_string();
        if let Some(partial) = &port.partial {
            return Some(format!("a node may have a part of its endpoints ({partial})"));
        }
        if let Some(why) = self.unsettled.get(&name) {
            return Some(why.clone());
        }
        if self.redirected.iter().any(is) {
            return Some("a CiliumLocalRedirectPolicy leads it to pods of one node".to_owned());
        }
        if port.publishes_unready {
            return Some("its endpoints need not be ready".to_owned());
        }
        if before != after {
            return Some("its endpoints changed while tables were read".to_owned());
        }
        let of = before?;
        if of.hinted {
            return Some("its slices have hints for nodes or zones".to_owned());
        }
        // A table may have it for as long as connections to it last.
        of.terminating.then(|| "an endpoint of it is being taken away".to_owned())
    }

    fn by_port(&self) -> BTreeMap<(&str, &str, &str), Of> {
        let mut all: BTreeMap<_, Of> = BTreeMap::new();
        for one in &self.endpoints {
            let of = all.entry((one.namespace.as_str(), one.service.as_str(), one.port.as_str())).or_default();
            if one.ready {
                of.ready.insert(one.address);
            }
            of.hinted |= one.hinted;
            of.terminating |= one.terminating;
        }
        all
    }
}

/// The endpoints of a Service's port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Of {
    ready: BTreeSet<SocketAddrV4>,
    hinted: bool,
    terminating: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Listed {
        let port = ServicePort {
            namespace: "shop".to_owned(),
            service: "web".to_owned(),
            port: "http".to_owned(),
            address: "10.43.0.7:80".parse().unwrap(),
            partial: None,
            publishes_unready: false,
        };
        let endpoint = SliceEndpoint {
            namespace: "shop".to_owned(),
            service: "web".to_owned(),
            port: "http".to_owned(),
            address: "10.42.1.7:8080".parse().unwrap(),
            ready: true,
            terminating: false,
            is_pod: true,
            hinted: false,
        };
        Listed { ports: vec![port], endpoints: vec![endpoint], ..Listed::default() }
    }

    fn loose(change: impl Fn(&mut Listed)) -> Option<String> {
        let mut one = listed();
        change(&mut one);
        one.services(&one.clone()).remove(0).loose
    }

    #[test]
    fn a_service_has_its_ready_endpoints() {
        let services = listed().services(&listed());
        assert_eq!(services[0].name, "shop/web");
        assert_eq!(services[0].endpoints, ["10.42.1.7:8080".parse().unwrap()]);
        assert_eq!(services[0].loose, None);
        // Without any slice it has none, and tables must not have one either.
        assert!(listed().ports.len() == 1 && loose(|one| one.endpoints.clear()).is_none());
    }

    #[test]
    fn what_is_an_endpoint_once_alone_is_not_asked_for() {
        let pod = (Ipv4Addr::new(10, 42, 1, 7), "shop/web".to_owned());
        assert_eq!(listed().claimed(&listed()), [pod]);
        let mut later = listed();
        later.endpoints[0].ready = false;
        assert!(listed().claimed(&later).is_empty() && later.claimed(&listed()).is_empty());
        later.endpoints[0].ready = true;
        later.endpoints[0].is_pod = false;
        assert!(listed().claimed(&later).is_empty());
        // Slices call all endpoints ready of a Service that publishes them before they are.
        let mut unready = listed();
        unready.ports[0].publishes_unready = true;
        assert!(unready.claimed(&unready).is_empty());
        let headless = Listed { ports: Vec::new(), ..listed() };
        assert!(headless.claimed(&headless).is_empty());
    }

    #[test]
    fn what_makes_a_sound_table_differ_is_told() {
        let said = |change: &dyn Fn(&mut Listed)| loose(change).unwrap_or_default();
        assert!(said(&|one| one.ports[0].partial = Some("internalTrafficPolicy=Local".to_owned())).contains("Local"));
        assert!(said(&|one| one.redirected.push("shop/web".to_owned())).contains("CiliumLocalRedirectPolicy"));
        assert!(said(&|one| one.redirected.push("10.43.0.7".to_owned())).contains("CiliumLocalRedirectPolicy"));
        assert!(said(&|one| drop(one.unsettled.insert("shop/web".to_owned(), "of old".to_owned()))).contains("of old"));
        assert!(said(&|one| one.ports[0].publishes_unready = true).contains("need not be ready"));
        assert!(said(&|one| one.endpoints[0].hinted = true).contains("hints"));
        assert!(said(&|one| one.endpoints[0].terminating = true).contains("taken away"));
        let mut later = listed();
        later.endpoints[0].ready = false;
        assert!(listed().services(&later)[0].loose.as_deref().is_some_and(|why| why.contains("changed")));
        later.ports.clear();
        assert!(listed().services(&later).is_empty());
    }
}
