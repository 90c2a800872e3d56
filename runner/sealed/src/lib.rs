//! Sealed files: a tar archive of regular files, one of which is an index that names each of the others with its size and
//! its SHA-256. Kits and bundles are such files; what is in them, and in which order, is their own business ([`Kind`]).
//!
//! Whoever reads one did not make it. [`Members`] takes nothing but regular files, so that there are no links, no devices
//! and no second names, and hashes all that it reads; [`Unfolded`] bounds what comes out of a compressed one. Every refusal is
//! a [`SealedError`], which names the file, the member and the place in it.

mod error;
mod hashed;
mod members;
mod tar;
mod unfolded;

pub use error::{Kind, SealedError};
pub use hashed::Hashed;
pub use members::{Header, Members};
pub use tar::{BLOCK, TarWriter, header, padding};
pub use unfolded::Unfolded;
