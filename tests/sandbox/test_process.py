"""The sandbox as a process: how it greets and how it ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
import requests

from .conftest import ROOT, launch

pytestmark = pytest.mark.process


def test_one_line_of_greeting_and_a_prompt_end():
    process, line = launch(LEMONSTUDIO_SANDBOX_SPEED="20")
    try:
        assert line.startswith("Sandbox upstream at http://127.0.0.1:")
        assert line.endswith("/v1\n")
        url = line.split()[-1]
        with requests.Session() as session:  # a connection kept alive must not hold it up
            session.trust_env = False
            answer = session.get(url + "/models", headers={"Authorization": "Bearer sk-sandbox"}, timeout=5)
            assert answer.status_code == 200
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=8)
        assert time.monotonic() - start < 4
        assert (process.returncode, rest) == (0, "")
    finally:
        process.kill()


def test_a_speed_that_is_none_is_refused():
    for speed in ("fast", "0", "-1", "nan", "inf"):
        ended = subprocess.run(
            [sys.executable, "-m", "lemonstudio.sandbox", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "LEMONSTUDIO_SANDBOX_SPEED": speed},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert ended.returncode == 1
        assert "LEMONSTUDIO_SANDBOX_SPEED" in ended.stderr


def test_it_ends_with_the_process_that_started_it():
    held, own = os.pipe()
    os.set_inheritable(held, True)
    process, line = launch(runner="lemonstudio.processes.parent_watch", LEMONSTUDIO_PARENT_PIPE=str(held))
    try:
        os.close(held)
        url = line.split()[-1]
        headers = {"Authorization": "Bearer sk-sandbox"}
        assert requests.get(url + "/models", headers=headers, timeout=5).status_code == 200
        os.close(own)
        process.communicate(timeout=5)  # ends when arbiter and worker have both let go of stdout
        with pytest.raises(requests.ConnectionError):
            requests.get(url + "/models", headers=headers, timeout=5)
    finally:
        process.kill()


def test_it_needs_neither_django_nor_the_studio():
    code = (
        "import sys, lemonstudio.sandbox.__main__, lemonstudio.sandbox.painter;"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'gallery')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert ended.stdout.strip() == "[]"
