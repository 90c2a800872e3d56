//! `lab`: a Kubernetes cluster with Cilium in native routing mode, as a program whose every step is a case
//! that can fail.
//!
//! A [`backend`] builds a lab, [`probe`] looks inside its network namespaces, what it returns is plain data
//! ([`observe`]), and [`judge`] decides on that data alone. [`cases`] lists the claims in the article's order,
//! [`stage`] says what must stand before a claim can be looked at.

pub mod backend;
pub mod case;
pub mod cases;
pub mod clock;
pub mod exec;
pub mod expect;
pub mod judge;
pub mod manifest;
pub mod nft_layout;
pub mod observe;
pub mod pins;
pub mod probe;
pub mod stage;
