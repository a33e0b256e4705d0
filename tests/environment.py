"""Loaded before anything reads the settings: tests run in a folder of their own, with nothing of the caller's setup."""

import atexit
import os
import shutil
import tempfile

for name in list(os.environ):
    if name.startswith(("LEMONSTUDIO_", "LEMONDATA_")) or name in {"SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT"}:
        del os.environ[name]
os.environ["LEMONSTUDIO_ENV"] = "local"
os.environ["LEMONSTUDIO_DATA"] = DATA = tempfile.mkdtemp(prefix="lemonstudio-tests-")
# For its own PostgreSQL run; everything else uses SQLite.
if database := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = database
else:
    os.environ.pop("DATABASE_URL", None)
# Playwright's synchronous API runs an event loop in the thread that the tests use the database from.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@atexit.register
def _clean_up() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
