"""Exports and archives: formats and sizes, file names, and ZIP files."""

import io
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unicodedata
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from gallery.downloads.filenames import MOST_BYTES, Names, safe_name
from gallery.downloads.zipstream import CHUNK, Archive, Incomplete, Member
from gallery.images.concurrency import Busy, ConcurrencyLimit
from gallery.images.convert import MAX_JPEG_BLOCK, Caption, Format, Shape, convert
from gallery.images.parse import NotAPicture

CAPTION = Caption("A lemon — “凛” 🍋\nat dusk & <dawn>", "FLUX pro", (("Size", "1024x768"), ("Quality", "hd")))
SECRET = "place of origin"


def original(format: str, size: tuple[int, int] = (1400, 700), mode: str = "RGB", **more: Any) -> io.BytesIO:
    """A picture with the metadata that an upstream or a camera may write."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 15.0)
    extra: dict[str, Any] = {"exif": exif, "xmp": f"<x>{SECRET}</x>".encode()}
    if format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("parameters", SECRET)
        texts.add_itxt("XML:com.adobe.xmp", SECRET)
        extra = {"pnginfo": texts, "exif": exif}
    elif format == "JPEG":
        extra["comment"] = SECRET
    extra["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    image.save(file, format, **extra, **more)
    file.seek(0)
    return file


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


NAMES = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "dc": "http://purl.org/dc/elements/1.1/"}


def described(image: Image.Image) -> ElementTree.Element:
    """The description in the picture's XMP."""
    found = ElementTree.fromstring(image.info["xmp"]).find(".//rdf:Description", NAMES)
    assert found is not None
    return found


CONVERTED = [Format.WEBP, Format.JPEG, Format.PNG]


@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("format", CONVERTED)
@pytest.mark.parametrize("side", [None, 512, 2048])
def test_export_has_format_and_size_and_no_metadata(source: str, format: Format, side: int | None) -> None:
    data = convert(original(source), Shape(format, side), CAPTION)
    image = opened(data)
    assert image.format == format.name
    assert image.size == ((512, 256) if side == 512 else (1400, 700)), "never enlarged"
    assert not {"exif", "xmp", "icc_profile", "comment", "parameters", "XML:com.adobe.xmp"} & set(image.info)
    assert dict(image.getexif()) == {}
    for words in (SECRET.encode(), b"lemon", b"FLUX"):
        assert words not in data


@pytest.mark.parametrize("format", CONVERTED)
def test_export_can_contain_prompt_and_settings(format: Format) -> None:
    data = convert(original("PNG"), Shape(format, 512, settings=True), CAPTION)
    image = opened(data)
    text = "A lemon — “凛” 🍋\nat dusk & <dawn>\nModel: FLUX pro, Size: 1024x768, Quality: hd"
    assert CAPTION.text == text
    if format is Format.PNG:
        assert image.text["parameters"] == text  # type: ignore[attr-defined]
    else:
        exif = image.getexif()
        # Pillow always reads this field as Latin-1.
        assert exif[0x010E].encode("latin-1").decode() == text
        comment = exif.get_ifd(0x8769)[0x9286]
        assert comment[:8] == b"UNICODE\0"
        assert comment[8:].decode("utf-16-be") == text
    description = described(image)
    assert description.findtext(".//dc:description/rdf:Alt/rdf:li", namespaces=NAMES) == text
    source = description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType", "")
    assert source.endswith("/trainedAlgorithmicMedia")
    assert SECRET.encode() not in data, "the original's own metadata is still removed"


def test_longest_prompt_fits_into_each_format() -> None:
    caption = Caption("🍋" * 4000, "FLUX pro")
    for format in CONVERTED:
        assert opened(convert(original("PNG", (64, 64)), Shape(format, None, settings=True), caption)).size == (64, 64)


