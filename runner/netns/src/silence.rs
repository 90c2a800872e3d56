//! A router whose BGP daemon hangs: its links are up, its kernel forwards, its connections stay open, and nothing is said on
//! them. Its peers believe all that it said until the hold time is over (RFC 4271, 6.5).

use std::time::Duration;

use super::bird;
use super::lab::NetnsLab;
use super::world::{BuildError, RouterUp, World};
use lab_backend::LabError;
use lab_base::clock;
use lab_base::clock::Poll;
use lab_model::observe::Place;

/// The hold time of the sessions of a router that is to be silenced: the shortest that there is (RFC 4271, 4.2).
const HOLD: Duration = Duration::from_secs(3);
/// How long others may believe it. The hold time, and what a machine under load takes.
const BELIEVED: Duration = Duration::from_secs(20);
/// How long its sessions may take to come up with another hold time.
const SESSIONS: Duration = Duration::from_secs(20);
/// The time between two checks.
const INTERVAL: Duration = Duration::from_millis(50);

impl NetnsLab {
    /// Silences BIRD of a router, whose sessions have a short hold time from then on, and waits until nobody believes it.
    ///
    /// # Errors
    /// When its sessions do not come up with the other hold time, or it is believed for too long.
    pub async fn silence(&self, router: &str) -> Result<(), LabError> {
        let place = Place::Router(router.to_owned());
        self.hold_for(&place, self.hold(), HOLD).await?;
        self.client.lock().await.silence(&place).await
    }

    /// Lets BIRD of a silenced router go on, with the hold time of the plan. What others have learnt from it then is not waited for.
    ///
    /// # Errors
    /// When its sessions do not come up.
    pub async fn wake(&self, router: &str) -> Result<(), LabError> {
        let place = Place::Router(router.to_owned());
        self.client.lock().await.wake(&place).await?;
        self.hold_for(&place, HOLD, self.hold()).await
    }

    fn hold(&self) -> Duration {
        self.plan().racks().map_or(HOLD, |layout| layout.hold)
    }

    /// Has a router ask for another hold time, and waits until all its sessions have it.
    async fn hold_for(&self, place: &Place, before: Duration, hold: Duration) -> Result<(), LabError> {
        let text = |hold: Duration| format!("hold time {};", hold.as_secs());
        let asked = bird::reconfigure(self.state.path(), place, &text(before), &text(hold)).await;
        asked.map_err(LabError::Probe)?;
        let what = format!("sessions of {place} with a hold time of {} s", hold.as_secs());
        let waited =
            clock::until(SESSIONS, INTERVAL, &what, async || match bird::daemon(self.state.path(), place).await {
                Ok(daemon) => match daemon.sessions.iter().find(|session| session.hold != Some(hold)) {
                    Some(session) => Poll::NotYet(format!("{} is {}", session.name, session.state)),
                    None => Poll::Ready(()),
                },
                Err(why) => Poll::NotYet(why),
            });
        waited.await.map_err(|error| LabError::Probe(error.to_string()))
    }
}

/// Stops BIRD of a router, and waits until no other router's kernel has a way that only this one can have told it.
pub(super) async fn silence(world: &World, place: &Place) -> Result<(), BuildError> {
    find(world, place)?.bird.stop().map_err(|source| of_bird(place, source))?;
    let Some(layout) = world.plan.racks() else { return Ok(()) };
    let position = layout.routers().position(|router| router == *place);
    // The router tells ToRs where its own address is, and a ToR the router where its rack's network is.
    let own = position.and_then(|at| layout.racks.get(at)).map_or(layout.router, |rack| rack.gateway.addr());
    let what = format!("the end of the belief in {place}");
    let waited = clock::until(BELIEVED, INTERVAL, &what, async || {
        for router in world.routers.iter().filter(|router| router.place != *place) {
            if router.member.route.way_to(own).await.is_ok() {
                return Poll::<(), String>::NotYet(format!("{} still has {own}", router.place));
            }
        }
        Poll::Ready(())
    });
    waited.await.map_err(|error| BuildError::NotUp(error.to_string()))
}

/// Lets BIRD of a router go on.
pub(super) fn wake(world: &World, place: &Place) -> Result<(), BuildError> {
    find(world, place)?.bird.go_on().map_err(|source| of_bird(place, source))
}

fn find<'a>(world: &'a World, place: &Place) -> Result<&'a RouterUp, BuildError> {
    let found = world.routers.iter().find(|router| router.place == *place);
    found.ok_or_else(|| BuildError::Missing(format!("router {place}")))
}

fn of_bird(place: &Place, source: std::io::Error) -> BuildError {
    BuildError::Socket { doing: format!("stopping or waking BIRD of {place}"), source }
}
