"""One table of figures, in Markdown."""

from collections.abc import Iterable
from statistics import quantiles


def percentile(values: list[float], percent: int) -> float:
    """The percentile of these values; NaN if there are none."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def spread(values: list[float], unit: str) -> str:
    """The 50th and the 95th percentile of seconds, as text in `unit`: ms or s."""
    scale, form = (1000, ".0f") if unit == "ms" else (1, ".2f")
    return f"{percentile(values, 50) * scale:{form}} / {percentile(values, 95) * scale:{form}} {unit}"


def table(rows: Iterable[tuple[str, str, str]], before: Iterable[tuple[str, str, str]] | None = None) -> str:
    """`before` are the rows of an older checkout; its column stands beside ours."""
    lines: list[tuple[str, ...]] = [("", "Lemon Studio", "the plain way"), *rows]
    if before is not None:
        earlier = {label: ours for label, ours, _ in before} | {"": "an older checkout"}
        lines = [(line[0], line[1], earlier.get(line[0], ""), line[2]) for line in lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines]
    return "\n".join([text[0], f"| {' | '.join('-' * width for width in widths)} |", *text[1:]])
