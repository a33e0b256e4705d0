"""What the sandbox keeps of uploads: for how long, how much, and where."""

import os
import threading
import time
from pathlib import Path

import pytest
import requests

from lemonstudio.sandbox.spool import Spool
from lemonstudio.sandbox.tokens import GenerationSpec, Signer
from tests.sandbox.edit_cases import FILE, SMALL, mask, photo, saved

from .conftest import SECRET, launch


def test_a_task_and_an_address_whose_upload_is_gone_say_so(sandbox):
    signer = Signer(SECRET.encode())
    old = round((time.time() - 60) * 1000)
    spec = GenerationSpec("nano-banana-pro", "x", "256x256", 1, 7, old, index=-1, work="edit", image="0" * 32)
    answer = sandbox.get(f"/v1/images/generations/img_{signer.seal('task', spec)}").json()
    assert (answer["status"], answer["data"]) == ("failed", [])
    assert "uploaded picture" in answer["error"]
    file = sandbox.get(f"/files/{signer.seal('file', spec)}.png")
    assert (file.status_code, file.json()["error"]["code"]) == (410, "gone")
    lost_mask = sandbox.edit(FILE, prompt="x", model="nano-banana-pro").json()["task_id"].removeprefix("ldtask_")
    kept = signer.open("task", lost_mask)
    both = GenerationSpec(*(kept.model, "x", "256x256", 1, 7, old, "", -1, "edit", kept.image, "0" * 32))
    assert sandbox.get(f"/v1/tasks/img_{signer.seal('task', both)}").json()["status"] == "failed"
    assert sandbox.get(f"/files/{signer.seal('file', both)}.png").status_code == 410


def test_an_upload_is_kept_for_an_hour_after_its_last_use(tmp_path):
    spool = Spool(tmp_path / "spool")
    key = spool.put(b"one")
    assert (spool.get(key), spool.touch(key)) == (b"one", True)
    path = tmp_path / "spool" / key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    aged(path, 3500)
    assert spool.get(key) == b"one"
    assert time.time() - path.stat().st_mtime < 60, "its hour has begun anew"
    aged(path, 3601)
    assert (spool.get(key), spool.touch(key)) == (None, False)
    other = spool.put(b"two")
    assert [file.name for file in path.parent.iterdir()] == [other], "what is too old is gone for good"
    assert spool.put(b"one") == key
    assert spool.get(key) == b"one"
    spool.remove()
    assert not path.parent.exists()
    assert spool.get(key) is None


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_the_spool_is_bounded_and_lets_go_of_what_was_not_used_the_longest(tmp_path):
    spool = Spool(tmp_path / "spool", most_bytes=3000)
    keys = [spool.put(bytes([number]) * 1000) for number in range(3)]
    for number, key in enumerate(keys):
        aged(tmp_path / "spool" / key, 100 - number)
    assert spool.put(bytes([0]) * 1000) == keys[0], "the same again takes no more room"
    keys.append(spool.put(bytes([9]) * 1000))
    assert [spool.get(key) is not None for key in keys] == [True, False, True, True]
    large = spool.put(bytes(5000))
    assert [spool.get(key) for key in keys] == [None] * 4
    assert spool.get(large) == bytes(5000), "the latest is kept at any size: it is needed now"


def test_a_spool_keeps_to_its_own_folder(tmp_path):
    outside_of_it = tmp_path / "secret"
    outside_of_it.write_bytes(b"x")
    spool = Spool(tmp_path / "spool")
    spool.put(b"one")
    for key in ("../secret", str(outside_of_it), "", "A" * 32):
        assert spool.get(key) is None
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)  # independent of the umask
    (tmp_path / "link").symlink_to(tmp_path / "spool")
    for name in ("open", "link"):
        with pytest.raises(PermissionError):
            Spool(tmp_path / name).put(b"one")


def test_threads_share_a_spool(tmp_path):
    spool = Spool(tmp_path / "spool", most_bytes=40_000)
    lost = []

    def work(number: int) -> None:
        for turn in range(30):
            content = bytes([number, turn]) * 500
            if spool.get(spool.put(content)) not in (content, None) or spool.get(spool.put(b"same")) != b"same":
                lost.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert lost == []
    assert sum(file.stat().st_size for file in (tmp_path / "spool").iterdir()) <= 40_000


@pytest.mark.process
def test_a_sandbox_that_is_started_again_goes_on_with_its_edits(tmp_path):
    headers = {"Authorization": "Bearer sk-sandbox"}
    environment = {
        "LEMONSTUDIO_SANDBOX_SECRET": "same",
        "LEMONSTUDIO_SANDBOX_SPEED": "20",
        "LEMONSTUDIO_DATA": str(tmp_path),
    }
    process, line = launch(**environment)
    try:
        task = requests.post(
            line.split()[-1] + "/images/generations",
            data={"model": "nano-banana-pro", "prompt": "a pier", "operation": "image-to-image"},
            files={"image": FILE},
            headers=headers,
            timeout=10,
        ).json()["poll_url"]
    finally:
        process.kill()
        process.wait()
    process, line = launch(**environment)
    try:
        root = line.split()[-1].removesuffix("/v1")
        end = time.monotonic() + 20
        while (answer := requests.get(root + task, headers=headers, timeout=10).json())["status"] != "completed":
            assert answer["status"] != "failed", answer
            assert time.monotonic() < end
            time.sleep(0.05)
        assert requests.get(answer["data"][0]["url"], timeout=10).headers["Content-Type"] == "image/png"
        process.terminate()
        process.communicate(timeout=10)
        assert len(list(tmp_path.glob("lemonstudio-sandbox-*/*"))) == 1
    finally:
        process.kill()


@pytest.mark.process
@pytest.mark.parametrize("place", ["LEMONSTUDIO_DATA", "TMPDIR"])
def test_without_a_secret_nothing_is_left_behind(tmp_path, place):
    process, line = launch(**{"LEMONSTUDIO_SANDBOX_SPEED": "20", "LEMONSTUDIO_DATA": "", place: str(tmp_path)})
    try:
        answer = requests.post(
            line.split()[-1] + "/images/edits",
            data=SMALL,
            files={"image": FILE},
            headers={"Authorization": "Bearer sk-sandbox"},
            timeout=10,
        )
        assert answer.status_code == 200
        assert len(list(tmp_path.glob("lemonstudio-sandbox-*/*"))) == 1
        process.terminate()
        process.communicate(timeout=10)
        assert list(tmp_path.glob("lemonstudio-sandbox-*")) == []
    finally:
        process.kill()


def test_many_edits_at_once_are_all_served(sandbox):
    done: list[int] = []

    def ask(number: int) -> None:
        files = {"image": saved(photo()), "mask": mask()}
        headers = {"Authorization": "Bearer sk-sandbox"}
        url = sandbox.url + "/images/edits"
        done.append(requests.post(url, data=SMALL, files=files, headers=headers, timeout=60).status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert done == [200] * 40
