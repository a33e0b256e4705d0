"""A new studio, and one that grew with each version, have the same database."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

pytestmark = pytest.mark.process
ONE_BY_ONE = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
class Grown(MigrationLoader):
    def load_disk(self):
        super().load_disk()
        self.disk_migrations = {key: one for key, one in self.disk_migrations.items() if not one.replaces}
executor = MigrationExecutor(connection)
executor.loader = Grown(connection)
executor.migrate(executor.loader.graph.leaf_nodes())
call_command("migrate", verbosity=0)
"""
SEEDED = ["gallery_imagemodel", "gallery_upstreamaccount", "django_q_schedule"]


def run(folder: Path, *arguments: str) -> Path:
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env |= {
        "LEMONSTUDIO_ENV": "local",
        "LEMONSTUDIO_DATA": str(folder),
        "DJANGO_SETTINGS_MODULE": "lemonstudio.settings",
    }
    subprocess.run([sys.executable, *arguments], cwd=settings.BASE_DIR, env=env, check=True, timeout=120)
    return folder / "studio.sqlite3"


def rows_of(database: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """In an order of their own: columns and rows may come in any."""
    return sorted(database.execute(query).fetchall(), key=repr)


def table(database: sqlite3.Connection, name: str, sql: str) -> dict[str, Any]:
    def pragma(what: str, of: str = name) -> list[tuple[Any, ...]]:
        return rows_of(database, f'SELECT * FROM pragma_{what}("{of}")')

    indexes = [
        # The columns' names, whether they descend, and how they are compared; without their numbers.
        (is_unique, is_partial, [row[2:6] for row in pragma("index_xinfo", of)])
        for _, of, is_unique, _, is_partial in pragma("index_list")
    ]
    return {
        "columns": sorted((row[1:] for row in pragma("table_info")), key=repr),
        "keys": sorted((row[2:7] for row in pragma("foreign_key_list")), key=repr),
        "indexes": sorted(indexes, key=repr),
        "checks": sorted(re.findall(r'CONSTRAINT "(\w+)" CHECK (.*?)(?=, CONSTRAINT|, "|\)$)', sql)),
    }


def read(row: sqlite3.Row) -> dict[str, Any]:
    """With JSON as what it means."""
    pairs = zip(row.keys(), row, strict=True)
    return {key: json.loads(value) if str(value).startswith(("{", "[")) else value for key, value in pairs}


def shape(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tables with all that the database checks, other objects by their SQL; and the rows of a new studio."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = None
        made = database.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        things = {
            name: table(database, name, sql) if type == "table" and "_search" not in name else " ".join(sql.split())
            for name, type, sql in made
        }
        database.row_factory = sqlite3.Row
        rows = {name: [read(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY id")] for name in SEEDED}
        del rows["django_q_schedule"][0]["next_run"]
        return things, rows


def test_squashed_migration_makes_what_the_single_ones_make(tmp_path: Path) -> None:
    new, grown = tmp_path / "new", tmp_path / "grown"
    new_things, new_rows = shape(run(new, "manage.py", "migrate", "--verbosity", "0"))
    grown_things, grown_rows = shape(run(grown, "-c", ONE_BY_ONE))
    assert sorted(new_things) == sorted(grown_things)
    assert {name: thing for name, thing in new_things.items() if thing != grown_things[name]} == {}
    assert new_rows == grown_rows
    assert len(new_rows["gallery_imagemodel"]) == 7
