"""`python -m bench [--quick]` measures, prints one table, and exits with 1 if there was a problem.

A problem is a generation that was lost or POSTed twice. Without --quick it is also a result that was found much later
than possible.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.parts import LARGE, PARTS, Bench, Studio
from bench.plan import QUICK, Plan
from bench.sides import Ours, older


def main(words: Sequence[str] | None = None, studio: Studio = Ours) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, in about a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part; may be repeated")
    parser.add_argument("--old", type=Path, help="the folder of an older checkout, measured in turn with this one")
    arguments = parser.parse_args(words)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lemonstudio-bench-") as folder:
        plan, chosen = QUICK if arguments.quick else Plan(), set(arguments.only or ())
        bench = Bench(plan, Path(folder), studio)
        before = Bench(plan, Path(folder), older(arguments.old), bench.known) if arguments.old else None
        for part in bench.parts(chosen):
            bench.run({part})
            if before is not None and part not in LARGE:
                before.run({part})
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = report.table(bench.rows, before.rows if before else None)
    sys.stdout.write(f"{table}\n\n{machine}, {time.monotonic() - begun:.0f} s\n")
    for problem in bench.problems:
        sys.stdout.write(f"NOT GOOD: {problem}\n")
    return 1 if bench.problems else 0


if __name__ == "__main__":
    # Exit through the finally blocks, so that no studio stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
