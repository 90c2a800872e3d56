//! The images of a lab: pulled by digest once, and delivered to all nodes at the same time.
//!
//! An image that [`pins`](lab_manifest::pins) names by a registry's digest is pulled by that digest unless the Engine has
//! it ([`take`]), and then streamed into `ctr images import` on every node that does not have it ([`distribute`]).
//! One that the article builds itself is found in the Engine by its name, and where there is none taken from
//! elsewhere ([`Instead`]).
//! Meanwhile its archive is read: the digest of the image's configuration, by which container runtimes identify it, must
//! be the expected one, and each node must have that digest under the image's name afterwards.

pub mod archive;
pub mod baked;
mod deliver;
mod distribute;
mod error;
mod instead;
pub mod kit;
mod load;
mod on_node;
pub mod pulled;
pub mod reader;
mod tag;
mod take;
mod wanted;

pub use archive::{ArchiveError, Archived, Layout, Naming, Platform};
pub use deliver::Origin;
pub use distribute::{Delivered, Parcel, distribute};
pub use error::{ImageError, NodeFailed};
pub use lab_manifest::overrides::Reference;
pub use on_node::{NodeImages, node_images};
pub use take::{Held, config_digest, export, held, take};
pub use wanted::{CILIUM, Find, HELLO_APP, Instead, NODE, OPERATOR, Wanted};
