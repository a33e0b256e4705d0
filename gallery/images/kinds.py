"""Tells what a file is by its first bytes, and not by its name or a header. Plain Python.

The kinds are those that services and people really send. What is none of them has an empty name.
"""

import re
from dataclasses import dataclass

from lemonstudio.marking import gettext_noop

# This many bytes are enough to tell every kind.
ENOUGH = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its name ("" if unknown), a file ending without the dot, and its content type.

    `is_message` is true for text: what a host says instead of sending a file, such as a page or JSON.
    """

    name: str
    extension: str
    content_type: str = "application/octet-stream"
    is_message: bool = False

    @property
    def with_article(self) -> str:
        """“an SVG file”, “a file of an unknown kind”."""
        if not self.name:
            return gettext_noop("a file of an unknown kind")
        if self.is_message:
            return self.name
        # By the sound of the first letter: “an MP4”, “a TIFF”.
        is_vowel = self.name[0] in "AEFHILMNORSX" and self.name not in _SPOKEN_AS_WORDS
        text = gettext_noop("an %(kind)s file") if is_vowel else gettext_noop("a %(kind)s file")
        return text % {"kind": self.name}


_SPOKEN_AS_WORDS = frozenset({"HEIC", "RIFF"})

PNG = Kind("PNG", "png", "image/png")
JPEG = Kind("JPEG", "jpg", "image/jpeg")
WEBP = Kind("WebP", "webp", "image/webp")
GIF = Kind("GIF", "gif", "image/gif")
AVIF = Kind("AVIF", "avif", "image/avif")
HEIC = Kind("HEIC", "heic")
SVG = Kind("SVG", "svg")
HTML = Kind(gettext_noop("a web page"), "txt", is_message=True)
JSON = Kind(gettext_noop("a message in JSON"), "txt", is_message=True)
XML = Kind(gettext_noop("a message in XML"), "txt", is_message=True)
TEXT = Kind(gettext_noop("text"), "txt", is_message=True)
UNKNOWN = Kind("", "bin")

PICTURES = frozenset({PNG, JPEG, WEBP, GIF, AVIF})

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", Kind("TIFF", "tif")),
    (b"MM\0*", Kind("TIFF", "tif")),
    (b"II+\0", Kind("TIFF", "tif")),
    (b"MM\0+", Kind("TIFF", "tif")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind("JPEG 2000", "jp2")),
    (b"\xff\x4f\xff\x51", Kind("JPEG 2000", "j2k")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind("JPEG XL", "jxl")),
    (b"\xff\x0a", Kind("JPEG XL", "jxl")),
    (b"8BPS", Kind("Photoshop", "psd")),
    (b"\0\0\1\0", Kind("ICO", "ico")),
    (b"v/1\x01", Kind("EXR", "exr")),
    (b"#?RADIANCE", Kind("Radiance HDR", "hdr")),
    (b"DDS ", Kind("DDS", "dds")),
    (b"qoif", Kind("QOI", "qoi")),
    (b"%PDF-", Kind("PDF", "pdf")),
    (b"%!PS", Kind("PostScript", "ps")),
    (b"PK\x03\x04", Kind("ZIP", "zip")),
    (b"\x1f\x8b", Kind("gzip", "gz")),
    (b"\x1a\x45\xdf\xa3", Kind("WebM", "webm")),
    (b"glTF", Kind("glTF", "glb")),
)
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
    b"qt  ": Kind("QuickTime", "mov"),
}
_MP4 = Kind("MP4", "mp4")
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
# What some senders put in front of a file.
LEADING = b" \t\r\n\xef\xbb\xbf"
_MARKUP = re.compile(
    rb"(?:\s|<\?xml[^>]*>|<!--.*?-->|<!doctype[^>\[]*(?:\[.*?\]\s*)?>)*<\s*([a-z][a-z0-9:_-]*)", re.S | re.I
)
_HTML = frozenset({b"html", b"head", b"body", b"title", b"meta", b"script", b"style", b"div", b"h1", b"p", b"center"})
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(data: bytes) -> Kind:
    """Return the kind of file that begins with these bytes; ENOUGH of them, or all there are."""
    start = data[:ENOUGH]
    bare = start.lstrip(LEADING)
    for text in (start, bare):
        for signature, kind in _SIGNATURES:
            if text.startswith(signature):
                return kind
        if text.startswith(b"RIFF") and text[8:12] == b"WEBP":
            return WEBP
        if text[4:8] == b"ftyp":
            return _by_brands(text)
    if start.startswith(b"BM") and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return Kind("BMP", "bmp")
    return _text_kind(bare)


def _by_brands(start: bytes) -> Kind:
    """https://mp4ra.org: the major brand, then those that it can be read as."""
    length = int.from_bytes(start[:4], "big")
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, min(length, len(start), 256), 4))]
    if AVIF in (kinds := [_BRANDS.get(brand) for brand in brands]):
        return AVIF
    return kinds[0] or (HEIC if HEIC in kinds else _MP4)


def _text_kind(start: bytes) -> Kind:
    # The end may be in the middle of a letter.
    if not start or _BINARY.search(start):
        return UNKNOWN
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return UNKNOWN
    if markup := _MARKUP.match(start):
        tag = markup[1].lower()
        if tag == b"svg" or tag.endswith(b":svg"):
            return SVG
        return HTML if tag in _HTML or b"<!doctype html" in start[:512].lower() else XML
    if start[:14].lower() == b"<!doctype html":
        return HTML
    return JSON if start[:1] in b"{[" else TEXT
