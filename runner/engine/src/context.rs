//! Which Engine to connect to, by the same rules as the docker program.
//!
//! `DOCKER_HOST` comes first, then `DOCKER_CONTEXT`, then `currentContext` of `config.json`, then the default socket (`docker context` reference; cli/command/cli.go of Docker 20.10 to 29).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::endpoint::{Endpoint, EndpointError};
use lab_base::sha256;

/// The name that stands for no context: the environment or the default socket is used.
const DEFAULT_CONTEXT: &str = "default";
/// The files that TLS to an Engine needs, in one folder.
const TLS_FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

/// The environment variables that concern Docker. An empty value counts as unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_TLS_VERIFY`.
    pub tls_verify: Option<String>,
    /// `DOCKER_TLS`.
    pub tls: Option<String>,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// The folder of `config.json`: `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub config: Option<PathBuf>,
}

/// The part of `config.json` that is used here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

/// `contexts/meta/…/meta.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: BTreeMap<String, MetaEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetaEndpoint {
    host: Option<String>,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

impl Settings {
    /// Reads the environment of this process.
    pub fn of_this_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            host: text("DOCKER_HOST"),
            context: text("DOCKER_CONTEXT"),
            tls_verify: text("DOCKER_TLS_VERIFY"),
            tls: text("DOCKER_TLS"),
            cert_path: path("DOCKER_CERT_PATH"),
            config: path("DOCKER_CONFIG").or_else(|| path("HOME").map(|home| home.join(".docker"))),
        }
    }

    /// The endpoint of the Engine to connect to.
    ///
    /// # Errors
    /// [`EndpointError`], naming the variable or the file that is wrong.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        let set = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        if let Some(host) = set(&self.host) {
            return self.by_environment(&host);
        }
        let (name, source) = match set(&self.context) {
            Some(name) => (name, "DOCKER_CONTEXT".to_owned()),
            None => match self.current_context()? {
                Some((name, path)) => (name, format!("currentContext of {}", path.display())),
                None => return Ok(Endpoint::default_socket()),
            },
        };
        if name == DEFAULT_CONTEXT { Ok(Endpoint::default_socket()) } else { self.by_context(&name, &source) }
    }

    fn by_environment(&self, host: &str) -> Result<Endpoint, EndpointError> {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
        let over_tcp = host.starts_with("tcp:");
        if over_tcp && set(&self.tls) && !set(&self.tls_verify) {
            return Err(EndpointError::Unverified { source_of: "DOCKER_TLS without DOCKER_TLS_VERIFY".to_owned() });
        }
        let folder = if over_tcp && set(&self.tls_verify) {
            let folder = self.cert_path.clone().or_else(|| self.config.clone()).unwrap_or_else(|| ".".into());
            readable(&folder)?;
            Some(folder)
        } else {
            None
        };
        Endpoint::parse(host, folder.as_deref(), "DOCKER_HOST")
    }

    /// The name of the current context and the file that sets it; none if it is not set.
    fn current_context(&self) -> Result<Option<(String, PathBuf)>, EndpointError> {
        let Some(folder) = &self.config else { return Ok(None) };
        let path = folder.join("config.json");
        let config: Option<Config> = read_json(&path)?;
        let name = config.and_then(|config| config.current_context).filter(|name| !name.is_empty());
        Ok(name.map(|name| (name, path)))
    }

    fn by_context(&self, name: &str, source: &str) -> Result<Endpoint, EndpointError> {
        let contexts = self.config.clone().unwrap_or_else(|| ".".into()).join("contexts");
        // The docker program names the folder after the digest of the context's name.
        let id = sha256(name.as_bytes());
        let path = contexts.join("meta").join(&id).join("meta.json");
        let meta: Meta = read_json(&path)?.ok_or_else(|| EndpointError::NoContext {
            source_of: source.to_owned(),
            name: name.to_owned(),
            path: path.clone(),
        })?;
        let endpoint = meta.endpoints.get("docker");
        let Some(host) = endpoint.and_then(|endpoint| endpoint.host.as_deref()) else {
            return Err(EndpointError::Configuration { path, why: "it has no Endpoints.docker.Host".to_owned() });
        };
        let source = format!("the Docker context {name}");
        if endpoint.is_some_and(|endpoint| endpoint.skip_tls_verify) {
            return Err(EndpointError::Unverified { source_of: source });
        }
        let folder = Some(contexts.join("tls").join(id).join("docker")).filter(|folder| folder.is_dir());
        if let Some(folder) = &folder {
            readable(folder)?;
        }
        Endpoint::parse(host, folder.as_deref(), &source)
    }
}

/// Checks that the certificates can be read, since the TLS library's error for a missing one does not name the file.
fn readable(folder: &Path) -> Result<(), EndpointError> {
    TLS_FILES.iter().try_for_each(|file| {
        let path = folder.join(file);
        fs::File::open(&path).map(drop).map_err(|source| EndpointError::Certificate { path, source })
    })
}

