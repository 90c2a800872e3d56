//! Rows about the kernel: its version, its configuration, its modules.

use crate::kind::facts::HostSeen;
use crate::{Outcome, Row};

/// The options without which the agent of Cilium 1.12.4 does not start (its documentation, System Requirements, Base
/// Requirements; `CONFIG_IP_MULTIPLE_TABLES`: `pkg/datapath/linux/requirements.go`).
const NEEDED: [&str; 8] = [
    "CONFIG_BPF",
    "CONFIG_BPF_SYSCALL",
    "CONFIG_NET_CLS_BPF",
    "CONFIG_NET_CLS_ACT",
    "CONFIG_NET_SCH_INGRESS",
    "CONFIG_CGROUPS",
    "CONFIG_CGROUP_BPF",
    "CONFIG_IP_MULTIPLE_TABLES",
];

/// Options that the same page lists, but without which agents have run. Without the first, BPF is interpreted. The other
/// two are used by the older iproute2 in the pinned image only.
const LISTED: [&str; 3] = ["CONFIG_BPF_JIT", "CONFIG_CRYPTO_SHA1", "CONFIG_CRYPTO_USER_API_HASH"];

/// The three numbers at the beginning of a kernel release such as `5.15.0-53-generic`.
fn numbers(release: &str) -> Option<(u32, u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some((major, minor, parts.next().flatten().unwrap_or(0)))
}

/// Whether the kernel supports socket load balancing, which `kubeProxyReplacement: strict` needs: 4.19.57, 5.1.16 and 5.2
/// were the first of their series (Cilium 1.12.4: System Requirements, Required Kernel Versions for Advanced Features).
fn replaces_kube_proxy(version: (u32, u32, u32)) -> bool {
    match version {
        (4, 19, patch) => patch >= 57,
        (4, 20, _) | (5, 0, _) => false,
        (5, 1, patch) => patch >= 16,
        newer => newer >= (5, 2, 0),
    }
}

/// `host.kernel`.
pub(in crate::kind) fn version(host: &HostSeen) -> Row {
    const ID: &str = "host.kernel";
    const WHY: &str = "Cilium's agents replace kube-proxy with BPF programs that run in it";
    let Some(release) = &host.kernel else {
        return Row::bad(Outcome::Warning, ID, "/proc/sys/kernel/osrelease cannot be read", WHY, "uname -r");
    };
    let remedy = "boot Linux 5.10 or later (Ubuntu: sudo apt-get install linux-generic, then reboot)";
    match numbers(release) {
        None => Row::bad(Outcome::Warning, ID, format!("Linux {release}: the version cannot be read"), WHY, remedy),
        Some(version) if version >= (5, 10, 0) => {
            Row::ok(ID, format!("Linux {release}: BPF host routing will be on"), WHY)
        }
        Some(version) if replaces_kube_proxy(version) => {
            Row::ok(ID, format!("Linux {release}: BPF host routing needs 5.10, so the kernel itself will route"), WHY)
        }
        // Red Hat's 4.18 has BPF features of later kernels; its version does not say which.
        Some((4, 18, _)) if release.contains(".el8") => {
            Row::bad(Outcome::Warning, ID, format!("Linux {release}: no lab has been tried on it"), WHY, remedy)
        }
        Some(_) => {
            let found = format!("Linux {release}; kubeProxyReplacement=strict needs 4.19.57, 5.1.16, 5.2 or later");
            Row::bad(Outcome::Refusal, ID, found, WHY, remedy)
        }
    }
}

