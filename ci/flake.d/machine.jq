# What a lab on kind needs of the machine of its VM test; from what the stand-in recorded of that test.
.arguments.nodes.machine as $settings
| def all_of($path): [$settings[] | getpath($path)? // empty];
  def one($path): all_of($path) | if length == 1 then .[0] else error("\($path | join(".")) is set \(length) times") end;
  def holds($what; condition): if condition then empty else $what end;
  [
    holds("three nodes and a kit need more room";
        one(["virtualisation", "memorySize"]) >= 6144 and one(["virtualisation", "diskSize"]) >= 16384
        and one(["virtualisation", "cores"]) >= 4),
    holds("it has a network card"; one(["virtualisation", "qemu", "networkingOptions"]) == ["-nic none"]
        and ([$settings[].virtualisation?.vlans? // empty] == [[]])),
    holds("its firewall is on"; [$settings[].networking?.firewall?.enable? | select(. != null)] == [false]),
    holds("it filters by reverse path"; one(["boot", "kernel", "sysctl"])
        | .["net.ipv4.conf.all.rp_filter"] == 0 and .["net.ipv4.conf.default.rp_filter"] == 0
        and .["fs.inotify.max_user_instances"] >= 512 and .["fs.inotify.max_user_watches"] >= 524288),
    holds("it has no Docker Engine, or the image store of containerd"; one(["virtualisation", "docker"])
        | .enable and .daemon.settings.features["containerd-snapshotter"] == false),
    holds("its kernel is not one of long-term support"; one(["boot", "kernelPackages"])
        | .function == "package" and (.arguments.name | IN("linuxPackages_5_15", "linuxPackages_6_1", "linuxPackages_6_6", "linuxPackages_6_12"))),
    holds("it has no kit"; one(["environment", "etc"])["lab-kit.tar"].source.function == "runCommand"),
    holds("an address of its own is in 10.0.0.0/8"; [.arguments.testScript | scan("ip address add (10\\.[0-9./]+)")] == [])
  ]
| if . == [] then "the machine of kind-offline is as a lab on kind needs it" else join("; ") | error end
