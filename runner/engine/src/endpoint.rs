//! The address of an Engine: the forms that `DOCKER_HOST` or the `Host` of a Docker context can have.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where an Engine listens by default (dockerd's `--host`).
pub(super) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The docker program's default ports for `tcp://` without a port: plain, and with TLS.
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// How an Engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// By this socket.
    Unix(PathBuf),
    /// By TCP, at `HOST:PORT`.
    Tcp(String),
}

/// The address of an Engine, and where it was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is reached.
    pub host: Host,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, when TCP is to be TLS.
    pub tls: Option<PathBuf>,
    /// Where the address was configured: `DOCKER_HOST`, `the Docker context rootless`, `the default`.
    pub source: String,
}

/// Why the address of the Engine cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The scheme is one that this program does not speak.
    #[error(
        "{source_of} is `{value}`: an Engine behind {scheme}:// cannot be used, because nodes must be reached by their \
         own files and sockets too; run this program on that machine, or forward its socket, `ssh -NL \
         /tmp/docker.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/docker.sock"
    )]
    Ssh {
        /// Where it was configured.
        source_of: String,
        /// The configured value.
        value: String,
        /// The scheme.
        scheme: String,
    },
    /// The configured value is not an address.
    #[error("{source_of} is `{value}`: {why}; expected unix:///PATH or tcp://HOST:PORT")]
    Malformed {
        /// Where it was configured.
        source_of: String,
        /// The configured value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// TLS was asked for without verifying the Engine's certificate.
    #[error(
        "{source_of} asks for TLS without checking the Engine's certificate, which this program does not do; set \
         DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or make the context anew without skip-tls-verify"
    )]
    Unverified {
        /// Where it was configured.
        source_of: String,
    },
    /// A file that TLS needs is missing or unreadable.
    #[error("{}: this file is needed for TLS to the Engine and cannot be read; set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// The kernel's reason.
        source: std::io::Error,
    },
    /// A file of the docker program's configuration cannot be read or has an unexpected form.
    #[error("{}: {why}; correct it, or set DOCKER_HOST, which takes precedence", path.display())]
    Configuration {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such context.
    #[error("{source_of} names the Docker context `{name}`, but {} does not exist; `docker context ls` lists the contexts", path.display())]
    NoContext {
        /// Where it was named.
        source_of: String,
        /// Its name.
        name: String,
        /// The file that would describe it.
        path: PathBuf,
    },
}

impl Endpoint {
    /// The socket that an Engine listens on by default.
    pub fn default_socket() -> Self {
        Self { host: Host::Unix(DEFAULT_SOCKET.into()), tls: None, source: "the default".to_owned() }
    }

    /// Parses the value of `DOCKER_HOST` or of a context; `tls` is the folder with the certificates when TLS is used.
    ///
    /// # Errors
    /// [`EndpointError::Ssh`] and [`EndpointError::Malformed`], naming `source` and the value.
    pub fn parse(value: &str, tls: Option<&Path>, source: &str) -> Result<Self, EndpointError> {
        let malformed = |why: &str| EndpointError::Malformed {
            source_of: source.to_owned(),
            value: value.to_owned(),
            why: why.to_owned(),
        };
        let Some((scheme, rest)) = value.split_once("://") else { return Err(malformed("it has no scheme")) };
        let (host, tls) = match scheme {
            "unix" if !rest.starts_with('/') => return Err(malformed("the socket's path is not absolute")),
            // TLS settings do not apply to a socket, which is protected by its permissions.
            "unix" => (Host::Unix(rest.into()), None),
            "tcp" => (Host::Tcp(with_port(rest, tls.is_some()).map_err(malformed)?), tls.map(Path::to_owned)),
            "ssh" => {
                return Err(EndpointError::Ssh {
                    source_of: source.to_owned(),
                    value: value.to_owned(),
                    scheme: scheme.to_owned(),
                });
            }
            _ => return Err(malformed("its scheme is unknown")),
        };
        Ok(Self { host, tls, source: source.to_owned() })
    }