/// `host.kernel_config`.
pub(in crate::kind) fn config(host: &HostSeen) -> Row {
    const ID: &str = "host.kernel_config";
    const WHY: &str = "Cilium 1.12.4 lists these options as its base requirements";
    let Some(config) = &host.kernel_config else {
        let release = host.kernel.as_deref().unwrap_or("RELEASE");
        let found = format!("not known: neither /proc/config.gz nor /boot/config-{release} can be read");
        return Row::bad(
            Outcome::Warning,
            ID,
            found,
            WHY,
            "sudo modprobe configs makes /proc/config.gz, if that module was built",
        );
    };
    let missing = |options: &[&'static str]| -> Vec<&'static str> {
        options.iter().copied().filter(|&option| !config.options.contains_key(option)).collect()
    };
    let source = config.source.display();
    let (needed, listed) = (missing(&NEEDED), missing(&LISTED));
    if !needed.is_empty() {
        let found = format!("{source}: {} not set", is_or_are(&needed));
        return Row::bad(
            Outcome::Refusal,
            ID,
            found,
            WHY,
            "boot a kernel that has them, as the kernels of distributions do",
        );
    }
    if !listed.is_empty() {
        let found = format!("{source}: {} not set; some agents have run without", is_or_are(&listed));
        return Row::bad(
            Outcome::Warning,
            ID,
            found,
            WHY,
            "boot a kernel that has them, as the kernels of distributions do",
        );
    }
    Row::ok(ID, format!("{source}: all {} options that Cilium needs are set", NEEDED.len() + LISTED.len()), WHY)
}

fn is_or_are(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// `host.modules`.
pub(in crate::kind) fn modules(host: &HostSeen, own_cilium_image: bool) -> Row {
    const ID: &str = "host.modules";
    const WHY: &str = "Cilium's agent reads /proc/modules and loads what is missing from /lib/modules, \
                       which kind mounts into nodes";
    if !host.modules.list {
        let found = "/proc/modules does not exist: the kernel has no modules, and the agent of Cilium 1.12.4 ends with \
                     \"Unable to get information about kernel modules\"";
        let (outcome, found) = if own_cilium_image {
            (Outcome::Warning, format!("{found}; the lab uses another image of the agent"))
        } else {
            (Outcome::Refusal, found.to_owned())
        };
        let remedy = "boot a kernel with CONFIG_MODULES=y, or give the lab an agent that does not need modules: \
                      --image cilium=REF";
        return Row::bad(outcome, ID, found, WHY, remedy);
    }
    let release = host.kernel.as_deref().unwrap_or("RELEASE");
    if host.modules.of_kernel {
        Row::ok(ID, format!("/proc/modules and /lib/modules/{release} exist"), WHY)
    } else if host.modules.folder {
        let found =
            format!("/lib/modules/{release} does not exist: the agent cannot load modules that are not loaded yet");
        Row::bad(
            Outcome::Warning,
            ID,
            found,
            WHY,
            "install the running kernel's modules, or boot a kernel whose modules are installed",
        )
    } else {
        let found = "/lib/modules does not exist: the agent cannot load modules that are not loaded yet, \
                     and Docker makes an empty folder there when kind mounts it";
        Row::bad(
            Outcome::Warning,
            ID,
            found,
            WHY,
            "sudo modprobe -a ip_tables iptable_nat xt_socket sch_ingress cls_bpf (those that are not built in)",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fixture::host;

    fn of(release: &str) -> Outcome {
        let mut host = host();
        host.kernel = Some(release.to_owned());
        version(&host).outcome
    }

    #[test]
    fn the_first_kernels_of_their_series_are_told_apart() {
        for release in ["6.18.44", "5.15.0-53-generic", "5.2.0", "5.1.16", "4.19.57-1", "5.10", "7.0.0-rc1"] {
            assert_eq!(of(release), Outcome::Ok, "{release}");
        }
        for release in ["5.1.15", "5.0.21", "4.20.17", "4.19.56", "4.15.0-20-generic", "3.10.0-1160.el7.x86_64"] {
            assert_eq!(of(release), Outcome::Refusal, "{release}");
        }
        for release in ["4.18.0-425.el8.x86_64", "generic", "6"] {
            assert_eq!(of(release), Outcome::Warning, "{release}");
        }
        let mut unread = host();
        unread.kernel = None;
        assert_eq!(version(&unread).outcome, Outcome::Warning);
    }

    #[test]
    fn host_routing_is_named() {
        let mut host = host();
        assert_eq!(version(&host).found, "Linux 6.18.44: BPF host routing will be on");
        host.kernel = Some("5.4.0-90-generic".to_owned());
        assert!(version(&host).found.ends_with("the kernel itself will route"));
    }

    #[test]
    fn an_option_that_is_not_set_is_named() {
        assert_eq!(config(&host()).outcome, Outcome::Ok);
        for option in NEEDED {
            let mut host = host();
            host.kernel_config.as_mut().unwrap().options.remove(option);
            let row = config(&host);
            assert_eq!(row.outcome, Outcome::Refusal, "{option}");
            assert!(row.found.ends_with(&format!(": {option} is not set")), "{row:?}");
        }
        for option in LISTED {
            let mut host = host();
            host.kernel_config.as_mut().unwrap().options.remove(option);
            assert_eq!(config(&host).outcome, Outcome::Warning, "{option}");
        }
        let mut host = host();
        host.kernel_config = None;
        assert_eq!(config(&host).outcome, Outcome::Warning);
    }

    #[test]
    fn a_kernel_without_modules_fits_no_pinned_agent() {
        let mut host = host();
        assert_eq!(modules(&host, false).outcome, Outcome::Ok);
        host.modules.of_kernel = false;
        let row = modules(&host, false);
        assert_eq!(row.outcome, Outcome::Warning);
        assert!(row.found.starts_with("/lib/modules/6.18.44 does not exist"), "{row:?}");
        host.modules.folder = false;
        assert!(modules(&host, false).found.starts_with("/lib/modules does not exist"));
        host.modules.list = false;
        let row = modules(&host, false);
        assert_eq!(row.outcome, Outcome::Refusal);
        assert!(row.found.contains("Unable to get information about kernel modules"), "{row:?}");
        assert_eq!(modules(&host, true).outcome, Outcome::Warning);
    }
}
