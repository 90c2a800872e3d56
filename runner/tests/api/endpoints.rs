//! A Service and its endpoints, from whichever API the server has.

use serde_json::{Value, json};
use std::net::SocketAddrV4;

use super::looks::sockets;
use super::objects::{HELLO, Objects};
use super::server::{Server, block_on};

async fn endpoints_after(change: impl FnOnce(&mut Objects)) -> (String, Vec<SocketAddrV4>) {
    let server = Server::start(HELLO).await;
    server.with(change);
    let service = server.api().await.service("default", "hello-app").await.unwrap();
    (service.source, service.endpoints)
}

#[test]
fn endpoints_are_read_from_whichever_api_there_is() {
    block_on(async {
        let both = sockets(&["10.0.1.212:8080", "10.0.2.38:8080"]);
        let newer = endpoints_after(|objects| objects.serve_at("endpointslices", "/apis/discovery.k8s.io/v1")).await;
        assert_eq!(newer, ("v1 Service, discovery.k8s.io/v1 EndpointSlice".to_owned(), both.clone()));
        let older = endpoints_after(|objects| objects.forget("endpointslices")).await;
        assert_eq!(older, ("v1 Service, v1 Endpoints".to_owned(), both));
    });
}

#[test]
fn an_endpoint_that_is_not_ready_is_none() {
    block_on(async {
        let unready = |slice: &mut Value| slice["endpoints"][1]["conditions"]["ready"] = json!(false);
        let slices = endpoints_after(|objects| objects.change("endpointslices", "hello-app-h4dvn", unready)).await;
        assert_eq!(slices.1, sockets(&["10.0.1.212:8080"]));
        let endpoints = endpoints_after(|objects| {
            objects.forget("endpointslices");
            objects.change("endpoints", "hello-app", |endpoints| {
                let addresses = endpoints["subsets"][0]["addresses"].as_array_mut().unwrap();
                let moved = addresses.pop().unwrap();
                endpoints["subsets"][0]["notReadyAddresses"] = json!([moved]);
            });
        });
        assert_eq!(endpoints.await.1, sockets(&["10.0.1.212:8080"]));
    });
}

#[test]
fn a_service_that_a_lab_does_not_make_is_not_guessed_at() {
    block_on(async {
        let server = Server::start(HELLO).await;
        let api = server.api().await;
        let port = json!({"port": 9090, "protocol": "TCP"});
        server.with(|objects| {
            objects.change("services", "hello-app", |service| {
                service["spec"]["ports"].as_array_mut().unwrap().push(port);
            });
        });
        let error = api.service("default", "hello-app").await.unwrap_err().to_string();
        let url = server.url();
        assert_eq!(error, format!("Service default/hello-app at {url} cannot be read: it has 2 ports, not one"));
        server.with(|objects| {
            objects.change("services", "hello-app", |service| {
                service["spec"]["ports"] = json!([{"port": 8080, "protocol": "UDP"}]);
            });
        });
        let error = api.service("default", "hello-app").await.unwrap_err().to_string();
        assert!(error.ends_with("its port's protocol is UDP, not TCP"), "{error}");
        server.with(|objects| {
            objects.change("services", "hello-app", |service| {
                service["spec"] = json!({"clusterIP": "None", "ports": [{"port": 8080}]});
            });
        });
        assert_eq!(api.service("default", "hello-app").await.unwrap().cluster_ip, None);
    });
}
