//! What to do about what the kernel refuses: by its error number, and by the settings that can be the reason for it.

use std::fs;
use std::io;

use nix::errno::Errno;

use super::Refused;

/// What an attempt needs, beside namespaces.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needs {
    /// That `/proc/sys` can be written.
    ProcSys,
    /// A part of the kernel that modules bring, and a capability.
    Kernel {
        /// What `modprobe` is given.
        modules: &'static str,
        /// The capability, without `CAP_`.
        capability: &'static str,
    },
}

impl Needs {
    /// What to do about this error.
    pub(super) fn remedy(self, refused: &Refused) -> String {
        let other = || "the kernel's reason stands above; `lab try-namespaces` tries it again".to_owned();
        let Some(errno) = refused.errno() else { return other() };
        match (self, errno) {
            (_, Errno::ENOMEM | Errno::ENOBUFS) => "free some memory: the kernel has none left for it".to_owned(),
            (Self::ProcSys, Errno::EROFS | Errno::EACCES | Errno::EPERM) => {
                "mount /proc/sys writable: in a container, run it with --security-opt systempaths=unconfined".to_owned()
            }
            (Self::ProcSys, Errno::ENOENT) => "mount -t proc proc /proc: it has no /proc/sys/net/ipv4".to_owned(),
            (Self::Kernel { capability, .. }, Errno::EPERM | Errno::EACCES) => format!(
                "this process may not: it lacks the capability CAP_{capability} (grep CapBnd /proc/self/status); in a \
                 container, run it with --cap-add {capability}"
            ),
            (
                Self::Kernel { modules, .. },
                Errno::EOPNOTSUPP
                | Errno::ENODEV
                | Errno::ENOENT
                | Errno::EAFNOSUPPORT
                | Errno::EPROTONOSUPPORT
                | Errno::EINVAL,
            ) => format!("sudo modprobe {modules}"),
            _ => other(),
        }
    }
}

fn setting(path: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok().map(|text| text.trim().to_owned())
}

/// The limit of namespaces of this kind; none if it cannot be read.
pub(super) fn limit(kind: &str) -> Option<usize> {
    setting(&format!("user/max_{kind}_namespaces"))?.parse().ok()
}

/// The command that raises the limit of namespaces of this kind.
pub(super) fn raise(kind: &str, least: usize) -> String {
    let or_root = if nix::unistd::geteuid().is_root() { "" } else { ", or run lab as root" };
    format!("sudo sysctl user.max_{kind}_namespaces={}{or_root}", least.max(15_000))
}

/// What to do when namespaces cannot be made. `wanted` is how many network namespaces a lab has.
pub(super) fn namespaces(refused: &Refused, wanted: usize) -> String {
    let root = nix::unistd::geteuid().is_root();
    // What `holder::isolate` says that it was making.
    let kind = ["user", "network", "mount", "IPC", "PID"]
        .into_iter()
        .zip(["user", "net", "mnt", "ipc", "pid"])
        .find_map(|(word, kind)| refused.text.contains(&format!("{word} namespace")).then_some(kind));
    match refused.errno() {
        Some(Errno::ENOSPC) => {
            let kind = kind.unwrap_or("net");
            let least = if kind == "net" { wanted } else { 1 };
            if limit(kind).is_none_or(|limit| limit < least) {
                raise(kind, least)
            } else {
                format!(
                    "a limit of namespaces is reached: end what holds some (lsns -t {kind}), or raise \
                     user.max_{kind}_namespaces here and, in a container, on its host"
                )
            }
        }
        Some(Errno::EPERM | Errno::EACCES) => permission(root),
        Some(Errno::EINVAL | Errno::ENOSYS) => {
            format!("boot a kernel that has such namespaces: CONFIG_{}_NS=y", kind.unwrap_or("net").to_uppercase())
        }
        Some(Errno::EUSERS) => "run lab outside of so many nested user namespaces".to_owned(),
        Some(Errno::ENOMEM | Errno::EAGAIN) => "free some memory or end some processes".to_owned(),
        _ => "the kernel's reason stands above; `lab try-namespaces` tries it again".to_owned(),
    }
}

/// The command that allows namespaces, for the setting that forbids them.
fn permission(root: bool) -> String {
    let is = |path: &str, value: &str| setting(path).is_some_and(|text| text == value);
    if root {
        "root may not make namespaces here: in a container, run it with --privileged or --cap-add SYS_ADMIN --cap-add \
         NET_ADMIN --security-opt seccomp=unconfined"
            .to_owned()
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor restricts user namespaces (Ubuntu 23.10 and later): sudo sysctl \
         kernel.apparmor_restrict_unprivileged_userns=0, or run lab as root"
            .to_owned()
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "sudo sysctl kernel.unprivileged_userns_clone=1, or run lab as root".to_owned()
    } else {
        "run lab as root; in a container, user namespaces may be forbidden by its seccomp profile".to_owned()
    }
}

/// What to do about a folder that cannot be written; `choose` says how to have another one.
pub(super) fn folder(error: &io::Error, path: &std::path::Path, choose: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => format!("free some room there (df -h {}), or {choose}", path.display()),
        io::ErrorKind::QuotaExceeded => format!("your quota there is used up: free some of it, or {choose}"),
        io::ErrorKind::ReadOnlyFilesystem => format!("the file system is mounted read-only: {choose}"),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            format!("a file is there, where a folder must be: remove it, or {choose}")
        }
        _ => choose.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno, text: &str) -> Refused {
        Refused { errno: Some(errno as i32), text: text.to_owned() }
    }

    #[test]
    fn a_missing_capability_is_not_a_missing_module() {
        let socket = Needs::Kernel { modules: "af_packet", capability: "NET_RAW" };
        assert!(socket.remedy(&refused(Errno::EPERM, "")).ends_with("--cap-add NET_RAW"));
        assert_eq!(socket.remedy(&refused(Errno::EAFNOSUPPORT, "")), "sudo modprobe af_packet");
        assert!(!socket.remedy(&refused(Errno::EIO, "")).contains("modprobe"));
        assert!(Needs::ProcSys.remedy(&refused(Errno::EROFS, "")).ends_with("systempaths=unconfined"));
        assert!(!Needs::ProcSys.remedy(&refused(Errno::ENOENT, "")).contains("systempaths"));
    }

    #[test]
    fn namespaces_that_a_limit_or_the_kernel_refuses_need_no_privileges() {
        let remedy = namespaces(&refused(Errno::ENOSPC, "making a network namespace"), usize::MAX);
        assert!(remedy.starts_with("sudo sysctl user.max_net_namespaces="), "{remedy}");
        let remedy = namespaces(&refused(Errno::ENOSPC, "making a network namespace"), 0);
        assert!(remedy.starts_with("a limit of namespaces is reached: end what holds some (lsns -t net)"), "{remedy}");
        let remedy = namespaces(&refused(Errno::EINVAL, "making a PID namespace"), 6);
        assert_eq!(remedy, "boot a kernel that has such namespaces: CONFIG_PID_NS=y");
        assert!(namespaces(&refused(Errno::EPERM, "making a network namespace"), 6).contains("root"));
    }

    #[test]
    fn a_folder_on_a_full_disk_is_not_another_users() {
        let of = |errno: Errno| folder(&errno.into(), "/srv".as_ref(), "choose another");
        assert_eq!(of(Errno::EACCES), "choose another");
        assert_eq!(of(Errno::ENOSPC), "free some room there (df -h /srv), or choose another");
        assert!(of(Errno::EROFS).starts_with("the file system is mounted read-only"));
        assert!(of(Errno::ENOTDIR).starts_with("a file is there"));
    }
}
