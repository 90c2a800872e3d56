//! The cases as `cargo test`.

fn main() {}
