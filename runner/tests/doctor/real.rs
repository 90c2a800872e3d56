//! The Engine of this machine.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::HostConfig;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};
use lab_base::clock;
use lab_base::clock::Poll;
use lab_doctor::Outcome;
use lab_doctor::kind::trial;
use lab_engine::Engine;
use lab_model::observe::Privileged;
use lab_stand_in::{Cluster, Plan, with_engine};

use super::machine::{Machine, row, says};

/// `CAP_SYS_RESOURCE` (include/uapi/linux/capability.h): what sandboxes take away first.
const CAP_SYS_RESOURCE: u32 = 24;

/// Shorter than what is left is left alone for.
const MOMENT: Duration = Duration::from_secs(30);

/// Containers and images with the doctor's label.
async fn labelled(engine: &Engine) -> Vec<String> {
    let filters = HashMap::from([("label", vec![trial::LABEL.to_owned()])]);
    let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let images = ListImagesOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = engine.client().list_containers(Some(containers)).await.unwrap();
    let images = engine.client().list_images(Some(images)).await.unwrap();
    containers
        .into_iter()
        .filter_map(|container| container.id)
        .chain(images.into_iter().map(|image| image.id))
        .collect()
}

#[test]
fn a_privileged_container_is_really_tried_and_nothing_stays() {
    with_engine("a_privileged_container_is_really_tried_and_nothing_stays", async |engine| {
        let plain = trial::container(engine.client(), engine.architecture(), HostConfig::default()).await;
        assert!(matches!(plain.privileged, Privileged::Runs(_)), "{plain:?}");
        let unknown = HostConfig { runtime: Some("no-such-runtime".to_owned()), ..HostConfig::default() };
        let refused = trial::container(engine.client(), engine.architecture(), unknown).await;
        assert!(
            matches!(&refused.privileged, Privileged::Refused(words) if words.contains("no-such-runtime")),
            "{refused:?}"
        );

        let tried = trial::privileged(engine.client(), engine.architecture(), false).await;
        // What every process here lacks, the Engine lacks too.
        let status = std::fs::read_to_string("/proc/1/status").unwrap();
        let bound = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap().trim();
        let lacking = u64::from_str_radix(bound, 16).unwrap() & (1 << CAP_SYS_RESOURCE) == 0;
        match &tried.privileged {
            Privileged::Refused(words) if lacking => assert!(words.contains("unable to apply caps"), "{words}"),
            Privileged::Runs(_) if !lacking => (),
            other => panic!("{other:?}, where CapBnd is {bound}"),
        }
        assert!(matches!(tried.cgroupns.as_deref(), Some("private" | "host")), "{tried:?}");

        let begun = clock::now();
        let mut machine = Machine::new();
        machine.input.search_path = std::env::var_os("PATH").unwrap();
        let rows = lab_doctor::kind(&machine.input).await;
        let elapsed = begun.elapsed();
        println!("{}{elapsed:?}", lab_doctor::table(&rows));
        assert_eq!(row(&rows, "docker.engine").outcome, Outcome::Ok);
        assert_eq!(row(&rows, "docker.api").outcome, Outcome::Ok);
        // The program reaches the very Engine that answered: they tell the same id.
        assert_eq!(row(&rows, "tools.docker").outcome, Outcome::Ok);
        assert_eq!(row(&rows, "docker.privileged").outcome, if lacking { Outcome::Refusal } else { Outcome::Ok });
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        // Other tests may be trying too: what they make is gone in a moment, and what a try left would stay for longer
        // than this waits, until a later one removes it.
        let gone = async || match labelled(&engine).await {
            left if left.is_empty() => Poll::Ready(()),
            left => Poll::NotYet(left.join(", ")),
        };
        clock::until(MOMENT, Duration::from_millis(50), "the end of every try's traces", gone).await.unwrap();
    });
}

#[test]
fn a_cluster_and_its_network_are_found_by_their_names() {
    with_engine("a_cluster_and_its_network_are_found_by_their_names", async |engine| {
        let cluster = Cluster::make(&engine, Plan::default()).await;
        cluster.stop(&cluster.nodes()[2]).await;
        let mut machine = Machine::new();
        machine.input.cluster = cluster.name().to_owned();
        machine.input.network = cluster.network().to_owned();
        let rows = lab_doctor::kind(&machine.input).await;
        let found = format!("a cluster that lab did not make has the name {}: ", cluster.name());
        says(&rows, "cluster.name", Outcome::Refusal, &found);
        for (node, state) in cluster.nodes().iter().zip(["running", "running", "exited"]) {
            says(&rows, "cluster.name", Outcome::Refusal, &format!("{node} ({state})"));
        }
        let on_it = format!("containers: {}, {}", cluster.nodes()[0], cluster.nodes()[1]);
        says(&rows, "network.kind", Outcome::Warning, &on_it);
        // The same containers, when only their names are in the way.
        machine.input.cluster = "another".to_owned();
        machine.input.nodes = cluster.nodes().to_vec();
        let rows = lab_doctor::kind(&machine.input).await;
        says(
            &rows,
            "cluster.name",
            Outcome::Refusal,
            "containers that belong to no cluster have the names of the lab's nodes",
        );
    });
}
