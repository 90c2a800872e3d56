//! Engines that do not fit, each for one reason.

use lab_doctor::{Outcome, Row};
use lab_engine::{Endpoint, Engine};
use serde_json::json;

use super::engine::FakeEngine;
use super::machine::{Machine, row, says};

/// The rows of an Engine that was changed in one thing.
fn of(change: impl FnOnce(&mut FakeEngine)) -> Vec<Row> {
    let mut engine = FakeEngine::new();
    change(&mut engine);
    engine.rows(&Machine::new())
}

#[test]
fn an_engine_that_fits_is_found_to_fit() {
    let rows = of(|_| ());
    says(&rows, "docker.engine", Outcome::Ok, "20.10.24+dfsg1, API 1.41, fuse-overlayfs, cgroup v1, at unix:///");
    for id in ["docker.api", "docker.local", "docker.rootless", "docker.storage", "cluster.name", "network.kind"] {
        assert_eq!(row(&rows, id).outcome, Outcome::Ok, "{id}");
    }
    says(&rows, "docker.privileged", Outcome::Ok, "a privileged container ran");
    says(&rows, "net.kind_subnet", row(&rows, "net.kind_subnet").outcome, "which Docker will give to the network kind");
}

#[test]
fn every_row_has_an_id_of_its_own() {
    let rows = of(|_| ());
    let mut ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    ids.sort_unstable();
    let all = [
        "cilium.leftovers",
        "cluster.name",
        "disk",
        "docker.api",
        "docker.engine",
        "docker.local",
        "docker.memory",
        "docker.privileged",
        "docker.proxies",
        "docker.rootless",
        "docker.snap",
        "docker.storage",
        "docker.workload_image",
        "files.runs",
        "files.state",
        "host.bridge_filter",
        "host.cgroups",
        "host.inotify",
        "host.ipv6",
        "host.iptables",
        "host.kernel",
        "host.kernel_config",
        "host.modules",
        "kind.environment",
        "net.kind_subnet",
        "net.mtu",
        "net.native_cidr",
        "net.pod_cidrs",
        "net.resolver",
        "net.service_cidr",
        "network.kind",
        "tools.cilium",
        "tools.docker",
        "tools.helm",
        "tools.kind",
        "tools.kubectl",
        "tools.probe",
    ];
    let mut all = all.to_vec();
    all.sort_unstable();
    assert_eq!(ids, all);
    for row in &rows {
        assert!(!row.why.is_empty() && !row.found.is_empty(), "{row:?}");
        assert_eq!(row.remedy.is_empty(), row.outcome == Outcome::Ok, "{row:?}");
    }
}

#[test]
fn what_the_engine_tells_of_itself_decides() {
    let driver = |name: &str| json!([["Backing Filesystem", name], ["driver-type", "io.containerd.snapshotter.v1"]]);
    let rows = of(|engine| {
        engine.info("Driver", json!("overlayfs"));
        engine.info("DriverStatus", driver("extfs"));
        engine.info("SecurityOptions", json!(["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"]));
        engine.info("FirewallBackend", json!({"Driver": "nftables"}));
        engine.info("DefaultAddressPools", json!([{"Base": "10.0.0.0/16", "Size": 24}]));
    });
    says(&rows, "docker.storage", Outcome::Ok, "overlayfs on extfs, images in containerd's store");
    says(&rows, "docker.rootless", Outcome::Refusal, "the Engine runs without root");
    says(&rows, "host.iptables", Outcome::Warning, "the Engine writes its rules with nftables");
    says(&rows, "net.kind_subnet", Outcome::Refusal, "overlaps the pods' addresses 10.0.0.0/22");
}

#[test]
fn podman_is_not_taken_for_docker() {
    let rows = of(|engine| {
        engine.version("Components", json!([{"Name": "Podman Engine", "Version": "4.3.1", "Details": {}}]));
    });
    says(&rows, "docker.rootless", Outcome::Refusal, "this is Podman 20.10.24+dfsg1, not Docker");
}

#[test]
fn an_engine_on_another_kernel_is_told_and_its_host_not_judged_by_this_one() {
    let rows = of(|engine| engine.info("KernelVersion", json!("6.6.12-linuxkit")));
    says(&rows, "docker.local", Outcome::Warning, "the Engine's kernel is 6.6.12-linuxkit");
    assert!(rows.iter().all(|row| !row.id.starts_with("host.") && row.id != "disk"), "{rows:?}");
    says(
        &rows,
        "net.pod_cidrs",
        Outcome::Warning,
        "could not be checked: the host's routes: the Engine runs on another host",
    );
}

#[test]
fn an_engine_whose_bridges_are_elsewhere_is_refused() {
    let networks = json!([{
        "Name": "bridge", "Id": "0b".repeat(32), "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.254"}]},
    }]);
    let rows = of(|engine| {
        engine.answer(&format!("GET /networks/{}", "0b".repeat(32)), 200, networks[0].clone());
        engine.answer("GET /networks", 200, networks.clone());
    });
    says(&rows, "docker.local", Outcome::Refusal, "none of the Engine's bridges is in this network namespace");
}

