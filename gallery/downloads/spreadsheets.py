"""CSV that spreadsheets open, and do not run."""

import csv
from collections.abc import Iterable, Iterator, Sequence

# A spreadsheet reads a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # fullwidth signs, too


class _Echo:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    # Excel needs this mark to read the file as UTF-8.
    yield "\ufeff" + writer.writerow(head)
    for row in rows:
        yield writer.writerow([_harmless(cell) for cell in row])


def _harmless(text: str) -> str:
    """The text in a form that no spreadsheet reads as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
