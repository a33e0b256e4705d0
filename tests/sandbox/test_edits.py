"""Edits and variations: what comes of an upload, and which uploads are refused."""

import functools
import io
import socket
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat

from lemonstudio.sandbox import painter, uploads
from lemonstudio.sandbox.errors import ApiError
from lemonstudio.sandbox.models import MODELS
from tests.sandbox.edit_cases import FILE, HOLE, PHOTO, SMALL, mask, photo, saved, status_of
from tests.support.properties import IS_NIGHTLY

from .test_faults import ANSWERS


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures' pixels, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


def outside(picture: Image.Image) -> Image.Image:
    """What the round hole leaves of it."""
    left = picture.convert("RGB")
    ImageDraw.Draw(left).ellipse(HOLE, 0)
    return left


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("dall-e-2", {"size": "256x256"}),
        ("gpt-image-2", {}),
        ("gpt-image-2", {"response_format": "b64_json"}),
    ],
)
def test_only_what_the_mask_leaves_open_is_painted(sandbox, model, more):
    answer = sandbox.edit(FILE, mask(), model=model, prompt="a lighthouse", **more)
    (edited,) = sandbox.pictures(answer)
    assert (edited.format, edited.size) == ("PNG", PHOTO.size)
    assert answer.json()["data"][0]["revised_prompt"] == "a lighthouse"
    assert apart(outside(edited), outside(PHOTO)) == 0
    inside = edited.crop(HOLE)
    assert apart(inside, PHOTO.crop(HOLE)) > 20
    assert max(ImageStat.Stat(inside).stddev) > 8


def test_a_half_open_mask_paints_half(sandbox):
    whole, half = (
        sandbox.pictures(sandbox.edit(FILE, saved(sheet), model="gpt-image-2", prompt="x [seed: 3]"))[0]
        for sheet in (Image.new("RGBA", (256, 256), (0, 0, 0, 0)), Image.new("RGBA", (256, 256), (0, 0, 0, 128)))
    )
    assert 0 < apart(half, PHOTO) < apart(whole, PHOTO)
    assert apart(half, whole) > 0


def test_without_a_mask_the_whole_picture_is_gently_repainted(sandbox):
    (edited,) = sandbox.pictures(sandbox.edit(FILE, **SMALL))
    assert 5 < apart(edited, PHOTO) < 70
    changed = ImageChops.difference(edited.convert("RGB"), PHOTO).convert("L").point(lambda value: 255 * (value > 2))
    assert ImageStat.Stat(changed).mean[0] > 0.8 * 255, "nearly every pixel is new"
    dark, light = (
        ImageStat.Stat(edited.convert("L").crop(box)).mean[0] for box in ((0, 0, 90, 256), (166, 0, 256, 256))
    )
    assert light > dark + 40, "and yet it is the same picture"


def test_several_edits_differ_and_a_seed_repeats_them(sandbox):
    def edits(prompt: str) -> list[bytes]:
        answer = sandbox.edit(FILE, mask(), **{**SMALL, "prompt": prompt}, n=3, response_format="b64_json")
        return [item["b64_json"] for item in answer.json()["data"]]

    first = edits("a bear [seed: 4]")
    assert len(set(first)) == 3
    assert edits("a bear [seed: 4]") == first
    assert edits("a bear [seed: 5]") != first


def test_an_edit_may_be_a_task(sandbox):
    file = saved(photo(1024, 1024), "JPEG")
    answer = sandbox.edit(file, mask(1024, 1024), model="gpt-image-2", prompt="a sun", **{"async": "true"})
    body = answer.json()
    assert (body["status"], body["data"]) == ("pending", [])
    assert body["id"] == body["task_id"]
    (edited,) = sandbox.pictures(answer)
    source = Image.open(io.BytesIO(file))
    assert edited.size == source.size
    assert apart(outside(edited), outside(source)) == 0
    assert apart(edited.crop(HOLE), source.crop(HOLE)) > 20


