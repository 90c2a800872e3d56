//! What became ready first is kept with a lab, so that an agent's pod that is replaced later does not change it.

use serde_json::{Value, json};
use std::fs;

use super::world::World;

const CASE: &str = "cluster::nodes_become_ready";

impl World {
    /// `lab verify` of that one case.
    fn verify_readiness(&self, code: i32) -> String {
        self.run(&["verify", "--name", &self.name, "--exact", CASE]).code(code).stdout
    }

    /// Deletes the agent of kind-worker by force, as far as an API server shows it: the pod is another, and started 173
    /// seconds later than the first. Seen so on a real cluster: Ready since 07:52:59, its agent since 07:55:52.
    fn replace_an_agent(&self) {
        self.api.server.with(|objects| {
            let first = objects.remove("pods", |pod| pod["metadata"]["name"] == "cilium-9f6rr");
            let mut pod = first.expect("the recorded agent");
            assert_eq!(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"], "2026-11-23T05:46:33Z");
            pod["metadata"]["name"] = json!("cilium-x7kqp");
            pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = json!("2026-11-23T05:49:26Z");
            objects.put("pods", pod);
        });
    }

    /// Of a lab that has just been built.
    #[track_caller]
    pub(super) fn keeps_what_was_ready_first(&self) {
        let file = self.state().join("first-ready.json");
        let text = fs::read_to_string(&file).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        let count = |list: &Value| list.as_array().map(Vec::len);
        assert_eq!((count(&kept["agents"]), count(&kept["nodes"]["nodes"])), (Some(3), Some(3)), "{text}");
        self.verify_readiness(0);
        self.replace_an_agent();
        self.verify_readiness(0);
        // The same lab, had an older program built it: what is there now could be either.
        fs::remove_file(&file).unwrap();
        let told = self.verify_readiness(1);
        assert!(told.contains("unobserved") && told.contains("may be in the place of an earlier one"), "{told}");
        // A first agent that was later than its node is no replaced one.
        fs::write(&file, text.replace("2026-11-23T05:46:33Z", "2026-11-23T05:49:26Z")).unwrap();
        let told = self.verify_readiness(1);
        let expected = format!("{}: Ready after its agent started, 05:49:26", self.node("worker"));
        assert!(told.contains(&expected) && told.contains("Ready since 05:46:34"), "{told}");
        fs::write(&file, text).unwrap();
    }
}
