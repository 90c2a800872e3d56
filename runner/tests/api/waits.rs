//! Waits: what they see meanwhile, that they end as soon as it is so, and how they end when it never is.

use lab_base::clock;
use lab_base::clock::WaitError;
use lab_kind::api::Patience;
use lab_model::observe::NodeName;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::Duration;

use super::objects::{BEFORE_CNI, CILIUM};
use super::server::{DEADLINE, Fault, Server, block_on};

/// Long enough for what is seen at once, on a busy machine too.
pub(crate) const SOON: Duration = Duration::from_secs(2);

/// What was said while something was waited for.
#[derive(Default)]
pub(crate) struct Heard(RefCell<Vec<String>>);

impl Heard {
    pub(crate) fn note(&self, words: String) {
        self.0.borrow_mut().push(words);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits until something was said that holds this text.
    pub(crate) async fn wait_for(&self, text: &str) {
        let heard = clock::until(DEADLINE, Duration::from_millis(5), text, async || {
            let all = self.all();
            if all.iter().any(|words| words.contains(text)) {
                clock::Poll::Ready(())
            } else {
                clock::Poll::NotYet(format!("{all:?}"))
            }
        });
        heard.await.unwrap();
    }
}

fn names() -> Vec<NodeName> {
    ["kind-control-plane", "kind-worker", "kind-worker2"].map(NodeName::from).to_vec()
}

/// What was seen last before the deadline passed.
pub(crate) fn last(error: &WaitError) -> &str {
    match error {
        WaitError::Deadline { last: Some(last), .. } => last,
        other => panic!("{other:?}"),
    }
}

fn ready(node: &mut Value) {
    for condition in node["status"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Ready" {
            condition["status"] = json!("True");
            condition["message"] = json!("kubelet is posting ready status");
        }
    }
}

#[test]
fn nodes_that_are_not_ready_are_named_with_why() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let patience = Patience { deadline: SOON, say: &say };
        let error = server.api().await.until_nodes_ready(&names(), patience).await.unwrap_err();
        let words = "kind-control-plane NotReady (cni plugin not initialized); \
                     kind-worker NotReady (cni plugin not initialized); \
                     kind-worker2 NotReady (cni plugin not initialized)";
        assert_eq!(last(&error), words);
        assert_eq!(error.to_string(), format!("3 nodes Ready did not happen within 2s: {words}"));
        assert_eq!(heard.all(), [words]);
        assert!(server.api().await.until_nodes_registered(&names(), patience).await.is_ok());
    });
}

#[test]
fn nodes_are_waited_for_until_the_last_is_ready() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        let api = server.api().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let names = names();
        let wait = api.until_nodes_ready(&names, Patience { deadline: DEADLINE, say: &say });
        let change = async {
            for (node, seen) in [
                ("kind-worker2", "kind-control-plane NotReady (cni plugin not initialized); kind-worker NotReady"),
                ("kind-control-plane", "kind-worker NotReady (cni plugin not initialized)"),
            ] {
                server.with(|objects| objects.change("nodes", node, ready));
                heard.wait_for(seen).await;
            }
            server.with(|objects| objects.change("nodes", "kind-worker", ready));
        };
        let (waited, ()) = tokio::join!(wait, change);
        assert_eq!(waited, Ok(()));
        let lists = server.requests().iter().filter(|request| !request.contains("watch=true")).count();
        assert_eq!(lists, 1, "watched, not listed again: {:?}", server.requests());
    });
}

#[test]
fn a_node_that_never_registered_is_named() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        server.with(|objects| objects.remove("nodes", |node| node["metadata"]["name"] == "kind-worker2"));
        let say = |_words| ();
        let patience = Patience { deadline: SOON, say: &say };
        let error = server.api().await.until_nodes_registered(&names(), patience).await.unwrap_err();
        assert_eq!(last(&error), "kind-worker2 has not registered");
    });
}

