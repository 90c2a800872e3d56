//! How a kit changes the pins. A kit with the pinned images only replaces the registries. A kit with other images counts
//! as if those images had been given on the command line.

use std::path::Path;

use crate::kit::Index;
use crate::{NODE, Wanted};
use lab_manifest::Manifests;
use lab_manifest::overrides::{LocalImage, Overrides};
use lab_manifest::pins::Pins;
use lab_model::deviation::{Deviation, ImageName};

/// The overrides of the command line, plus the images of the kit that differ from the pins and that no option replaces.
#[must_use]
pub fn with_kit(overrides: &Overrides, kit: &Index, pins: &Pins) -> Overrides {
    let mut with = overrides.clone();
    for pinned in Wanted::all(&pins.images).into_iter().flatten() {
        let Some(image) = kit.image(&pinned.name) else { continue };
        let same_digest = pinned.repo_digest().is_none() || image.repo_digest.as_ref() == pinned.repo_digest();
        if same_digest && image.reference == pinned.reference {
            continue;
        }
        let Ok(reference) = image.reference.familiar().parse() else { continue };
        if pinned.name == NODE {
            with.node_image.get_or_insert(reference);
        } else if let Some(name) = ImageName::ALL.into_iter().find(|name| name.key() == pinned.name)
            && overrides.local_image(name).is_none()
        {
            with.images.push(LocalImage { name, reference });
        }
    }
    with
}

/// The deviations from the pins. `given` are the overrides of the command line, `effective` are those plus the kit's;
/// deviations that only `effective` has are attributed to the kit.
pub fn deviations_by_kit(effective: &Overrides, given: &Overrides, kit: &Path, pinned: &Manifests) -> Vec<Deviation> {
    let own = given.deviations(pinned);
    let whose = |deviation: Deviation| {
        if own.contains(&deviation) {
            return deviation;
        }
        let used = deviation.used.replace("the local image", "the kit's image");
        Deviation { used, by: format!("--kit {}", kit.display()), ..deviation }
    };
    effective.deviations(pinned).into_iter().map(whose).collect()
}
