//! Lists of large clusters come page by page, and none is taken for the whole.

use serde_json::{Value, json};

use super::objects::HELLO;
use super::server::{Fault, Server, block_on};

/// More than two pages.
const COUNT: usize = 1201;

async fn large() -> Server {
    let server = Server::start(HELLO).await;
    server.with(|objects| {
        let named = |make: fn(usize) -> Value| (0..COUNT).map(make).collect::<Vec<_>>();
        let node = objects.all("nodes")[0].clone();
        let nodes = (0..COUNT).map(|at| {
            let mut node = node.clone();
            node["metadata"]["name"] = json!(format!("node-{at}"));
            node
        });
        objects.fill("nodes", nodes.collect());
        objects.fill("ciliumnodes", named(|at| json!({"metadata": {"name": format!("node-{at}")}})));
        objects.fill(
            "endpointslices",
            named(|at| {
                json!({"metadata": {"name": format!("s-{at}"), "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
                    "addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.0.0.7"]}]})
            }),
        );
    });
    server
}

#[test]
fn all_pages_of_a_list_are_read() {
    block_on(async {
        let server = large().await;
        let api = server.api().await;
        let nodes = api.listed_nodes().await.unwrap();
        assert_eq!((nodes.len(), nodes[COUNT - 1].object.name.0.as_str()), (COUNT, "node-1200"));
        assert_eq!(api.cilium_nodes().await.unwrap().len(), COUNT);
        assert_eq!(api.slice_endpoints().await.unwrap().len(), COUNT);
        let requests = server.requests();
        for plural in ["/nodes?", "/ciliumnodes?", "/endpointslices?"] {
            let pages = requests.iter().filter(|request| request.contains(plural) && request.contains("limit=500"));
            // The first of slices is asked of a version that this server does not have.
            assert_eq!(
                pages.filter(|request| !request.contains("/v1/endpointslices")).count(),
                3,
                "{plural}: {requests:?}"
            );
        }
    });
}

#[test]
fn a_page_that_is_gone_is_an_error_and_no_end() {
    block_on(async {
        let server = large().await;
        let api = server.api().await;
        let gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410,
            "reason": "Expired", "message": "The provided continue parameter is too old"});
        server.fault("continue=from%2B1000", Fault::Answer(410, gone.to_string()));
        assert!(api.listed_nodes().await.unwrap_err().to_string().contains("too old"));
        assert!(api.cilium_nodes().await.unwrap_err().to_string().contains("too old"));
        server.heal();
        let not_found = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404,
            "reason": "NotFound", "message": "there is none"});
        server.fault("continue=from%2B1000", Fault::Answer(404, not_found.to_string()));
        assert!(api.cilium_nodes().await.unwrap_err().to_string().contains("its next page is not there any more"));
    });
}
