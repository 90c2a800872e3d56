//! Runs the doctor for the lab that is to be built.

use async_recursion::async_recursion as boxed;
use std::path::Path;

use lab_doctor::{KindDoctorInput, Row, WorkloadImage, kind, netns};
use lab_model::BackendKind;
use lab_model::deviation::ImageName;

use crate::setup::Setup;

/// Checks this machine for the lab that is to be built.
#[boxed(?Send)]
pub async fn examine(program: &Path, setup: &Setup, runs_dir: &Path) -> Vec<Row> {
    match setup.backend {
        BackendKind::Netns => netns(program, &setup.spec, runs_dir).await,
        // What it needs is asked of the cluster, before there is a setup.
        BackendKind::Cluster => Vec::new(),
        BackendKind::Kind => {
            let cluster = setup.name_to_stay();
            let mut input = KindDoctorInput::new(&setup.manifests, &setup.expect, cluster, runs_dir);
            if let Some(image) = &setup.overrides.node_image {
                input.node_image = image.to_string();
            }
            if let Some(image) = setup.overrides.local_image(ImageName::HelloApp) {
                // With a digest it is pulled by that.
                let published = image.digest().map(|_digest| image.to_string());
                input.workload_image = Some(WorkloadImage { reference: image.to_string(), archive: None, published });
            } else if setup.overrides.kit.is_some() {
                input.workload_image = None;
            }
            input.own_cilium_image = setup.has_own(ImageName::Cilium);
            kind(&input).await
        }
    }
}
