"""What the GitHub workflows must be, as far as it can be seen in them: workflow.py FILE...

Actions are pinned by commit, permissions are the least, jobs have an end, and what `lab run` leaves is kept and
summed up whatever became of it. Of release.yml: only tags start it, and only the job that publishes may write.
"""

import re
import sys
from typing import Any

import yaml

KEPT = ["report.json", "report.html", "report.md", "junit.xml"]
EVERYTHING = ["nix flake check", "lab run --on kind", "lab run --on netns"]
OF_A_RELEASE = ["ci/release --output dist", "lab run --on netns", "sha256sum --check", "gh release create"]
MAY_WRITE = {"publish": {"actions": "read", "contents": "write"}}


def commands(job: dict[str, Any]) -> str:
    """All that a job runs."""
    return " ".join(step.get("run", "") for step in job["steps"])


def wrong(text: str, release: bool) -> list[str]:
    """What is wrong with the text of a workflow."""
    found = []
    uses = re.findall(r"^\s*(?:- )?uses: (.*)$", text, re.M)
    if not uses:
        found.append("no action is used")
    found += [f"not pinned by commit: {one}" for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[0-9.]+", one)]
    read = yaml.safe_load(text)
    jobs = read["jobs"]
    may = {name: job["permissions"] for name, job in jobs.items() if "permissions" in job}
    if read.get("permissions") != {"contents": "read"} or may != (MAY_WRITE if release else {}):
        found.append("more permissions than contents: read")
    # YAML 1.1 reads `on` as true.
    if release and read[True] != {"push": {"tags": ["v*"]}}:
        found.append("something else than a tag starts it")
    if not release and ("system-features" not in text or "enable_kvm: true" not in text):
        found.append("KVM is not switched on")
    everything = " ".join(commands(job) for job in jobs.values())
    for command in OF_A_RELEASE if release else EVERYTHING:
        if command not in everything:
            found.append(f"{command} is not run")
    on = [str(job["runs-on"]) + str(job.get("strategy", "")) for job in jobs.values()]
    if not any("-arm" in each for each in on):
        found.append("nothing is built on aarch64")
    for name, job in jobs.items():
        if "timeout-minutes" not in job:
            found.append(f"{name} has no timeout-minutes")
        if "lab run " not in commands(job):
            continue
        last = [step for step in job["steps"] if step.get("if") == "always()"]
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
        problems = wrong(text, release=path.endswith("release.yml"))
        if problems:
            sys.exit("\n".join(f"{path}: {problem}" for problem in problems))
        print(f"{path.rsplit('/', 1)[-1]}: {', '.join(yaml.safe_load(text)['jobs'])}")


main()
