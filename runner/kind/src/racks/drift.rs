//! Finds out how a lab in racks has changed since it was built: routers that are gone or do not run, and nodes that do not stand in
//! their racks any more, as after a restart, when Docker calls links and chooses default routes as ever.

use async_recursion::async_recursion as boxed;
use std::net::Ipv4Addr;

use super::links::run;
use crate::drift::Drift;
use crate::spec::KindSpec;
use lab_engine::{Engine, EngineError, router_container};
use lab_model::observe::UPLINK;

/// How routers and running nodes are now, compared with how they were built.
///
/// # Errors
/// When the Engine does not answer or refuses.
#[boxed(?Send)]
pub(crate) async fn drift(lab: &str, spec: &KindSpec, engine: &Engine) -> Result<Vec<Drift>, EngineError> {
    let Some(layout) = &spec.expect.racks else { return Ok(Vec::new()) };
    let again = format!("lab down --name {lab} && lab up --on kind --topology racks --name {lab}");
    let mut found = Vec::new();
    for router in layout.routers().map(|place| router_container(&spec.cluster, &place.to_string())) {
        found.extend(router_drift(&router.0, state_of(engine, &router.0).await?.as_deref(), &again));
    }
    for (node, tor) in layout.racks.iter().flat_map(|rack| rack.nodes.iter().map(|node| (node, rack.gateway.addr()))) {
        // That one does not run is told where its address is.
        if state_of(engine, &node.0).await?.as_deref() == Some("running") {
            let shown = run(engine, &node.0, &["ip", "-4", "route", "show", "default"], "").await;
            found.extend(node_drift(&node.0, shown.as_deref().map_err(String::as_str), tor, &again));
        }
    }
    Ok(found)
}

/// What the Engine calls a container's state; none where there is no such container.
async fn state_of(engine: &Engine, name: &str) -> Result<Option<String>, EngineError> {
    let container = engine.container(name).await?;
    let state = container.and_then(|container| container.state).and_then(|state| state.status);
    Ok(state.map(|state| state.to_string()))
}

fn router_drift(name: &str, state: Option<&str>, again: &str) -> Option<Drift> {
    let why = "packets between racks, or from one rack, go nowhere".to_owned();
    match state {
        Some("running") => None,
        Some("paused") => {
            Some(Drift { found: format!("{name} is paused"), why, remedy: format!("docker unpause {name}") })
        }
        Some(state) => Some(Drift { found: format!("{name} does not run ({state})"), why, remedy: again.to_owned() }),
        None => {
            let found = format!("{name} is gone: there is no container of this name");
            Some(Drift { found, why, remedy: again.to_owned() })
        }
    }
}

fn node_drift(name: &str, shown: Result<&str, &str>, tor: Ipv4Addr, again: &str) -> Option<Drift> {
    let wanted = format!("default via {tor} dev {UPLINK}");
    let found = match shown {
        Ok(routes) if routes.lines().any(|route| route.trim_end() == wanted) => return None,
        Ok(routes) => match routes.lines().next() {
            Some(other) => {
                format!("{name} does not stand in its rack: {}, not via its ToR {tor} by {UPLINK}", other.trim_end())
            }
            None => format!("{name} does not stand in its rack: it has no default route"),
        },
        Err(why) => format!("{name} does not tell its default route: {why}"),
    };
    let why = "after a restart Docker calls its links and chooses its default route as ever".to_owned();
    Some(Drift { found, why, remedy: again.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_does_not_run_is_told() {
        let found = |state| router_drift("kind-tor0", state, "again").map(|drift| (drift.found, drift.remedy));
        assert_eq!(found(Some("running")), None);
        assert_eq!(
            found(Some("paused")),
            Some(("kind-tor0 is paused".to_owned(), "docker unpause kind-tor0".to_owned()))
        );
        assert_eq!(found(Some("exited")), Some(("kind-tor0 does not run (exited)".to_owned(), "again".to_owned())));
        assert!(found(None).is_some_and(|(text, _)| text.starts_with("kind-tor0 is gone")));
    }

    #[test]
    fn a_node_whose_default_route_is_dockers_again_is_told() {
        let tor = Ipv4Addr::new(198, 19, 0, 1);
        let found = |shown| node_drift("kind-worker", shown, tor, "again").map(|drift| drift.found);
        assert_eq!(found(Ok("default via 198.19.0.1 dev eth0 \n")), None);
        assert_eq!(
            found(Ok("default via 172.18.0.1 dev eth0 \n")).as_deref(),
            Some(
                "kind-worker does not stand in its rack: default via 172.18.0.1 dev eth0, not via its ToR 198.19.0.1 by eth0"
            )
        );
        assert!(found(Ok("")).is_some_and(|text| text.ends_with("it has no default route")));
        assert!(found(Err("it is gone")).is_some_and(|text| text.ends_with("default route: it is gone")));
    }
}
