"""Tables that people download and open in a spreadsheet."""

from collections.abc import Iterable, Sequence

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from gallery.downloads.spreadsheets import csv_lines


def csv_file(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response
