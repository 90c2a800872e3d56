//! Sealed files: a tar archive of regular files, one of which is an index that names each of the others with its size and
//! its SHA-256. Kits and bundles are such files; [`Kind`] describes how they differ.
//!
//! A sealed file that is read comes from elsewhere and is not trusted. [`Members`] accepts nothing but regular files (no
//! links, no devices, no paths out of the archive) and hashes all that it reads; [`Unfolded`] limits what comes out of a
//! compressed one. Every error is a [`SealedError`], which names the file, the member and the place in it.

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
