//! What all backends have in common: the state folder, what can go wrong, what a lab is busy with, captures that run. No
//! backend is known here.

pub mod captures;
mod doing;
mod error;
pub mod state;

pub use doing::Doing;
pub use error::LabError;
