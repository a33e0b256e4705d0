"""Memory for decoding is shared by all processes of the machine."""

import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from gallery.images import edit
from gallery.images.concurrency import DECODING, SLOT_PIXELS, SLOTS, Busy, PixelBudget
from gallery.images.edit import Limits
from gallery.models import Person
from gallery.services.edits import keep_upload
from gallery.services.errors import InvalidInput
from gallery.services.uploads import BUSY
from lemonstudio.processes.tree import ROOT
from tests.conftest import png

LARGE = 40_000_000
MEGABYTE = 2**20


@pytest.fixture
def budget(tmp_path: Path) -> PixelBudget:
    return PixelBudget(tmp_path / "locks")


def test_one_large_picture_at_a_time(budget: PixelBudget) -> None:
    with budget.turn(LARGE, 0), pytest.raises(Busy), budget.turn(LARGE, 0):
        pass
    with budget.turn(LARGE, 0):
        pass


def test_small_pictures_go_on_beside_a_large_one(budget: PixelBudget) -> None:
    with budget.turn(LARGE, 0), budget.turn(1, 0), budget.turn(SLOT_PIXELS, 0), pytest.raises(Busy), budget.turn(1, 0):
        pass


def test_all_of_the_budget_can_be_had_by_small_pictures(budget: PixelBudget) -> None:
    with ExitStack() as held:
        for _ in range(SLOTS):
            held.enter_context(budget.turn(SLOT_PIXELS, 0))
        with pytest.raises(Busy), budget.turn(1, 0):
            pass


def test_what_asks_for_more_than_there_is_gets_all(budget: PixelBudget) -> None:
    with budget.turn(10**9, 0), pytest.raises(Busy), budget.turn(1, 0):
        pass


def test_an_error_gives_back_what_was_held(budget: PixelBudget) -> None:
    with pytest.raises(ZeroDivisionError), budget.turn(LARGE, 0):
        raise ZeroDivisionError
    with budget.turn(LARGE, 0):
        pass


def test_a_wait_that_was_in_vain_leaves_nothing_locked(budget: PixelBudget) -> None:
    with budget.turn(SLOT_PIXELS * 4, 0), pytest.raises(Busy), budget.turn(LARGE, 0.05):
        pass
    with budget.turn(SLOT_PIXELS * SLOTS, 0):
        pass


def test_a_large_picture_is_not_overtaken_for_ever(budget: PixelBudget) -> None:
    """Small ones that come later wait behind it."""
    order: list[str] = []

    def take(name: str, pixels: int) -> None:
        with budget.turn(pixels, 10):
            order.append(name)

    with budget.turn(SLOT_PIXELS * 4, 0):
        large = threading.Thread(target=take, args=("large", LARGE))
        large.start()
        time.sleep(0.2)
        small = threading.Thread(target=take, args=("small", 1))
        small.start()
        time.sleep(0.2)
        assert order == []
    large.join(5)
    small.join(5)
    assert order == ["large", "small"]


def test_two_that_need_most_of_it_do_not_wait_for_each_other(budget: PixelBudget) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            with budget.turn(SLOT_PIXELS * 8, 20):
                pass
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [0, 1, 2, 3]


HOLD = """
import sys, time
from pathlib import Path
from gallery.images.concurrency import PixelBudget
with PixelBudget(Path(sys.argv[1])).turn(40_000_000, 5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_gives_back_what_it_held(budget: PixelBudget) -> None:
    assert budget.folder is not None
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(budget.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy), budget.turn(LARGE, 0.1):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        with budget.turn(LARGE, 0):
            pass
    finally:
        other.kill()
        other.wait(10)
        other.stdout.close()


# -- who keeps to it


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Others decode all the time, and requests wait a moment only."""
    monkeypatch.setattr(edit, "EDIT_SECONDS", 0.1)
    with DECODING.turn(SLOT_PIXELS * SLOTS, 5):
        yield


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "work",
    [edit.keep, lambda file: edit.prepare(file, Limits())],
    ids=["upload", "edit"],
)
def test_a_request_does_not_wait_long(work: Callable[[io.BytesIO], object]) -> None:
    with pytest.raises(Busy):
        work(io.BytesIO(png()))


@pytest.mark.usefixtures("full")
@pytest.mark.database
def test_a_person_is_told_to_upload_again(owner: Person) -> None:
    with pytest.raises(InvalidInput, match="busy") as refused:
        keep_upload(owner, io.BytesIO(png()))
    assert refused.value.message == str(BUSY)


# -- measured

DECODE = """
import sys
from pathlib import Path
from gallery.images.concurrency import DECODING
from gallery.images.thumbnails import thumbnails
from gallery.images.verify import examine
DECODING.folder = Path(sys.argv[2])
for _ in range(2):
    with open(sys.argv[1], "rb") as file:
        examine(file)
    with open(sys.argv[1], "rb") as file:
        list(thumbnails(file))
"""


def memory_of(pids: list[int]) -> int:
    """What they take together, in bytes; pages that are shared count once."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux's /proc")
def test_four_processes_decode_forty_megapixels_each_in_less_than_a_gibibyte(tmp_path: Path) -> None:
    picture = tmp_path / "large.png"
    Image.new("RGBA", (6300, 6300), (200, 100, 50, 120)).save(picture, compress_level=6)
    arguments = [sys.executable, "-c", DECODE, str(picture), str(tmp_path / "locks")]
    processes = [subprocess.Popen(arguments, cwd=ROOT) for _ in range(4)]
    peak = 0
    try:
        give_up_at = time.monotonic() + 240
        while any(process.poll() is None for process in processes):
            peak = max(peak, memory_of([process.pid for process in processes]))
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
    finally:
        for process in processes:
            process.kill()
            process.wait(10)
    sys.stdout.write(f"peak of four processes: {peak / MEGABYTE:.0f} MiB\n")
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert 160 * MEGABYTE < peak < 1024 * MEGABYTE
