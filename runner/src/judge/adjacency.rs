//! Who is on the link.
