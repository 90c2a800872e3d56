//! Makes what a lab in racks has beside its nodes: networks first, then the router, then the ToRs, each with BIRD.

use std::net::Ipv4Addr;

use super::links::{Named, arrange, run, write};
use super::reserved;
use super::routers::{BIRD_FOLDER, BIRD_SOCKET, CONFIG_FILE, command};
use crate::lab::KindLab;
use crate::stages::failed;
use lab_backend::LabError;
use lab_base::failure::chain;
use lab_engine::{NewContainer, NewNetwork, router_container};
use lab_model::observe::{DockerNetwork, Mtu, Place};
use lab_model::racks::{self, Racks, TOR_UPLINK, router_port};
use lab_model::stage::Stage;

const STAGE: Stage = Stage::ClusterCreated;

/// A router, and the networks that it is on.
struct Router {
    place: Place,
    name: String,
    /// Each network with the router's own address, and the name that the link gets.
    links: Vec<(String, Ipv4Addr, String)>,
}

impl KindLab {
    /// Makes networks and routers. Nothing is undone when that fails: all of it carries the lab's mark.
    pub(crate) async fn make_racks(&self, layout: &Racks) -> Result<(), LabError> {
        let cannot = |why: String| failed(STAGE, format!("racks: {why}"));
        let image = self.bird_image().await?;
        let label = self.racks_label()?;
        let mtu = self.mtu_of_racks().await?;
        self.doing.now(format!("making {} networks and {} routers", 2 * layout.racks.len(), layout.racks.len() + 1));
        for (position, rack) in layout.racks.iter().enumerate() {
            let network = |name: String, subnet: ipnet::Ipv4Net| NewNetwork {
                name,
                subnet: subnet.trunc(),
                reserved: reserved(subnet),
                mtu,
                label: label.clone(),
            };
            let own = rack.network.clone().unwrap_or_default();
            for new in [network(own, rack.gateway), network(self.link_network(position), rack.tor_end)] {
                let made = self.engine.make_network(&new).await;
                made.map_err(|error| cannot(format!("{}{}", chain(&error), overlap(&chain(&error)))))?;
            }
        }
        for router in self.routers_of(layout) {
            let made = self.make_router(layout, &router, &image, &label).await;
            made.map_err(cannot)?;
        }
        Ok(())
    }

    /// What kind's network takes, or will: racks take the same, so that no link on a pod's way is narrower than another.
    async fn mtu_of_racks(&self) -> Result<Mtu, LabError> {
        let ask = async |name| {
            let asked = self.engine.network(name).await;
            asked.map_err(|error| failed(STAGE, format!("racks: {}", chain(&error))))
        };
        let (there, default) = (ask(&self.spec.expect.network).await?, ask(DockerNetwork::DEFAULT).await?);
        Ok(DockerNetwork::mtu_for_nodes(there.as_ref(), default.as_ref()))
    }

    /// All routers of the layout.
    fn routers_of(&self, layout: &Racks) -> Vec<Router> {
        let rack_link = &self.spec.expect.network;
        let name = |place: &Place| router_container(&self.spec.cluster, &place.to_string()).0;
        let mut routers = Vec::new();
        for (position, rack) in layout.racks.iter().enumerate() {
            let place = racks::tor(position);
            let links = vec![
                (rack.network.clone().unwrap_or_default(), rack.gateway.addr(), rack_link.clone()),
                (self.link_network(position), rack.tor_end.addr(), TOR_UPLINK.to_owned()),
            ];
            routers.push(Router { name: name(&place), place, links });
        }
        let port = |(position, rack): (usize, &racks::Rack)| {
            (self.link_network(position), rack.router_end.addr(), router_port(position))
        };
        let (place, links) = (racks::router(), layout.racks.iter().enumerate().map(port).collect());
        routers.push(Router { name: name(&place), place, links });
        routers
    }

