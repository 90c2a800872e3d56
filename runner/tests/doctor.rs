//! The doctor of a lab on kind: with fake programs, with Engines that are faked from what a real one answered, and with
//! the real one.

#[path = "doctor/engine.rs"]
mod engine;
#[path = "doctor/engines.rs"]
mod engines;
#[path = "doctor/filter.rs"]
mod filter;
#[path = "doctor/inside.rs"]
mod inside;
#[path = "doctor/machine.rs"]
mod machine;
#[path = "doctor/programs.rs"]
mod programs;
#[path = "doctor/real.rs"]
mod real;
#[path = "doctor/resolvers.rs"]
mod resolvers;
#[path = "doctor/routes.rs"]
mod routes;
