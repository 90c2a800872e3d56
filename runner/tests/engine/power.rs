//! Nodes that are paused, and nodes that are restarted in another order: what `lab sabotage --on kind` does to them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use lab_engine::{Engine, EngineError};
use lab_model::observe::NodeName;
use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};

const LONG: Duration = Duration::from_mins(1);

fn two() -> Plan {
    Plan { nodes: Some(vec![NodePlan::new("worker", "worker"), NodePlan::new("worker2", "worker")]), ..Plan::default() }
}

/// Each node's address on the cluster's network.
async fn addresses(engine: &Engine, cluster: &Cluster) -> BTreeMap<NodeName, Ipv4Addr> {
    let nodes = engine.nodes(cluster.name()).await.unwrap();
    nodes.iter().map(|node| (node.name.clone(), node.address_on(cluster.network()).unwrap())).collect()
}

#[test]
fn a_node_that_is_paused_runs_nothing_and_goes_on_after() {
    with_engine("a_node_that_is_paused_runs_nothing_and_goes_on_after", async |engine| {
        let cluster = Cluster::make(&engine, two()).await;
        let node = &cluster.nodes()[0].0;
        engine.pause_container(node).await.unwrap();
        let halted = engine.exec(node, ["sh", "-c", "true"], Vec::new(), LONG).await.unwrap_err();
        assert!(matches!(halted, EngineError::Halted { paused: true, .. }), "{halted}");
        let again = engine.pause_container(node).await.unwrap_err();
        assert!(again.to_string().contains(&format!("pause {node}")), "{again}");
        engine.unpause_container(node).await.unwrap();
        assert!(engine.exec(node, ["sh", "-c", "true"], Vec::new(), LONG).await.unwrap().success());
        assert!(engine.unpause_container(node).await.is_err(), "it is not paused any more");
        assert!(engine.pause_container("lab-no-such-node").await.unwrap_err().is_missing());
    });
}

#[test]
fn nodes_that_come_back_in_another_order_have_each_others_addresses() {
    with_engine("nodes_that_come_back_in_another_order_have_each_others_addresses", async |engine| {
        let cluster = Cluster::make(&engine, two()).await;
        let before = addresses(&engine, &cluster).await;
        let mut order: Vec<&NodeName> = cluster.nodes().iter().collect();
        order.sort_by_key(|node| before[*node]);
        let restart = async |order: &[&NodeName]| {
            join_all(order.iter().map(async |node| engine.stop_container(&node.0).await.unwrap())).await;
            for node in order {
                engine.start_container(&node.0).await.unwrap();
            }
        };
        let reversed: Vec<&NodeName> = order.iter().rev().copied().collect();
        restart(&reversed).await;
        let swapped = addresses(&engine, &cluster).await;
        assert_eq!((swapped[order[0]], swapped[order[1]]), (before[order[1]], before[order[0]]));
        restart(&order).await;
        assert_eq!(addresses(&engine, &cluster).await, before);
        // Neither is an error where it is so already.
        engine.start_container(&order[0].0).await.unwrap();
        assert!(engine.stop_container("lab-no-such-node").await.unwrap_err().is_missing());
    });
}
