//! What a lab that was killed leaves in Docker, and nothing else, is found and removed.

use std::path::Path;

use lab_engine::Engine;
use lab_kind::late::Names;
use lab_kind::teardown::remove_strays;
use lab_model::observe::NodeName;
use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};

/// One node, marked as that of the lab with this name in this folder of states.
async fn node_of(engine: &Engine, root: &Path, lab: &str) -> Cluster {
    let mark = root.join(lab).join("mark");
    std::fs::create_dir_all(&mark).unwrap();
    let nodes = Some(vec![NodePlan::new("worker", "worker")]);
    Cluster::make(
        engine,
        Plan { nodes, binds: vec![format!("{}:/etc/lab/mark:ro", mark.display())], ..Plan::default() },
    )
    .await
}

async fn is_there(engine: &Engine, node: &NodeName) -> bool {
    engine.container(&node.0).await.unwrap().is_some()
}

#[test]
fn strays_are_those_whose_labs_state_is_gone() {
    with_engine("strays_are_those_whose_labs_state_is_gone", async |engine| {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let killed = node_of(&engine, root.path(), "killed").await;
        let other = node_of(&engine, root.path(), "other").await;
        let up = node_of(&engine, root.path(), "up").await;
        std::fs::write(root.path().join("up/state.json"), "{}").unwrap();
        let foreign = node_of(&engine, elsewhere.path(), "killed").await;

        let removed = remove_strays(&engine, root.path(), Some("killed")).await.unwrap();
        assert_eq!(removed, [killed.nodes()[0].0.clone()]);
        assert!(is_there(&engine, &other.nodes()[0]).await);
        let removed = remove_strays(&engine, root.path(), None).await.unwrap();
        assert_eq!(removed, [other.nodes()[0].0.clone()]);
        for kept in [&up, &foreign] {
            assert!(is_there(&engine, &kept.nodes()[0]).await, "{} is not a stray", kept.name());
        }
        assert_eq!(remove_strays(&engine, root.path(), None).await.unwrap(), [""; 0]);
    });
}

#[test]
fn a_name_that_is_taken_is_waited_for_and_nothing_is_left_under_it() {
    with_engine("a_name_that_is_taken_is_waited_for_and_nothing_is_left_under_it", async |engine| {
        let root = tempfile::tempdir().unwrap();
        let mut cluster = node_of(&engine, root.path(), "killed").await;
        let node = cluster.nodes()[0].clone();
        let mark = root.path().join("killed/mark");
        let free = NodeName(format!("{node}-2"));
        let image = cluster.image().reference().to_owned();
        let names = Names { nodes: vec![node.clone(), free.clone()], image, mark: &mark };
        let mut asked = 0;
        // The container comes into the listing only later.
        let waited = names.until_free(&engine, async || {
            asked += 1;
            if asked == 3 {
                cluster.remove(&node).await;
            }
            Ok(Vec::new())
        });
        waited.await.unwrap();
        assert_eq!(asked, 3);
        for name in [&node, &free] {
            assert!(!is_there(&engine, name).await, "{name} was tried and is still there");
        }
    });
}

#[test]
fn a_name_that_somebody_else_has_is_not_waited_for() {
    with_engine("a_name_that_somebody_else_has_is_not_waited_for", async |engine| {
        let root = tempfile::tempdir().unwrap();
        let cluster = node_of(&engine, root.path(), "other").await;
        let node = cluster.nodes()[0].clone();
        let mark = root.path().join("killed/mark");
        let names = Names { nodes: vec![node.clone()], image: cluster.image().reference().to_owned(), mark: &mark };
        names.until_free(&engine, async || Ok(vec![node.clone()])).await.unwrap();
        assert!(is_there(&engine, &node).await);
        let refused = names.until_free(&engine, async || Err("the Engine lists nothing".to_owned())).await.unwrap_err();
        assert!(refused.contains("the Engine lists nothing"), "{refused}");
    });
}