@pytest.mark.parametrize("prompt", ["🍋" * 20_000, "A lemon. " * 10_000, "<&" * 40_000])
@pytest.mark.parametrize("format", CONVERTED)
def test_too_long_prompt_is_shortened_in_a_jpeg(prompt: str, format: Format) -> None:
    caption = Caption(prompt, "FLUX pro")
    image = opened(convert(original("PNG", (64, 64)), Shape(format, None, settings=True), caption))
    texts = [described(image).findtext(".//dc:description/rdf:Alt/rdf:li", namespaces=NAMES) or ""]
    if format is Format.PNG:
        texts.append(image.text["parameters"])  # type: ignore[attr-defined]
    else:
        exif = image.getexif()
        texts.append(exif[0x010E].encode("latin-1").decode())
        texts.append(exif.get_ifd(0x8769)[0x9286][8:].decode("utf-16-be"))
    if format is Format.JPEG:
        assert max(len(image.info["exif"]), len(image.info["xmp"])) <= MAX_JPEG_BLOCK
        for text in texts:
            assert text.endswith("…")
            assert len(text) > 8000
            assert prompt.startswith(text[:-1])
    else:
        assert texts == [caption.text] * len(texts)


@given(st.text(max_size=60))
@example("\x00\x1f\ufffe\uffff")
def test_any_prompt_can_be_written_and_read(prompt: str) -> None:
    caption = Caption(prompt, "m")
    image = opened(convert(original("PNG", (8, 8)), Shape(Format.PNG, None, settings=True), caption))
    assert image.text["parameters"] == caption.text  # type: ignore[attr-defined]
    assert described(image).get("{http://ns.adobe.com/xap/1.0/}CreatorTool") == "Lemon Studio"


def test_export_is_upright_and_keeps_transparency() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (80, 40), "red").save(file, "JPEG", exif=exif)
    file.seek(0)
    assert opened(convert(file, Shape(Format.WEBP), CAPTION)).size == (40, 80)
    clear = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(clear, "PNG")
    for format, pixel in ((Format.JPEG, (255, 255, 255)), (Format.PNG, (255, 0, 0, 0))):
        clear.seek(0)
        assert opened(convert(clear, Shape(format), CAPTION)).getpixel((4, 4)) == pixel


def test_too_large_picture_is_refused_before_it_is_decoded() -> None:
    file = io.BytesIO()
    Image.new("1", (8000, 5001)).save(file, "PNG")
    file.seek(0)
    with pytest.raises(NotAPicture, match="40 million are the most"):
        convert(file, Shape(Format.WEBP, 512), CAPTION)


def test_damaged_picture_is_refused() -> None:
    file = original("PNG")
    with pytest.raises(NotAPicture):
        convert(io.BytesIO(file.getvalue()[:-400]), Shape(Format.WEBP), CAPTION)


def test_concurrency_limit_bounds_work_and_waiting() -> None:
    limit = ConcurrencyLimit(at_once=1, waiting=1)
    limit.enter()
    waited: list[bool] = []

    def wait() -> None:
        with limit.turn(30):
            waited.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    give_up_at = time.monotonic() + 30
    while not limit.is_full:
        assert time.monotonic() < give_up_at
        time.sleep(0.001)
    with pytest.raises(Busy):
        limit.enter(30)
    limit.leave()
    waiting.join(30)
    assert waited == [True]
    with limit.turn():
        pass


# -- names

WINDOWS = set('\\/:*?"<>|')
HARD = st.one_of(
    st.text(),
    st.text(alphabet=' .\\/:*?"<>|\x00\u202e\u0301éẞß🍋'),
    st.sampled_from(["CON", "con.txt", "Aux .png", "nul", "COM¹.a", "lpt9", "...", "", "🍋" * 90, "CONOUT$"]),
)
ENDINGS = st.sampled_from(["", ".png", ".webp", ".zip"])


def check(name: str) -> None:
    assert name
    assert not WINDOWS & set(name)
    assert all(unicodedata.category(letter) not in ("Cc", "Cf", "Cs") for letter in name)
    assert name == name.strip()
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert unicodedata.is_normalized("NFC", name)
    assert len(name.encode()) <= MOST_BYTES
    assert name.split(".")[0].rstrip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "COM¹", "LPT9", "CONOUT$"}


@given(HARD, ENDINGS)
def test_names_are_safe_on_every_system(text: str, ending: str) -> None:
    name = safe_name(text, ending)
    check(name)
    assert name.endswith(ending)
    assert safe_name(name.removesuffix(ending), ending) == name


@given(st.lists(st.one_of(HARD, st.sampled_from(["Straße", "STRASSE", "strasse", "ﬁ", "FI"])), max_size=12), ENDINGS)
def test_names_differ_beyond_their_case(texts: list[str], ending: str) -> None:
    names = Names()
    taken = [names.take(text, ending) for text in texts]
    for name in taken:
        check(name)
    assert len({name.casefold() for name in taken}) == len(texts)


