# A machine without a network card, so nothing it does can come from outside or go there.
{ lib, ... }:
{
  virtualisation = {
    vlans = [ ];
    qemu.networkingOptions = lib.mkForce [ "-nic none" ];
  };
  # A lab brings its own rules.
  networking.firewall.enable = false;
  networking.useDHCP = false;
}
