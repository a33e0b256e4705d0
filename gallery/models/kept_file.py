"""A delivered file that is no picture, kept for its author as it came."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gallery.models.sentences import in_readers_language

# The folder in storage. A file's name begins with the numbers of its generation and result.
KEPT = "kept"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """`name` is its name in storage, `what` says what it is (“an SVG file”), and `why` why it is not shown.

    `stands_for_result`: it is all that there is of its result. Otherwise there is a picture, or another copy to fetch.
    """

    generation_id: int
    index: int
    name: str
    what: str
    why: str = ""
    stands_for_result: bool = True

    @property
    def is_message(self) -> bool:
        """Whether it is text: what a service says instead of sending a file."""
        return is_message(self.name)

    @property
    def sentence(self) -> str:
        what, why = in_readers_language(self.what), in_readers_language(self.why)
        if why:
            return _("The service delivered %(what)s that the studio cannot show: %(why)s.") % {
                "what": what,
                "why": why,
            }
        return _("The service delivered %(what)s that the studio cannot show.") % {"what": what}

    @property
    def download_name(self) -> str:
        return f"lemon-studio-{self.generation_id}-{self.index + 1}{PurePosixPath(self.name).suffix}"


def is_message(name: str) -> bool:
    return name.endswith(".txt")


def kept_files(generation_id: int, results: Iterable[Mapping[str, Any]]) -> list[KeptFile]:
    return [
        KeptFile(
            generation_id,
            index,
            result["kept"],
            result.get("what", gettext_noop("a file")),
            result.get("why", ""),
            stands_for_result=not (result.get("fresh") or result.get("beside")),
        )
        for index, result in enumerate(results)
        if result.get("kept")
    ]
