"""A delivered file that is no picture, kept for its author as it came."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

# The folder in storage. A file's name begins with the numbers of its generation and result.
KEPT = "kept"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """`name` is its name in storage, `what` says what it is (“an SVG file”), and `why` why it is not shown."""

    generation_id: int
    index: int
    name: str
    what: str
    why: str = ""

    @property
    def is_message(self) -> bool:
        """Whether it is text: what a service says instead of sending a file."""
        return self.name.endswith(".txt")

    @property
    def sentence(self) -> str:
        reason = f"the studio cannot show: {self.why}" if self.why else "the studio cannot show"
        return f"The service delivered {self.what} that {reason}."

    @property
    def download_name(self) -> str:
        return f"lemon-studio-{self.generation_id}-{self.index + 1}{PurePosixPath(self.name).suffix}"


def kept_files(generation_id: int, results: Iterable[Mapping[str, Any]]) -> list[KeptFile]:
    return [
        KeptFile(generation_id, index, result["kept"], result.get("what", "a file"), result.get("why", ""))
        for index, result in enumerate(results)
        if result.get("kept")
    ]
