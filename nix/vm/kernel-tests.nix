# The tests that make namespaces, in a VM: cases, controls and probe.
{ pkgs, rust }:
pkgs.testers.runNixOSTest {
  name = "lab-kernel-tests";
  nodes.machine = {
    imports = [ ./machine.nix ];
    environment.etc."lab-tests".source = rust.tests;
  };
  testScript = builtins.readFile ./kernel-tests.py;
}
