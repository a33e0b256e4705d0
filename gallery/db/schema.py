"""Whether the database has just the tables that this version of the code knows."""

from typing import Literal

from django.db import connection
from django.db.migrations.loader import MigrationLoader

State = Literal["ok", "behind", "ahead"]

SENTENCES = {
    "behind": "The database is older than this version of the studio. Run `manage.py prepare`, then start again.",
    "ahead": "The database was made by a newer version of the studio. Install that version, or restore a backup that"
    " was made before the upgrade.",
}

_is_current = False


def state() -> State:
    """Raises django.db.Error where the database is away. Once current it is not looked at again by this process."""
    global _is_current
    if _is_current:
        return "ok"
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    known, applied = set(loader.disk_migrations), set(loader.applied_migrations)
    apps = {app for app, _ in known}
    if known - applied:
        return "behind"
    if any(app in apps for app, _ in applied - known):
        return "ahead"
    _is_current = True
    return "ok"
