"""Hands out stored files, after the caller has checked that this person may see them.

Three ways, as the settings say: from this process, which reads from a folder or a bucket; by the nginx in front of it
(X-Accel-Redirect), so that no Python waits for a slow reader; or by a redirect to the bucket, at an address that is
signed for a few minutes.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote
from weakref import finalize

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from gallery.images.concurrency import Busy, ConcurrencyLimit
from gallery.images.parse import NotAPicture
from gallery.web.http import StudioRequest

# Addresses carry the content's digest, so what was fetched once never changes. `private`: a shared cache
# cannot ask whether this person may still see it.
KEPT = "private, max-age=31536000, immutable"
ASKED_EACH_TIME = "private, no-cache"

# A thread sends a file for as long as its reader takes; a smaller one fits into the buffers of a connection. A web
# process has eight threads, of which archives take four at the most (views/downloads.py).
LARGE_FILE = 2**20
LARGE_FILES = ConcurrencyLimit(at_once=3, waiting=1)
LARGE_FILE_SECONDS = 5.0
# Of what is lent, by the ends of names.
_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp"}


def serve(request: StudioRequest, name: str, content_type: str, etag: str, *, filename: str = "") -> HttpResponseBase:
    """Answer with the stored file `name`; with `filename` it is saved under that name, else it is shown.

    The answer is 429 while this process sends as many large files as it may. Raises Http404 where the storage does not
    have it.
    """
    quoted = f'"{etag}"'
    if request.headers.get("If-None-Match") == quoted:
        return _finish(HttpResponseNotModified(), quoted, KEPT)
    disposition = content_disposition_header(bool(filename), filename) if filename else None
    is_in_bucket = bool(settings.LEMONSTUDIO_S3_BUCKET)
    if is_in_bucket and settings.LEMONSTUDIO_S3_SERVE == "redirect":
        response: HttpResponseBase = _signed_redirect(name, content_type, disposition)
        # Shorter than its signature is valid.
        return _finish(response, quoted, f"private, max-age={settings.LEMONSTUDIO_S3_SECONDS * 2 // 5}")
    if settings.LEMONSTUDIO_ACCEL_PREFIX and not is_in_bucket:
        response = HttpResponse(content_type=content_type)
        response["X-Accel-Redirect"] = quote(str(PurePosixPath(settings.LEMONSTUDIO_ACCEL_PREFIX) / name))
    else:
        try:
            stored = default_storage.open(name)
        except FileNotFoundError:
            raise Http404("The file is missing from storage.") from None
        try:
            response = _held(FileResponse(stored, content_type=content_type))
        except Busy:
            stored.close()
            return _busy()
    if disposition:
        response["Content-Disposition"] = disposition
    return _finish(response, quoted, KEPT)


def _held(response: FileResponse) -> FileResponse:
    """Let a large file hold a place until its answer has ended in any way. Raises Busy."""
    if int(response.headers.get("Content-Length", 0)) >= LARGE_FILE:
        LARGE_FILES.enter(LARGE_FILE_SECONDS)
        # Only once. An answer that is never closed gives its place back when Python collects it.
        response._resource_closers.append(finalize(response, LARGE_FILES.leave))  # type: ignore[attr-defined]
    return response


def _busy() -> HttpResponse:
    said = _("The studio sends many large files just now. Try again in a moment.")
    headers = {"Retry-After": "5", "Cache-Control": "no-store"}
    return HttpResponse(said, status=429, content_type="text/plain; charset=utf-8", headers=headers)


def serve_content(request: StudioRequest, etag: str, read: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer with what `read` reads, always from this process; 404 if its file is missing or is no picture.

    For guests: a signed address would tell them the file's name in storage, with its month and its generation, and
    nginx would tell when it was written. Browsers ask each time, because a link that is over hides its pictures, too.
    """
    quoted = f'"{etag}"'
    if request.headers.get("If-None-Match") == quoted:
        response: HttpResponse = HttpResponseNotModified()
    else:
        try:
            response = read()
        except (FileNotFoundError, NotAPicture):
            raise Http404 from None
    _finish(response, quoted, ASKED_EACH_TIME)
    return response


def serve_untrusted(request: StudioRequest, name: str, filename: str) -> HttpResponseBase:
    """Answer with a stored file of any kind as a download; the browser never displays it."""
    response = serve(request, name, "application/octet-stream", PurePosixPath(name).stem, filename=filename)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    # Its author may delete it at any time.
    response["Cache-Control"] = "private, no-cache"
    return response


def serve_lent(name: str) -> HttpResponseBase:
    """Answer with a stored picture, always from this process and for no cache, to a service that fetches it.

    The answer is 429 while this process sends as many large files as it may. Raises Http404 where the storage does not
    have it.
    """
    try:
        stored = default_storage.open(name)
        # A bucket's file is fetched at the first read; later, the answer could not be 404 any more.
        stored.read(1)
        stored.seek(0)
    except FileNotFoundError:
        raise Http404 from None
    try:
        response = _held(FileResponse(stored, content_type=_TYPES.get(PurePosixPath(name).suffix, "image/png")))
    except Busy:
        stored.close()
        return _busy()
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex"
    return response


def _signed_redirect(name: str, content_type: str, disposition: str | None) -> HttpResponse:
    # The bucket repeats these in its answer, so that the browser keeps the file as long as it remembers the address.
    parameters = {"ResponseContentType": content_type, "ResponseCacheControl": KEPT}
    if disposition:
        parameters["ResponseContentDisposition"] = disposition
    # Of this storage, not of Django's own: the address carries a signature that lasts LEMONSTUDIO_S3_SECONDS.
    url = default_storage.url(name, parameters=parameters)  # type: ignore[call-arg]
    return HttpResponse(status=302, headers={"Location": url})


def _finish(response: HttpResponseBase, etag: str, cache: str) -> HttpResponseBase:
    response["ETag"] = etag
    response["Cache-Control"] = cache
    response["X-Content-Type-Options"] = "nosniff"
    return response
