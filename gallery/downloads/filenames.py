"""Names for files that people download: valid on every system, so that none has to be renamed. Plain Python."""

import re
import unicodedata

# Windows keeps these for devices, with anything after a dot, too.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"}
)
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')
# 255 bytes are the most of what is in use; some tools put a path in front of it.
MOST_BYTES = 120


def safe_name(text: str, ending: str = "", *, fallback: str = "picture") -> str:
    """`text` as the name of a file that ends with `ending` (such as ".png"), MOST_BYTES bytes of UTF-8 at the most.

    Without separators, control characters, and what Windows forbids; NFC, as everything but old Macs writes it.
    """
    kept = "".join(" " if _is_unfit(letter) else letter for letter in _FORBIDDEN.sub(" ", text))
    stem = _trimmed(unicodedata.normalize("NFC", kept), MOST_BYTES - len(ending.encode()) - 1) or fallback
    if stem.split(".")[0].rstrip().casefold() in _DEVICES:
        stem = f"_{stem}"
    return stem + ending


def _is_unfit(letter: str) -> bool:
    """Control and formatting characters, halves of surrogates, what has no meaning yet; ends of lines."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _trimmed(text: str, most: int) -> str:
    """So many bytes of it, in whole characters, with no space or dot at either end."""
    words = " ".join(text.split()).strip(". ")
    return words.encode()[:most].decode(errors="ignore").strip(". ")


class Names:
    """Gives out names that differ from each other on a disk that does not tell upper from lower case, too."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, text: str, ending: str = "") -> str:
        name, number = safe_name(text, ending), 1
        stem = name.removesuffix(ending)
        while self._key(name) in self._taken:
            number += 1
            name = safe_name(stem, f" ({number}){ending}")
        self._taken.add(self._key(name))
        return name

    @staticmethod
    def _key(name: str) -> str:
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
