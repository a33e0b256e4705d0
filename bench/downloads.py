"""Measures a download of very many pictures: time until it is ready, speed of the transfer, and memory.

It runs a whole studio with web server and workers, and fetches the archive over HTTP. Each picture has its own file: a
hard link to a single one, to save disk space.
"""

import io
import json
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Watch, child, memory, tree
from bench.upstream import noisy_png
from lemonstudio.processes.tree import Studio

# MiB that the web server may use more than before the download.
MOST_MEMORY = 50.0
# Seconds until the download must be ready.
PATIENCE = 900.0

FILL = """
import hashlib, json, os
from pathlib import Path
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from gallery.models import Gallery, GalleryEntry, Person, Picture
person = Person.objects.create_user("bench@example.org", name="Bench")
call_command("make_pictures", "{count}", "--files", "1", "--author", person.email, stdout=open(os.devnull, "w"))
data = Path({source!r}).read_bytes()
folder = Path(settings.MEDIA_ROOT) / "pictures" / "many"
folder.mkdir(parents=True)
(folder / "0.png").write_bytes(data)
gallery = Gallery.objects.create(owner=person, name="Very many")
pks = list(Picture.objects.values_list("pk", flat=True))
for pk in pks:
    os.link(folder / "0.png", folder / f"{{pk}}.png")
rows = Picture.objects.only("pk").order_by("pk")
changes = dict(byte_size=len(data), format="PNG", sha256=hashlib.sha256(data).hexdigest())
for begin in range(0, len(pks), 500):
    some = list(rows[begin : begin + 500])
    for picture in some:
        picture.original = f"pictures/many/{{picture.pk}}.png"
    Picture.objects.bulk_update(some, ["original"])
Picture.objects.update(**changes)
GalleryEntry.objects.bulk_create([GalleryEntry(gallery=gallery, picture_id=pk) for pk in pks], batch_size=2000)
client = Client()
client.force_login(person)
print(json.dumps([gallery.pk, client.cookies["sessionid"].value]))
"""
ASK = """
from gallery import services
from gallery.models import Gallery, Picture
from gallery.images.convert import Shape
from gallery.queries.downloads import contents
gallery = Gallery.objects.select_related("owner").get(pk={gallery})
pictures = contents(Picture.objects.visible_to(gallery.owner), gallery)
print(services.downloads.request_download(gallery.owner, gallery.name, gallery, pictures, Shape()).pk)
"""


@dataclass(frozen=True, slots=True)
class Size:
    pictures: int = 10_000


QUICK = Size(pictures=200)


class Remote(io.RawIOBase):
    """The archive on the server, as a file: each read fetches only its own range of bytes."""

    def __init__(self, url: str, cookie: str, size: int) -> None:
        self.url, self.cookie, self.size, self.at = url, cookie, size, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + {0: 0, 1: self.at, 2: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self.size, self.at + size)
        if self.at >= end:
            return b""
        with _get(self.url, self.cookie, Range=f"bytes={self.at}-{end - 1}") as answer:
            data = bytes(answer.read())
        self.at += len(data)
        return data


def _get(url: str, cookie: str, **headers: str) -> "urllib.request._UrlopenRet":
    request = urllib.request.Request(url, headers={"Cookie": f"sessionid={cookie}", **headers})  # noqa: S310 our own
    return urllib.request.urlopen(request, timeout=60)  # noqa: S310 our own


def measure(size: Size, note: Callable[[str], None]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return the rows of the table, and the problems."""
    with tempfile.TemporaryDirectory(prefix="lemonstudio-bench-") as folder:
        source = Path(folder) / "one.png"
        source.write_bytes(noisy_png())
        data = Path(folder) / "studio"
        data.mkdir()
        studio = Studio(data)
        del studio.env["LEMONSTUDIO_WORKERS"]  # a value for tests
        try:
            note(f"downloads: {size.pictures:,} pictures of {source.stat().st_size / 1e6:.1f} MB")
            studio.manage("prepare")
            gallery, cookie = json.loads(studio.shell(FILL.format(count=size.pictures, source=str(source))))
            studio.start()
            return _measure(studio, size, gallery, cookie, note)
        finally:
            studio.stop()
            studio.kill()


def _measure(
    studio: Studio, size: Size, gallery: int, cookie: str, note: Callable[[str], None]
) -> tuple[list[tuple[str, str, str]], list[str]]:
    label, problems = f"{size.pictures:,} pictures as a ZIP", []
    assert studio.process is not None
    web = child(studio.process.pid, "lemonstudio.wsgi:application")
    begun = time.monotonic()
    download = studio.shell(ASK.format(gallery=gallery))
    page = f"{studio.url}/downloads/{download}/"
    while 'data-state="ready"' not in _get(page, cookie).read().decode():
        if time.monotonic() - begun > PATIENCE:
            return [], [f"{label}: not ready in {PATIENCE:.0f} s"]
        time.sleep(0.5)
    ready = time.monotonic() - begun
    note(f"  ready in {ready:.1f} s")
    before = memory(tree(web))
    received = 0
    begun = time.monotonic()
    with Watch(web, every=0.1) as watch, _get(f"{page}file/", cookie) as answer:
        length = int(answer.headers["Content-Length"])
        while piece := answer.read(2**20):
            received += len(piece)
    took = time.monotonic() - begun
    more = watch.peak.rss - before.rss
    with zipfile.ZipFile(Remote(f"{page}file/", cookie, length)) as archive:
        names = archive.namelist()
        last = archive.read(names[-1])
    if received != length or len(names) != size.pictures + 1 or not last.startswith(b"\x89PNG"):
        problems.append(f"{label}: {received} of {length} bytes, {len(names)} names")
    if more > MOST_MEMORY:
        problems.append(f"{label}: {more:.0f} MiB more memory than before")
    note(f"  {received / 1e9:.1f} GB in {took:.1f} s, {before.rss:.0f} MiB before, {more:.1f} more at the peak")
    rows = [
        (f"{label}: ready in", f"{ready:.0f} s", ""),
        (f"{label}: downloaded", f"{received / 1e9:.1f} GB in {took:.0f} s", ""),
        (f"{label}: web server's memory at its peak, beyond what it has (RSS)", f"{more:.1f} MiB", ""),
    ]
    return rows, problems
