TESTS = "/etc/lab-tests"
WITHOUT = "LAB_TESTS_WITHOUT_DOCKER=1 LAB_TESTS_WITHOUT_CONTAINERD=1 LAB_TESTS_WITHOUT_CARGO=1"

machine.wait_for_unit("multi-user.target")

with subtest("the programs are where they were built"):
    # A copy: they are allowed to write beside themselves, and the store is not.
    place = machine.succeed(f"cat {TESTS}/where").strip()
    machine.succeed(f"mkdir -p $(dirname {place})", f"cp -R --no-preserve=ownership {TESTS}/tree {place}")
    machine.succeed(f"chmod -R u+w {place}")
    programs = machine.succeed(f"cat {TESTS}/programs").split()
    names = {program.rsplit("/", 1)[1].rsplit("-", 1)[0] for program in programs}
    assert {"lab", "controls", "probe"} <= names, f"test programs: {sorted(names)}"

for program in programs:
    with subtest(program):
        # There is no Docker Engine in this machine, and no cargo: what needs one names itself.
        machine.succeed(f"cd {place}/runner && {WITHOUT} {program}", timeout=1200)
