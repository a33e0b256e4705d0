"""Files in a folder."""

import os
from datetime import UTC, datetime
from typing import Any

from django.core.files.storage import FileSystemStorage

from lemonstudio.storage import Entry, system_errors


class DiskStorage(FileSystemStorage):
    """Django's, with our errors and listings."""

    is_remote = False

    def open(self, name: str, mode: str = "rb") -> Any:
        with system_errors():
            return super().open(name, mode)

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        with system_errors():
            return super().save(name, content, max_length)

    def delete(self, name: str) -> None:
        with system_errors():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with system_errors():
            return super().exists(name)

    def size(self, name: str) -> int:
        with system_errors():
            return super().size(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with system_errors():
            return super().listdir(path)

    def get_modified_time(self, name: str) -> datetime:
        with system_errors():
            return super().get_modified_time(name)

    def entries(self, folder: str) -> dict[str, Entry]:
        listed: dict[str, Entry] = {}
        with system_errors():
            try:
                found = list(os.scandir(self.path(folder)))
            except FileNotFoundError:
                return {}
            for one in found:
                try:
                    if one.is_file():
                        status = one.stat()
                        written_at = datetime.fromtimestamp(status.st_mtime, UTC)
                        listed[one.name] = Entry(status.st_size, written_at)
                except FileNotFoundError:
                    continue  # deleted meanwhile
        return listed
