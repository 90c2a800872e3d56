//! Which proxies the processes in nodes are given: by kind, from the environment, or by the docker program, from its
//! configuration.

use std::path::Path;

use serde_json::Value;

use super::facts::Proxies;

/// The variables of a proxy (kind v0.17.0: `pkg/cluster/internal/providers/common/proxy.go`), and the keys of the docker
/// program's configuration for them (docker/cli: `cli/config/configfile`, `ProxyConfig`).
const NAMES: [(&str, &str); 2] = [("HTTP_PROXY", "httpProxy"), ("HTTPS_PROXY", "httpsProxy")];

/// The proxies that nodes get. What kind takes from the environment, the docker program does not replace.
pub(super) fn proxies(docker_config: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Vec<Proxies> {
    // kind looks for a name in capitals first, then in small letters.
    let of = |name: &str| variable(name).or_else(|| variable(&name.to_lowercase())).filter(|value| !value.is_empty());
    let names: Vec<String> =
        NAMES.iter().filter(|(name, _)| of(name).is_some()).map(|(name, _)| (*name).to_owned()).collect();
    if !names.is_empty() {
        let without = of("NO_PROXY").unwrap_or_default();
        return vec![Proxies { by: "the environment".to_owned(), names, without, kind_adds: true }];
    }
    let Some(file) = docker_config.map(|folder| folder.join("config.json")) else { return Vec::new() };
    let config = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    // One for each Engine, by its address, or `default`; which one is taken depends on how the program is told of it.
    let engines = config.as_ref().and_then(|config| config["proxies"].as_object()).into_iter().flatten();
    engines
        .filter_map(|(engine, proxies)| {
            let names = NAMES.iter().filter(|(_, key)| proxies[*key].as_str().is_some_and(|value| !value.is_empty()));
            let names: Vec<String> = names.map(|(name, _)| (*name).to_owned()).collect();
            let by = format!("proxies.{engine} of {}", file.display());
            let without = proxies["noProxy"].as_str().unwrap_or_default().to_owned();
            (!names.is_empty()).then_some(Proxies { by, names, without, kind_adds: false })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_programs_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"proxies": {"default": {"httpProxy": "http://u:p@192.0.2.1:3128", "noProxy": "localhost"},
                                   "tcp://192.0.2.9:2375": {"noProxy": "x"}}}"#;
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        let found = proxies(Some(folder.path()), |_| None);
        let by = format!("proxies.default of {}", folder.path().join("config.json").display());
        let names = vec!["HTTP_PROXY".to_owned()];
        assert_eq!(found, [Proxies { by, names, without: "localhost".to_owned(), kind_adds: false }]);
        let small = |name: &str| match name {
            "https_proxy" => Some("http://192.0.2.1:3128".to_owned()),
            "no_proxy" => Some(".lan".to_owned()),
            _ => None,
        };
        let found = proxies(Some(folder.path()), small);
        assert_eq!((found[0].by.as_str(), found[0].names[0].as_str()), ("the environment", "HTTPS_PROXY"));
        assert_eq!((found[0].without.as_str(), found[0].kind_adds), (".lan", true));
        assert_eq!(proxies(None, |_| None), []);
        assert_eq!(proxies(Some("/no/such".as_ref()), |_| Some(String::new())), []);
    }
}
