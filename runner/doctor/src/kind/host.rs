//! Reads the facts about the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use lab_base::failure::chain;

use super::facts::{Cgroups, DockerSeen, HostSeen, KernelConfig, ModulesSeen, Resolvers, Room, Uplink};
use super::filter::read;
use super::input::KindDoctorInput;
use super::{proxies, tools};

/// Environment variables that change what kind does (kind v0.17.0: `pkg/cmd/kind/.../provider`, `providers/docker/provider.go`, `provision.go`).
const KIND_VARIABLES: [&str; 4] = [
    "DOCKER_API_VERSION",
    "KIND_EXPERIMENTAL_PROVIDER",
    "KIND_EXPERIMENTAL_DOCKER_NETWORK",
    "KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER",
];

/// The kernel's name for its first PID namespace (`include/linux/proc_ns.h`: `PROC_PID_INIT_INO`). Files such as
/// `/.dockerenv` do not prove that this is a container: virtual machines are made from container images too.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Reads all facts that the rows need.
pub(super) async fn observe(input: &KindDoctorInput) -> HostSeen {
    let (iptables, view, filter, uplinks) =
        tokio::join!(tools::iptables(input), lab_probe::own_view(), read::filter(input), uplinks());
    HostSeen {
        iptables,
        view: Some(view.map_err(|error| chain(&error))),
        filter: Some(filter),
        uplinks,
        proxies: proxies::proxies(input.docker_config.as_deref(), |name| std::env::var(name).ok()),
        kind_variables: variables(),
        ..files(&input.host_root)
    }
}

/// Addresses of the outside, one in each half of all: a VPN may take both halves with a route for each, or the whole by
/// rules. Nothing is sent to them.
const OUTSIDE: [std::net::Ipv4Addr; 2] = [std::net::Ipv4Addr::new(1, 1, 1, 1), std::net::Ipv4Addr::new(203, 0, 113, 1)];

/// The links that the kernel chooses for the outside; none if it could not be asked.
async fn uplinks() -> Option<Vec<Uplink>> {
    let mut found: Vec<Uplink> = Vec::new();
    for address in OUTSIDE {
        let Some((device, mtu)) = lab_probe::own_way(address).await.ok()? else { continue };
        let uplink = Uplink { device, mtu: mtu.0 };
        if !found.contains(&uplink) {
            found.push(uplink);
        }
    }
    Some(found)
}

fn variables() -> BTreeMap<String, String> {
    let set = |name: &str| std::env::var(name).ok().map(|value| (name.to_owned(), value));
    KIND_VARIABLES.into_iter().filter_map(set).collect()
}

/// The facts that are read from files below this root.
fn files(root: &Path) -> HostSeen {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok().map(|text| text.trim().to_owned());
    let there = |path: &str| root.join(path).exists();
    let number = |path: &str| read(path)?.parse().ok();
    let kernel = read("proc/sys/kernel/osrelease");
    let release = kernel.as_deref().unwrap_or("unknown");
    HostSeen {
        kernel_config: kernel_config(root, release),
        modules: ModulesSeen {
            list: there("proc/modules"),
            folder: there("lib/modules"),
            // The second path is that of NixOS.
            of_kernel: ["lib/modules", "run/booted-system/kernel-modules/lib/modules"]
                .iter()
                .any(|folder| there(&format!("{folder}/{release}"))),
        },
        inotify_instances: number("proc/sys/fs/inotify/max_user_instances"),
        inotify_watches: number("proc/sys/fs/inotify/max_user_watches"),
        cgroups: read("sys/fs/cgroup/cgroup.controllers")
            .map(|text| Cgroups::V2(text.split_whitespace().map(str::to_owned).collect()))
            .or_else(|| read("proc/cgroups").map(|text| Cgroups::V1(enabled(&text)))),
        cgroup_namespaces: there("proc/self/ns/cgroup"),
        container: fs::read_link(root.join("proc/self/ns/pid"))
            .is_ok_and(|link| link != Path::new(FIRST_PID_NAMESPACE)),
        ipv6: there("proc/sys/net/ipv6"),
        bridge_filtered: number("proc/sys/net/bridge/bridge-nf-call-iptables").map(|on| on != 0),
        filtered_bridges: filtered_bridges(&root.join("sys/class/net")),
        distribution: read("etc/os-release").as_deref().map(distribution).unwrap_or_default(),
        resolvers: resolvers(&read),
        memory: read("proc/meminfo").as_deref().and_then(available),
        cilium_files: pinned(&root.join("sys/fs/bpf")),
        kernel,
        ..HostSeen::default()
    }
}

/// The bridges whose own setting passes their frames to the host's filter.
fn filtered_bridges(links: &Path) -> BTreeSet<String> {
    let names =
        fs::read_dir(links).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let on = |name: &String| {
        fs::read_to_string(links.join(name).join("bridge/nf_call_iptables")).is_ok_and(|text| text.trim() == "1")
    };
    names.filter(on).collect()
}

