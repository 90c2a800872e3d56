//! Files into and out of containers.

use lab_stand_in::{Cluster, NodePlan, Plan, with_engine};

fn archive(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, bytes).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn a_file_comes_back_as_it_went() {
    with_engine("a_file_comes_back_as_it_went", async |engine| {
        let plan = Plan { nodes: Some(vec![NodePlan::new("worker", "worker")]), ..Plan::default() };
        let cluster = Cluster::make(&engine, plan).await;
        let worker = &cluster.nodes()[0];
        let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
        assert!(!engine.exists(&worker.0, "/usr/local/lib/folder/file").await.unwrap());
        engine.upload(&worker.0, "/usr/local/lib", archive("folder/file", &bytes)).await.unwrap();
        assert!(engine.exists(&worker.0, "/usr/local/lib/folder/file").await.unwrap());
        assert_eq!(engine.read_file(&worker.0, "/usr/local/lib/folder/file").await.unwrap(), bytes);
        // Also of a container that does not run.
        cluster.stop(worker).await;
        assert_eq!(engine.read_file(&worker.0, "/usr/local/lib/folder/file").await.unwrap(), bytes);

        let folder = engine.read_file(&worker.0, "/usr/local/lib/folder").await.unwrap_err().to_string();
        assert!(folder.ends_with(": it is not a regular file"), "{folder}");
        let missing = engine.read_file(&worker.0, "/usr/local/lib/none").await.unwrap_err();
        assert!(missing.is_missing(), "{missing}");
        let nowhere = engine.upload(&worker.0, "/no/such/folder", archive("file", b"")).await.unwrap_err();
        assert!(nowhere.is_missing(), "{nowhere}");
        let expected = format!("the Docker Engine would not unpack an archive in /no/such/folder of {worker}: ");
        assert!(nowhere.to_string().starts_with(&expected), "{nowhere}");
        let garbage = engine.upload(&worker.0, "/usr/local/lib", vec![7; 2048]).await.unwrap_err().to_string();
        assert!(garbage.starts_with("the Docker Engine would not unpack an archive"), "{garbage}");
    });
}
