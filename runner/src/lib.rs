//! `lab`: a Kubernetes cluster with Cilium in native routing mode, as a program whose every step is a case
//! that can fail.
//!
//! A [`backend`] builds a lab, [`probe`] looks inside its network namespaces, what it returns is plain data
//! ([`observe`]), and [`judge`] decides on that data alone. [`cases`] lists the claims in the article's order,
//! [`stage`] says what must stand before a claim can be looked at.

pub mod backend;
pub mod beside;
pub mod bundle;
pub mod case;
pub mod cases;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod doctor;
pub mod evidence;
pub mod exec;
pub mod expect;
pub mod explain;
pub mod failure;
pub mod harness;
pub mod interrupt;
pub mod judge;
pub mod kit;
pub mod manifest;
mod new_file;
pub mod nft_layout;
pub mod observe;
pub mod overrides;
pub mod pins;
pub mod probe;
pub mod report;
pub mod sabotage;
pub mod stage;
pub mod state;
pub mod tamper;

/// A runtime of one thread: what this program waits for, it waits for on its main thread.
///
/// # Errors
/// When the kernel gives no descriptors for it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
