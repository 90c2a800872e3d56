//! Rows about what a lab in racks has beside its nodes: networks of its own, and the image that its routers are made of.

use ipnet::Ipv4Net;

use super::occupied::overlap;
use crate::kind::facts::DockerSeen;
use crate::kind::input::RacksInput;
use crate::{Outcome, Row};
use lab_manifest::{BIRD_IMAGE, BIRD_VARIABLE};

/// `racks.networks`: the Engine refuses a network whose addresses another one has. Routes of the host are not in the way, since it
/// gets no address in them.
pub(in crate::kind) fn networks(racks: &RacksInput, docker: &DockerSeen) -> Row {
    const ID: &str = "racks.networks";
    const WHY: &str = "with `--topology racks`, each rack and each link between routers is a Docker network of its own";
    let others = docker.networks.iter().flat_map(|seen| seen.subnets().map(move |subnet| (&seen.network.name, subnet)));
    let taken = others.into_iter().find_map(|(name, subnet)| {
        let own = racks.subnets.iter().find(|own| overlap(**own, subnet))?;
        Some((own, name, subnet))
    });
    match taken {
        None => Row::ok(ID, format!("no Docker network has addresses of {}", joined(&racks.subnets)), WHY),
        Some((own, name, subnet)) => {
            let found = format!("{own} overlaps {subnet}, of the Docker network {name}");
            let remedy = format!(
                "another lab in racks has it: lab status, lab down --name NAME; or, if nobody needs it: docker network rm {name}; or other \
                 addresses in racks.yaml: --manifests DIR"
            );
            Row::bad(Outcome::Refusal, ID, found, WHY, remedy)
        }
    }
}

/// `racks.bird_image`.
pub(in crate::kind) fn image(racks: &RacksInput, docker: &DockerSeen) -> Row {
    const ID: &str = "racks.bird_image";
    const WHY: &str = "with `--topology racks`, each ToR and the router between them is a container that runs BIRD 2";
    if docker.images.bird {
        return Row::ok(ID, format!("the Engine has {BIRD_IMAGE}"), WHY);
    }
    match &racks.bird_archive {
        Some(archive) if archive.is_file() => {
            Row::ok(ID, format!("{BIRD_IMAGE} will be loaded from {}", archive.display()), WHY)
        }
        Some(archive) => {
            let found =
                format!("the Engine has no {BIRD_IMAGE}, and {BIRD_VARIABLE} names no file: {}", archive.display());
            let remedy = format!("unset {BIRD_VARIABLE}, or nix build .#bird-image && docker load --input result");
            Row::bad(Outcome::Refusal, ID, found, WHY, remedy)
        }
        None => Row::ok(ID, format!("the Engine will build {BIRD_IMAGE}, from Debian's image and packages"), WHY),
    }
}

fn joined(subnets: &[Ipv4Net]) -> String {
    subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::{docker, network};

    fn racks() -> RacksInput {
        let subnets = ["198.19.0.0/24", "198.19.1.0/24", "198.19.128.0/29", "198.19.128.8/29"];
        RacksInput {
            subnets: subnets.map(|subnet| subnet.parse().unwrap()).into(),
            routers: Vec::new(),
            bird_archive: None,
        }
    }

    #[test]
    fn a_network_that_has_a_racks_addresses_is_refused_and_named() {
        let mut docker = docker();
        assert_eq!(networks(&racks(), &docker).outcome, Outcome::Ok);
        docker.networks.push(network("other-rack1", "198.19.1.0/24"));
        let row = networks(&racks(), &docker);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert_eq!(row.found, "198.19.1.0/24 overlaps 198.19.1.0/24, of the Docker network other-rack1");
        assert!(row.remedy.contains("docker network rm other-rack1"), "{row:?}");
    }

    #[test]
    fn the_image_is_the_engines_the_flakes_or_built() {
        let mut docker = docker();
        docker.images.bird = false;
        assert_eq!(
            image(&racks(), &docker).found,
            "the Engine will build lab-bird:2, from Debian's image and packages"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bird.tar.gz");
        std::fs::write(&file, "").unwrap();
        let loaded = image(&RacksInput { bird_archive: Some(file), ..racks() }, &docker);
        assert!(
            loaded.outcome == Outcome::Ok && loaded.found.starts_with("lab-bird:2 will be loaded from "),
            "{loaded:?}"
        );
        let gone = image(&RacksInput { bird_archive: Some(folder.path().join("gone")), ..racks() }, &docker);
        assert!(gone.outcome == Outcome::Refusal && gone.remedy.starts_with("unset LAB_BIRD, or "), "{gone:?}");
        docker.images.bird = true;
        assert_eq!(image(&racks(), &docker).found, "the Engine has lab-bird:2");
    }
}
