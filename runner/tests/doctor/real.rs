//! The Engine of this machine. Without one these tests fail, unless `LAB_TESTS_WITHOUT_DOCKER=1` says that they are not
//! to be run.

use std::collections::HashMap;
use std::time::Duration;

use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};
use lab::backend::kind::engine::Engine;
use lab::doctor::Outcome;
use lab::doctor::kind::trial;
use lab::observe::Privileged;

use super::machine::{Machine, row};

/// `CAP_SYS_RESOURCE` (include/uapi/linux/capability.h): what sandboxes take away first.
const CAP_SYS_RESOURCE: u32 = 24;

fn with_engine(test: &str, body: impl AsyncFnOnce(Engine)) {
    lab::runtime().unwrap().block_on(async {
        match Engine::connect().await {
            Ok(engine) => body(engine).await,
            Err(error) if std::env::var_os("LAB_TESTS_WITHOUT_DOCKER").is_some_and(|value| value == "1") => {
                eprintln!("not run here: {test}: {error}");
            }
            Err(error) => panic!("{test} needs a Docker Engine (LAB_TESTS_WITHOUT_DOCKER=1 leaves it out): {error}"),
        }
    });
}

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

/// Both in one test: two would see each other's containers.
#[test]
fn a_privileged_container_is_really_tried_and_nothing_stays() {
    with_engine("a_privileged_container_is_really_tried_and_nothing_stays", async |engine| {
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

        let begun = lab::clock::now();
        let rows = lab::doctor::kind(&Machine::new().input).await;
        let elapsed = begun.elapsed();
        println!("{}{elapsed:?}", lab::doctor::table(&rows));
        assert_eq!(row(&rows, "docker.engine").outcome, Outcome::Ok);
        assert_eq!(row(&rows, "docker.api").outcome, Outcome::Ok);
        assert_eq!(row(&rows, "docker.privileged").outcome, if lacking { Outcome::Refusal } else { Outcome::Ok });
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
        assert_eq!(labelled(&engine).await, [""; 0]);
    });
}