/// A JSON file; none if it does not exist.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EndpointError> {
    let wrong = |why: String| EndpointError::Configuration { path: path.to_owned(), why };
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| wrong(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `docker context create there --docker host=tcp://192.0.2.7:2376` of Docker 28.2 makes it; the folder's name is
    /// what `printf there | sha256sum` prints.
    const META: &str = "contexts/meta/e244f187f696561d5fd7e00f618e7ba641dc52e3c137380f6fa23a854b773aac/meta.json";
    const TLS: &str = "contexts/tls/e244f187f696561d5fd7e00f618e7ba641dc52e3c137380f6fa23a854b773aac/docker";
    const THERE: &str = r#"{"Name":"there","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://192.0.2.7:2376","SkipTLSVerify":false}}}"#;
    const CURRENT: &str = r#"{"auths":{},"currentContext":"there"}"#;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn with_config(folder: &tempfile::TempDir) -> Settings {
        Settings { config: Some(folder.path().to_owned()), ..Settings::default() }
    }

    #[test]
    fn nothing_said_is_the_default_socket() {
        let empty = folder(&[]);
        assert_eq!(Settings::default().endpoint().unwrap(), Endpoint::default_socket());
        assert_eq!(with_config(&empty).endpoint().unwrap(), Endpoint::default_socket());
        let default = folder(&[("config.json", r#"{"auths":{},"currentContext":"default"}"#)]);
        assert_eq!(with_config(&default).endpoint().unwrap(), Endpoint::default_socket());
    }

    #[test]
    fn the_current_context_is_taken_and_the_environment_goes_before_it() {
        let there = folder(&[("config.json", CURRENT), (META, THERE)]);
        let current = with_config(&there);
        let endpoint = current.endpoint().unwrap();
        assert_eq!((endpoint.to_string(), endpoint.tls), ("tcp://192.0.2.7:2376".to_owned(), None));
        assert_eq!(endpoint.source, "the Docker context there");
        let by_default = Settings { context: Some("default".to_owned()), ..current.clone() };
        assert_eq!(by_default.endpoint().unwrap(), Endpoint::default_socket());
        let by_host =
            Settings { host: Some("unix:///x.sock".to_owned()), context: Some("there".to_owned()), ..current.clone() };
        assert_eq!(by_host.endpoint().unwrap().to_string(), "unix:///x.sock");
        let empty = Settings { host: Some(String::new()), context: Some(String::new()), ..current };
        assert_eq!(empty.endpoint().unwrap().to_string(), "tcp://192.0.2.7:2376");
    }

    #[test]
    fn a_context_that_is_not_there_or_garbage_is_named() {
        let bare = folder(&[]);
        let missing =
            Settings { context: Some("there".to_owned()), ..with_config(&bare) }.endpoint().unwrap_err().to_string();
        let expected = format!(
            "DOCKER_CONTEXT names the Docker context `there`, but {} does not exist; `docker context ls` lists the contexts",
            bare.path().join(META).display()
        );
        assert_eq!(missing, expected);
        let garbage = folder(&[("config.json", "{")]);
        let error = with_config(&garbage).endpoint().unwrap_err().to_string();
        let path = garbage.path().join("config.json");
        assert!(error.starts_with(&format!("{}: EOF while parsing", path.display())), "{error}");
        let hostless = folder(&[("config.json", CURRENT), (META, r#"{"Name":"there","Endpoints":{}}"#)]);
        let error = with_config(&hostless).endpoint().unwrap_err().to_string();
        assert!(error.contains("meta.json: it has no Endpoints.docker.Host; correct it"), "{error}");
        let lax = THERE.replace("false", "true");
        let lax = folder(&[("config.json", CURRENT), (META, lax.as_str())]);
        let error = with_config(&lax).endpoint().unwrap_err().to_string();
        assert!(error.starts_with("the Docker context there asks for TLS without checking"), "{error}");
    }

    #[test]
    fn certificates_come_from_their_folder_and_a_missing_one_is_named() {
        let pem = |name: &str| format!("{TLS}/{name}.pem");
        let (ca, cert, key) = (pem("ca"), pem("cert"), pem("key"));
        let files =
            [("config.json", CURRENT), (META, THERE), (ca.as_str(), ""), (cert.as_str(), ""), (key.as_str(), "")];
        let whole = folder(&files);
        assert_eq!(with_config(&whole).endpoint().unwrap().tls, Some(whole.path().join(TLS)));
        let keyless = folder(&files[..4]);
        let error = with_config(&keyless).endpoint().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: this file is needed for TLS", keyless.path().join(key).display())));

        let verified = Settings {
            host: Some("tcp://engine.example".to_owned()),
            tls_verify: Some("1".to_owned()),
            cert_path: Some(whole.path().join(TLS)),
            ..Settings::default()
        };
        let endpoint = verified.endpoint().unwrap();
        assert_eq!(
            (endpoint.to_string().as_str(), endpoint.tls),
            ("tcp://engine.example:2376", verified.cert_path.clone())
        );
        let unverified = Settings { tls_verify: None, tls: Some("1".to_owned()), ..verified.clone() };
        let error = unverified.endpoint().unwrap_err().to_string();
        assert!(error.starts_with("DOCKER_TLS without DOCKER_TLS_VERIFY asks for TLS without checking"), "{error}");
        // Certificates in the environment are ignored for a socket.
        let socket = Settings { host: Some("unix:///x.sock".to_owned()), cert_path: None, ..verified };
        assert_eq!(socket.endpoint().unwrap().tls, None);
    }
}
