"""Two machines may be made ready at the same moment."""

import threading
import time

import pytest

from gallery.db.locks import prepare_lock

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_one_prepares_at_a_time() -> None:
    inside: list[str] = []

    def prepare(name: str) -> None:
        from django.db import connection

        try:
            with prepare_lock():
                inside.append(f"{name} in")
                time.sleep(0.2)
                inside.append(f"{name} out")
        finally:
            connection.close()

    threads = [threading.Thread(target=prepare, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    first, second = inside[0].split()[0], inside[2].split()[0]
    assert inside == [f"{first} in", f"{first} out", f"{second} in", f"{second} out"]
