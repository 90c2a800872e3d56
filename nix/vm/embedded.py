import json
from typing import Any

# What is expected of each kind of routing: exit code, which cases are refuted, which are unobserved. All others hold.
# A contrast that refuted less could not fail where it should; one that refuted more would fail for a wrong reason.
EXPECTED: dict[str, tuple[int, set[str], set[str]]] = {
    "native": (0, set(), set()),
    "vxlan": (
        1,
        {
            "routing::direct_route_to_every_peer",
            "routing::no_tunnel_device",
            "wire::frames_are_not_encapsulated",
            "wire::full_mtu_fits",
        },
        {"wire::no_router_between_nodes"},
    ),
    "none": (
        1,
        {
            "routing::direct_route_to_every_peer",
            "service::answers_from_each_pod",
            "service::answers_from_the_control_plane",
            "wire::full_mtu_fits",
            "wire::nothing_leaks_to_the_uplink",
            "wire::pods_reach_each_other_directly",
        },
        {"wire::frames_are_not_encapsulated", "wire::no_router_between_nodes", "wire::source_address_is_kept"},
    ),
}
USERS = {
    "root": "env HOME=/run/lab-root",
    "user": "setpriv --reuid 61000 --regid 61000 --clear-groups --inh-caps=-all env HOME=/run/lab-user",
}
# What a lab could change. Settings are compared by hash: a VM has some thousands.
HOST = [
    "ip -4 address | sed /valid_lft/d",
    "ip -6 address | sed /valid_lft/d",
    # Without details: a bridge's are timers.
    "ip link",
    "ip -4 route show table all",
    "ip -6 route show table all",
    "ip rule",
    "ip netns",
    "nft --stateless list ruleset",
    "{ grep -rs '' /proc/sys/net/ipv4 /proc/sys/net/bridge || true; } | sort | sha256sum",
    "pgrep -x lab || true",
]


def host() -> dict[str, str]:
    return {command: machine.succeed(f"{{ {command}; }} 2>&1") for command in HOST}


def run(user: str, routing: str) -> dict[str, Any]:
    runs = f"/run/lab-{user}/{routing}"
    command = f"{USERS[user]} lab run --on netns --routing {routing} --runs-dir {runs}"
    status, output = machine.execute(f"{command} 2>&1", timeout=300)
    print(output)
    expected = EXPECTED[routing][0]
    assert status == expected, f"`{command}` ended with {status} instead of {expected}"
    report: dict[str, Any] = json.loads(machine.succeed(f"cat {runs}/*/report.json"))
    return report


def outcomes(report: dict[str, Any], outcome: str) -> set[str]:
    return {case["name"] for case in report["cases"] if case["outcome"] == outcome}


def check(user: str, routing: str) -> None:
    _status, refuted, unobserved = EXPECTED[routing]
    report = run(user, routing)
    assert (report["backend"], report["routing"]) == ("netns", routing), (report["backend"], report["routing"])
    expected: dict[str, set[str]] = {"refuted": refuted, "unobserved": unobserved, "blocked": set(), "deadline": set()}
    for outcome, names in expected.items():
        found = outcomes(report, outcome)
        assert found == names, f"{outcome}: {sorted(found)} instead of {sorted(names)}"
    there = {line.split()[0] for line in machine.succeed("lab verify --list").splitlines()}
    elsewhere = outcomes(report, "not_on_backend")
    found, held = outcomes(report, "held"), there - elsewhere - refuted - unobserved
    assert held and elsewhere and found == held, f"held: {sorted(found)} instead of {sorted(held)}"


machine.wait_for_unit("multi-user.target")

with subtest("the host has what a lab must leave alone"):
    # The very names and addresses that a lab uses, so that one that touched the host would collide.
    # Without an address of its own choosing, which would be tentative first.
    machine.succeed("ip link set lo up", "ip link add kind type bridge", "ip link set kind addrgenmode none")
    machine.succeed("ip address add 172.18.0.1/16 dev kind", "ip link set kind up")
    machine.succeed("ip route add 10.0.1.0/24 via 172.18.0.9 dev kind")
    machine.succeed("nft 'add table ip host; add chain ip host seen { type filter hook forward priority 0; }'")
    machine.succeed("install -d -o 61000 -g 61000 /run/lab-user", "install -d /run/lab-root")
    # Whatever is made when namespaces are first used is there before the comparison.
    for user in USERS:
        machine.succeed(f"{USERS[user]} lab doctor --on netns --runs-dir /run/lab-{user}/doctor")

before = host()
assert "172.18.0.9" in before["ip -4 route show table all"], "the host's own route is not seen"

for user in USERS:
    for routing in EXPECTED:
        with subtest(f"{routing}, as {user}"):
            check(user, routing)

with subtest("the host is as it was"):
    after = host()
    for command in HOST:
        assert after[command] == before[command], f"{command}\nbefore:\n{before[command]}\nafter:\n{after[command]}"
    # And the comparison can fail.
    machine.succeed("ip route add 10.0.2.0/24 via 172.18.0.9 dev kind")
    assert host() != before, "a route that was added is not noticed"
