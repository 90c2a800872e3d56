//! A network namespace: a descriptor that keeps it alive, and ways to work inside it.
//!
//! It has no name below /run/netns and no process of its own. It ends when the descriptor is closed.

use lab_netlink::{Protocol, Socket};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// The sysctls that are set in every namespace of a lab, because new namespaces inherit the host's values.
/// `ip_forward` is not among them, because only nodes forward.
const SYSCTLS: [(&str, &str); 7] = [
    // Packets from pods arrive on a link other than the one that the route back leads to.
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    // The article's cluster has IPv4 only, and router solicitations would clutter captures.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
];

/// A namespace could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The kernel refused a new namespace.
    #[error("cannot make the network namespace of {name}: {source}")]
    Create {
        /// The node or pod that it was for.
        name: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A sysctl could not be set.
    #[error("cannot set {key} to {value} in the network namespace of {name}: {source}")]
    Sysctl {
        /// The node or pod whose namespace it is.
        name: String,
        /// Path below `/proc/sys`.
        key: String,
        /// The wanted value.
        value: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A netlink socket could not be opened in it.
    #[error("in the network namespace of {name}: {source}")]
    Netlink {
        /// The node or pod whose namespace it is.
        name: String,
        /// The kernel's reason.
        source: lab_netlink::Error,
    },
    /// Work inside a namespace failed, or its thread could not be started.
    #[error("inside the network namespace of {name}: {what}")]
    Thread {
        /// The node or pod whose namespace it is.
        name: String,
        /// What went wrong.
        what: String,
    },
}

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
}

impl Namespace {
    /// Makes a new namespace, with its loopback down and the sysctls of a lab.
    ///
    /// # Errors
    /// When the kernel refuses the namespace or one of the settings.
    pub fn create(name: &str, forwards: bool) -> Result<Self, NamespaceError> {
        let file = on_thread(name, || {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(|errno| NamespaceError::Create { name: name.to_owned(), source: errno.into() })?;
            for (key, value) in SYSCTLS {
                set_sysctl(name, key, value)?;
            }
            set_sysctl(name, "net/ipv4/ip_forward", if forwards { "1" } else { "0" })?;
            // Bridged frames must not pass through netfilter a second time. The key is absent without br_netfilter.
            set_sysctl(name, "net/bridge/bridge-nf-call-iptables", "0")?;
            File::open("/proc/thread-self/ns/net")
                .map_err(|source| NamespaceError::Create { name: name.to_owned(), source })
        })?;
        Ok(Self { name: name.to_owned(), file })
    }

    /// The namespace that this process is in, with the sysctls of a lab.
    ///
    /// # Errors
    /// When /proc does not show it, or a setting is refused.
    pub fn current(name: &str) -> Result<Self, NamespaceError> {
        for (key, value) in SYSCTLS {
            set_sysctl(name, key, value)?;
        }
        set_sysctl(name, "net/ipv4/ip_forward", "0")?;
        set_sysctl(name, "net/bridge/bridge-nf-call-iptables", "0")?;
        let create = |source| NamespaceError::Create { name: name.to_owned(), source };
        let file = File::open("/proc/self/ns/net").map_err(create)?;
        Ok(Self { name: name.to_owned(), file })
    }

    /// Another descriptor of it, which keeps it alive too.
    ///
    /// # Errors
    /// When descriptors are short.
    pub fn try_clone(&self) -> Result<Self, NamespaceError> {
        let file = self.file.try_clone();
        let file = file.map_err(|source| NamespaceError::Create { name: self.name.clone(), source })?;
        Ok(Self { name: self.name.clone(), file })
    }

    /// The node or pod whose namespace it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The descriptor that holds it, for `/proc/PID/fd/N`.
    pub fn raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// The open namespace file.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// A netlink socket in it.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn netlink(&self, protocol: Protocol) -> Result<Socket, NamespaceError> {
        Socket::open_in(protocol, &self.file)
            .map_err(|source| NamespaceError::Netlink { name: self.name.clone(), source })
    }

    /// Runs a closure inside the namespace, on a thread of its own.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or what the closure returns.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> Result<T, NamespaceError> + Send) -> Result<T, NamespaceError> {
        on_thread(&self.name, || {
            setns(&self.file, CloneFlags::CLONE_NEWNET)
                .map_err(|errno| NamespaceError::Thread { name: self.name.clone(), what: errno.desc().to_owned() })?;
            inside()
        })
    }
}

fn on_thread<T: Send>(
    name: &str,
    work: impl FnOnce() -> Result<T, NamespaceError> + Send,
) -> Result<T, NamespaceError> {
    let failed = |what: String| NamespaceError::Thread { name: name.to_owned(), what };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .spawn_scoped(scope, work)
            .map_err(|error| failed(format!("no thread could be started: {error}")))?;
        thread.join().map_err(|_panic| failed("the thread panicked".to_owned()))?
    })
}

/// Writes a sysctl below `/proc/sys`. A missing key is ignored unless it is one of IPv4.
fn set_sysctl(name: &str, key: &str, value: &str) -> Result<(), NamespaceError> {
    match fs::write(format!("/proc/sys/{key}"), value) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !key.starts_with("net/ipv4") => Ok(()),
        Err(source) => {
            Err(NamespaceError::Sysctl { name: name.to_owned(), key: key.to_owned(), value: value.to_owned(), source })
        }
    }
}
