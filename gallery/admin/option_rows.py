"""Options of a model as rows of a form. It works without scripts: three empty rows are always there.

The same as JSON can be pasted into a text area, which then takes the place of the rows; that is the way in and out for
whole sets of options.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.widgets import Script
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from gallery.models.options import Operation, OptionKind

EMPTY_ROWS = 3
MOST_ROWS = 40
_LIMITS = ("minimum", "maximum", "step", "minimum_pixels", "maximum_pixels", "ratio")
_OPERATION = "|".join(Operation)
_COLUMNS = ("name", "label", "kind", "choices", "default", "limits", "operations")
_HEADS = (_("Field"), _("Label"), _("Kind"), _("Choices"), _("Unless chosen"), _("Limits"), _("Only for"))
_HINTS = {
    "name": "aspect_ratio",
    "label": _("Aspect ratio"),
    "choices": "1:1, 16:9",
    "default": _("not sent"),
    "limits": "minimum=0 maximum=100",
    "operations": _("all"),
}


def as_row(option: Mapping[str, Any]) -> dict[str, str]:
    """An option as the texts of its row."""
    default = option.get("default")
    choices = option.get("choices", [])
    operations = option.get("operations", [])
    return {
        "name": str(option.get("name", "")),
        "label": str(option.get("label", "")),
        "kind": str(option.get("kind") or ("choice" if "choices" in option else "integer")),
        "choices": "; ".join([_joined(choices), *_others(option.get("choices_for"))]),
        "default": "" if default is None else str(default).lower() if isinstance(default, bool) else str(default),
        "limits": " ".join(f"{name}={option[name]}" for name in _LIMITS if option.get(name) is not None),
        "operations": _joined(operations),
    }


def _joined(texts: object) -> str:
    return ", ".join(map(str, texts)) if isinstance(texts, list) else ""


def _others(choices_for: object) -> list[str]:
    """Choices of single operations, such as “edit=1:1, 4:3”."""
    items = choices_for.items() if isinstance(choices_for, dict) else ()
    return [f"{operation}={_joined(choices)}" for operation, choices in items]


def from_row(row: Mapping[str, str]) -> dict[str, Any]:
    """The option that a row describes; what makes no sense is left for the validation of options to name."""
    kind = row.get("kind") or OptionKind.CHOICE
    option: dict[str, Any] = {"name": row["name"].strip(), "label": row.get("label", "").strip()}
    given, *others = re.split(rf";\s*({_OPERATION})\s*=", row.get("choices", ""))
    choices = _listed(given)
    if kind != OptionKind.CHOICE:
        option["kind"] = kind
    if choices or kind == OptionKind.CHOICE:
        option["choices"] = choices
    if others:
        option["choices_for"] = {name: _listed(text) for name, text in zip(others[::2], others[1::2], strict=True)}
    default = row.get("default", "").strip()
    option["default"] = _typed(default, kind) if default else None if kind != OptionKind.CHOICE else ""
    for name, value in re.findall(r"(\w+)\s*=\s*(\S+)", row.get("limits", "")):
        option[name] = _number(value.rstrip(","))
    if operations := _listed(row.get("operations", "")):
        option["operations"] = operations
    return option


def _listed(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"[,\n]", text) if one.strip()]


def _typed(text: str, kind: str) -> Any:
    if kind == OptionKind.BOOLEAN:
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    return _number(text) if kind in (OptionKind.INTEGER, OptionKind.DECIMAL) else text


def _number(text: str) -> Any:
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,12}\.\d{1,6}", text) else text


class OptionRows(forms.Widget):
    """A row for each option, and a text area for all of them as JSON."""

    class Media:
        js = (Script("js/admin.js", type="module"),)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """The JSON, if there is any; else the rows as a list of options."""
        if str(data.get(name, "")).strip() or f"{name}-rows" not in data:
            return data.get(name)
        rows = [
            {column: str(data.get(f"{name}-{place}-{column}", "")) for column in _COLUMNS} for place in range(MOST_ROWS)
        ]
        return [from_row(row) for row in rows if row["name"].strip()]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}-rows" not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options, typed = _read(value)
        rows = [*(as_row(option) for option in options), *[{"kind": "choice"}] * EMPTY_ROWS]
        body = format_html_join(
            "", "<tr>{}</tr>", ((self._cells(name, place, row),) for place, row in enumerate(rows[:MOST_ROWS]))
        )
        heads = format_html_join("", '<th scope="col">{}</th>', ((head,) for head in _HEADS))
        return format_html(
            '<div class="option-rows" data-name="{}"><input type="hidden" name="{}-rows" value="1">'
            '<div class="scrolls"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
            '<p class="help">{}</p><details{}><summary>{}</summary><p class="help">{}</p>'
            '<textarea name="{}" id="{}" rows="8" spellcheck="false" class="vLargeTextField rows-field">{}</textarea>'
            '<pre class="rows-field">{}</pre></details></div>',
            name,
            name,
            heads,
            body,
            _(
                "To take an option out, empty its field. Kinds: %(kinds)s. Operations: %(operations)s. If an operation "
                "has other choices: “1:1, 16:9; edit=1:1”. Limits of a size: step, minimum and maximum (of a side), "
                "minimum_pixels, maximum_pixels, ratio."
            )
            % {"kinds": ", ".join(OptionKind), "operations": ", ".join(Operation)},
            SafeString(" open") if typed else "",
            _("As JSON"),
            _("What you paste here takes the place of the rows."),
            name,
            (attrs or {}).get("id", f"id_{name}"),
            typed,
            "" if typed else value,
        )

    @staticmethod
    def _cells(name: str, place: int, row: Mapping[str, str]) -> SafeString:
        cells = []
        for column, head in zip(_COLUMNS, _HEADS, strict=True):
            field = f"{name}-{place}-{column}"
            label = _("%(column)s, option %(number)d") % {"column": head, "number": place + 1}
            if column == "kind":
                kinds = format_html_join(
                    "",
                    '<option value="{}"{}>{}</option>',
                    ((kind, SafeString(" selected") if row.get("kind") == kind else "", kind) for kind in OptionKind),
                )
                cells.append(format_html('<td><select name="{}" aria-label="{}">{}</select></td>', field, label, kinds))
            else:
                cells.append(
                    format_html(
                        '<td><input type="text" name="{}" value="{}" placeholder="{}" aria-label="{}"></td>',
                        field,
                        row.get(column, ""),
                        _HINTS[column],
                        label,
                    )
                )
        return format_html_join("", "{}", ((cell,) for cell in cells))


def _read(value: Any) -> tuple[list[dict[str, Any]], str]:
    """The options to show as rows, and what was typed if it is no list of options."""
    try:
        read = json.loads(value) if isinstance(value, str) and value.strip() else value or []
    except ValueError:
        return [], str(value)
    if isinstance(read, list) and all(isinstance(one, dict) for one in read):
        return read, ""
    return [], str(value)
