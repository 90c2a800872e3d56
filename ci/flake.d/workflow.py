"""What the GitHub workflows must be, as far as it can be seen in them: workflow.py FILE...

Actions are pinned by commit, permissions are the least, jobs have an end, and what `lab run` leaves is kept and
summed up whatever became of it.
"""

import re
import sys

import yaml

KEPT = ["report.json", "report.html", "report.md", "junit.xml"]


def wrong(text: str) -> list[str]:
    """What is wrong with the text of a workflow."""
    found = []
    uses = re.findall(r"^\s*(?:- )?uses: (.*)$", text, re.M)
    if not uses:
        found.append("no action is used")
    found += [f"not pinned by commit: {one}" for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[0-9.]+", one)]
    if not re.search(r"^permissions:\n  contents: read\n(?! )", text, re.M) or text.count("permissions:") != 1:
        found.append("more permissions than contents: read")
    if "system-features" not in text or "enable_kvm: true" not in text:
        found.append("KVM is not switched on")
    jobs = yaml.safe_load(text)["jobs"]
    everything = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    for command in ["nix flake check", "lab run --on kind", "lab run --on netns"]:
        if command not in everything:
            found.append(f"{command} is not run")
    if not any("-arm" in str(job["runs-on"]) for job in jobs.values()):
        found.append("nothing is built on aarch64")
    for name, job in jobs.items():
        if "timeout-minutes" not in job:
            found.append(f"{name} has no timeout-minutes")
        steps = job["steps"]
        if not any("lab run " in step.get("run", "") for step in steps):
            continue
        last = [step for step in steps if step.get("if") == "always()"]
        kept = " ".join(str(step["with"]["path"]) for step in last if "upload-artifact@" in step.get("uses", ""))
        whole = kept.split() == ["lab-runs"]
        found += [f"{name} does not keep {one}" for one in KEPT if not whole and f"lab-runs/*/{one}" not in kept.split()]
        if not any("ci/summary lab-runs" in step.get("run", "") for step in last):
            found.append(f"{name} sums nothing up")
    return found


def main() -> None:
    """Prints the jobs of each file; ends with what is wrong."""
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        problems = wrong(text)
        if problems:
            sys.exit("\n".join(f"{path}: {problem}" for problem in problems))
        print(f"{path.rsplit('/', 1)[-1]}: {', '.join(yaml.safe_load(text)['jobs'])}")


main()
