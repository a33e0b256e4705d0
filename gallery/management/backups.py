"""A backup of the studio: the database first, then the media, then a file that says that the backup is whole.

In this order nothing is lost while the studio runs: files that a row names are stored before the row. What comes after
the copy of the database is more than the backup needs, and does no harm.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.translation import gettext_noop

from gallery.engine import sent_mark
from gallery.models.account import GOES_ON_WHEN_RESUMED, RESTORED
from gallery.models.download import ARCHIVES
from lemonstudio import __version__

MARKER = "backup.json"
MEDIA = "media"
MANIFEST = "media.jsonl"
KEY_FILE = "secret_key"
DUMPS = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
# Folders of the media that are made anew when they are needed.
LEFT_OUT = {
    ARCHIVES: "downloads that were built",
    "health": "files of the health check",
    sent_mark.FOLDER: "the count of what was sent",
}
COUNTED = {"people": "gallery_person", "generations": "gallery_generation", "pictures": "gallery_picture"}
# libpq's variables, so that no password stands on a command line.
PG_VARIABLES = {
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "host": "PGHOST",
    "port": "PGPORT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
PAUSED_MESSAGE = gettext_noop("The studio was restored from a backup of %(made_at)s.")

Ask = Callable[[str], int]


@dataclass(slots=True)
class Copied:
    """How much was copied. `gone`: files that were deleted between the look at their folder and the copy."""

    files: int = 0
    size: int = 0
    gone: int = 0


def is_on_s3() -> bool:
    return bool(settings.LEMONSTUDIO_S3_BUCKET)


def version() -> str:
    return __version__


def latest_migration() -> str:
    applied = MigrationLoader(connection).applied_migrations
    return max((name for app, name in applied if app == "gallery"), default="")


def require_empty(folder: Path) -> None:
    """Make the folder. Raises CommandError if anything is in it, or if it is a part of the media."""
    media = Path(settings.MEDIA_ROOT).resolve()
    if not is_on_s3() and (folder == media or media in folder.parents):
        raise CommandError(f"{folder} is in the media folder, which would then contain its own backup.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty. Name a new folder.")


def read_marker(folder: Path) -> dict[str, Any]:
    """Raises CommandError for a folder that is no whole backup, or one that this studio cannot take."""
    try:
        marker: dict[str, Any] = json.loads((folder / MARKER).read_text())
    except (OSError, ValueError):
        raise CommandError(f"{folder} is no whole backup: it has no {MARKER}.") from None
    if marker["database"] != connection.vendor:
        raise CommandError(f"The backup is of {marker['database']}, and DATABASE_URL names {connection.vendor}.")
    known = {name for app, name in MigrationLoader(None).disk_migrations if app == "gallery"}
    if marker["migration"] and marker["migration"] not in known:
        raise CommandError(
            f"The backup was made by a newer version of the studio ({marker['version']}). Install that version first."
        )
    return marker


def write_marker(folder: Path, **facts: Any) -> None:
    """Last, when all else is on the disk: only a folder with this file is a backup."""
    os.sync()
    unfinished = folder / f"{MARKER}.unfinished"
    unfinished.write_text(json.dumps(facts, indent=2) + "\n")
    unfinished.rename(folder / MARKER)


# -- the database


def dump_database(folder: Path) -> dict[str, int]:
    """Copy the database as it is at one moment, while the studio runs; return how much is in it."""
    target = folder / DUMPS[connection.vendor]
    if connection.vendor == "postgresql":
        _run_pg("pg_dump", "--format=custom", f"--file={target}")
        return _counts(_count_here)
    with (
        contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=20)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        # All pages in one go: in steps it would begin anew with every write of the studio.
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        if (said := copy.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise CommandError(f"The database is damaged: {said}")
        return _counts(lambda query: int(copy.execute(query).fetchone()[0]))


def is_database_empty() -> bool:
    """Without leaving a database file where there was none."""
    if connection.vendor == "postgresql":
        return not connection.introspection.table_names()
    path = Path(connection.settings_dict["NAME"])
    if not path.exists():
        return True
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database:
        return not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]


def load_database(folder: Path, made_at: str) -> None:
    """Put the backup's database in place, paused. It must be empty."""
    dump = folder / DUMPS[connection.vendor]
    if connection.vendor == "postgresql":
        _load_postgres(dump, made_at)
        return
    path = Path(connection.settings_dict["NAME"])
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.copyfile(dump, unfinished)
    # Before it gets its name: no worker ever sees it without the pause.
    with contextlib.closing(sqlite3.connect(unfinished)) as copy, copy:
        update, insert = _hold(made_at, _quoted)
        if not copy.execute(update).rowcount:
            copy.execute(insert)
    connection.close()
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    unfinished.replace(path)


