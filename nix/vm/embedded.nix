# The embedded lab in a VM: as root and as an ordinary user, what must hold and what must not.
{ pkgs, rust }:
pkgs.testers.runNixOSTest {
  name = "lab-embedded";
  nodes.machine = {
    imports = [ ./machine.nix ];
    environment.systemPackages = [ rust.lab ];
  };
  testScript = builtins.readFile ./embedded.py;
}
