//! The facts about an Engine that its API reports.

use async_recursion::async_recursion as boxed;
use bollard::models::SystemInfo;

use super::api::ASK_DEADLINE;
use super::connect::Engine;
use super::error::EngineError;
use lab_model::observe::EngineFacts;

/// The security option of an Engine that runs without root (`SecurityOptions` of `GET /info`).
const ROOTLESS: &str = "name=rootless";

impl Engine {
    /// Asks the Engine for its facts (`GET /info`, and the answer to `GET /version` from connecting).
    ///
    /// # Errors
    /// When the Engine does not answer or refuses.
    #[boxed(?Send)]
    pub async fn facts(&self) -> Result<EngineFacts, EngineError> {
        let info = self.call("describe itself", ASK_DEADLINE, self.docker.info()).await?;
        Ok(self.facts_of(info))
    }

    /// The facts, from an answer to `GET /info`.
    pub fn facts_of(&self, info: SystemInfo) -> EngineFacts {
        let options = info.security_options;
        // An option is `name=rootless`, or has more after a comma.
        let is_rootless = |option: &String| option.split(',').any(|part| part == ROOTLESS);
        let mut runtimes: Vec<String> = info.runtimes.unwrap_or_default().into_keys().collect();
        runtimes.sort();
        EngineFacts {
            endpoint: self.endpoint(),
            version: self.identity.version.clone(),
            api: self.api().to_string(),
            api_max: self.identity.newest.to_string(),
            api_min: self.identity.oldest.map(|version| version.to_string()),
            storage_driver: info.driver,
            cgroup_version: info.cgroup_version.map(|version| version.to_string()),
            cgroup_driver: info.cgroup_driver.map(|driver| driver.to_string()),
            rootless: options.map(|options| options.iter().any(is_rootless)),
            runtimes,
            default_runtime: info.default_runtime,
            root_dir: info.docker_root_dir,
            operating_system: info.operating_system,
            kernel: info.kernel_version,
            architecture: info.architecture,
        }
    }
}
