"""Downloads: one picture in another format or size, or many as a ZIP archive."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self
from weakref import finalize

from django.contrib import messages
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from gallery import services
from gallery.downloads import build
from gallery.downloads.build import Ready
from gallery.downloads.filenames import safe_name
from gallery.forms.downloads import ExportForm
from gallery.images.concurrency import Busy, ConcurrencyLimit
from gallery.images.convert import ENDINGS, Shape, convert_in_turn
from gallery.images.parse import NotAPicture
from gallery.models import Download, Gallery, Person, Picture
from gallery.models.sentences import in_readers_language
from gallery.queries.downloads import contents
from gallery.queries.people import may_export
from gallery.queries.roles import Action, pictures_for
from gallery.services.errors import InvalidInput
from gallery.web.access import archive_to_download, download_to_see, gallery_to, is_whole, picture_to_see
from gallery.web.http import PersonRequest
from gallery.web.responses import chosen_pictures, count_in_words, refused

# A web process has eight threads. Archives that are being sent may keep this many of them busy.
STREAMS = ConcurrencyLimit(at_once=4)
LISTED = 20
NEVER_KEPT = "private, no-store"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")


# -- one picture


@require_safe
def picture_export(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Ask for a format and a size, then send the picture like that."""
    picture = picture_to_see(request.user, pk)
    form = ExportForm(request.GET if "format" in request.GET else None, picture=picture)
    if not form.is_valid():
        return _ask_for_one(request, picture, form)
    shape = form.shape
    if shape.is_original:
        return redirect("picture_download", pk)
    try:
        with default_storage.open(picture.original_name) as file:
            data = convert_in_turn(file, shape, build.caption(picture))
    except FileNotFoundError:
        raise Http404("The file is missing from storage.") from None
    except NotAPicture as problem:
        said = _("This picture could not be converted: %(problem)s. The original can still be downloaded.") % {
            "problem": in_readers_language(str(problem))
        }
        form.add_error(None, said)
        return _ask_for_one(request, picture, form)
    except Busy:
        return _busy(request)
    name = picture.download_name.removesuffix(picture.extension) + ENDINGS[shape.format]
    if shape.side and shape.side < max(picture.width, picture.height):
        name = name.replace(".", f"-{shape.side}.")
    response = HttpResponse(data, content_type=shape.content_type)
    return _attached(response, name)


def _ask_for_one(request: PersonRequest, picture: Picture, form: ExportForm) -> HttpResponse:
    template = "downloads/_picture_export.html" if request.htmx else "downloads/picture_export.html"
    context = {"picture": picture, "form": form}
    return render(request, template, context, status=422 if form.errors else 200)


# -- many


