# The article's lab in a VM without a network, from a kit: all cases must hold.
{
  pkgs,
  wrapped,
  kit,
}:
pkgs.testers.runNixOSTest {
  name = "lab-kind-offline";
  nodes.machine = {
    imports = [ ./docker-machine.nix ];
    environment.systemPackages = [ wrapped ];
    environment.etc."lab-kit.tar".source = kit;
  };
  testScript = builtins.readFile ./kind-offline.py;
}
