//! The doctor of a lab on kind.

#[path = "doctor/looks.rs"]
mod looks;