#[test]
fn the_recorded_cluster_is_somebody_elses() {
    let rows = FakeEngine::new().with_cluster().rows(&Machine::new());
    let there = "a cluster that lab did not make has the name kind: kind-worker (running), kind-worker2 (running), \
                 kind-control-plane (running)";
    says(&rows, "cluster.name", Outcome::Refusal, there);
    says(&rows, "network.kind", Outcome::Warning, "(containers: kind-control-plane, kind-worker, kind-worker2)");
    says(&rows, "net.kind_subnet", row(&rows, "net.kind_subnet").outcome, "172.18.0.0/16, of the Docker network kind");
    let mut machine = Machine::new();
    machine.input.cluster = "second".to_owned();
    machine.input.nodes = vec!["second-control-plane".into(), "second-worker".into()];
    let rows = FakeEngine::new().with_cluster().rows(&machine);
    says(&rows, "cluster.name", Outcome::Ok, "no cluster and no container has the name second");
}

#[test]
fn a_privileged_container_that_is_refused_leaves_nothing() {
    // By a plugin, when it is made; by the runtime, when it is started.
    let made = ("authorization denied by plugin opa: no", "POST /containers/create");
    let started =
        ("OCI runtime create failed: unable to apply caps: operation not permitted", "POST /containers/0f0f0f/start");
    for (words, at) in [made, started] {
        let mut engine = FakeEngine::new();
        engine.answer(at, 403, json!({"message": words}));
        let asked = std::sync::Arc::clone(&engine.asked);
        let rows = engine.rows(&Machine::new());
        says(&rows, "docker.privileged", Outcome::Refusal, words);
        let asked = asked.lock().unwrap();
        let deleted: Vec<&String> = asked.iter().filter(|line| line.starts_with("DELETE ")).collect();
        assert!(deleted.iter().any(|line| line.starts_with("DELETE /images/0f0f0f")), "{asked:?}");
        let container = deleted.iter().any(|line| line.starts_with("DELETE /containers/0f0f0f"));
        assert_eq!(container, at != made.1, "{asked:?}");
        let created = asked.iter().find(|line| line.starts_with("POST /containers/create")).unwrap();
        for wanted in [r#""Privileged":true"#, r#""NetworkMode":"none""#, r#""lab.doctor":"privileged""#] {
            assert!(created.contains(wanted), "{created}");
        }
    }
}

#[test]
fn a_program_that_ends_badly_in_a_privileged_container_is_no_proof() {
    let rows = of(|engine| engine.answer("POST /containers/0f0f0f/wait", 200, json!({"StatusCode": 139})));
    assert_eq!(row(&rows, "docker.privileged").outcome, Outcome::Refusal);
    let rows = of(|engine| engine.info("Architecture", json!("riscv64")));
    says(&rows, "docker.privileged", Outcome::Warning, "not tried: lab has no test program for riscv64");
    let rows = of(|engine| engine.answer("POST /images/create", 500, json!({"message": "no space left on device"})));
    says(&rows, "docker.privileged", Outcome::Warning, "not tried: no space left on device");
}

#[test]
fn leftovers_of_an_earlier_try_are_removed_and_those_of_one_that_runs_are_not() {
    let now = i64::try_from(lab_base::clock::unix_now().as_secs()).unwrap();
    let mut engine = FakeEngine::new();
    let old = json!([{"Id": "aaaa", "Created": now - 3600}, {"Id": "bbbb", "Created": now}]);
    // Asked for with a filter: the doctor asks for all containers too, and the fake one tells both the same.
    engine.answer("GET /containers/json", 200, old);
    let image = |id: &str, created: i64| {
        json!({"Id": id, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": created, "Size": 1,
               "SharedSize": -1, "Labels": {}, "Containers": -1})
    };
    engine.answer("GET /images/json", 200, json!([image("cccc", now - 3600), image("dddd", now)]));
    let asked = std::sync::Arc::clone(&engine.asked);
    let rows = engine.rows(&Machine::new());
    assert_eq!(row(&rows, "docker.privileged").outcome, Outcome::Ok);
    let asked = asked.lock().unwrap();
    let deleted = |what: &str| asked.iter().any(|line| line.starts_with(&format!("DELETE /{what}")));
    assert!(deleted("containers/aaaa") && deleted("images/cccc"), "{asked:?}");
    assert!(!deleted("containers/bbbb") && !deleted("images/dddd"), "{asked:?}");
}