def _load_postgres(dump: Path, made_at: str) -> None:
    """In one transaction with the pause: no worker ever sees the database without it."""
    from psycopg import sql

    update, insert = _hold(made_at, lambda value: sql.quote(value))
    # pg_restore's script leaves an empty search path behind.
    hold = f"RESET search_path; DO $hold$ BEGIN {update}; IF NOT FOUND THEN {insert}; END IF; END $hold$"
    data = Path(settings.DATA_DIR)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Read to its end first: of a dump that breaks off, nothing is put in place.
    with tempfile.TemporaryDirectory(prefix="restore-", dir=data) as folder:
        script = f"{folder}/database.sql"
        _run_pg("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--file={script}", str(dump))
        whole = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        _run_pg("psql", *whole, f"--file={script}", f"--command={hold}")


def _quoted(value: Any) -> str:
    """As text in SQLite's SQL."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _hold(made_at: str, quote: Callable[[Any], str]) -> tuple[str, str]:
    """An UPDATE that pauses the account and ends its lease, and an INSERT for where no engine has ever run.

    In SQL, because the backup may be of an older version.
    """
    pause = {
        "holder": "",
        "lease_until": None,
        "pause_code": RESTORED,
        "pause_message": PAUSED_MESSAGE % {"made_at": made_at[:16].replace("T", " ")},
        "pause_hint": GOES_ON_WHEN_RESUMED,
        "paused_at": connection.ops.adapt_datetimefield_value(timezone.now()),
        "resume_at": None,
    }
    changes = ", ".join(f"{name} = {quote(value)}" for name, value in pause.items())
    new = {"id": 1, "fence": 0, "holds": "[]", **pause}
    names, values = ", ".join(new), ", ".join(map(quote, new.values()))
    return (
        f"UPDATE gallery_upstreamaccount SET {changes} WHERE id = 1",  # noqa: S608 quoted
        f"INSERT INTO gallery_upstreamaccount ({names}) VALUES ({values})",  # noqa: S608 quoted
    )


def _counts(ask: Ask) -> dict[str, int]:
    return {what: ask(f"SELECT COUNT(*) FROM {table}") for what, table in COUNTED.items()}  # noqa: S608


def _count_here(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def _run_pg(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise CommandError(f"{program} is not on PATH. Install PostgreSQL's client programs, as new as the server.")
    wanted = connection.get_connection_params()
    env = {variable: str(wanted[name]) for name, variable in PG_VARIABLES.items() if wanted.get(name)}
    if program == "psql":
        arguments = (f"--dbname={wanted['dbname']}", *arguments)
    done = subprocess.run(  # noqa: S603 a program of PostgreSQL, no shell
        [path, *arguments], env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise CommandError(f"{program} failed: {done.stderr.strip()}")


# -- the media


def copy_media(source: Path, target: Path, *, link: bool = False) -> Copied:
    """Copy the files below `source`, or hard-link them: the studio never writes into a file that it has stored."""
    copied = Copied()
    target.mkdir(mode=0o750, exist_ok=True)
    for folder, folders, names in os.walk(source):
        here = Path(folder)
        if here == source:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        there = target / here.relative_to(source)
        there.mkdir(mode=0o750, exist_ok=True)
        for name in names:
            try:
                if link:
                    os.link(here / name, there / name)
                else:
                    shutil.copy2(here / name, there / name)
                copied.size += (there / name).stat().st_size
                copied.files += 1
            except FileNotFoundError:
                copied.gone += 1
    return copied


def is_media_empty() -> bool:
    return not any(names for _, _, names in os.walk(settings.MEDIA_ROOT))


def objects_on_s3() -> Iterator[dict[str, Any]]:
    """Key, size and ETag of each object in the bucket, without what a backup leaves out."""
    for stored in default_storage.bucket.objects.all():  # type: ignore[attr-defined]  # the storage of S3 has it
        if stored.key.partition("/")[0] not in LEFT_OUT:
            yield {"key": stored.key, "size": stored.size, "etag": stored.e_tag.strip('"')}


def write_manifest(path: Path) -> Copied:
    listed = Copied()
    with path.open("w") as file:
        for stored in objects_on_s3():
            file.write(json.dumps(stored) + "\n")
            listed.files += 1
            listed.size += stored["size"]
    return listed


def changed_on_s3(path: Path) -> Iterator[str]:
    """The keys of the manifest that the bucket lacks or that have another size there. One question for each."""
    with path.open() as file:
        for line in file:
            wanted = json.loads(line)
            try:
                if default_storage.size(wanted["key"]) == wanted["size"]:
                    continue
            except FileNotFoundError:
                pass
            yield wanted["key"]
