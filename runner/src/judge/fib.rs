//! What the rules and routes of a node decide.
