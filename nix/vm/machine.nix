# The machine of the VM tests: it has no network card, so nothing it does can come from outside or go there.
{ lib, pkgs, ... }:
{
  virtualisation = {
    cores = 2;
    memorySize = 2048;
    vlans = [ ];
    qemu.networkingOptions = lib.mkForce [ "-nic none" ];
  };
  # A lab brings its own rules, in namespaces of its own.
  networking.firewall.enable = false;
  networking.useDHCP = false;
  # An ordinary user's lab cannot load what is missing.
  boot.kernelModules = [
    "bridge"
    "br_netfilter"
    "veth"
    "vxlan"
    "nf_tables"
    "nft_chain_nat"
    "nft_masq"
    "nft_nat"
    "nft_numgen"
    "packet_diag"
  ];
  environment.systemPackages = [
    pkgs.iproute2
    pkgs.nftables
    pkgs.util-linux
  ];
}