/// The controllers of `/proc/cgroups` whose last column is not 0 (cgroups(7)).
fn enabled(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut columns = line.split_whitespace();
            let name = columns.next()?;
            (columns.next_back()? != "0").then(|| name.to_owned())
        })
        .collect()
}

/// The running kernel's configuration, from the places where distributions and the kernel itself keep it.
fn kernel_config(root: &Path, release: &str) -> Option<KernelConfig> {
    let places = [
        "proc/config.gz".to_owned(),
        format!("boot/config-{release}"),
        format!("lib/modules/{release}/config"),
        format!("usr/lib/kernel/config-{release}"),
    ];
    places.iter().find_map(|place| {
        let bytes = fs::read(root.join(place)).ok()?;
        let text = if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut text = String::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).ok()?;
            text
        } else {
            String::from_utf8(bytes).ok()?
        };
        let options = options(&text);
        (!options.is_empty()).then(|| KernelConfig { source: Path::new("/").join(place), options })
    })
}

/// The options that are set, from lines such as `CONFIG_BPF=y`; options that are not set are comments.
fn options(text: &str) -> BTreeMap<String, String> {
    let set = text.lines().filter_map(|line| line.trim().split_once('='));
    set.filter(|(name, value)| name.starts_with("CONFIG_") && *value != "n")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The values of `ID` and `ID_LIKE` (os-release(5)).
fn distribution(text: &str) -> Vec<String> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let words = |value: &str| value.trim_matches(['"', '\'']).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    [value("ID"), value("ID_LIKE")].into_iter().flatten().flat_map(words).collect()
}

/// The addresses in lines `nameserver ADDRESS` (resolv.conf(5)); an IPv6 address may have a link's name after `%`.
fn nameservers(text: &str) -> Vec<IpAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next())?
    });
    servers.filter_map(|address| address.split('%').next()?.parse().ok()).collect()
}

/// The name servers that Docker gives to containers: those of its own settings, else those of `/etc/resolv.conf`. Where
/// that names systemd-resolved's stub alone, Docker reads the file behind it (moby, `libnetwork/resolvconf`: `Path`).
fn resolvers(read: &impl Fn(&str) -> Option<String>) -> Resolvers {
    const STUB: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 53));
    let daemon = read("etc/docker/daemon.json").and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let own: Vec<IpAddr> = daemon
        .iter()
        .flat_map(|daemon| daemon["dns"].as_array().into_iter().flatten())
        .filter_map(|server| server.as_str()?.parse().ok())
        .collect();
    if !own.is_empty() {
        return Resolvers { file: "\"dns\" of /etc/docker/daemon.json".to_owned(), servers: Some(own) };
    }
    let of = |file: &str| Resolvers { file: format!("/{file}"), servers: read(file).as_deref().map(nameservers) };
    let first = of("etc/resolv.conf");
    match first.servers.as_deref() {
        Some([server]) if *server == STUB => of("run/systemd/resolve/resolv.conf"),
        _ => first,
    }
}

/// `MemAvailable` in octets.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// The files that a Cilium has pinned in the BPF file system (Cilium 1.12.4: `tc/globals/cilium_*`, later ones `cilium`);
/// none if it cannot be read.
fn pinned(bpf: &Path) -> Option<Vec<PathBuf>> {
    let is_ciliums =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("cilium"));
    let mut found = Vec::new();
    for folder in [bpf.to_owned(), bpf.join("tc/globals")] {
        match fs::read_dir(&folder) {
            Ok(entries) => found.extend(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_ciliums)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_unreadable) => return None,
        }
    }
    found.sort();
    Some(found)
}