    async fn make_router(
        &self,
        layout: &Racks,
        router: &Router,
        image: &str,
        label: &(String, String),
    ) -> Result<(), String> {
        let told = |error: lab_engine::EngineError| chain(&error);
        let Router { place, name, links } = router;
        let (first, others) = links.split_first().ok_or("a router without links")?;
        let config = lab_bird::config(layout, &self.spec.expect.network, place);
        let new = NewContainer {
            name: name.clone(),
            image: image.to_owned(),
            command: command(),
            label: label.clone(),
            network: (first.0.clone(), first.1),
            files: archive(&config).map_err(|error| error.to_string())?,
        };
        self.engine.make_container(&new).await.map_err(told)?;
        for (network, address, _) in others {
            self.engine.connect_container(network, name, *address).await.map_err(told)?;
        }
        let named: Vec<Named> =
            links.iter().map(|(_, address, name)| Named { address: *address, name: name.clone() }).collect();
        // One that has ended is told by what it said last.
        let arranged = arrange(&self.engine, name, &named, None).await;
        if let Err(why) = arranged {
            return Err(format!("{why}; its container: {}", self.last_words(name).await));
        }
        forward(&self.engine, name, links.iter().map(|link| link.2.as_str())).await?;
        if *place == racks::router() {
            let own = layout.router.to_string();
            run(&self.engine, name, &["ip", "address", "replace", &format!("{own}/32"), "dev", "lo"], "").await?;
        }
        Ok(())
    }
}

/// Has a container forward, send no redirects and take packets on whatever link they come: new namespaces have the host's
/// settings.
async fn forward<'a>(
    engine: &lab_engine::Engine,
    container: &str,
    links: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let links: Vec<&str> = links.chain(["all", "default"]).collect();
    let files =
        |key: &str| links.iter().map(|link| format!("/proc/sys/net/ipv4/conf/{link}/{key}")).collect::<Vec<_>>();
    write(engine, container, "1", &["/proc/sys/net/ipv4/ip_forward".to_owned()]).await?;
    write(engine, container, "0", &[files("send_redirects"), files("rp_filter")].concat()).await
}

/// What to do about a network whose addresses are another one's.
fn overlap(why: &str) -> &'static str {
    if why.contains("overlaps") {
        "; another lab in racks has them, or a network of yours: `docker network ls`, and `lab status` for labs; racks.yaml says \
         which addresses are taken"
    } else {
        ""
    }
}

/// The folder of BIRD's files, with its configuration, as a tar archive.
fn archive(config: &str) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut folder = tar::Header::new_gnu();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_size(0);
    folder.set_mode(0o755);
    tar.append_data(&mut folder, BIRD_FOLDER.trim_start_matches('/'), std::io::empty())?;
    let mut file = tar::Header::new_gnu();
    file.set_size(config.len() as u64);
    file.set_mode(0o644);
    tar.append_data(&mut file, CONFIG_FILE.trim_start_matches('/'), config.as_bytes())?;
    debug_assert!(BIRD_SOCKET.starts_with(BIRD_FOLDER), "the control socket is beside it");
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_router_begins_with_its_configuration() {
        let archive = archive("router id 1.1.1.1;\n").unwrap();
        let mut read = tar::Archive::new(archive.as_slice());
        let paths: Vec<String> =
            read.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(paths, ["lab-bird", "lab-bird/bird.conf"]);
    }

    #[test]
    fn racks_take_what_kinds_network_takes() {
        let network = |mtu: Option<&str>| DockerNetwork {
            name: "kind".to_owned(),
            id: "71d4fde6f07a".to_owned(),
            driver: "bridge".to_owned(),
            subnets: Vec::new(),
            members: Vec::new(),
            labels: BTreeMap::new(),
            options: mtu.map(|mtu| ("com.docker.network.driver.mtu".to_owned(), mtu.to_owned())).into_iter().collect(),
        };
        let (kind, default) = (network(Some("1400")), network(Some("1450")));
        let mtu = DockerNetwork::mtu_for_nodes;
        assert_eq!(mtu(Some(&kind), Some(&default)), Mtu(1400));
        assert_eq!(mtu(None, Some(&default)), Mtu(1450));
        assert_eq!(mtu(Some(&network(None)), Some(&default)), Mtu::ETHERNET);
        assert_eq!(mtu(None, None), Mtu::ETHERNET);
    }

    #[test]
    fn a_subnet_that_is_taken_is_told_with_what_to_do() {
        assert!(overlap("Pool overlaps with other one on this address space").contains("lab status"));
        assert_eq!(overlap("no such network"), "");
    }
}
