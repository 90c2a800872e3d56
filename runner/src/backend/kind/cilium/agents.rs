//! Commands in the agents.