def test_a_task_of_an_upload_has_an_id_of_bounded_length(sandbox):
    prompt = "".join(chr(0x4E00 + i * 37 % 20000) for i in range(4000))
    body = sandbox.edit(FILE, mask(), model="gpt-image-2", prompt=prompt, **{"async": "true"}).json()
    assert len(body["task_id"]) < 850


@pytest.mark.parametrize(
    ("upload", "fields", "size"),
    [
        ((300, 200), {"model": "gpt-image-2"}, (300, 200)),
        ((300, 200), {"model": "gpt-image-2", "size": "1280x768"}, (1280, 768)),
        ((2200, 1100), {"model": "gpt-image-2"}, (1456, 720)),
        ((5000, 20), {"model": "gpt-image-2"}, (3552, 288)),
        ((300, 200), {"model": "nano-banana-pro"}, (1248, 832)),
        ((300, 200), {"model": "nano-banana-pro", "aspect_ratio": "9:16"}, (768, 1360)),
        ((200, 200), {"model": "dall-e-2"}, (1024, 1024)),
    ],
)
def test_the_size_is_that_asked_for_or_the_upload_s(sandbox, upload, fields, size):
    (edited,) = sandbox.pictures(sandbox.edit(saved(photo(*upload)), prompt="x", **fields))
    assert edited.size == size


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_any_kind_of_file_goes_in_and_comes_out(sandbox, form):
    answer = sandbox.edit(saved(PHOTO, form), model="gpt-image-2", prompt="x", output_format=form)
    url = answer.json()["data"][0]["url"]
    file = requests.get(url, timeout=10)
    assert url.endswith({"png": ".png", "jpeg": ".jpg", "webp": ".webp"}[form])
    assert file.headers["Content-Type"] == f"image/{form}"
    assert Image.open(io.BytesIO(file.content)).format == form.upper()


def test_a_clear_background_stays_clear_but_where_there_is_paint(sandbox):
    upload = PHOTO.convert("RGBA")
    upload.paste((0, 0, 0, 0), (0, 0, 256, 40))
    answer = sandbox.edit(saved(upload), mask(), model="gpt-image-1.5", prompt="x", background="transparent")
    (edited,) = sandbox.pictures(answer)
    alpha = edited.getchannel("A")
    assert [alpha.getpixel(place) for place in ((5, 5), (150, 20), (150, 100), (5, 200))] == [0, 0, 255, 255]
    (flat,) = sandbox.pictures(sandbox.edit(saved(upload), mask(), model="gpt-image-2", prompt="x"))
    assert (flat.mode, flat.getpixel((5, 5))) == ("RGB", (255, 255, 255))


def test_uploads_are_seen_as_people_see_them(sandbox):
    turned = Image.Exif()
    turned[0x0112] = 6  # a camera held upright: to be turned by a quarter
    (edited,) = sandbox.pictures(
        sandbox.edit(saved(photo(300, 200), "JPEG", exif=turned), mask(200, 300), model="gpt-image-2", prompt="x")
    )
    assert edited.size == (200, 300)
    top, bottom = (ImageStat.Stat(edited.convert("L").crop(box)).mean[0] for box in ((0, 0, 90, 40), (0, 260, 90, 300)))
    assert bottom > top + 40, "what was dark on the left is now at the top"
    grey = Image.new("I;16", (64, 64), 0x4000)
    (edited,) = sandbox.pictures(sandbox.edit(saved(grey), mask(64, 64, (0, 0, 9, 9)), model="gpt-image-2", prompt="x"))
    assert edited.getpixel((40, 40)) == (64, 64, 64)
    palette = PHOTO.convert("P")
    (edited,) = sandbox.pictures(sandbox.edit(saved(palette), mask(), model="gpt-image-2", prompt="x"))
    assert apart(outside(edited), outside(palette)) == 0


