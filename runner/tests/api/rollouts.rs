//! Waits for what runs pods: `DaemonSets` and Deployments, and containers that will never be ready.

use lab_base::clock;
use lab_base::clock::WaitError;
use lab_kind::api::Patience;
use serde_json::{Value, json};
use std::time::Duration;

use super::objects::{BEFORE_CNI, CILIUM, HELLO, Objects, WRONG_HOST};
use super::server::{DEADLINE, Server, block_on};
use super::waits::{SOON, last};

async fn cilium_of(server: &Server, deadline: Duration) -> Result<(), WaitError> {
    let say = |_words| ();
    server.api().await.until_cilium_ready("kube-system", 3, Patience { deadline, say: &say }).await
}

#[test]
fn cilium_is_ready_when_all_agents_and_operators_are() {
    block_on(async {
        for moment in [CILIUM, HELLO] {
            assert_eq!(cilium_of(&Server::start(moment).await, DEADLINE).await, Ok(()));
        }
    });
}

#[test]
fn agents_that_cannot_reach_the_api_server_are_named() {
    block_on(async {
        let server = Server::start(WRONG_HOST).await;
        let log: Vec<String> = (1..=9).map(|line| format!("level=info try={line}")).collect();
        server.log("kube-system/cilium-qjbcr", &log.join("\n"));
        let say = |_words| ();
        let api = server.api().await;
        let patience = Patience { deadline: SOON, say: &say };
        let error = api.until_daemon_set_ready("kube-system", "cilium", 3, patience).await.unwrap_err();
        let words = last(&error);
        assert!(
            words.starts_with(
                "cilium: 1 of 3 ready, 3 scheduled; cilium-5hdjt on kind-control-plane: cilium-agent ended "
            ),
            "{words}"
        );
        assert!(words.contains("with exit code 1"), "{words}");
        assert!(words.contains("Unable to initialize Kubernetes subsystem"), "{words}");
        // A container that runs tells why it is not ready in its log alone.
        assert!(
            words.ends_with(
                "; cilium-qjbcr on kind-worker: cilium-agent runs and is not ready; the log of cilium-agent in \
                 kube-system/cilium-qjbcr ends:\nlevel=info try=5\nlevel=info try=6\nlevel=info try=7\n\
                 level=info try=8\nlevel=info try=9"
            ),
            "{words}"
        );
        assert!(!words.contains("cilium-7nn8b"), "{words}");
    });
}

#[test]
fn what_was_not_installed_is_not_there() {
    block_on(async {
        let server = Server::start(BEFORE_CNI).await;
        let say = |_words| ();
        let patience = Patience { deadline: SOON, say: &say };
        let error = server.api().await.until_deployment_ready("kube-system", "cilium-operator", patience).await;
        assert_eq!(last(&error.unwrap_err()), "cilium-operator does not exist");
    });
}

/// A container that waits, as kubelet reports it.
fn waiting(pod: &mut Value, reason: &str, message: &str) {
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Ready" {
            condition["status"] = json!("False");
        }
    }
    let status = &mut pod["status"]["containerStatuses"][0];
    status["ready"] = json!(false);
    status["restartCount"] = json!(3);
    status["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error", "message": "no route to host"}});
    status["state"] = json!({"waiting": {"reason": reason, "message": message}});
}

fn one_less(objects: &mut Objects) {
    objects.change("daemonsets", "cilium", |set| set["status"]["numberReady"] = json!(2));
}

#[test]
fn a_crash_loop_ends_the_wait_at_once_with_the_end_of_the_log() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            one_less(objects);
            objects.change("pods", "cilium-9f6rr", |pod| waiting(pod, "CrashLoopBackOff", "back-off 40s"));
        });
        let log: Vec<String> = (1..=9).map(|line| format!("level=error line={line}")).collect();
        server.log("kube-system/cilium-9f6rr previous", &log.join("\n"));
        let begun = clock::now();
        let error = cilium_of(&server, DEADLINE).await.unwrap_err();
        assert!(begun.elapsed() < DEADLINE / 2);
        let WaitError::Failed { what, reason, .. } = &error else { panic!("{error:?}") };
        assert_eq!(what, "the DaemonSet kube-system/cilium, ready on 3 nodes");
        assert_eq!(
            reason,
            "cilium-agent of pod kube-system/cilium-9f6rr on kind-worker is in CrashLoopBackOff: exit code 1, 3 restarts, \
             no route to host; its log ends:\nlevel=error line=1\nlevel=error line=2\nlevel=error line=7\n\
             level=error line=8\nlevel=error line=9"
        );
    });
}

