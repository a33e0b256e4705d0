"""Limits the disk space of an upload, before a view sees it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from gallery.images.edit import MAX_UPLOAD_BYTES

# For a whole request. Up to here, a file that is too large is read to its end, so that the form can say so.
MAX_REQUEST_BYTES = 128 * 2**20

View = Callable[..., HttpResponseBase]


class BoundedUpload(FileUploadHandler):
    """Stands before the handlers that store files, and passes on a little more than MAX_UPLOAD_BYTES of each file."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:  # noqa: N803 Django's name
        if content_length > MAX_REQUEST_BYTES:
            raise RequestDataTooBig(_("The request is larger than any picture may be."))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= MAX_UPLOAD_BYTES else None

    def file_complete(self, file_size: int) -> None:
        return None


def takes_upload(view: View) -> View:
    """For a view whose form sends a file. The check against other sites' forms runs after the limits are set."""
    guarded = csrf_protect(view)

    @wraps(view)
    def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.upload_handlers.insert(0, BoundedUpload(request))
        return guarded(request, *args, **kwargs)

    # The middleware would read the whole form first.
    return csrf_exempt(bounded)
