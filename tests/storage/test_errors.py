"""What backends raise is one family of errors, on a disk as in a bucket."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from lemonstudio.storage import StorageAway, StorageError, StorageFull, entries, probe, save_whole
from lemonstudio.storage.disk import DiskStorage
from tests.support.s3_proxy import S3Proxy

KEPT = "kept/one.png"
DATA = b"0123456789" * 100


def read(storage: Storage) -> bytes:
    with storage.open(KEPT) as file:
        return bytes(file.read())


METHODS: dict[str, Callable[[Storage], object]] = {
    "save": lambda storage: storage.save("kept/other.png", ContentFile(DATA)),
    "open": read,
    "exists": lambda storage: storage.exists(KEPT),
    "size": lambda storage: storage.size(KEPT),
    "delete": lambda storage: storage.delete(KEPT),
    "listdir": lambda storage: storage.listdir("kept"),
    "get_modified_time": lambda storage: storage.get_modified_time(KEPT),
    "entries": lambda storage: entries(storage, "kept"),
}


@pytest.mark.parametrize("trouble", ["slow_down", "cut", "delay"])
@pytest.mark.parametrize("method", METHODS)
def test_trouble_of_a_bucket_is_a_storage_error(bucket: Storage, s3_proxy: S3Proxy, method: str, trouble: str) -> None:
    bucket.save(KEPT, ContentFile(DATA))
    s3_proxy.trouble = trouble
    with pytest.raises(StorageAway) as raised:
        METHODS[method](bucket)
    assert raised.value.strerror
    s3_proxy.trouble = ""
    METHODS[method](bucket)


def test_file_that_is_lost_while_it_is_open_is_a_storage_error(bucket: Storage, s3_proxy: S3Proxy) -> None:
    """A bucket is asked twice: whether there is such a file, and for its bytes."""
    bucket.save(KEPT, ContentFile(DATA))
    file = bucket.open(KEPT)
    s3_proxy.trouble = "cut"
    for _ in range(2):
        with pytest.raises(StorageAway):
            file.read()
    s3_proxy.trouble = ""
    assert file.read() == DATA


@pytest.fixture(params=["disk", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return DiskStorage(location=tmp_path) if request.param == "disk" else request.getfixturevalue("bucket")


@pytest.mark.parametrize("method", ["open", "size", "get_modified_time"])
def test_file_that_is_not_there_is_no_trouble(storage: Storage, method: str) -> None:
    with pytest.raises(FileNotFoundError):
        METHODS[method](storage)


def test_listing_has_sizes_and_times(storage: Storage) -> None:
    assert entries(storage, "kept") == {}
    storage.save(KEPT, ContentFile(DATA))
    storage.save("kept/deeper/two.png", ContentFile(DATA))
    ((name, entry),) = entries(storage, "kept").items()
    assert (name, entry.size) == ("one.png", len(DATA))
    assert abs((entry.modified_at - storage.get_modified_time(KEPT)).total_seconds()) < 1


def test_probe_leaves_nothing(storage: Storage) -> None:
    probe(storage, 100_000)
    assert entries(storage, "health") == {}


def test_missing_bucket_is_trouble_and_no_missing_file(bucket: Storage) -> None:
    bucket.bucket_name = "there-is-none"  # type: ignore[attr-defined]
    with pytest.raises(StorageAway):
        probe(bucket)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
def test_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")

    class ToTheFullOne(DiskStorage):
        def _save(self, name: str, content: ContentFile) -> str:
            with open(self.path("full"), "wb", buffering=0) as file:
                file.write(content.read())
            return name

    with pytest.raises(StorageFull) as raised:
        ToTheFullOne(location=tmp_path).save("one", ContentFile(DATA))
    assert raised.value.errno == errno.ENOSPC


def test_part_that_was_stored_does_not_stay(tmp_path: Path) -> None:
    storage = DiskStorage(location=tmp_path)
    with pytest.raises(StorageError):
        save_whole(storage, KEPT, ContentFile(DATA), len(DATA) + 1)
    assert entries(storage, "kept") == {}
