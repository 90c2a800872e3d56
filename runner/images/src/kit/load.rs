//! Takes images out of a kit: the node image goes into the Engine, the others into the nodes. No registry is contacted.

use super::{KIT, Kit, KitError, KitImage};
use crate::load::load;
use crate::{Find, Held, ImageError, NODE, Naming, Origin, Reference, Wanted};
use async_recursion::async_recursion as boxed;
use lab_engine::Engine;
use lab_model::observe::{ImageFrom, ImageSource};

/// A node image that was taken out of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The image, with the name that it has in the Engine.
    pub source: ImageSource,
    /// Whether it was loaded now; false if the Engine had it already.
    pub loaded: bool,
}

impl Kit {
    /// An image of this kit, with the name that nodes are to have it under.
    ///
    /// # Errors
    /// [`KitError::Sealed`] for one that is not in it.
    pub fn wanted(&self, name: &str) -> Result<Wanted, KitError> {
        let image = self.image(name)?;
        let local = Find::Local(image.reference.familiar());
        let find = image.repo_digest.clone().map_or(local, Find::Digest);
        Ok(Wanted { name: name.to_owned(), reference: image.reference.clone(), find, instead: None })
    }

    /// An image's archive in this kit, for delivering it to nodes.
    ///
    /// # Errors
    /// [`KitError::Sealed`] for an image that is not in the kit.
    pub fn origin(&self, name: &str) -> Result<Origin, KitError> {
        let image = self.image(name)?;
        Ok(Origin::Reader {
            archive: self.content(&image.file)?,
            platform: self.index().platform.clone(),
            config: image.config_digest.clone(),
        })
    }

    fn image(&self, name: &str) -> Result<&KitImage, KitError> {
        let missing = || KIT.incomplete(self.path(), &format!("image {name}"));
        Ok(self.index().image(name).ok_or_else(missing)?)
    }

    /// Makes sure that the Engine has the kit's node image. It is loaded under its own name, or, if the Engine has another
    /// image of that name, under a name made of its digest. No image of the Engine is renamed.
    ///
    /// # Errors
    /// [`KitError`], when the Engine cannot load it.
    #[boxed(?Send)]
    pub async fn load_node(&self, engine: &Engine, tell: &dyn Fn(String)) -> Result<Loaded, KitError> {
        let image = self.image(NODE)?;
        let mut reference = image.reference.clone();
        let mut found = held_under(engine, &reference).await?;
        if found.as_ref().is_some_and(|held| held.config.as_ref() != Some(&image.config_digest)) {
            reference = own_name(image);
            found = held_under(engine, &reference).await?;
        }
        let loaded = found.is_none();
        let held = match found {
            Some(held) => held,
            None => self.load(engine, image, &reference, tell).await?,
        };
        let source = ImageSource {
            name: NODE.to_owned(),
            reference: reference.familiar(),
            repo_digest: image.repo_digest.as_ref().map(ToString::to_string),
            config_digest: image.config_digest.to_string(),
            engine_id: Some(held.id.to_string()),
            from: ImageFrom::Kit,
            baked: None,
        };
        Ok(Loaded { source, loaded })
    }

    async fn load(
        &self,
        engine: &Engine,
        image: &KitImage,
        reference: &Reference,
        tell: &dyn Fn(String),
    ) -> Result<Held, KitError> {
        let shown = reference.familiar();
        let naming = Naming {
            reference: reference.clone(),
            repo_digest: None,
            platform: self.index().platform.clone(),
            config: Some(image.config_digest.clone()),
        };
        tell(format!("{NODE}: loading {} MB into the Engine", image.file.content_bytes / 1_000_000));
        load(engine, self.content(&image.file)?, naming, &format!("{NODE} of the kit")).await?;
        held_under(engine, reference).await?.ok_or_else(|| {
            let said = "the Engine reported that it was loaded, but does not have it".to_owned();
            ImageError::Refused { image: shown, action: "loaded", said }.into()
        })
    }
}

/// The image that the Engine has under a name, with the digest of its configuration.
async fn held_under(engine: &Engine, reference: &Reference) -> Result<Option<Held>, KitError> {
    let familiar = reference.familiar();
    let wanted =
        Wanted { name: NODE.to_owned(), reference: reference.clone(), find: Find::Local(familiar), instead: None };
    let Some(mut held) = crate::held(engine, &wanted).await? else { return Ok(None) };
    held.config = Some(crate::config_digest(engine, &wanted, &held).await?);
    Ok(Some(held))
}

/// A name made of the image's digest, so that no other image has it.
fn own_name(image: &KitImage) -> Reference {
    let tag = image.config_digest.hex().get(..12).unwrap_or_default();
    Reference::in_full(&format!("lab-kit/node:{tag}")).unwrap_or_else(|_refused| image.reference.clone())
}