#[test]
fn a_kubelet_that_is_not_heard_of_is_unknown() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            objects.change("nodes", "kind-worker", |node| {
                for condition in node["status"]["conditions"].as_array_mut().unwrap() {
                    condition["status"] = json!("Unknown");
                    condition["message"] = json!("Kubelet stopped posting node status.");
                }
            });
        });
        let say = |_words| ();
        let patience = Patience { deadline: SOON, say: &say };
        let error = server.api().await.until_nodes_ready(&names(), patience).await.unwrap_err();
        assert_eq!(last(&error), "kind-worker Unknown (Kubelet stopped posting node status.)");
    });
}

#[test]
fn a_restart_of_the_server_is_ridden_out() {
    block_on(async {
        let mut server = Server::start(BEFORE_CNI).await;
        let api = server.api().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let names = names();
        let wait = api.until_nodes_ready(&names, Patience { deadline: DEADLINE, say: &say });
        let restart = async {
            heard.wait_for("kind-worker NotReady").await;
            server.stop().await;
            heard.wait_for("the API server cannot be reached: tcp connect error: Connection refused").await;
            server.with(|objects| {
                for node in ["kind-control-plane", "kind-worker", "kind-worker2"] {
                    objects.change("nodes", node, ready);
                }
            });
            server.start_again();
        };
        let (waited, ()) = tokio::join!(wait, restart);
        assert_eq!(waited, Ok(()));
    });
}

#[test]
fn a_watch_that_ends_is_begun_anew() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        server.end_watches_after(Duration::from_millis(50));
        let api = server.api().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let names = names();
        let wait = api.until_nodes_ready(&names, Patience { deadline: DEADLINE, say: &say });
        let change = async {
            let watches = || server.requests().iter().filter(|request| request.contains("watch=true")).count();
            let again = clock::until(DEADLINE, Duration::from_millis(5), "a third watch", async || match watches() {
                3.. => clock::Poll::Ready(()),
                few => clock::Poll::NotYet(format!("{few} watches")),
            });
            again.await.unwrap();
            server.with(|objects| {
                for node in ["kind-control-plane", "kind-worker", "kind-worker2"] {
                    objects.change("nodes", node, ready);
                }
            });
        };
        let (waited, ()) = tokio::join!(wait, change);
        assert_eq!(waited, Ok(()));
        assert!(heard.all().iter().all(|words| words.contains("NotReady")), "no trouble: {:?}", heard.all());
    });
}

/// What a real server says while it starts.
const READYZ: &str = "[+]ping ok\n[+]etcd ok\n[-]informer-sync failed: reason withheld\n\
    [-]poststarthook/rbac/bootstrap-roles failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n";

#[test]
fn the_server_is_waited_for_until_it_is_ready() {
    block_on(async {
        let mut server = Server::start(CILIUM).await;
        let api = server.api().await;
        server.stop().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let wait = api.until_it_answers(Patience { deadline: DEADLINE, say: &say });
        let start = async {
            heard.wait_for("Connection refused").await;
            server.fault("/readyz", Fault::Answer(500, READYZ.to_owned()));
            server.start_again();
            heard.wait_for("the API server is not ready yet (500 informer-sync, rbac/bootstrap-roles)").await;
            server.heal();
        };
        let (waited, ()) = tokio::join!(wait, start);
        assert_eq!(waited.unwrap(), "v1.20.2");
    });
}

#[test]
fn a_server_that_never_answers_is_told_with_what_it_did_last() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.fault("/readyz", Fault::Hang);
        let api = server.api().await.with_deadline(Duration::from_millis(200));
        let say = |_words| ();
        let error = api.until_it_answers(Patience { deadline: SOON, say: &say }).await.unwrap_err();
        assert_eq!(last(&error), "the API server has not answered for 200ms");
        let error = server.api().await.until_it_answers(Patience { deadline: SOON, say: &say }).await.unwrap_err();
        let what = format!("an answer of the API server {} did not happen within 2s", server.url());
        assert_eq!(error.to_string(), what);
    });
}
