"""`make interop`: clients by others against the sandbox, the studio against servers by others, a validator's word.

Prints a line for each. Everything is on 127.0.0.1 and needs no account. Ends after ten minutes at the latest, with a
non-zero status if anything failed, and leaves no process behind. Words pick those whose names contain one of them:
`python -m tests.interop.run litellm`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from lemonstudio.processes.tree import MARK, ROOT, free_port, marked, signal_all
from tests.interop.contract.exchanges import exchanges
from tests.interop.servers import FOREIGN_PYTHON, HERE, MAKES_NONE, NODE, SERVERS, Failed, started, try_server

BOUND = 600  # seconds for all of it
OF_ONE = 90  # seconds for one client
KEY = "sk-sandbox-interop"
CLIENTS: tuple[tuple[str, Sequence[str], str], ...] = (
    ("openai-python", (sys.executable,), "openai_python.py"),
    ("openai-node", NODE, "openai_node.mjs"),
    ("Vercel AI SDK", NODE, "vercel_ai.mjs"),
    ("langchain-community DallEAPIWrapper", (str(FOREIGN_PYTHON),), "langchain_dalle.py"),
    ("LiteLLM SDK", (str(FOREIGN_PYTHON),), "litellm_sdk.py"),
    ("the vendor's sample, requests", (sys.executable,), "vendor_requests.py"),
    ("the vendor's sample, curl", ("sh",), "vendor_curl.sh"),
)


class TooLate(BaseException):
    """The ten minutes are over. Not an Exception, so that no step takes it for its own failure."""


def try_client(command: Sequence[str], script: str, mark: str, sandbox: str) -> str:
    env = {**os.environ, **MAKES_NONE, MARK: mark, "BASE_URL": sandbox, "API_KEY": KEY}
    program = [*command, str(HERE / "clients" / script)]
    done = subprocess.run(program, env=env, timeout=OF_ONE, text=True, capture_output=True, check=False)  # no shell
    if done.returncode:
        raise Failed(_last_lines(done.stderr or done.stdout))
    return ""


def _last_lines(text: str) -> str:
    """The end of what a program said: the error, in most languages."""
    return " / ".join(line.strip() for line in text.strip().splitlines()[-6:])[:600]


def try_contract(sandbox: str) -> str:
    file = os.environ.get("VENDOR_OPENAPI", "")
    if not file:
        return "left out: VENDOR_OPENAPI names no file"
    said = list(exchanges(sandbox, KEY))
    validator = [str(FOREIGN_PYTHON), str(HERE / "contract/validate.py"), file]
    done = subprocess.run(
        validator, input=json.dumps(said), timeout=OF_ONE, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise Failed(_last_lines(done.stderr))
    faults: dict[str, list[str]] = json.loads(done.stdout)
    if wrong := [f"{name}: {fault}" for name, found in faults.items() for fault in found]:
        raise Failed("\n    ".join(wrong)[:2000])
    return f"{len(said)} requests: {', '.join(faults)}"


def steps(mark: str, folder: Path, sandbox: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Names, and what to call: it returns a remark or raises."""
    for name, command, script in CLIENTS:
        yield f"client {name}", partial(try_client, command, script, mark, sandbox)
    yield "contract openapi-core", partial(try_contract, sandbox)
    for number, server in enumerate(SERVERS):
        yield f"server {server.name}", partial(try_server, server, mark, folder / str(number), sandbox)


def run(mark: str, folder: Path, words: Sequence[str]) -> int:
    """Return how many failed."""
    failures = 0
    port = free_port()
    sandbox = f"http://127.0.0.1:{port}/v1"
    command = [sys.executable, "-m", "lemonstudio.sandbox", "--port", str(port)]
    speed = {"LEMONSTUDIO_SANDBOX_SPEED": "20", "LEMONSTUDIO_DATA": str(folder)}
    with started(command, mark, f"{sandbox}/models", 20, folder / "sandbox.log", speed):
        for name, step in steps(mark, folder, sandbox):
            if words and not any(word.lower() in name.lower() for word in words):
                continue
            begun = time.monotonic()
            try:
                word, remark = "ok", step()
            except Failed as problem:
                word, remark = "FAILED", str(problem)
            except (AssertionError, OSError, subprocess.SubprocessError) as problem:
                word, remark = "FAILED", f"{type(problem).__name__}: {problem}"[:600]
            failures += word == "FAILED"
            say(f"{word:7}{name:45}{time.monotonic() - begun:5.1f} s  {remark}".rstrip())
    return failures


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def too_late(*_: object) -> None:
    raise TooLate


def main() -> int:
    mark = uuid.uuid4().hex
    # tests.support.studio keeps a prepared data folder there.
    folder = Path(tempfile.mkdtemp(prefix="interop-"))
    os.environ.update(LEMONSTUDIO_ENV="local", LEMONSTUDIO_DOTENV="", LEMONSTUDIO_DATA=str(folder))
    os.chdir(ROOT)
    signal.signal(signal.SIGALRM, too_late)
    signal.signal(signal.SIGTERM, too_late)
    signal.alarm(BOUND)
    try:
        failures = run(mark, folder, sys.argv[1:])
    except TooLate:
        say(f"FAILED stopped after {BOUND} s, or on demand")
        failures = 1
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal_all(mark, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    time.sleep(0.2)
    if left := marked(mark):
        say(f"FAILED left behind: {sorted(left)}")
        failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
