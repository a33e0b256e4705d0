"""What a click costs in the web server: processor time, queries and bytes, and where the time goes.

`python -m bench.clicks [NAME …] [--profile] [--old FOLDER]`. It makes a studio with 500 generations in a folder of its
own, and asks the WSGI application in this process, as the web server does. Processor time is hardly disturbed by what
else the machine does. `--old` measures an older checkout in turn with this one.
"""

import argparse
import cProfile
import gzip
import io
import json
import os
import pstats
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
# Status, headers and body.
Answer = tuple[int, dict[str, str], bytes]
PICTURES = 500
ROUNDS = 60
# Functions that a profile shows.
SHOWN = 45


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request: milliseconds of processor time, the number of queries, and the bytes of the answer."""

    p50: float
    p95: float
    queries: int
    size: int
    wire: int


class Browser:
    """Asks the application with one person's cookies, as a browser with htmx does."""

    def __init__(self, application: Callable[..., Any], cookies: dict[str, str]) -> None:
        self._application = application
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self.token = ""

    def ask(self, address: str, form: dict[str, Any] | None = None) -> Answer:
        """Return status, headers and body."""
        body = urlencode(form, doseq=True).encode() if form is not None else b""
        path, _, query = address.partition("?")
        environ = {
            "REQUEST_METHOD": "GET" if form is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": self._cookies,
            "HTTP_ACCEPT_ENCODING": "gzip, deflate",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        if form is not None:
            environ |= {"HTTP_HX_REQUEST": "true", "HTTP_X_CSRFTOKEN": self.token}
        said: list[Any] = []
        answer = self._application(environ, lambda status, headers, *_: said.extend((status, headers)))
        content = b"".join(answer)
        answer.close()
        return int(said[0].split()[0]), dict(said[1]), content

    def page(self, address: str) -> str:
        status, headers, content = self.ask(address)
        if status != 200:
            raise RuntimeError(f"{address}: {status}")
        return text_of(headers, content)


def text_of(headers: dict[str, str], content: bytes) -> str:
    return (gzip.decompress(content) if headers.get("Content-Encoding") == "gzip" else content).decode()


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that this thread sends to the database."""
    from django.db import connection

    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def fields_of(page: str) -> dict[str, list[str]]:
    """What a browser would send of Create's form as it stands."""
    form = page[page.index('id="composer-form"') : page.index("</form>", page.index('id="composer-form"'))]
    fields: dict[str, list[str]] = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        pairs = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in pairs and (pairs.get("type") not in ("radio", "checkbox") or " checked" in tag):
            fields.setdefault(pairs["name"], []).append(pairs.get("value", ""))
    for name, inside in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"\s+selected', inside) or re.search(r'value="([^"]*)"', inside)
        if chosen:
            fields[name] = [chosen[1]]
    return fields


def prepare() -> Browser:
    """A studio with pictures, and a person who is signed in and has made them."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "lemonstudio.settings"
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.test import Client

    from gallery.models import Person
    from lemonstudio.processes import gunicorn_conf

    with Path(os.devnull).open("w") as nowhere:
        call_command("prepare", stdout=nowhere)
        person = Person.objects.create_user("clicks@example.org", name="Clara Clicks")
        call_command("make_pictures", str(PICTURES), "--files", "6", "--author", person.email, stdout=nowhere)
    client = Client(SERVER_NAME="localhost")
    client.force_login(person)
    client.get("/")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    # As the web server does before it begins.
    gunicorn_conf.when_ready(None)
    return Browser(get_wsgi_application(), cookies)


def clicks(browser: Browser) -> dict[str, Callable[[], Answer]]:
    """What people do most, by name."""
    from gallery.models import Generation

    page = browser.page("/")
    found = re.search(r"X-CSRFToken&quot;: &quot;(\w+)|\"X-CSRFToken\": \"(\w+)\"", page)
    assert found
    browser.token = found[1] or found[2]
    fields, count = fields_of(page), iter(range(10**6))

    def submit() -> Answer:
        form = fields | {"prompt": [f"A lemon tree, number {next(count)}"], "token": [str(uuid.uuid4())]}
        return browser.ask("/generations/", form)

    submit()
    card = Generation.objects.under_way().get()
    pending = {"paused": [""], "feed": ["mine"], "under_way": ["1"]}

    def poll(version: int) -> Answer:
        return browser.ask("/generations/poll/", pending | {"pending": [f"{card.pk}:{version}"]})

    return {
        "poll, nothing new": lambda: poll(card.version),
        "poll, one card": lambda: poll(card.version + 1),
        "Create": lambda: browser.ask("/"),
        "Pictures": lambda: browser.ask("/pictures/"),
        "submit": submit,
    }


def seconds_of(ask: Callable[[], Answer], rounds: int) -> list[float]:
    """Processor time of each request of this thread. The first requests fill caches and do not count."""
    took = []
    for number in range(rounds + 5):
        begun = time.thread_time()
        ask()
        if number >= 5:
            took.append(time.thread_time() - begun)
    return took


def measure(chosen: Sequence[str], rounds: int, *, profile: bool) -> dict[str, Cost]:
    """In a process with the environment of an empty studio."""
    found = {}
    for name, ask in clicks(prepare()).items():
        if chosen and name.split(",")[0] not in chosen:
            continue
        took = sorted(seconds_of(ask, rounds))
        with counted() as statements:
            status, headers, content = ask()
        if status not in (200, 204):
            raise RuntimeError(f"{name}: {status} {text_of(headers, content)[:500]}")
        p50, p95 = (1000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.95))
        found[name] = Cost(p50, p95, len(statements), len(text_of(headers, content)), len(content))
        if profile:
            sys.stderr.write(f"\n{name}: {len(statements)} queries\n")
            sys.stderr.writelines(f"  {statement[:160]}\n" for statement in statements)
            _profile(ask)
    return found


def _profile(ask: Callable[[], Answer]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(20):
        ask()
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).strip_dirs().sort_stats("cumulative").print_stats(SHOWN)


def _in_checkout(folder: Path, words: Sequence[str]) -> dict[str, Cost]:
    """Measure a checkout, with this file, in a process with an empty studio."""
    with tempfile.TemporaryDirectory(prefix="lemonstudio-bench-") as data:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("LEMON", "DATABASE"))}
        env |= {"LEMONSTUDIO_ENV": "local", "LEMONSTUDIO_DATA": data, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
        command = [sys.executable, __file__, "--here", *words]
        done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, check=True)  # noqa: S603 our own
    return {name: Cost(**cost) for name, cost in json.loads(done.stdout).items()}


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clicks", description=__doc__)
    parser.add_argument("name", nargs="*", help="submit, poll, Create or Pictures; all of them without a name")
    parser.add_argument("--profile", action="store_true", help="show the queries, and where the time goes")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="requests of each kind")
    parser.add_argument("--old", type=Path, help="the folder of an older checkout, measured in turn with this one")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.here:
        found = measure(asked.name, asked.rounds, profile=asked.profile)
        json.dump({name: asdict(cost) for name, cost in found.items()}, sys.stdout)
        return
    passed_on = [*asked.name, f"--rounds={asked.rounds}", *(["--profile"] if asked.profile else [])]
    for label, folder in [("old", asked.old), ("now", ROOT)] if asked.old else [("now", ROOT)]:
        for name, cost in _in_checkout(folder.resolve(), passed_on).items():
            sys.stdout.write(
                f"{label}  {name:<18} {cost.p50:5.1f} / {cost.p95:5.1f} ms of processor time, {cost.queries:2} queries,"
                f" {cost.size / 1000:6.1f} KB, {cost.wire / 1000:5.1f} KB on the wire\n"
            )


if __name__ == "__main__":
    main()