    /// The environment variables that make the `docker` and `kind` programs use the same Engine, whatever this
    /// program's environment and the current context are.
    pub fn environment(&self) -> Vec<(String, String)> {
        // The docker program treats an empty variable as unset (cli/flags and client/envvars.go of Docker 20.10 to 29).
        let verify = if self.tls.is_some() { "1" } else { "" };
        let folder = self.tls.as_deref().map(|folder| folder.to_string_lossy().into_owned());
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        let all = [
            ("DOCKER_HOST", self.to_string()),
            ("DOCKER_TLS_VERIFY", verify.to_owned()),
            ("DOCKER_TLS", String::new()),
        ];
        all.into_iter().chain(folder.map(|folder| ("DOCKER_CERT_PATH", folder))).map(own).collect()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Unix(path) => write!(f, "unix://{}", path.display()),
            Host::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// `HOST:PORT`, with the default port where none is given.
fn with_port(rest: &str, tls: bool) -> Result<String, &'static str> {
    let address = rest.strip_suffix('/').unwrap_or(rest);
    let default = if tls { TLS_PORT } else { PORT };
    let whole_host = address.ends_with(']') || !address.contains(':');
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !whole_host => {
            (host, port.parse().map_err(|_not_a_port| "its port is not a number from 1 to 65535")?)
        }
        _ => (address, default),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = match bracketed {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')),
    };
    match (named, port) {
        (false, _) => Err("it names no host"),
        (true, 0) => Err("its port is not a number from 1 to 65535"),
        (true, port) => Ok(format!("{host}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> String {
        Endpoint::parse(value, None, "DOCKER_HOST").unwrap().to_string()
    }

    fn refused(value: &str) -> String {
        Endpoint::parse(value, None, "DOCKER_HOST").unwrap_err().to_string()
    }

    #[test]
    fn what_the_docker_program_takes_is_taken() {
        assert_eq!(parsed("unix:///run/user/1000/docker.sock"), "unix:///run/user/1000/docker.sock");
        assert_eq!(parsed("tcp://127.0.0.1:4711"), "tcp://127.0.0.1:4711");
        assert_eq!(parsed("tcp://engine.example"), "tcp://engine.example:2375");
        assert_eq!(parsed("tcp://[::1]/"), "tcp://[::1]:2375");
        assert_eq!(parsed("tcp://[::1]:1"), "tcp://[::1]:1");
        let secure = Endpoint::parse("tcp://engine.example", Some(Path::new("/c")), "DOCKER_HOST").unwrap();
        assert_eq!(secure.to_string(), "tcp://engine.example:2376");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_value_and_who_said_it() {
        for (value, why) in [
            ("docker.sock", "it has no scheme"),
            ("unix://docker.sock", "the socket's path is not absolute"),
            ("tcp://", "it names no host"),
            ("tcp://:2375", "it names no host"),
            ("tcp://a b:1", "it names no host"),
            ("tcp://[::g]:1", "it names no host"),
            ("tcp://host:0", "its port is not a number from 1 to 65535"),
            ("tcp://host:65536", "its port is not a number from 1 to 65535"),
            ("tcp://host:", "its port is not a number from 1 to 65535"),
            ("npipe:////./pipe/docker_engine", "its scheme is unknown"),
        ] {
            let expected = format!("DOCKER_HOST is `{value}`: {why}; expected unix:///PATH or tcp://HOST:PORT");
            assert_eq!(refused(value), expected);
        }
        let ssh = refused("ssh://me@there");
        assert!(ssh.starts_with("DOCKER_HOST is `ssh://me@there`: an Engine behind ssh:// cannot be used"), "{ssh}");
        assert!(ssh.contains("set DOCKER_HOST=unix:///tmp/docker.sock"), "{ssh}");
    }

    #[test]
    fn programs_are_told_the_same_engine() {
        let plain = Endpoint::parse("unix:///run/d.sock", Some(Path::new("/c")), "DOCKER_HOST").unwrap();
        let pairs = |endpoint: &Endpoint| {
            let environment = endpoint.environment();
            environment.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pairs(&plain), "DOCKER_HOST=unix:///run/d.sock DOCKER_TLS_VERIFY= DOCKER_TLS=");
        let secure = Endpoint::parse("tcp://e:1", Some(Path::new("/c")), "DOCKER_HOST").unwrap();
        assert_eq!(pairs(&secure), "DOCKER_HOST=tcp://e:1 DOCKER_TLS_VERIFY=1 DOCKER_TLS= DOCKER_CERT_PATH=/c");
    }
}
