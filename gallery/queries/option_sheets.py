"""Option sheets: what is known of families of models, for what the upstream does not say itself.

A sheet is a start for an administrator. It is a row of gallery/catalogue_sheets/*.json, with its source.
Where the upstream describes a model, its description wins.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "catalogue_sheets"
# What a sheet says beside the fields of a model.
_ABOUT = frozenset({"match", "source", "notes"})


@dataclass(frozen=True, slots=True)
class OptionSheet:
    """What is known of models with such a name: fields of ImageModel as JSON has them, and where they come from."""

    family: str
    source: str
    values: Mapping[str, Any]
    sources: Mapping[str, str]  # of options that have another source than the rest
    notes: str = ""

    def option(self, name: str) -> dict[str, Any] | None:
        return next((option for option in self.values.get("options", []) if option["name"] == name), None)


def sheet_for(slug: str) -> OptionSheet | None:
    """The sheet of the model with this upstream id; None where nothing is known."""
    name = slug.rsplit("/", 1)[-1].lower()
    return next((sheet for patterns, sheet in _sheets() if any(fnmatchcase(name, one) for one in patterns)), None)


def all_sheets() -> list[OptionSheet]:
    return [sheet for _, sheet in _sheets()]


@cache
def _sheets() -> tuple[tuple[tuple[str, ...], OptionSheet], ...]:
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        found += [(tuple(row["match"]), _sheet(document["family"], row)) for row in document["sheets"]]
    return tuple(found)


def _sheet(family: str, row: Mapping[str, Any]) -> OptionSheet:
    values = {name: value for name, value in row.items() if name not in _ABOUT}
    options = values.get("options", [])
    sources = {option["name"]: option["source"] for option in options if "source" in option}
    values["options"] = [{key: value for key, value in option.items() if key != "source"} for option in options]
    return OptionSheet(family, row["source"], values, sources, row.get("notes", ""))