#[test]
fn a_log_that_cannot_be_read_does_not_hide_the_crash() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            one_less(objects);
            objects.change("pods", "cilium-9f6rr", |pod| waiting(pod, "CrashLoopBackOff", "back-off 40s"));
        });
        let error = cilium_of(&server, DEADLINE).await.unwrap_err().to_string();
        assert!(error.contains("is in CrashLoopBackOff"), "{error}");
        assert!(error.contains("its log cannot be read: "), "{error}");
    });
}

#[test]
fn an_image_that_cannot_be_pulled_ends_the_wait_at_once() {
    block_on(async {
        let message = "Back-off pulling image \"quay.io/cilium/operator-generic:v1.12.4\"";
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            objects.change("deployments", "cilium-operator", |it| it["status"]["availableReplicas"] = json!(1));
            objects.change("pods", "cilium-operator-7947f8d67-zf75w", |pod| {
                waiting(pod, "ImagePullBackOff", message);
                pod["status"]["containerStatuses"][0]["restartCount"] = json!(0);
                pod["status"]["containerStatuses"][0]["lastState"] = json!({});
            });
        });
        let WaitError::Failed { reason, .. } = cilium_of(&server, DEADLINE).await.unwrap_err() else {
            panic!("not failed")
        };
        assert_eq!(
            reason,
            format!(
                "cilium-operator of pod kube-system/cilium-operator-7947f8d67-zf75w on kind-worker2 is in \
                 ImagePullBackOff: {message}"
            )
        );
    });
}

#[test]
fn what_may_still_come_right_is_waited_for() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            one_less(objects);
            objects.change("pods", "cilium-9f6rr", |pod| waiting(pod, "ErrImagePull", "dial tcp: i/o timeout"));
        });
        let error = cilium_of(&server, SOON).await.unwrap_err();
        let words = "cilium: 2 of 3 ready, 3 scheduled; cilium-9f6rr on kind-worker: cilium-agent ErrImagePull (dial tcp: i/o timeout)";
        assert_eq!(last(&error), words);
        // A pod that is being deleted will not come back, and is not what is waited for.
        server.with(|objects| {
            objects.change("pods", "cilium-9f6rr", |pod| {
                waiting(pod, "CrashLoopBackOff", "back-off 40s");
                pod["metadata"]["deletionTimestamp"] = json!("2026-11-23T05:55:00Z");
            });
        });
        let error = cilium_of(&server, SOON).await.unwrap_err();
        assert_eq!(last(&error), "cilium: 2 of 3 ready, 3 scheduled; cilium-9f6rr on kind-worker: being deleted");
    });
}

#[test]
fn an_init_container_that_is_stuck_is_found() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            one_less(objects);
            objects.change("pods", "cilium-9f6rr", |pod| {
                let init = &mut pod["status"]["initContainerStatuses"][0];
                init["state"] =
                    json!({"waiting": {"reason": "CreateContainerConfigError", "message": "no such secret"}});
                init["ready"] = json!(false);
            });
        });
        let error = cilium_of(&server, DEADLINE).await.unwrap_err().to_string();
        assert!(
            error.contains(
                " of pod kube-system/cilium-9f6rr on kind-worker is in CreateContainerConfigError: no such secret"
            ),
            "{error}"
        );
    });
}

#[test]
fn an_old_generation_is_not_the_new_one() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.with(|objects| {
            objects.change("daemonsets", "cilium", |set| set["metadata"]["generation"] = json!(7));
        });
        let error = cilium_of(&server, SOON).await.unwrap_err();
        assert_eq!(last(&error), "cilium: 3 of 3 ready, 3 scheduled, not yet counted for the newest generation");
    });
}
