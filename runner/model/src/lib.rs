//! The words of `lab` as plain data: what was observed, what is expected, what a judge says and for which reason, what a
//! report holds, and what a probe is asked. Nothing here does input or output, and nothing decides.

mod backend;
mod cilium_version;
pub mod deviation;
pub mod expect;
pub mod foreign;
pub mod hello_app;
pub mod host;
mod judgement;
pub mod leaving;
pub mod observe;
pub mod racks;
mod reason;
pub mod report;
pub mod request;
pub mod road;
pub mod said;
pub mod seen;
pub mod stage;
pub mod verdict;
pub mod words;

pub use backend::{BackendKind, Ground, Routing, StoredBase, Topology};
pub use cilium_version::CiliumVersion;
pub use judgement::{Finding, Judgement, NotHeld, Proof, unless_refuted};
pub use reason::Reason;
