//! The network namespaces of processes.

use std::path::PathBuf;
use std::time::Duration;

use lab_base::exec::Invocation;
use lab_model::observe::{Place, TABLE_LOCAL};
use lab_model::request::{Answer, Ask, Request};

const DEADLINE: Duration = Duration::from_secs(20);
const READY: &str = "it is there";

fn ask(netns: Option<PathBuf>, request: Request) -> Answer {
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let asks = [Ask { place: Place::Node("this".into()), netns, request }];
    lab_probe::answers(&asks, None, || {}, &stop).remove(0).answer.unwrap()
}

fn files() -> Vec<PathBuf> {
    match ask(None, Request::Namespaces) {
        Answer::Namespaces { files, .. } => files,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_namespace_of_another_process_is_found_and_can_be_looked_into() {
    let say = format!("echo {READY} >&2; read end");
    let runtime = lab_base::runtime().unwrap();
    let mut other = runtime.block_on(async {
        let mut other = Invocation::new("unshare").args(["--net", "sh", "-c", &say]).open().unwrap();
        other.wait_for_line(READY, DEADLINE).await.unwrap();
        other
    });
    let file = PathBuf::from(format!("/proc/{}/ns/net", other.id().unwrap()));
    let found = files();
    assert!(found.contains(&file), "{found:?}");
    // Its own is not among them, and each is there once.
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    let mut targets: Vec<_> = found.iter().filter_map(|file| std::fs::read_link(file).ok()).collect();
    assert!(!targets.contains(&own), "{targets:?}");
    let all = targets.len();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), all);
    let Answer::View(view) = ask(Some(file.clone()), Request::View) else { panic!("no view") };
    let links: Vec<&str> = view.links.iter().map(|link| link.name.as_str()).filter(|name| *name == "lo").collect();
    assert_eq!(links, ["lo"]);
    assert!(view.routes.iter().all(|route| route.table == TABLE_LOCAL), "a new namespace leads nowhere");
    runtime.block_on(async {
        other.write(b"\n").await.unwrap();
        other.finish(DEADLINE).await.unwrap();
    });
    assert!(!files().contains(&file));
}
