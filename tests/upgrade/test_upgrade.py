"""A new version starts on what an older one left in the middle of its work; make_snapshot.py says how that was made."""

import contextlib
import io
import json
import sqlite3
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from lemonstudio.processes.tree import soon
from tests.conftest import png
from tests.support.stub_upstream import WorkingUpstream
from tests.support.studio import Database, WorkingStudio

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
SNAPSHOT = Path(__file__).with_name("snapshot.zip")
# So long the older studio is away while the new version is put in: its lease is over, and so is its worker's claim.
AWAY_SECONDS = 120
UNTOUCHED = ("gallery_gallery", "gallery_budget", "gallery_sharelink", "gallery_invitation", "gallery_membership")
LEDGER = """
from gallery.queries.ledger import discrepancies
for one in discrepancies(): print(one)
"""


def restore(data: Path, origin: str) -> dict[str, Any]:
    """Put the snapshot there, as if it had been made just now, with this upstream; return its facts."""
    with zipfile.ZipFile(SNAPSHOT) as archive:
        facts: dict[str, Any] = json.loads(archive.read("facts.json"))
        archive.extractall(data)
    later = timedelta(seconds=time.time() - AWAY_SECONDS - facts["made_at"])
    with contextlib.closing(sqlite3.connect(data / "studio.sqlite3")) as connection:
        # In the form in which Django writes times: a message is taken by the very text of its time.
        connection.create_function("later", 1, lambda text: str(datetime.fromisoformat(text) + later))
        results = "UPDATE gallery_generation SET results = replace(results, ?, ?)"
        connection.execute(results, (facts["origin"], origin))
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
                if kind == "datetime":
                    moved = f"UPDATE {table} SET {column} = later({column}) WHERE {column} IS NOT NULL"
                    connection.execute(moved)
        connection.commit()
    return facts


@pytest.fixture
def upstream() -> Iterator[WorkingUpstream]:
    with WorkingUpstream(png(256, 256)) as upstream:
        yield upstream


def signed_in(studio: WorkingStudio, email: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.get(f"{studio.url}/login/", timeout=20)
    form = {"username": email, "password": "correct horse battery", "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(f"{studio.url}/login/", form, timeout=20)
    assert (answer.status_code, answer.url) == (200, f"{studio.url}/")
    return session


def archive_of(session: requests.Session, studio: WorkingStudio, download: int) -> zipfile.ZipFile:
    answer = session.get(f"{studio.url}/downloads/{download}/file/", timeout=20)
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_upgrade_loses_nothing_and_pays_nothing_twice(upstream: WorkingUpstream, tmp_path: Path) -> None:
    facts = restore(tmp_path, upstream.origin)
    for task_id in facts["tasks"]:
        upstream.take_over(task_id)
    files = {path: path.read_bytes() for path in (tmp_path / "media" / "pictures").rglob("*") if path.is_file()}
    database = Database(tmp_path, "sqlite")
    # New versions add columns.
    columns = {
        table: ", ".join(f'"{name}"' for _, name, *_ in database.ask(f"PRAGMA table_info({table})"))
        for table in UNTOUCHED
    }

    def rows_of(table: str) -> Counter[Any]:
        return Counter(database.ask(f"SELECT {columns[table]} FROM {table}"))

    before = {table: rows_of(table) for table in UNTOUCHED}
    entries = set(database.ask("SELECT id, generation_id, amount FROM gallery_ledgerentry"))
    assert {"gallery.tasks.mirror", "gallery.tasks.package"} <= set(facts["messages"]), "names of the older version"
    studio = WorkingStudio(tmp_path, upstream, database, SECRET_KEY=facts["secret_key"])
    try:
        studio.start()
        studio.completes(len(facts["states"]) - 2, 120, interrupted=1, failed=1)
        # What was asked for once is not asked for again; what had not been sent is sent once.
        assert upstream.posts == Counter(prompt for prompt, state in facts["states"].items() if state == "queued")
        rows = dict(database.ask("SELECT prompt, state FROM gallery_generation"))
        assert rows["sync 0 unknown"] == "interrupted"
        assert rows["sync 0 refused"] == "failed"
        soon(lambda: database.ask("SELECT COUNT(*) FROM django_q_ormq") == [(0,)], 60)
        assert database.ask("SELECT func, result FROM django_q_task WHERE NOT success") == []
        soon(lambda: database.ask("SELECT COUNT(*) FROM gallery_picture WHERE thumbnails = '{}'") == [(0,)], 60)

        assert {path: path.read_bytes() for path in files} == files
        for (name,) in database.ask("SELECT original FROM gallery_picture"):
            assert (studio.media / name).stat().st_size > 0
        assert before == {table: rows_of(table) for table in UNTOUCHED}
        assert entries <= set(database.ask("SELECT id, generation_id, amount FROM gallery_ledgerentry"))
        assert studio.shell(LEDGER) == ""

        session = signed_in(studio, "olivia@example.org")
        with archive_of(session, studio, facts["ready"]) as archive:
            assert archive.testzip() is None
            assert sum(name.endswith(".png") for name in archive.namelist()) == 3
        query = f"SELECT state, done, total FROM gallery_download WHERE id = {facts['building']}"
        soon(lambda: database.ask(query)[0][0] == "ready", 60)
        with archive_of(session, studio, facts["building"]) as archive:
            assert archive.testzip() is None
            assert sum(name.endswith(".jpg") for name in archive.namelist()) == 4
        for path in (f"/s/{facts['share_link']}/", f"/invitation/{facts['invitation']}/"):
            assert requests.get(studio.url + path, timeout=20).status_code == 200
    finally:
        studio.stop()
        studio.kill()
