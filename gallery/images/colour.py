"""ICC profiles for pictures that tell their colours by numbers: PNG's gAMA, cHRM and cICP, and AVIF's `nclx`.

What reads profiles then reads those pictures as browsers show them. Plain Python.
"""

import struct
from collections.abc import Mapping
from functools import cache

Point = tuple[float, float]
Matrix = tuple[tuple[float, float, float], ...]

_D65: Point = (0.3127, 0.3290)
_D50 = (0.9642, 1.0, 0.8249)
_SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
# ITU-T H.273: the numbers of primaries, and those of curves, with the exponent where the curve is one.
_PRIMARIES: dict[int, tuple[Point, ...]] = {
    1: _SRGB,
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_SRGB_CURVE = 0.0
_CURVES = {4: 2.2, 5: 2.8, 8: 1.0, 13: _SRGB_CURVE}
# How a light adapts to another: https://www.color.org/specification/ICC.1-2022-05.pdf, annex E.
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
# So near to sRGB that converting would change nothing that anyone sees.
_NEARLY = 0.005


def of_png(chunks: Mapping[bytes, bytes]) -> bytes | None:
    """The profile that a PNG's chunks stand for; None for sRGB, where one is embedded, and for what makes no sense.

    In the order of the standard: cICP, then iCCP, sRGB, and gAMA with cHRM.
    """
    coded = chunks.get(b"cICP", b"")
    if len(coded) == 4 and coded[2:] == b"\0\1" and coded[0] in _PRIMARIES and coded[1] in _CURVES:
        return profile_of(coded[0], coded[1])
    if b"iCCP" in chunks or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return None
    (gamma,) = struct.unpack(">I", chunks[b"gAMA"])
    if not 10_000 <= gamma <= 1_000_000:
        return None
    points = [(0.0, 0.0)]
    if len(chunks.get(b"cHRM", b"")) == 32:
        numbers = [number / 100_000 for number in struct.unpack(">8I", chunks[b"cHRM"])]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
    white, *primaries = points if _make_sense(points) else (_D65, *_SRGB)
    is_nearly_srgb = all(
        abs(one - other) < _NEARLY
        for point, known in zip((white, *primaries), (_D65, *_SRGB), strict=True)
        for one, other in zip(point, known, strict=True)
    )
    if is_nearly_srgb and abs(gamma - 45_455) < 500:
        return None
    return _profile(white, tuple(primaries), 100_000 / gamma)


def profile_of(primaries: int, curve: int) -> bytes | None:
    """The profile of these numbers of ITU-T H.273; None for sRGB, and for those that no profile is made for."""
    if primaries not in _PRIMARIES or curve not in _CURVES or (primaries, curve) == (1, 13):
        return None
    return _profile(_D65, _PRIMARIES[primaries], _CURVES[curve])


def _make_sense(points: list[Point]) -> bool:
    """Whether the primaries make a triangle, and all four are points of the chart."""
    if len(points) != 4 or not all(0 <= x <= 1 and 0.001 <= y <= 1 for x, y in points):
        return False
    (ax, ay), (bx, by), (cx, cy) = points[1:]
    return abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) > 0.001


@cache
def _srgb_table() -> bytes:
    values = [index / 1023 for index in range(1024)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return struct.pack(">4s4xI1024H", b"curv", 1024, *(round(v * 65535) for v in linear))


def _profile(white: Point, primaries: tuple[Point, ...], gamma: float) -> bytes:
    """A display profile, version 2. A gamma of _SRGB_CURVE is the curve of sRGB."""
    light = _xyz(white)
    columns = _transposed(tuple(_xyz(point) for point in primaries))
    weights = _times(_inverse(columns), light)
    to_d50 = _adapting(light, _D50)
    colorants = [
        _times(to_d50, tuple(weight * v for v in _xyz(p))) for weight, p in zip(weights, primaries, strict=True)
    ]
    curve = struct.pack(">4s4xIH2x", b"curv", 1, round(gamma * 256)) if gamma else _srgb_table()
    tags = [
        (b"desc", struct.pack(">4s4xI4s78x", b"desc", 4, b"RGB\0")),
        (b"cprt", b"text\0\0\0\0none\0\0\0\0"),
        (b"wtpt", _xyz_tag(_D50)),
        *zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz_tag, colorants), strict=True),
    ]
    offset = 128 + 4 + 12 * (len(tags) + 3)
    table, body = b"", b""
    for name, data in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        table += struct.pack(">4sII", name, offset + len(body), len(curve))
    body += curve
    head = struct.pack(
        ">I4sI4s4s4s12x4s28x3i48x",
        offset + len(body),
        b"none",
        0x02100000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        b"acsp",
        *map(_fixed, _D50),
    )
    return head + struct.pack(">I", len(tags) + 3) + table + body


def _fixed(value: float) -> int:
    return round(value * 65536)


def _xyz_tag(xyz: tuple[float, ...]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *map(_fixed, xyz))


def _xyz(point: Point) -> tuple[float, float, float]:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _adapting(source: tuple[float, ...], target: tuple[float, ...]) -> Matrix:
    before, after = _times(_BRADFORD, source), _times(_BRADFORD, target)
    scaled = tuple(
        tuple(value * to / from_ for value in row) for row, to, from_ in zip(_BRADFORD, after, before, strict=True)
    )
    inverse = _inverse(_BRADFORD)
    return _transposed(tuple(_times(inverse, column) for column in _transposed(scaled)))  # type: ignore[arg-type]


def _times(matrix: Matrix, vector: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _transposed(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = ((e * i - f * h, c * h - b * i, b * f - c * e), (f * g - d * i, a * i - c * g, c * d - a * f))
    last = (d * h - e * g, b * g - a * h, a * e - b * d)
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * last[0]
    return tuple(tuple(value / determinant for value in row) for row in (*cofactors, last))  # type: ignore[misc]
