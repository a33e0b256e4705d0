"""Runs a command for development: starts it again when code changes, ends it with its parent.

`python -m lemonstudio.processes.reload [--watch FOLDER]… -- COMMAND ARGUMENT…`. Without a folder to watch it only ends
the command with its parent; that is for those that reload by themselves.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lemonstudio.processes import parent_watch

LOOK_SECONDS = 0.5
# Less than the supervisor's own for the whole part.
STOP_SECONDS = 15.0


def stamps(folders: Sequence[Path]) -> dict[Path, int]:
    """When each Python file in these folders was last changed."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # deleted this moment
    return found


class Reloader:
    def __init__(self, command: Sequence[str], folders: Sequence[Path] = ()) -> None:
        self._command, self._folders = command, folders
        self._process: subprocess.Popen[bytes] | None = None
        self._ends = False

    def run(self) -> int:
        """Until a signal asks for the end; a command that ends by itself starts again at the next change."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        parent_watch.watch_parent()
        seen = stamps(self._folders)
        self._start()
        while not self._ends:
            time.sleep(LOOK_SECONDS)
            if self._process and (code := self._process.poll()) is not None:
                if not self._folders:
                    return code
                sys.stdout.write(f"{self._command[-1]} ended (exit code {code}); it starts again when code changes\n")
                sys.stdout.flush()
                self._process = None
            if (now := stamps(self._folders)) != seen:
                seen = now
                self._stop()
                if not self._ends:
                    self._start()
        self._stop()
        return 0

    def _on_signal(self, number: int, frame: object) -> None:
        self._ends = True

    def _start(self) -> None:
        line = os.environ.get(parent_watch.VARIABLE, "")
        self._process = subprocess.Popen(  # noqa: S603 the studio's own commands, no shell
            self._command, pass_fds=[int(line)] if line.isdecimal() else [], stdin=subprocess.DEVNULL
        )

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--watch", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    sys.exit(Reloader(given.command, given.watch).run())


if __name__ == "__main__":
    main()