@require_http_methods(["GET", "HEAD", "POST"])
def gallery_download(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Ask for a format and a size, then send a gallery’s pictures, or let a task make the archive ready."""
    person = request.user
    gallery = gallery_to(Action.VIEW, request.user, pk)
    pictures = contents(pictures_for(person), gallery)
    form = ExportForm(request.POST if request.method == "POST" else None)
    context = {"gallery": gallery, "name": gallery.name}
    return _take_many(request, form, gallery.name, gallery, pictures, context)


@require_POST
def selection_download(request: PersonRequest) -> HttpResponseBase:
    person = request.user
    try:
        chosen = chosen_pictures(request)
    except InvalidInput as problem:
        return refused(request, problem)
    pictures = contents(pictures_for(person), None, chosen)
    form = ExportForm(request.POST if "format" in request.POST else None)
    return _take_many(request, form, count_in_words(len(pictures)), None, pictures, {"chosen": pictures})


def _take_many(
    request: PersonRequest,
    form: ExportForm,
    name: str,
    gallery: Gallery | None,
    pictures: Sequence[int],
    context: dict[str, Any],
) -> HttpResponseBase:
    person = request.user
    byte_size = _bytes(gallery, pictures)
    if form.is_valid() and pictures:
        try:
            if build.is_small(len(pictures), byte_size, form.shape):
                # Reading the files for their checksums keeps a thread busy, too.
                stream = ArchiveStream()
                try:
                    return _hand_out(request, build.at_once(person, name, gallery, pictures), name, stream=stream)
                except BaseException:
                    stream.close()
                    raise
            download = services.downloads.request_download(person, name, gallery, pictures, form.shape)
        except InvalidInput as problem:
            form.add_error(None, problem.message)
        except FileNotFoundError:
            form.add_error(None, build.NOTHING_THERE)
        except Busy:
            return _busy(request)
        else:
            return _go(request, download)
    context |= {
        "form": form,
        "total": len(pictures),
        "byte_size": byte_size,
        "is_small": build.is_small(len(pictures), byte_size, form.shape if form.is_valid() else Shape()),
    }
    template = "downloads/_download_ask.html" if request.htmx else "downloads/download_ask.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _bytes(gallery: Gallery | None, pictures: Sequence[int]) -> int:
    rows = Picture.objects.kept()
    rows = rows.filter(entries__gallery=gallery) if gallery else rows.filter(pk__in=pictures)
    return int(rows.aggregate(total=Sum("byte_size"))["total"] or 0)


def _go(request: PersonRequest, download: Download) -> HttpResponseBase:
    there = redirect("download_detail", download.pk)
    return HttpResponseClientRedirect(there.url) if request.htmx and isinstance(there, HttpResponseRedirect) else there


# -- downloads


@require_safe
def download_list(request: PersonRequest) -> HttpResponse:
    person = request.user
    return render(request, "downloads/download_list.html", {"downloads": _still_seen(person)})


def _still_seen(person: Person) -> list[Download]:
    """A person's latest downloads, in a constant number of queries."""
    downloads = list(Download.objects.of(person).still_there().select_related("gallery", "about")[:LISTED])
    galleries = set(Gallery.objects.visible_to(person).values_list("pk", flat=True))
    chosen = {pk for download in downloads for pk in download.chosen}
    seen = set(pictures_for(person).filter(pk__in=chosen).values_list("pk", flat=True))
    return [download for download in downloads if _is_seen(person, download, galleries, seen)]


def _is_seen(person: Person, download: Download, galleries: set[int], seen: set[int]) -> bool:
    if download.about is not None:
        return may_export(person, download.about)
    return download.gallery_id in galleries if download.gallery_id else seen.issuperset(download.chosen)


@require_POST
def account_export(request: PersonRequest) -> HttpResponseBase:
    """Have all data of this person made ready as a download."""
    return export_of(request, request.user)


def export_of(request: PersonRequest, about: Person) -> HttpResponseBase:
    try:
        return redirect("download_detail", services.downloads.request_export(request.user, about).pk)
    except InvalidInput as problem:
        messages.error(request, problem.message)
        return redirect("download_list")


@require_safe
def download_detail(request: PersonRequest, pk: int) -> HttpResponse:
    download = download_to_see(request.user, pk)
    services.downloads.remind(download)
    context = {
        "download": download,
        "left_out": list(download.left_out.values_list("name", "problem")) if download.is_ready else [],
        "is_fragment": bool(request.htmx),
        "has_changed": download.is_ready and not is_whole(request.user, download),
    }
    template = "downloads/_download.html" if request.htmx else "downloads/download_detail.html"
    return render(request, template, context)


@require_safe
def download_file(request: PersonRequest, pk: int) -> HttpResponseBase:
    """The archive, or the part that a browser still lacks. Each request checks again that the person may see it."""
    download = archive_to_download(request.user, pk)
    return _hand_out(request, build.ready(download), download.name, download.etag)


@require_POST
def download_retry(request: PersonRequest, pk: int) -> HttpResponseBase:
    download = download_to_see(request.user, pk)
    try:
        services.downloads.retry_download(download)
    except InvalidInput as problem:
        messages.error(request, problem.message)
    return redirect("download_detail", pk)


@require_POST
def download_delete(request: PersonRequest, pk: int) -> HttpResponseBase:
    services.downloads.delete_download(download_to_see(request.user, pk))
    messages.success(request, _("The download is deleted. The pictures are still where they were."))
    return redirect("download_list")


# -- handing out


class ArchiveStream:
    """Hold a place in the limit until the answer has ended in any way. Raises Busy."""

    def __init__(self, *limits: ConcurrencyLimit) -> None:
        with ExitStack() as held:
            for limit in (*limits, STREAMS):
                limit.enter()
                held.callback(limit.leave)
            # Only once. If a middleware fails after the view, the answer is never closed. Then the place becomes free
            # when Python collects the answer.
            self._leave = finalize(self, held.pop_all().close)
        self._pieces: Generator[bytes, None, None] | None = None

    def of(self, pieces: Generator[bytes, None, None]) -> Self:
        self._pieces = pieces
        return self

    def __iter__(self) -> Iterator[bytes]:
        assert self._pieces is not None
        return self._pieces

    def close(self) -> None:
        try:
            if self._pieces is not None:
                self._pieces.close()
        finally:
            self._leave()


def _hand_out(
    request: PersonRequest, ready: Ready, name: str, etag: str = "", stream: ArchiveStream | None = None
) -> HttpResponseBase:
    size = ready.archive.size
    begin, end = _range(request, size, f'"{etag}"') if etag else (0, size)
    if begin >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    kind = "application/zip"
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=kind)
    else:
        try:
            stream = stream or ArchiveStream()
        except Busy:
            return _busy(request)
        response = StreamingHttpResponse(stream.of(ready.stream(begin, end)), content_type=kind)
    response["Content-Length"] = str(end - begin)
    if etag:
        response["Accept-Ranges"] = "bytes"
        response["ETag"] = f'"{etag}"'
    if (begin, end) != (0, size):
        response.status_code = 206
        response["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return _attached(response, safe_name(name, ".zip", fallback="Pictures"))


def _range(request: PersonRequest, size: int, etag: str) -> tuple[int, int]:
    """The first byte and the end, by the request's Range; the whole archive if that is invalid or means another one."""
    asked = _RANGE.match(request.headers.get("Range", ""))
    if asked is None or asked[0] == "bytes=-" or request.headers.get("If-Range", etag) != etag:
        return 0, size
    first, last = asked[1], asked[2]
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _attached(response: HttpResponseBase, name: str) -> HttpResponseBase:
    disposition = content_disposition_header(True, name)
    assert disposition is not None
    response["Content-Disposition"] = disposition
    response["Cache-Control"] = NEVER_KEPT
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _busy(request: PersonRequest) -> HttpResponse:
    response = render(request, "downloads/download_busy.html", status=429)
    response["Retry-After"] = "10"
    return response
