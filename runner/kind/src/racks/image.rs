//! The image that routers are made of: BIRD 2 and the programs to arrange links with. It is the Engine's where it has one, else what
//! the flake has built, else the Engine builds it.

use bollard::query_parameters::BuildImageOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::distribution::PULL_DEADLINE;
use crate::lab::KindLab;
use crate::stages::failed;
use lab_backend::LabError;
use lab_base::clock;
use lab_base::failure::chain;
use lab_images::{Find, Instead, Reference, Wanted};
use lab_manifest::{BIRD_IMAGE, BIRD_VARIABLE};
use lab_model::stage::Stage;

const STAGE: Stage = Stage::ClusterCreated;
/// What it is built from where nobody has built it.
const DOCKERFILE: &str = include_str!("../../bird.Dockerfile");
/// The deadline for building it: a base image and three packages.
const BUILD_DEADLINE: Duration = Duration::from_mins(10);

impl KindLab {
    /// Makes sure that the Engine has the image, and returns its id.
    pub(super) async fn bird_image(&self) -> Result<String, LabError> {
        let cannot = |why: String| {
            let by_hand = "docker build --tag lab-bird:2 --file runner/kind/bird.Dockerfile runner/kind";
            failed(STAGE, format!("the image of the routers: {why}; by hand: {by_hand}"))
        };
        let reference = Reference::in_full(BIRD_IMAGE).map_err(|error| cannot(error.to_string()))?;
        let archive = std::env::var_os(BIRD_VARIABLE).map(|path| Instead::Archive(PathBuf::from(path)));
        let wanted =
            Wanted { name: "bird".to_owned(), reference, find: Find::Local(BIRD_IMAGE.to_owned()), instead: archive };
        let held = lab_images::held(&self.engine, &wanted).await.map_err(|error| cannot(chain(&error)))?;
        if held.is_none() && wanted.instead.is_none() {
            self.build_bird().await.map_err(cannot)?;
        }
        let say = self.say();
        let held = lab_images::take(&self.engine, &wanted, PULL_DEADLINE, &say).await;
        held.map(|held| held.id.to_string()).map_err(|error| cannot(chain(&error)))
    }

    async fn build_bird(&self) -> Result<(), String> {
        let what = format!("building {BIRD_IMAGE}");
        self.doing.now(what.clone());
        let options = BuildImageOptionsBuilder::default().dockerfile("Dockerfile").t(BIRD_IMAGE).rm(true).build();
        let context = bollard::body_full(Bytes::from(context().map_err(|error| error.to_string())?));
        let building = async {
            let mut stream = Box::pin(self.engine.client().build_image(options, None, Some(context)));
            while let Some(told) = stream.next().await {
                let told = told.map_err(|error| chain(&error))?;
                if let Some(why) = told.error_detail.and_then(|detail| detail.message) {
                    return Err(why);
                }
                let line = told.stream.as_deref().and_then(|text| text.lines().last()).map(str::trim);
                if let Some(line) = line.filter(|line| !line.is_empty()) {
                    self.doing.now(format!("{what}: {line}"));
                }
            }
            Ok(())
        };
        clock::within(BUILD_DEADLINE, &what, building).await.map_err(|passed| passed.to_string())?
    }
}

/// The Dockerfile as the Engine takes it.
fn context() -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(DOCKERFILE.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", DOCKERFILE.as_bytes())?;
    tar.into_inner()
}
