"""The names that the NixOS test driver gives to a test script, for a script that runs in the machine itself.

    driver.py SCRIPT

ci/vm-test starts it in its machines, as root, with `lab` on the PATH. Only what the scripts use is here, with the
driver's signatures.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Machine:
    def wait_for_unit(self, unit: str, user: str | None = None, timeout: int = 900) -> None:
        print(f"taken for granted here: {unit}")

    def execute(
        self, command: str, check_return: bool = True, check_output: bool = True, timeout: int | None = 900
    ) -> tuple[int, str]:
        ended = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; {command}"], stdout=subprocess.PIPE, text=True, timeout=timeout
        )
        return ended.returncode, ended.stdout

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        output = ""
        for command in commands:
            status, text = self.execute(command, timeout=timeout)
            if status != 0:
                raise AssertionError(f"`{command}` ended with {status}:\n{text}")
            output += text
        return output


@contextmanager
def subtest(name: str) -> Iterator[None]:
    print(f"subtest: {name}", flush=True)
    yield


machine = Machine()

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as script:
        exec(compile(script.read(), sys.argv[1], "exec"), {"machine": machine, "subtest": subtest})
