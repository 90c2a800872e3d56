//! The workload: what is applied, when it is ready, and that it can be taken away.

use lab_base::clock::WaitError;
use lab_kind::api::{Patience, PullPolicy, Workload};
use lab_manifest::Manifests;
use serde_json::json;

use super::objects::{CILIUM, HELLO};
use super::server::{DEADLINE, Fault, Server, block_on};
use super::waits::{Heard, SOON};

fn workload() -> Workload {
    let manifests = Manifests::embedded().unwrap();
    Workload::new(&manifests.hello_app, "default", 2, "hello-app:1.0", PullPolicy::Never).unwrap()
}

#[test]
fn the_manifest_is_applied_with_the_image_and_the_replicas_that_were_asked_for() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        server.api().await.apply_workload(&workload()).await.unwrap();
        let (deployment, service) =
            server.with(|objects| (objects.named("deployments", "hello-app"), objects.named("services", "hello-app")));
        assert_eq!(deployment["apiVersion"], "apps/v1");
        assert_eq!(deployment["spec"]["replicas"], 2);
        assert_eq!(deployment["spec"]["selector"]["matchLabels"], json!({"app": "hello-app"}));
        let template = &deployment["spec"]["template"]["spec"];
        let terms = &template["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(terms[0]["topologyKey"], "kubernetes.io/hostname");
        let container = &template["containers"][0];
        assert_eq!((&container["image"], &container["imagePullPolicy"]), (&json!("hello-app:1.0"), &json!("Never")));
        assert_eq!(service["spec"]["ports"], json!([{"port": 8080, "protocol": "TCP", "targetPort": 8080}]));
        let patches: Vec<String> =
            server.requests().into_iter().filter(|request| request.starts_with("PATCH")).collect();
        assert_eq!(patches.len(), 2);
        assert!(patches.iter().all(|patch| patch.contains("fieldManager=lab")), "{patches:?}");
    });
}

#[test]
fn a_refused_object_is_named() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let status = r#"{"kind":"Status","status":"Failure","message":"spec.ports: Required value","reason":"Invalid","code":422}"#;
        server.fault("/services/hello-app", Fault::Answer(422, status.to_owned()));
        let error = server.api().await.apply_workload(&workload()).await.unwrap_err().to_string();
        let words = "refused to apply services default/hello-app: 422 spec.ports: Required value";
        assert_eq!(error, format!("{} {words}", server.url()));
    });
}

#[test]
fn a_workload_that_stands_is_ready_with_its_pods_and_its_service() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let say = |_words| ();
        let patience = Patience { deadline: DEADLINE, say: &say };
        let (pods, service) = server.api().await.until_workload_ready(&workload(), patience).await.unwrap();
        let mut pods: Vec<String> = pods.iter().map(|pod| format!("{}:8080", pod.address.unwrap())).collect();
        pods.sort();
        let endpoints: Vec<String> = service.endpoints.iter().map(ToString::to_string).collect();
        assert_eq!(pods, endpoints);
        assert_eq!(service.cluster_ip.unwrap().to_string(), "10.96.53.248:8080");
    });
}

#[test]
fn pods_and_endpoints_are_waited_for_as_they_come() {
    block_on(async {
        let server = Server::start(CILIUM).await;
        let (pods, slice) = {
            let recorded = super::objects::Objects::recorded(HELLO);
            let pod = |name: &str| recorded.named("pods", name);
            let pods = [pod("hello-app-55549b8679-4gvdj"), pod("hello-app-55549b8679-gwmgv")];
            server.with(|objects| objects.put("services", recorded.named("services", "hello-app")));
            (pods, recorded.named("endpointslices", "hello-app-h4dvn"))
        };
        let api = server.api().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let workload = workload();
        let wait = api.until_workload_ready(&workload, Patience { deadline: DEADLINE, say: &say });
        let [one, other] = pods;
        let mut unscheduled = other.clone();
        unscheduled["spec"]["nodeName"] = json!(null);
        unscheduled["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "message": "0/3 nodes are available"}]});
        let change = async {
            heard.wait_for("0 of 2 ready").await;
            server.with(|objects| {
                objects.put("pods", one);
                objects.put("pods", unscheduled);
            });
            heard.wait_for("1 of 2 ready; hello-app-55549b8679-gwmgv: 0/3 nodes are available").await;
            server.with(|objects| objects.put("pods", other));
            heard.wait_for("the Service's endpoints are [], the pods are [10.0.1.212:8080; 10.0.2.38:8080]").await;
            server.with(|objects| objects.put("endpointslices", slice));
        };
        let (waited, ()) = tokio::join!(wait, change);
        assert_eq!(waited.unwrap().1.endpoints.len(), 2);
    });
}

#[test]
fn an_endpoint_that_stays_away_is_told_at_the_deadline() {
    block_on(async {
        let server = Server::start(HELLO).await;
        server.with(|objects| {
            objects.change("endpointslices", "hello-app-h4dvn", |slice| {
                slice["endpoints"].as_array_mut().unwrap().pop();
            });
        });
        let say = |_words| ();
        let patience = Patience { deadline: SOON, say: &say };
        let error = server.api().await.until_workload_ready(&workload(), patience).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 ready pods of default/hello-app behind its Service did not happen within 2s: \
             the Service's endpoints are [10.0.1.212:8080], the pods are [10.0.1.212:8080; 10.0.2.38:8080]"
        );
    });
}

#[test]
fn an_image_that_is_on_no_node_ends_the_wait_at_once() {
    block_on(async {
        let server = Server::start(HELLO).await;
        server.with(|objects| {
            objects.change("pods", "hello-app-55549b8679-gwmgv", |pod| {
                pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
                pod["status"]["containerStatuses"][0]["ready"] = json!(false);
                pod["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "ErrImageNeverPull",
                    "message": "Container image \"hello-app:1.0\" is not present with pull policy of Never"}});
            });
        });
        let say = |_words| ();
        let patience = Patience { deadline: DEADLINE, say: &say };
        let error = server.api().await.until_workload_ready(&workload(), patience).await.unwrap_err();
        let WaitError::Failed { reason, .. } = error else { panic!("{error:?}") };
        assert_eq!(
            reason,
            "hello-app of pod default/hello-app-55549b8679-gwmgv on kind-worker is in ErrImageNeverPull: \
             Container image \"hello-app:1.0\" is not present with pull policy of Never"
        );
    });
}

#[test]
fn the_workload_is_taken_away_and_its_pods_are_waited_for() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let api = server.api().await;
        let heard = Heard::default();
        let say = |words| heard.note(words);
        let workload = workload();
        let remove = api.remove_workload(&workload, Patience { deadline: DEADLINE, say: &say });
        let change = async {
            heard.wait_for("hello-app-55549b8679-4gvdj on kind-worker2").await;
            server.with(|objects| objects.remove("pods", |pod| pod["metadata"]["labels"]["app"] == "hello-app"));
        };
        let (removed, ()) = tokio::join!(remove, change);
        assert_eq!(removed, Ok(()));
        let left = server.with(|objects| (objects.all("deployments").len(), objects.all("services").len()));
        assert_eq!(left, (3, 3));
        // What is not there is taken away already.
        let patience = Patience { deadline: DEADLINE, say: &say };
        assert_eq!(api.remove_workload(&workload, patience).await, Ok(()));
    });
}
