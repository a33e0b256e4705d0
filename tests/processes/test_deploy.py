"""A new version is rolled out while requests are on their way: the old studio is stopped, a new one is started."""

import os
import signal
import time
from pathlib import Path

import pytest

from lemonstudio.processes.tree import signal_all, soon
from tests.conftest import png
from tests.support.stub_upstream import WorkingUpstream
from tests.support.studio import WorkingStudio, working_studio

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
# What a stop may take by itself, and what a busy machine may need in addition.
STOP_SECONDS, NOISE_SECONDS = 15, 5


def stop(studio: WorkingStudio, whom: str) -> None:
    """As init systems do: the supervisor's process group, or every process there is."""
    assert studio.process
    if whom == "group":
        os.killpg(studio.process.pid, signal.SIGTERM)
    else:
        signal_all(studio.mark, signal.SIGTERM)
    assert studio.process.wait(STOP_SECONDS + NOISE_SECONDS) == 0
    soon(lambda: not studio.processes(), 2)


@pytest.mark.parametrize("whom", ["group", "everyone"])
def test_deploy_loses_nothing(whom: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Only a request that takes longer than a stop may has an unknown outcome; it is not sent again."""
    answered = [f"sync {seconds} no {seconds}" for seconds in (2, 3, 4, 5)]
    tasks = [f"task {seconds} no {seconds}" for seconds in (1, 4, 8)]
    with WorkingUpstream(png(512, 512)) as upstream, working_studio(tmp_path, upstream) as studio:
        studio.submit(*answered, *tasks, "sync 60 too long")
        upstream.wait_for(len(answered + tasks) + 1, 20)
        stop(studio, whom)
        interrupted = "SELECT prompt FROM gallery_generation WHERE state IN ('submitting', 'interrupted')"
        assert studio.database.ask(interrupted) == [("sync 60 too long",)]
        studio.start()
        studio.submit("sync 0 afterwards")
        studio.completes(len(answered + tasks) + 1, 40, interrupted=1)
        assert set(upstream.posts.values()) == {1}
    said = "".join(capfd.readouterr())
    assert "Finishing 5 requests, up to 10 s; press Ctrl-C again to stop now" in said
    assert "did not stop within" not in said
    assert "were cut off" not in said


def test_stop_takes_as_long_as_the_setting_allows(tmp_path: Path) -> None:
    with (
        WorkingUpstream(png()) as upstream,
        working_studio(tmp_path, upstream, LEMONSTUDIO_STOP_SECONDS="3") as studio,
    ):
        studio.submit("sync 2 short enough", "sync 60 too long")
        upstream.wait_for(2, 20)
        begun = time.monotonic()
        stop(studio, "group")
        assert time.monotonic() - begun < 3 + NOISE_SECONDS
        assert studio.states() == {"saving": 1, "interrupted": 1}


def test_drained_studio_is_stopped_without_a_loss(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with WorkingUpstream(png()) as upstream, working_studio(tmp_path, upstream) as studio:
        studio.submit("sync 8 on its way")
        upstream.wait_for(1, 20)
        drained = studio.manage("drain", "--timeout", "20", "--reason", "An upgrade.").stdout
        assert "On their way: 1." in drained
        assert "Nothing is on its way." in drained
        studio.submit("sync 0 for later")
        studio.completes(1, 20, queued=1)
        begun = time.monotonic()
        studio.stop()
        assert time.monotonic() - begun < STOP_SECONDS
        studio.start()
        assert studio.states() == {"completed": 1, "queued": 1}
        studio.manage("resume")
        studio.completes(2, 20)
        assert set(upstream.posts.values()) == {1}
    assert "Finishing" not in "".join(capfd.readouterr())
