"""Tables as files for spreadsheets."""

from collections.abc import Iterable, Sequence

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from gallery.downloads.spreadsheets import csv_lines, harmless


def csv_file(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> StreamingHttpResponse:
    lines = csv_lines(head, ([harmless(cell) for cell in row] for row in rows))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response
