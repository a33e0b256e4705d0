"""Converts a picture for an export: another format, smaller, with or without the prompt and settings.

What is made anew carries nothing of the original's metadata: it is decoded from the parts that make the picture, and
encoded from pixels alone, upright and in sRGB. Only where that is wanted, the prompt and the settings are written in:
PNG as the text “parameters” (what tools for generated pictures read) and as XMP; JPEG and WebP as EXIF
(ImageDescription and UserComment) and as XMP. Plain Python.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from io import BytesIO
from typing import IO, Any
from xml.sax.saxutils import escape

from PIL import Image, PngImagePlugin

from gallery.images.concurrency import DECODING, ConcurrencyLimit
from gallery.images.decode import decode, in_srgb, plain, turn, turned
from gallery.images.parse import DAMAGED, NotAPicture, Parts, parse_image
from gallery.images.thumbnails import MAX_WEBP_SIDE
from lemonstudio.marking import gettext_noop

# The longest side, in pixels.
SIDES = (2048, 1024, 512)
SOFTWARE = "Lemon Studio"
# A JPEG has 64 KiB for EXIF, and as much for XMP; what names them is in there, too.
MAX_JPEG_BLOCK = 65_000
# IPTC's word for what a model has made.
_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


class Format(StrEnum):
    ORIGINAL = "original"
    WEBP = "webp"
    JPEG = "jpeg"
    PNG = "png"


ENDINGS = {Format.WEBP: "webp", Format.JPEG: "jpg", Format.PNG: "png"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a picture is wanted. The original is always given as it is: `side` and `settings` are about the others."""

    format: Format = Format.ORIGINAL
    side: int | None = None
    settings: bool = False

    @property
    def is_original(self) -> bool:
        return self.format is Format.ORIGINAL

    @property
    def content_type(self) -> str:
        return f"image/{self.format}"


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture was made by."""

    prompt: str
    model: str
    # Names and values.
    options: tuple[tuple[str, str], ...] = ()
    # Of a picture that a person brought there is nothing to say but its name.
    is_generated: bool = True

    @property
    def text(self) -> str:
        """The prompt, and a line with the settings, as tools for generated pictures write it.

        Without what XML has no place for.
        """
        settings = ", ".join(f"{name}: {value}" for name, value in (("Model", self.model), *self.options))
        said = f"{self.prompt}\n{settings}" if self.is_generated else self.prompt
        text = said.encode(errors="ignore").decode()
        return "".join(one for one in text if one in "\n\t" or (one >= " " and one not in "\x7f\ufffe\uffff"))


def convert(file: IO[bytes], shape: Shape, caption: Caption, seconds: float = 120.0) -> bytes:
    """The picture in `file`, which is read whole, in this shape; never larger than it is.

    Raises NotAPicture for what is damaged, or has more than 40 million pixels and is not made smaller; Busy, if the
    machine has no memory for it within so many seconds; and what `file.read` raises.
    """
    parts = parse_image(file)
    most = min(shape.side or MAX_WEBP_SIDE + 1, MAX_WEBP_SIDE if shape.format is Format.WEBP else MAX_WEBP_SIDE + 1)
    stored = turned(fitting(turned(parts.size, parts.orientation), most), parts.orientation)
    if parts.is_oversized and max(stored) > max(parts.size) // 2:
        raise NotAPicture(
            gettext_noop("it has %(width)s × %(height)s pixels; choose a size to make it smaller")
            % {"width": parts.size[0], "height": parts.size[1]}
        )
    with DECODING.turn(parts.pixels, seconds):
        return _converted(parts, stored, shape, caption)


def _converted(parts: Parts, stored: tuple[int, int], shape: Shape, caption: Caption) -> bytes:
    try:
        image = plain(decode(parts, stored))
        if image.size != stored:
            image = image.resize(stored, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = turn(in_srgb(image), parts.orientation)
        if shape.format is Format.JPEG and image.mode == "RGBA":
            image = _on_white(image)
        # Encoders write of this what they know: profiles, texts, EXIF.
        image.info = {}
        return _encoded(image, shape, caption)
    except (OSError, ValueError) as error:
        raise NotAPicture(DAMAGED) from error


def fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size with its longer side down to `side`; as it is, if it is smaller."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _encoded(image: Image.Image, shape: Shape, caption: Caption) -> bytes:
    buffer = BytesIO()
    metadata: dict[str, Any] = {}
    if shape.format is Format.PNG:
        if shape.settings:
            texts = PngImagePlugin.PngInfo()
            texts.add_itxt("parameters", caption.text)
            texts.add_itxt("Software", SOFTWARE)
            texts.add_itxt("XML:com.adobe.xmp", _xmp(caption.text, caption.is_generated).decode())
            metadata["pnginfo"] = texts
        image.save(buffer, "PNG", compress_level=4, **metadata)
        return buffer.getvalue()
    if shape.settings:
        most = MAX_JPEG_BLOCK if shape.format is Format.JPEG else None
        metadata = {
            "exif": _within(most, _exif, caption.text),
            "xmp": _within(most, partial(_xmp, is_generated=caption.is_generated), caption.text),
        }
    if shape.format is Format.WEBP:
        image.save(buffer, "WEBP", quality=90, method=4, **metadata)
    else:
        image.save(buffer, "JPEG", quality=92, subsampling=0, optimize=True, **metadata)
    return buffer.getvalue()


def _within(most: int | None, write: Callable[[str], bytes], text: str) -> bytes:
    """The text as it is written; where that takes more bytes, as much of its beginning as there is room for."""
    written = write(text)
    if most is None or len(written) <= most:
        return written

    def shortened(length: int) -> bytes:
        return write(f"{text[:length]}…")

    return shortened(bisect_right(range(len(text)), most, key=lambda length: len(shortened(length))) - 1)


def _exif(text: str) -> bytes:
    exif = Image.Exif()
    # Said to be ASCII; everybody writes and reads UTF-8.
    exif[0x010E] = text.encode()
    exif[0x0131] = SOFTWARE
    # Pillow writes numbers with the high byte first; texts have to be alike.
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    return exif.tobytes()


def _xmp(text: str, is_generated: bool = True) -> bytes:
    source = f' Iptc4xmpExt:DigitalSourceType="{_SOURCE}"' if is_generated else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmp:CreatorTool="{SOFTWARE}"{source}>'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></dc:description>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


# A picture of 40 million pixels takes 300 MB while it is converted, and a processor: one at a time in each process. A
# web process has eight threads; the others answer who wants something else.
CONVERSIONS = ConcurrencyLimit(at_once=1, waiting=2)
CONVERSION_SECONDS = 20.0


def convert_in_turn(file: IO[bytes], shape: Shape, caption: Caption) -> bytes:
    """For requests. Raises Busy."""
    with CONVERSIONS.turn(CONVERSION_SECONDS):
        return convert(file, shape, caption, CONVERSION_SECONDS)
