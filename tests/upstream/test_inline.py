"""Base64 in all its spellings, and relative addresses."""

import base64
import random
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.upstream.inline import decode, resolve

# It contains + and /, and ends with padding.
DATA = b"\x89PNG\r\n\x1a\n" + random.Random(7).randbytes(3002)
PLAIN = base64.b64encode(DATA).decode()
SAFE = base64.urlsafe_b64encode(DATA).decode()
assert {"+", "/", "="} <= set(PLAIN)
LINES = "\n".join(textwrap.wrap(PLAIN, 76))

SPELLINGS = {
    "plain": PLAIN,
    "without padding": PLAIN.rstrip("="),
    "without padding, with a line end": PLAIN.rstrip("=") + "\n",
    "too much padding": PLAIN + "==",
    "lines": LINES,
    "lines with CRLF": LINES.replace("\n", "\r\n") + "\r\n",
    "lines with tabs": LINES.replace("\n", "\n\t "),
    "URL-safe": SAFE,
    "URL-safe without padding": SAFE.rstrip("="),
    "both alphabets": SAFE[:1500] + PLAIN[1500:],
    "data URL": f"data:image/png;base64,{PLAIN}",
    "data URL in capitals": f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
    "data URL with a charset": f"data:image/png;charset=utf-8;base64,{PLAIN}",
    "data URL with blanks": f"  data:image/png; base64, {PLAIN} ",
    "data URL without a type": f"data:;base64,{SAFE}",
    "data URL, encoded": f"data:image/png;base64,{quote(PLAIN, safe='')}",
    "data URL with its own percent signs": "data:image/png," + quote(DATA, safe=""),
    "encoded": quote(PLAIN, safe=""),
    "escaped slashes": PLAIN.replace("/", "\\/"),
    "escaped line ends": LINES.replace("\n", "\\n"),
    "in quotes": f'"{PLAIN}"',
    "as Python shows bytes": str(PLAIN.encode()),
    "byte order mark": "\ufeff" + PLAIN,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_all_spellings_mean_the_same_bytes(name: str) -> None:
    assert decode(SPELLINGS[name]) == DATA


@given(st.binary(min_size=1, max_size=200))
def test_bytes_survive_a_round_trip(data: bytes) -> None:
    for text in (base64.b64encode(data), base64.urlsafe_b64encode(data).rstrip(b"="), base64.encodebytes(data)):
        assert decode(text.decode()) == data


@pytest.mark.parametrize("text", ["", " ", "=", "data:image/png;base64,", "not base64 at all!", "AAAAA", "AA=A", "ÄÖ"])
def test_invalid_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not base64|nothing in it"):
        decode(text)


def test_svg_in_a_data_url_is_text() -> None:
    assert decode("data:image/svg+xml;utf8,%3Csvg/%3E") == b"<svg/>"


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("https://elsewhere.example/a.png", "https://elsewhere.example/a.png"),
        ("/files/a.png?x=1", "https://api.example:8443/files/a.png?x=1"),
        ("//cdn.example/a.png", "https://cdn.example/a.png"),
        ("files/a.png", "https://api.example:8443/files/a.png"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("//[::1", "//[::1"),
    ],
)
def test_address_is_relative_to_the_base_url(url: str, absolute: str) -> None:
    assert resolve("https://api.example:8443/v1", url) == absolute
