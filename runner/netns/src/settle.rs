//! Waits until what was built works: links are operational, nodes forward.

use lab_model::observe::UPLINK;
use std::time::Duration;

use super::world::{BuildError, Member, World, at};
use lab_base::clock;
use lab_base::clock::Poll;

/// How long links may take. A veth gets its carrier within milliseconds after its peer; this is for machines under load.
const DEADLINE: Duration = Duration::from_secs(10);
/// The time between two checks.
const INTERVAL: Duration = Duration::from_millis(2);

/// Waits until every eth0 of nodes and pods is operational.
pub(super) async fn links_are_up(world: &World) -> Result<(), BuildError> {
    let nodes = world.running().map(|(_, _, node)| &node.member);
    for member in nodes.chain(world.pods.iter().flatten()) {
        link_is_up(member).await?;
    }
    Ok(())
}

async fn link_is_up(member: &Member) -> Result<(), BuildError> {
    let what = format!("{}'s {UPLINK} to be operational", member.name());
    let waited = clock::until(DEADLINE, INTERVAL, &what, async || {
        match member.route.link(UPLINK).await.map_err(at(member.name())) {
            // A link that only has a carrier does not send yet, and the first frame would be lost.
            Ok(Some(link)) if link.operational => Poll::Ready(()),
            Ok(Some(_)) => Poll::NotYet("it is not operational".to_owned()),
            Ok(None) => Poll::NotYet("there is no such link".to_owned()),
            Err(error) => Poll::Failed(error.to_string()),
        }
    })
    .await;
    waited.map_err(|error| BuildError::NotUp(error.to_string()))
}

/// Waits until a stopped node's port on the bridge is gone. The kernel removes a namespace's links some time after its last
/// user is gone.
pub(super) async fn port_is_gone(hub: &Member, port: &str) -> Result<(), BuildError> {
    let what = format!("the end of {port}, the stopped node's port on the bridge");
    let waited =
        clock::until(DEADLINE, INTERVAL, &what, async || match hub.route.link(port).await.map_err(at(hub.name())) {
            Ok(None) => Poll::Ready(()),
            Ok(Some(_)) => Poll::NotYet("it still exists".to_owned()),
            Err(error) => Poll::Failed(error.to_string()),
        })
        .await;
    waited.map_err(|error| BuildError::NotUp(error.to_string()))
}

/// Checks that every node's namespace forwards. Returns a summary as text.
pub(super) fn nodes_forward(world: &World) -> Result<String, BuildError> {
    let mut forwarding = 0;
    for (_, plan, node) in world.running() {
        let name = plan.name.to_string();
        let value = node.member.namespace.run(|| {
            std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").map_err(|error| {
                super::namespace::NamespaceError::Thread {
                    name: name.clone(),
                    what: format!("cannot read net.ipv4.ip_forward: {error}"),
                }
            })
        })?;
        if value.trim() != "1" {
            return Err(BuildError::NotUp(format!("{}: net.ipv4.ip_forward is {}, not 1", plan.name, value.trim())));
        }
        forwarding += 1;
    }
    Ok(format!("{forwarding} of {} forward for their pods", world.plan.nodes.len()))
}
