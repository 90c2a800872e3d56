//! BIRD 2, which routers between racks run: the configuration of each, and what it says over its control socket.
//!
//! How it is started and asked is a matter of the backend. What it is asked, and how its answers are read, is the same.

mod config;
mod read;
mod reply;

pub use config::config;
pub use reply::{Line, Reply};

use lab_model::observe::DaemonSeen;

/// What is asked for the sessions.
pub const SESSIONS: &str = "show protocols all";
/// What is asked for the routes.
pub const ROUTES: &str = "show route";

/// What BIRD says of itself: its greeting, and its answers to [`SESSIONS`] and [`ROUTES`].
///
/// # Errors
/// What it said that is not understood.
pub fn daemon(greeting: &[Line], sessions: &[Line], routes: &[Line]) -> Result<DaemonSeen, String> {
    Ok(DaemonSeen {
        version: read::version(greeting)?,
        sessions: read::sessions(sessions)?,
        routes: read::routes(routes)?,
    })
}
