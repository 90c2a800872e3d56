//! What a kit has in place of pins. A kit of the pinned images stands for registries and changes nothing; one of other
//! images is judged as if they had been given by name.

use std::path::Path;

use crate::kit::Index;
use crate::{NODE, Wanted};
use lab_manifest::Manifests;
use lab_manifest::overrides::{LocalImage, Overrides};
use lab_manifest::pins::Pins;
use lab_model::deviation::{Deviation, ImageName};

/// Overrides, with what a kit has otherwise than pinned where no option names anything else.
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

/// What differs from the pins, when `effective` is `given` with a kit's images: those are the kit's doing.
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