/// The free space where the Engine keeps images; none if the Engine does not report where that is.
pub(super) fn room(docker: &DockerSeen) -> Option<Room> {
    /// Where containerd keeps images when it is Docker's image store.
    const CONTAINERD: &str = "/var/lib/containerd";
    let root = docker.engine.root_dir.as_deref()?;
    let folder = if docker.containerd_store && Path::new(CONTAINERD).exists() { CONTAINERD } else { root };
    let free = nix::sys::statvfs::statvfs(folder)
        .map(|volume| volume.blocks_available().saturating_mul(volume.fragment_size()))
        .map_err(|errno| errno.desc().to_owned());
    Some(Room { folder: folder.into(), free })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A folder with a machine's files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    #[test]
    fn an_ubuntu_with_one_hierarchy() {
        let root = machine(&[
            ("proc/sys/kernel/osrelease", "5.15.0-53-generic\n"),
            ("boot/config-5.15.0-53-generic", "CONFIG_BPF=y\n# CONFIG_BPF_LSM is not set\nCONFIG_NET_CLS_BPF=m\nX=1\n"),
            ("proc/modules", "veth 32768 0 - Live 0x0000000000000000\n"),
            ("lib/modules/5.15.0-53-generic/modules.dep", ""),
            ("proc/sys/fs/inotify/max_user_instances", "128\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n"),
            ("proc/self/ns/cgroup", ""),
            ("etc/os-release", "NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nID=ubuntu\nID_LIKE=debian\n"),
            (
                "etc/resolv.conf",
                "# by hand\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch lan\nnameserver no\n",
            ),
            ("sys/fs/bpf/tc/globals/cilium_lxc", ""),
            ("sys/fs/bpf/other", ""),
        ]);
        let seen = files(root.path());
        assert_eq!(seen.kernel.as_deref(), Some("5.15.0-53-generic"));
        let config = seen.kernel_config.unwrap();
        assert_eq!(config.source, Path::new("/boot/config-5.15.0-53-generic"));
        assert_eq!(
            config.options.into_iter().collect::<Vec<_>>(),
            [("CONFIG_BPF".to_owned(), "y".to_owned()), ("CONFIG_NET_CLS_BPF".to_owned(), "m".to_owned()),]
        );
        assert_eq!(seen.modules, ModulesSeen { list: true, folder: true, of_kernel: true });
        assert!(seen.cgroup_namespaces && !seen.ipv6 && !seen.container);
        let link = root.path().join("proc/self/ns/pid");
        std::os::unix::fs::symlink(FIRST_PID_NAMESPACE, &link).unwrap();
        assert!(!files(root.path()).container);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("pid:[4026532201]", &link).unwrap();
        assert!(files(root.path()).container);
        assert_eq!((seen.inotify_instances, seen.inotify_watches), (Some(128), None));
        assert!(matches!(seen.cgroups, Some(Cgroups::V2(controllers)) if controllers.len() == 8));
        assert_eq!(seen.bridge_filtered, None);
        assert_eq!(seen.distribution, ["ubuntu", "debian"]);
        let servers = vec!["127.0.0.53".parse::<IpAddr>().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(seen.resolvers, Resolvers { file: "/etc/resolv.conf".to_owned(), servers: Some(servers) });
        assert_eq!(seen.cilium_files, Some(vec![root.path().join("sys/fs/bpf/tc/globals/cilium_lxc")]));
    }

    #[test]
    fn controllers_that_are_turned_off_are_left_out() {
        let table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t2\t5\t1\nmemory\t0\t5\t0\npids\t3\t5\t1\n";
        let root = machine(&[("proc/cgroups", table)]);
        let expected = Cgroups::V1(vec!["cpu".to_owned(), "pids".to_owned()]);
        assert_eq!(files(root.path()).cgroups, Some(expected));
    }

    #[test]
    fn the_servers_are_those_that_docker_takes() {
        let stub = ("etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0\n");
        let behind = ("run/systemd/resolve/resolv.conf", "nameserver 10.0.0.2\n");
        let daemon = ("etc/docker/daemon.json", r#"{"dns": ["10.1.1.1"]}"#);
        let seen = |machine: &[(&str, &str)]| {
            let resolvers = files(self::machine(machine).path()).resolvers;
            (
                resolvers.file,
                resolvers.servers.map(|servers| servers.iter().map(ToString::to_string).collect::<Vec<_>>()),
            )
        };
        let servers = |server: &str| Some(vec![server.to_owned()]);
        assert_eq!(seen(&[stub, behind]), ("/run/systemd/resolve/resolv.conf".to_owned(), servers("10.0.0.2")));
        assert_eq!(seen(&[stub]), ("/run/systemd/resolve/resolv.conf".to_owned(), None));
        let other = ("etc/resolv.conf", "nameserver 127.0.0.1\n");
        assert_eq!(seen(&[other, behind]), ("/etc/resolv.conf".to_owned(), servers("127.0.0.1")));
        assert_eq!(seen(&[stub, behind, daemon]).1, servers("10.1.1.1"));
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:   2 kB\n"), Some(2048));
    }

    #[test]
    fn a_compressed_configuration_and_a_broken_one() {
        let root = machine(&[("boot/config-unknown", "CONFIG_BPF=y\n")]);
        fs::create_dir(root.path().join("proc")).unwrap();
        let file = root.path().join("proc/config.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"CONFIG_CGROUPS=y\n").unwrap();
        let packed = packed.finish().unwrap();
        fs::write(&file, &packed).unwrap();
        let config = kernel_config(root.path(), "unknown").unwrap();
        assert_eq!((config.source, config.options.len()), ("/proc/config.gz".into(), 1));
        fs::write(&file, &packed[..packed.len() / 2]).unwrap();
        let config = kernel_config(root.path(), "unknown").unwrap();
        assert_eq!(config.source, Path::new("/boot/config-unknown"), "a broken file is passed over");
        assert_eq!(kernel_config(root.path(), "other"), None);
    }

    #[test]
    fn a_machine_that_tells_nothing() {
        let root = machine(&[]);
        let seen = files(root.path());
        assert_eq!((seen.kernel, seen.kernel_config, seen.cgroups), (None, None, None));
        assert_eq!(seen.modules, ModulesSeen::default());
        assert!(!seen.cgroup_namespaces);
        assert_eq!(seen.cilium_files, Some(Vec::new()));
    }
}
