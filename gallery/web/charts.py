"""Geometry of the bar charts that the server draws as SVG. Lengths across are in percent, so that charts fit any width.

Plain Python: templates/usage/_columns.html and _bars.html draw what is computed here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

PLOT = 150
TOP = 12
BASE = TOP + PLOT
ROW = 44
# A small value still shows.
LEAST_HEIGHT = 2
LEAST_WIDTH = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Column:
    x: str
    width: str
    y: str
    height: str
    title: str
    # The text below the bar; "" for most bars, so that the others have room.
    label: str
    label_x: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Line:
    y: str
    label: str


@dataclass(frozen=True, slots=True)
class ColumnChart:
    columns: list[Column]
    lines: list[Line]
    base: int = BASE
    label_y: int = BASE + 18
    height: int = BASE + 26


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    said: str
    width: str
    text_y: int
    y: int


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: list[Bar]
    height: int


def scale_top(most: Decimal) -> Decimal:
    """The end of an axis up to `most`: 2, 4, 6, 8 or 10 times a power of ten, so that half of it is round, too."""
    if most <= 0:
        return Decimal(2)
    power = Decimal(10) ** (most.adjusted())
    # Above 8 it is 10 times this power. It is never above 10.
    return next(step * power for step in (Decimal(1), 2, 4, 6, 8, 10) if step * power >= most)


def columns(
    values: Sequence[Decimal],
    titles: Sequence[str],
    *,
    in_words: Callable[[Decimal], str],
    labels: Sequence[str],
    marked: int | None = None,
    least_top: Decimal = Decimal(0),
) -> ColumnChart:
    """One upright bar for each value. `titles` are its tooltips, and `labels` stand below it."""
    top = scale_top(max(max(values, default=Decimal(0)), least_top))
    slot = Decimal(100) / max(1, len(values))
    drawn = []
    for place, (value, title, label) in enumerate(zip(values, titles, labels, strict=True)):
        height = max(Decimal(LEAST_HEIGHT), PLOT * value / top) if value > 0 else Decimal(0)
        drawn.append(
            Column(
                x=f"{slot * (place + Decimal('0.14')):.3f}%",
                width=f"{slot * Decimal('0.72'):.3f}%",
                y=f"{BASE - height:.1f}",
                height=f"{height:.1f}",
                title=title,
                label=label,
                label_x=f"{slot * (place + Decimal('0.5')):.3f}%",
                is_marked=place == marked,
            )
        )
    lines = [Line(f"{BASE - PLOT * share:.1f}", in_words(top * share)) for share in (Decimal(1), Decimal("0.5"))]
    return ColumnChart(drawn, lines)


def bars(values: Sequence[Decimal], labels: Sequence[str], said: Sequence[str]) -> BarChart:
    """One horizontal bar for each value, with its label and its note above it."""
    most = max(values, default=Decimal(0)) or Decimal(1)
    drawn = [
        Bar(
            label=label if len(label) <= 36 else f"{label[:35]}…",
            said=words,
            width=f"{max(LEAST_WIDTH, 100 * value / most) if value > 0 else Decimal(0):.2f}%",
            text_y=ROW * place + 14,
            y=ROW * place + 22,
        )
        for place, (value, label, words) in enumerate(zip(values, labels, said, strict=True))
    ]
    return BarChart(drawn, height=ROW * len(drawn))