#[test]
fn no_engine_at_all_still_has_the_rest_looked_at() {
    let endpoint = Endpoint::parse("unix:///lab/no/such.sock", None, "DOCKER_HOST").unwrap();
    let machine = Machine::new();
    machine.program("docker", None);
    let rows = lab_base::runtime()
        .unwrap()
        .block_on(async { lab_doctor::kind::kind_with(&machine.input, Engine::connect_to(endpoint).await).await });
    says(
        &rows,
        "docker.engine",
        Outcome::Refusal,
        "no Docker Engine at unix:///lab/no/such.sock: there is no such socket",
    );
    // One that was named: to install another would not help.
    assert!(row(&rows, "docker.engine").remedy.contains("unset DOCKER_HOST"), "{rows:?}");
    for id in ["host.kernel", "host.inotify", "tools.kind", "kind.environment", "files.state", "files.runs"] {
        row(&rows, id);
    }
    assert_ne!(row(&rows, "net.pod_cidrs").outcome, Outcome::Ok, "Docker's networks are not known of");
    assert!(lab_doctor::refusals(&rows).is_some());
}

#[test]
fn an_engine_that_is_too_old_is_told_as_that() {
    let rows = of(|engine| {
        engine.version("ApiVersion", json!("1.40"));
        engine.version("Version", json!("19.03.15"));
    });
    says(&rows, "docker.api", Outcome::Refusal, "supports API versions up to 1.40");
    assert!(rows.iter().all(|row| row.id != "docker.engine"));
}

#[test]
fn an_engine_that_stops_answering_is_refused_in_time() {
    let begun = lab_base::clock::now();
    let rows = of(|engine| engine.silence("GET /info"));
    says(&rows, "docker.engine", Outcome::Refusal, "did not describe itself within 5s");
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn a_network_of_the_name_that_is_too_small_is_refused() {
    let network = |config: serde_json::Value| {
        of(|engine| {
            let kind = json!({"Name": "kind", "Id": "cd".repeat(32), "Driver": "bridge", "IPAM": {"Config": [config]}});
            engine.networks([kind].iter());
        })
    };
    let rows = network(json!({"Subnet": "172.19.0.0/30", "Gateway": "172.19.0.1"}));
    let found = "172.19.0.0/30, of the Docker network kind, has 1 free addresses for 3 nodes";
    says(&rows, "net.kind_subnet", Outcome::Refusal, found);
    let rows = network(json!({"Subnet": "172.19.0.0/16", "Gateway": "172.19.0.1", "IPRange": "172.19.7.0/30",
                              "AuxiliaryAddresses": {"router": "172.19.7.2", "printer": "172.19.7.3"}}));
    says(&rows, "net.kind_subnet", Outcome::Refusal, "has 2 free addresses for 3 nodes");
}

#[test]
fn a_host_without_memory_is_refused_and_one_with_little_warned_of() {
    let rows = of(|engine| {
        engine.info("MemTotal", json!(1_073_741_824));
        engine.info("NCPU", json!(1));
    });
    says(&rows, "docker.memory", Outcome::Refusal, "1.0 GiB and 1 processors");
    let rows = of(|engine| engine.info("MemTotal", json!(2_u64 << 30)));
    says(&rows, "docker.memory", Outcome::Warning, "; 3 nodes take about 3.6 GiB");
}

#[test]
fn a_desktops_engine_is_told_as_one_and_not_as_a_container() {
    let rows = of(|engine| {
        engine.info("OperatingSystem", json!("Docker Desktop"));
        let bridge = json!({
            "Name": "bridge", "Id": "0b".repeat(32), "Driver": "bridge",
            "IPAM": {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.254"}]},
        });
        engine.answer(&format!("GET /networks/{}", "0b".repeat(32)), 200, bridge.clone());
        engine.answer("GET /networks", 200, json!([bridge]));
    });
    says(&rows, "docker.local", Outcome::Warning, "the Engine is Docker Desktop's, in a virtual machine of its own");
    assert!(rows.iter().all(|row| !row.id.starts_with("host.")), "its host is not this one");
}

#[test]
fn an_engine_that_is_a_snap_is_told_what_it_does_not_see() {
    let mut machine = Machine::new();
    machine.input.state_root = Some("/home/me/.local/state/lab".into());
    let mut engine = FakeEngine::new();
    engine.info("DockerRootDir", json!("/var/snap/docker/common/var-lib-docker"));
    says(&engine.rows(&machine), "docker.snap", Outcome::Warning, "folders in /home that are not hidden");
}

#[test]
fn a_proxy_of_the_docker_programs_configuration_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"proxies": {"default": {"httpProxy": "http://192.0.2.1:3128", "noProxy": "localhost"}}}"#;
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let mut machine = Machine::new();
    machine.input.docker_config = Some(folder.path().to_owned());
    let rows = FakeEngine::new().rows(&machine);
    says(
        &rows,
        "docker.proxies",
        Outcome::Warning,
        "without an exception for the pods' 10.0.0.0/8, the Services' 10.96.0.0/16",
    );
    assert!(row(&rows, "docker.proxies").remedy.starts_with("\"noProxy\": \"localhost,10.0.0.0/8,10.96.0.0/16,.svc,"));
}
