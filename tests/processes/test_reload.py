"""What runs for development starts again with its code, and ends with its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lemonstudio.processes import parent_watch
from lemonstudio.processes.tree import ROOT, soon

pytestmark = pytest.mark.process
# Says in a file that it started, and with which code; then it waits.
COMMAND = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
import code_of_the_moment
with (pathlib.Path(sys.argv[1]) / "log").open("a") as log: log.write(code_of_the_moment.WORD + "\\n")
time.sleep(60)
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "code_of_the_moment.py"
    file.write_text("WORD = 'first'")
    return file


@pytest.fixture
def start(tmp_path: Path, code: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str, **more: object) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "lemonstudio.processes.reload", *options, "--"]
        command += [sys.executable, "-B", "-c", COMMAND, str(tmp_path)]
        started.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True, **more))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def said(folder: Path) -> list[str]:
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


def group_is_gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_changed_code_is_run(start: Start, code: Path, tmp_path: Path) -> None:
    process = start("--watch", str(tmp_path))
    soon(lambda: said(tmp_path) == ["first"], 30)
    code.write_text("WORD = 'second'")
    soon(lambda: said(tmp_path) == ["first", "second"], 30)
    process.terminate()
    assert process.wait(20) == 0
    assert group_is_gone(process.pid)


def test_broken_code_starts_again_once_it_is_mended(start: Start, code: Path, tmp_path: Path) -> None:
    process = start("--watch", str(tmp_path), stdout=subprocess.PIPE)
    soon(lambda: said(tmp_path) == ["first"], 30)
    code.write_text("WORD = ")
    assert process.stdout is not None
    assert b"ended (exit code 1); it starts again when code changes" in process.stdout.readline()
    code.write_text("WORD = 'mended'")
    soon(lambda: said(tmp_path)[-1] == "mended", 30)


def test_without_a_folder_it_ends_with_its_command(start: Start, code: Path) -> None:
    code.write_text("raise SystemExit(3)")
    assert start().wait(30) == 3


def test_it_ends_with_its_parent(start: Start, tmp_path: Path) -> None:
    line = parent_watch.ParentPipe()
    process = start(env={**os.environ, parent_watch.VARIABLE: str(line.read_fd)}, pass_fds=[line.read_fd])
    soon(lambda: said(tmp_path) == ["first"], 30)
    line.close()
    process.wait(30)
    soon(lambda: group_is_gone(process.pid), 10)