def test_a_variation_is_the_picture_in_other_colours_and_another_arrangement(sandbox):
    answer = sandbox.send("variations", {"image": FILE}, n=4, size="256x256", user="u-1")
    assert [item.keys() for item in answer.json()["data"]] == [{"url"}] * 4
    varied = sandbox.pictures(answer)
    assert [picture.size for picture in varied] == [(256, 256)] * 4
    assert all(apart(one, other) > 8 for i, one in enumerate(varied) for other in varied[:i])
    assert all(apart(picture, PHOTO) > 30 for picture in varied)
    bright = varied[0].convert("HSV").getchannel("V")
    left, right = (ImageStat.Stat(bright.crop(box)).mean[0] for box in ((0, 0, 40, 200), (216, 0, 256, 200)))
    assert left > right + 5, "ingested: the light half is on the left"


def test_b64_json_of_a_variation(sandbox):
    answer = sandbox.send("variations", {"image": FILE}, size="256x256", response_format="b64_json", model="dall-e-2")
    assert answer.json()["data"][0].keys() == {"b64_json"}
    assert sandbox.pictures(answer)[0].size == (256, 256)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def headed(width: int, height: int, packed: bytes) -> bytes:
    """A grey PNG that says that it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@functools.cache
def giant(width: int, height: int) -> bytes:
    """A PNG that is small as a file; unpacked, its grey pixels are `width` × `height` bytes."""
    packed = zlib.compressobj(1)
    return headed(width, height, b"".join(packed.compress(bytes(width + 1)) for _ in range(height)) + packed.flush())


def padded(file: bytes, size: int) -> bytes:
    """The same picture in a file of so many bytes."""
    return file[:-12] + chunk(b"puFF", bytes(size - len(file) - 12)) + file[-12:]


# The beginning of one; all of it would take seconds to make.
ENDLESS = headed(2**31 - 1, 1, zlib.compress(bytes(1_000_000), 1))[:200]
OTHERS = {"model": "gpt-image-2", "prompt": "x"}
IMAGE, MASK = ("invalid_request_error", "image"), ("invalid_request_error", "mask")
SECOND_HALF_LOST = FILE[: len(FILE) // 2]
# A file that takes a while to make is made by the test.
REFUSED: dict[str, tuple[dict[str, bytes | Callable[[], bytes]], dict[str, Any], int, tuple[str, str | None]]] = {
    "no image": ({}, SMALL, 400, IMAGE),
    "empty image": ({"image": b""}, SMALL, 400, IMAGE),
    "no picture": ({"image": b"hello"}, SMALL, 400, IMAGE),
    "GIF": ({"image": saved(PHOTO, "GIF")}, OTHERS, 400, IMAGE),
    "JPEG for dall-e-2": ({"image": saved(PHOTO, "JPEG")}, SMALL, 400, IMAGE),
    "WebP for dall-e-2": ({"image": saved(PHOTO, "WEBP")}, SMALL, 400, IMAGE),
    "oblong for dall-e-2": ({"image": saved(photo(256, 255))}, SMALL, 400, IMAGE),
    "4 MB for dall-e-2": ({"image": padded(FILE, 4 * 2**20)}, SMALL, 400, IMAGE),
    "over 20 MB": ({"image": padded(FILE, 20 * 2**20 + 1)}, OTHERS, 413, ("payload_too_large", "image")),
    "mask over 20 MB": (
        {"image": FILE, "mask": padded(mask(), 20 * 2**20 + 1)}, OTHERS, 413, ("payload_too_large", "mask"),
    ),
    "form over 96 MB": ({"image": bytes(97 * 2**20)}, OTHERS, 413, ("payload_too_large", None)),
    "cut off": ({"image": SECOND_HALF_LOST}, OTHERS, 400, IMAGE),
    "too many pixels": ({"image": lambda: giant(8000, 8000)}, OTHERS, 400, IMAGE),
    "far too many pixels": ({"image": lambda: giant(20000, 20000)}, OTHERS, 400, IMAGE),
    "more than any decoder takes": ({"image": ENDLESS}, OTHERS, 400, IMAGE),
    "mask without alpha": ({"image": FILE, "mask": FILE}, OTHERS, 400, MASK),
    "mask of another size": ({"image": FILE, "mask": mask(255, 256)}, OTHERS, 400, MASK),
    "mask no PNG": (
        {"image": FILE, "mask": saved(Image.new("RGBA", (256, 256)), "WEBP")}, OTHERS, 400, MASK,
    ),
    "empty mask": ({"image": FILE, "mask": b""}, OTHERS, 400, MASK),
    "mask of 4 MB for dall-e-2": ({"image": FILE, "mask": padded(mask(), 4 * 2**20)}, SMALL, 400, MASK),
    "no prompt": ({"image": FILE}, {}, 400, ("invalid_request_error", "prompt")),
    "empty prompt": ({"image": FILE}, {"prompt": ""}, 400, ("invalid_request_error", "prompt")),
    "long prompt": ({"image": FILE}, {"prompt": "x" * 4001}, 400, ("invalid_request_error", "prompt")),
    "endless prompt": ({"image": FILE}, {"prompt": "x" * 200_000}, 400, ("invalid_request_error", "prompt")),
    "endless user": ({"image": FILE}, {**SMALL, "user": "x" * 200_000}, 400, ("invalid_request_error", "user")),
    "prompt in Latin-1": ({"image": FILE}, {"prompt": b"caf\xe9"}, 400, ("invalid_request_error", "prompt")),
    "n": ({"image": FILE}, {**SMALL, "n": "5"}, 400, ("invalid_request_error", "n")),
    "n in words": ({"image": FILE}, {**SMALL, "n": "two"}, 400, ("invalid_request_error", "n")),
    "size": ({"image": FILE}, {**SMALL, "size": "300x300"}, 400, ("invalid_request_error", "size")),
    "quality": ({"image": FILE}, {**SMALL, "quality": "hd"}, 400, ("invalid_request_error", "quality")),
    "unknown": ({"image": FILE}, {**SMALL, "strength": "1"}, 400, ("invalid_request_error", "strength")),
    "two images for one": ({"image": FILE, "image[]": FILE}, SMALL, 400, ("too_many_images", "image")),
    "a background": ({"image": FILE}, {**OTHERS, "background": "opaque"}, 400, ("invalid_request_error", "background")),
    "jpeg and clear": (
        {"image": FILE},
        {"prompt": "x", "model": "gpt-image-1", "background": "transparent", "output_format": "jpeg"},
        400, ("invalid_request_error", "background"),
    ),
    "an editor of another address": (
        {"image": FILE}, {"prompt": "x", "model": "nano-banana-pro"}, 400, ("invalid_request_error", "model"),
    ),
    "no editor": ({"image": FILE}, {**SMALL, "model": "dall-e-3"}, 400, ("invalid_request_error", "model")),
    "no model": ({"image": FILE}, {**SMALL, "model": "dalle-2"}, 400, ("model_not_found", "model")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_edited_is_refused_and_named(sandbox, case):
    given, fields, status, said = REFUSED[case]
    files = {name: file() if callable(file) else file for name, file in given.items()}
    answer = sandbox.send("edits", files or {"nothing": b""}, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, *said)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": "x"}, "prompt"),
        ({"model": "gpt-image-2"}, "model"),
        ({"model": "nano-banana-pro"}, "model"),
        ({"quality": "hd"}, "quality"),
        ({"n": "5"}, "n"),
    ],
)
def test_what_cannot_be_varied_is_refused_and_named(sandbox, fields, param):
    error = sandbox.send("variations", {"image": FILE}, **fields).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request_error", param)
    assert sandbox.send("variations", {"image": FILE, "mask": mask()}).json()["error"]["param"] == "mask"
    assert sandbox.send("variations", {"image": saved(PHOTO, "JPEG")}).json()["error"]["param"] == "image"


def test_the_limits_themselves_are_within(sandbox):
    assert sandbox.edit(padded(FILE, 4 * 2**20 - 1), **SMALL).status_code == 200
    assert sandbox.edit(padded(FILE, 20 * 2**20), padded(mask(), 20 * 2**20), **OTHERS).status_code == 200
    assert sandbox.edit(giant(5000, 5000), model="nano-banana-pro", prompt="x").status_code == 200


def test_a_giant_is_refused_before_it_is_unpacked(monkeypatch):
    unpacked = []
    monkeypatch.setattr(Image.Image, "load", lambda picture: unpacked.append(picture.size))
    for size in ((8000, 8000), (14000, 14000)):  # below and above what Pillow warns of by itself
        with pytest.raises(ApiError, match="million pixels"):
            uploads.check_image(giant(*size), MODELS["gpt-image-2"])
    assert unpacked == []
    uploads.check_image(FILE, MODELS["gpt-image-2"])
    assert unpacked, "the test would see it"


@settings(max_examples=300 if IS_NIGHTLY else 60)
@given(
    st.sampled_from([FILE, saved(PHOTO, "JPEG"), saved(PHOTO, "WEBP"), mask()]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), max_size=6),
    st.floats(0, 1),
)
def test_no_damaged_upload_is_more_than_refused(file, wounds, kept):
    broken = bytearray(file)
    for place, patch in wounds:
        at = int(place * len(broken))
        broken[at : at + len(patch)] = patch
    damaged = bytes(broken[: int(len(broken) * (0.5 + kept))])

    def check() -> None:
        size = uploads.check_image(damaged, MODELS["gpt-image-2"])
        uploads.check_mask(damaged, MODELS["gpt-image-2"], size)

    if status_of(check) == 200:
        assert painter.edit(uploads.picture(damaged), uploads.holes(damaged), "gpt-image-2", "x", 1, 0, (256, 256))


@pytest.mark.parametrize("path", ["edits", "variations", "edit"])
def test_a_stranger_who_sends_much_may_finish_and_is_told_why(sandbox, path):
    """On a bare socket: some libraries forgive a connection that breaks under their hands, others do not."""
    host, _, port = sandbox.root.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        size = 30 * 2**20
        connection.sendall(
            f"POST /v1/images/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode()
        )
        for _ in range(size // 2**16):
            connection.sendall(bytes(2**16))
        answer = b""
        while part := connection.recv(2**16):
            answer += part
    assert answer.startswith(b"HTTP/1.1 404" if path == "edit" else b"HTTP/1.1 401")
    assert sandbox.get("/v1/images/edits").headers["Allow"] == "POST"


@pytest.mark.parametrize("word", ANSWERS)
@pytest.mark.parametrize("model", ["dall-e-2", "nano-banana-pro"])
def test_edits_fail_as_asked(sandbox, word, model):
    answer = sandbox.edit(FILE, None, model=model, prompt=f"a pier [fail: {word} always]")
    assert (answer.status_code, answer.json()["error"]["code"]) == ANSWERS[word]


def test_edits_break_as_asked(sandbox):
    def ask(word: str, model: str = "gpt-image-2", **more) -> requests.Response:
        return sandbox.edit(FILE, None, model=model, prompt=f"[fail: {word}]", **more)

    def url(word: str) -> str:
        return ask(word).json()["data"][0]["url"]

    with pytest.raises(requests.ConnectionError):
        ask("connection_broken")
    with pytest.raises(requests.JSONDecodeError):
        ask("not_json").json()
    assert len(ask("partial", n=3).json()["data"]) == 2
    assert url("empty_url") == ""
    assert requests.get(url("picture_missing"), timeout=10).status_code == 404
    assert requests.get(url("picture_html"), timeout=10).headers["Content-Type"] == "text/html"
    with pytest.raises(OSError, match=r"truncated|unrecognized|incomplete"):
        Image.open(io.BytesIO(requests.get(url("picture_truncated"), timeout=10).content)).load()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url("picture_cut_off"), timeout=10)
    assert sandbox.follow(ask("task_fails", "nano-banana-pro").json())[-1]["status"] == "failed"
    assert sandbox.follow(ask("task_cancelled", "nano-banana-pro").json())[-1]["cancelled"] is True
    assert sandbox.get(ask("task_gone", "nano-banana-pro").json()["poll_url"]).status_code == 404
    assert ask("task_fails").json()["error"]["param"] == "prompt"
    start = time.monotonic()
    assert ask("slow").status_code == 200
    assert time.monotonic() - start >= 30 / 20
