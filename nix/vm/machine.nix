# The machine of the VM tests of the embedded lab.
{ pkgs, ... }:
{
  imports = [ ./offline.nix ];
  virtualisation = {
    cores = 2;
    memorySize = 2048;
  };
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
    "af_packet_diag"
  ];
  environment.systemPackages = [
    pkgs.iproute2
    pkgs.nftables
    pkgs.util-linux
  ];
}
