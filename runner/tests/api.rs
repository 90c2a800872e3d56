//! The API server's side of a kind lab: recordings of a real one, served over HTTP as an API server serves them, and
//! a server that hangs, refuses, answers garbage, breaks off and restarts.

#[path = "api/agents.rs"]
mod agents;
#[path = "api/datapath.rs"]
mod datapath;
#[path = "api/endpoints.rs"]
mod endpoints;
#[path = "api/errors.rs"]
mod errors;
#[path = "api/helm.rs"]
mod helm;
#[path = "api/looks.rs"]
mod looks;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/rollouts.rs"]
mod rollouts;
#[path = "api/tls.rs"]
mod tls;
#[path = "api/waits.rs"]
mod waits;
#[path = "api/workload.rs"]
mod workload;

use lab_stand_in::api::{objects, server};
