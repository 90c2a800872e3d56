//! The probe: the program that looks, inside one network namespace, and answers with one JSON document.
//!
//! `lab probe --netns PATH` reads a list of [`Ask`]s on standard input and writes a list of [`Answered`] on
//! standard output, in the same order. It never writes to what it looks at, save that resolving a neighbour
//! makes (and then forgets) an entry of the ARP table.

pub mod decode;
pub mod pcap;
mod request;

pub use request::{Answer, Answered, Ask, CAPTURE_READY, CaptureFilter, HttpAsk, Request};
