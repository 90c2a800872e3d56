import json
from typing import Any

KIT = "/etc/lab-kit.tar"
RUNS = "/run/lab-runs"
LAB = "env HOME=/run/lab-root lab"
# What a lab could leave behind.
HOST = [
    "docker ps --all --format '{{.Names}}'",
    "docker network ls --format '{{.Name}}' | sort",
    "docker volume ls --quiet",
    "ip -4 address show | sed /valid_lft/d",
    "ip -4 route show",
    "nft --stateless list tables",
    "ls -A /run/lab-root/.local/state/lab 2>/dev/null || true",
]


def host() -> dict[str, str]:
    return {command: machine.succeed(f"{{ {command}; }} 2>&1") for command in HOST}


def run(options: str, expected: int) -> dict[str, Any]:
    command = f"{LAB} run --on kind --kit {KIT} --runs-dir {RUNS} {options}"
    status, output = machine.execute(f"{command} 2>&1", timeout=2400)
    print(output)
    assert status == expected, f"`{command}` ended with {status} instead of {expected}"
    newest = machine.succeed(f"ls -t {RUNS}/*/report.json | head -n 1").strip()
    report: dict[str, Any] = json.loads(machine.succeed(f"cat {newest}"))
    return report


def names(report: dict[str, Any], outcome: str) -> set[str]:
    return {case["name"] for case in report["cases"] if case["outcome"] == outcome}


machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("docker.service")

with subtest("the machine is such a one"):
    machine.succeed("install -d /run/lab-root")
    machine.succeed("test $(stat --file-system --format=%T /sys/fs/cgroup) = cgroup2fs")
    machine.succeed("test $(cat /proc/sys/net/ipv4/conf/all/rp_filter) = 0")
    # An uplink that leads nowhere: with a default route, what is to leave the machine is seen to.
    machine.succeed("ip link add uplink type dummy", "ip address add 192.168.77.1/24 dev uplink")
    machine.succeed("ip link set uplink up", "ip route add default via 192.168.77.254 dev uplink")
    used = machine.succeed("ip -4 -oneline address show")
    assert " 10." not in used, f"the machine itself is in 10.0.0.0/8:\n{used}"
    assert machine.succeed("docker image ls --quiet").strip() == "", "the Engine has images before the lab brings them"

with subtest("the kit is whole and as pinned"):
    shown = machine.succeed(f"{LAB} kit show {KIT}")
    print(shown)
    assert "not as pinned" not in shown, shown
    machine.succeed(f"head -c 1000000 {KIT} > /run/cut.tar")
    status, output = machine.execute(f"{LAB} kit show /run/cut.tar 2>&1", timeout=60)
    assert status == 3, f"a kit that is cut off: exit code {status}\n{output}"

with subtest("the doctor refuses nothing"):
    machine.succeed(f"{LAB} doctor --on kind --runs-dir {RUNS}")

before = host()

with subtest("all cases hold, against the pins"):
    report = run("", 0)
    assert report["backend"] == "kind", report["backend"]
    assert report["deviations"] == [], report["deviations"]
    held = names(report, "held")
    there = {line.split()[0] for line in machine.succeed(f"{LAB} verify --list").splitlines()}
    assert there and held == there, {case["name"]: case["outcome"] for case in report["cases"]}

with subtest("the machine is as it was"):
    after = host()
    for command in HOST:
        assert after[command] == before[command], f"{command}\nbefore:\n{before[command]}\nafter:\n{after[command]}"

with subtest("an overlay is refuted"):
    report = run("--routing vxlan", 1)
    refuted = names(report, "refuted")
    for case in ["routing::direct_route_to_every_peer", "routing::no_tunnel_device", "wire::frames_are_not_encapsulated"]:
        assert case in refuted, f"{case} is not refuted, but these are: {sorted(refuted)}"
