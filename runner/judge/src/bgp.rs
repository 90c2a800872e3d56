//! BGP between racks: sessions, and what routers have learnt over them.

mod learnt;
mod sessions;
#[cfg(test)]
mod tests;

pub use learnt::pod_cidrs_are_learnt;
pub use sessions::sessions_are_established;

use crate::weighing::Weighing;
use lab_model::NotHeld;
use lab_model::expect::Expectations;
use lab_model::observe::{DaemonSeen, Place, RouterSeen};
use lab_model::racks::Racks;
use lab_model::seen::RoutersSeen;

/// How the racks should be; without it nothing about them can be decided.
pub(crate) fn racks_of(expect: &Expectations) -> Result<&Racks, NotHeld> {
    let missing = "what the lab was built from does not say how its racks should be";
    expect.racks.as_ref().ok_or_else(|| NotHeld::Unobserved(missing.to_owned()))
}

/// The look at a router, or that there was none.
fn router<'a>(seen: &'a RoutersSeen, place: &Place, weighing: &mut Weighing) -> Option<&'a RouterSeen> {
    let found = seen.routers.iter().find(|router| router.place == *place);
    if found.is_none() {
        weighing.miss(format!("nobody looked at {place}"));
    }
    found
}

/// What a router's daemon said, or that it said nothing.
fn daemon<'a>(router: &'a RouterSeen, weighing: &mut Weighing) -> Option<&'a DaemonSeen> {
    match &router.daemon {
        Ok(daemon) => Some(daemon),
        Err(why) => {
            weighing.miss(format!("{}: its daemon did not answer: {why}", router.place));
            None
        }
    }
}
