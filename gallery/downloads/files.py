"""The files in storage that were made for a download."""

import contextlib

from django.core.files.storage import default_storage


def delete_files(folder: str) -> None:
    try:
        names = default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    with contextlib.suppress(OSError):
        # Empty now, or a task is about to find that its download was deleted.
        default_storage.delete(folder)
