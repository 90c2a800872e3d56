# The machine of the VM test of the lab on kind: a Docker Engine, room for three nodes, and no network card. Its own
# addresses lie outside 10.0.0.0/8: the test gives it an uplink that leads nowhere.
{ pkgs, ... }:
{
  imports = [ ./offline.nix ];
  virtualisation = {
    cores = 4;
    # Three nodes, each with its own kubelet and agent; compiling BPF programs is what takes most.
    memorySize = 8192;
    # The kit, the node image, and Cilium's images unpacked once in each node.
    diskSize = 24576;
    docker = {
      enable = true;
      # The image store that Docker had until version 28: its image ids are the digests that a lab compares.
      daemon.settings.features.containerd-snapshotter = false;
    };
  };
  # Long-term support; 5.10 is the oldest with BPF host routing. From 6.17 on a kernel may lack the legacy tables of
  # iptables, which the agent's image needs.
  boot.kernelPackages = pkgs.linuxPackages_6_12;
  boot.kernel.sysctl = {
    # Frames on the lab's bridge have the pods' addresses, to which this machine has no route.
    "net.ipv4.conf.all.rp_filter" = 0;
    "net.ipv4.conf.default.rp_filter" = 0;
    # Three nodes on one kernel (kind: Known Issues, "Pod errors due to too many open files").
    "fs.inotify.max_user_instances" = 1024;
    "fs.inotify.max_user_watches" = 1048576;
  };
  # NixOS has no /lib/modules that kind could mount into a node: what an agent would load is there before.
  boot.kernelModules = [
    "br_netfilter"
    "bridge"
    "dummy"
    "ip_tables"
    "ip6_tables"
    "ip6table_filter"
    "ip6table_mangle"
    "ip6table_nat"
    "ip6table_raw"
    "iptable_filter"
    "iptable_mangle"
    "iptable_nat"
    "iptable_raw"
    "nf_tables"
    "nft_compat"
    "overlay"
    "sch_ingress"
    "veth"
    "xt_CT"
    "xt_TPROXY"
    "xt_comment"
    "xt_mark"
    "xt_socket"
  ];
  environment.systemPackages = [
    pkgs.docker-client
    pkgs.iproute2
    pkgs.nftables
  ];
}
