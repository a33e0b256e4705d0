"""Files in a bucket, at S3 or a compatible server."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPException
from typing import Any

import boto3.exceptions
import s3transfer.exceptions
import urllib3.exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3File, S3Storage

from lemonstudio.storage import Entry, StorageAway, StorageError, StorageFull, StorageRefused, system_errors

# What servers call a bucket that takes no more.
FULL_CODES = frozenset(("InsufficientStorage", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"))
# What is raised beside ClientError by the libraries that talk to a bucket. HTTPClientError of botocore is one of them.
AWAY = (
    BotoCoreError,
    boto3.exceptions.Boto3Error,
    s3transfer.exceptions.RetriesExceededError,
    s3transfer.exceptions.S3UploadFailedError,
    s3transfer.exceptions.S3DownloadFailedError,
    urllib3.exceptions.HTTPError,
    HTTPException,
)


def _of_an_answer(problem: ClientError) -> OSError:
    answer = problem.response
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status == 404 and code != "NoSuchBucket":
        return FileNotFoundError(errno.ENOENT, "The bucket has no such file")
    if status == 507 or code in FULL_CODES:
        return StorageFull(errno.ENOSPC, f"The bucket takes no more: {code or status}")
    if code == "NoSuchBucket" or status in (401, 403):
        return StorageRefused(errno.EACCES, f"The bucket answers {code or status}")
    return StorageAway(errno.EIO, f"The bucket answers {code or status}")


@contextmanager
def bucket_errors() -> Iterator[None]:
    """Turn what the libraries for a bucket raise in the block into StorageErrors."""
    try:
        with system_errors():
            yield
    except StorageError:
        raise
    except ClientError as problem:
        raise _of_an_answer(problem) from problem
    except AWAY as problem:
        raise StorageAway(errno.EIO, f"The bucket cannot be reached: {problem}") from problem


class BucketFile(S3File):  # type: ignore[misc] # django-storages has no types
    """A file that is fetched when it is first read, and sent when it is closed."""

    _file: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with bucket_errors():
            super().__init__(*args, **kwargs)

    def _get_file(self) -> Any:
        with bucket_errors():
            try:
                return super()._get_file()
            except BaseException:
                # Else the next read would find a part of it, or nothing, and take that for the file.
                if self._file is not None:
                    self._file.close()
                    self._file = None
                raise

    def _set_file(self, value: Any) -> None:
        super()._set_file(value)

    file = property(_get_file, _set_file)

    def write(self, content: Any) -> int:
        with bucket_errors():
            return int(super().write(content))

    def close(self) -> None:
        with bucket_errors():
            super().close()


class BucketStorage(S3Storage):  # type: ignore[misc] # django-storages has no types
    """That of django-storages, with our errors, listings and time-outs."""

    is_remote = True
    client_config: Any

    def __init__(self, *, public_endpoint_url: str | None = None, **settings: Any) -> None:
        """`public_endpoint_url` is where browsers reach the server, if that is not where the studio does."""
        super().__init__(**settings)
        # It signs addresses and connects to nothing.
        self._for_browsers = (
            BucketStorage(**settings | {"endpoint_url": public_endpoint_url or None}) if (public_endpoint_url) else None
        )
        # The library's own waits add up to minutes, which is longer than a task or a person waits.
        self.client_config = self.client_config.merge(
            Config(
                connect_timeout=self.connect_seconds,
                read_timeout=self.read_seconds,
                retries={"mode": "standard", "total_max_attempts": self.tries},
            )
        )

    def get_default_settings(self) -> dict[str, Any]:
        return {**super().get_default_settings(), "connect_seconds": 5, "read_seconds": 20, "tries": 3}

    def _open(self, name: str, mode: str = "rb") -> BucketFile:
        with bucket_errors():
            return BucketFile(self._normalize_name(name), mode, self)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        with bucket_errors():
            return str(super().save(name, content, max_length))

    def delete(self, name: str) -> None:
        with bucket_errors():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with bucket_errors():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with bucket_errors():
            return int(super().size(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with bucket_errors():
            folders, files = super().listdir(name)
            return folders, files

    def get_modified_time(self, name: str) -> datetime:
        with bucket_errors():
            modified_at: datetime = super().get_modified_time(name)
            return modified_at

    def url(self, name: str, parameters: Any = None, expire: int | None = None, http_method: str | None = None) -> str:
        if self._for_browsers is not None:
            return self._for_browsers.url(name, parameters, expire, http_method)
        return str(super().url(name, parameters, expire, http_method))

    def entries(self, folder: str) -> dict[str, Entry]:
        prefix = f"{self._normalize_name(folder)}/"
        listed: dict[str, Entry] = {}
        with bucket_errors():
            pages = self.connection.meta.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket_name, Delimiter="/", Prefix=prefix):
                for one in page.get("Contents", ()):
                    if name := one["Key"].removeprefix(prefix):
                        listed[name] = Entry(one["Size"], one["LastModified"])
        return listed