def test_names_are_made_from_prompts() -> None:
    assert safe_name("A lemon: on/off?", ".png") == "A lemon on off.png"
    assert safe_name("nul.txt", ".png") == "_nul.txt.png"
    names = Names()
    assert [names.take("Lemon", ".png"), names.take("LEMON", ".png")] == ["Lemon.png", "LEMON (2).png"]


# -- archives

NOON = datetime(2026, 11, 21, 12, 0, 2, tzinfo=UTC)


def archive_of(*files: tuple[str, bytes]) -> tuple[Archive, list[bytes]]:
    members = [Member(name, len(data), zlib.crc32(data), NOON) for name, data in files]
    return Archive(members), [data for _, data in files]


def whole(archive: Archive, contents: list[bytes], begin: int = 0, end: int | None = None) -> bytes:
    return b"".join(archive.stream(lambda number: io.BytesIO(contents[number]), begin, end))


def test_other_programs_read_the_archive(tmp_path: Path) -> None:
    files = [("manifest.json", b"{}"), ("001 Zitröne 🍋.png", os.urandom(700_000)), ("002 empty.png", b"")]
    archive, contents = archive_of(*files)
    data = whole(archive, contents)
    assert len(data) == archive.size
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert [(one.filename, one.date_time) for one in opened.infolist()] == [
            (name, (2026, 11, 21, 12, 0, 2)) for name, _ in files
        ]
        assert [opened.read(name) for name, _ in files] == contents
    if unzip := shutil.which("unzip"):
        path = tmp_path / "archive.zip"
        path.write_bytes(data)
        assert subprocess.run([unzip, "-tq", path], capture_output=True, check=False).returncode == 0


@given(st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_part_of_an_archive_equals_that_part_of_the_whole(contents: list[bytes], data: st.DataObject) -> None:
    archive, _ = archive_of(*((f"{number}.png", content) for number, content in enumerate(contents)))
    everything = whole(archive, contents)
    begin = data.draw(st.integers(0, archive.size))
    end = data.draw(st.integers(begin, archive.size))
    assert whole(archive, contents, begin, end) == everything[begin:end]


def test_changed_file_ends_the_archive() -> None:
    archive, contents = archive_of(("a.png", b"12345"), ("b.png", b"12345"))
    for other in (b"1234", b"123456"):
        with pytest.raises(Incomplete):
            whole(archive, [contents[0], other])


LARGE = 3 * 2**29
NOTHING = bytes(CHUNK)


class Zeros(io.RawIOBase):
    """A file of LARGE zeros."""

    left = LARGE

    def read(self, size: int = -1) -> bytes:
        given = min(size, self.left)
        self.left -= given
        return NOTHING if given == CHUNK else bytes(given)


def test_archive_can_exceed_four_gigabytes() -> None:
    """Writes a sparse file: zeros are skipped."""
    crc = 0
    for _ in range(LARGE // CHUNK):
        crc = zlib.crc32(NOTHING, crc)
    members = [Member(f"{number}.png", LARGE, crc, NOON) for number in range(3)]
    archive = Archive([*members, Member("last.txt", 5, zlib.crc32(b"lemon"), NOON)])

    def open_member(number: int) -> IO[bytes]:
        return Zeros() if number < 3 else io.BytesIO(b"lemon")  # type: ignore[return-value]

    with tempfile.TemporaryFile() as file:
        for piece in archive.stream(open_member):
            if piece is NOTHING:
                file.seek(CHUNK, os.SEEK_CUR)
            else:
                file.write(piece)
        assert file.tell() == archive.size > 2**32
        with zipfile.ZipFile(file) as opened:
            assert opened.namelist() == ["0.png", "1.png", "2.png", "last.txt"]
            assert opened.read("last.txt") == b"lemon"
            with opened.open("2.png") as last:
                assert last.read(4) == bytes(4)


def test_archive_can_hold_more_than_65535_files() -> None:
    archive, contents = archive_of(*((f"{number}.txt", b"x") for number in range(70_000)))
    with zipfile.ZipFile(io.BytesIO(whole(archive, contents))) as opened:
        assert len(opened.infolist()) == 70_000
        assert opened.read("69999.txt") == b"x"
