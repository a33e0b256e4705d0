"""Texts that people read are marked for translation: words in Python stand in a call of gettext."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from gallery.models.labels import NAMES, automatic_names
from gallery.models.sentences import PATTERNS, in_readers_language

GALLERY = Path(__file__).resolve().parents[1] / "gallery"
READ_BY_PEOPLE = ("admin", "downloads", "forms", "models", "queries", "services", "templatetags", "views", "web")
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
# Calls whose words are for the log, the metrics, the audit list or Python.
NOT_FOR_PEOPLE = {
    *("Discrepancy", "GaugeMetricFamily", "Http404", "HttpResponse", "Incomplete", "_gauge", "_log", "cast", "compile"),
    *("date_format", "log_addition", "log_change", "record_command", "__init__", "TypeError", "ValueError"),
    *("debug", "info", "warning", "error", "exception"),
}
# Keywords whose value people read, even if it is one word.
FOR_PEOPLE = {"description", "empty_label", "empty_value", "help_text", "label", "verbose_name", "verbose_name_plural"}
# The same of names in a class.
TITLES = {"index_title", "site_title", "title", "verbose_name", "verbose_name_plural"}
WORDS = re.compile(r"[^\W\d_]{2,} [a-z’]")
# Where words are data, or told to administrators of the server.
ALLOWED = {
    "admin/account.py": {"An administrator"},
    "admin/catalogue.py": {"vLargeTextField rows-field"},
    "models/sentences.py": set(PATTERNS),
    "downloads/personal.py": {"Asked at", "Pictures asked for"},  # columns of a file, in each language the same
    "queries/catalogue/offers.py": {"Leave out", "Expand the prompt", "In the background"},
    "queries/metrics.py": None,
    "queries/search.py": {"{0} IN (SELECT value FROM json_each(%s))"},
    "services/assets.py": {"An uploaded picture"},
    # Notes in the audit list.
    "services/erasure.py": {"Erased the account."},
    "services/leavers.py": None,
    "views/settings_people.py": {"Sent a link for a new password.", "Had their data exported."},
    "services/audit.py": {"Command line", "Without an account"},
    "services/edits.py": {"Variation of an uploaded picture"},
    "services/operations.py": None,
    "web/health.py": None,
    "web/charts.py": {"…"},
    "web/requests.py": {"%s %s %s in %d ms for %s"},
    "web/middleware.py": {"too deep", "too large", "too many"},
}


def _literals(tree: ast.AST, keyword: str = "") -> Iterator[tuple[str, int, str]]:
    """The texts outside of marks: what each says, its line, and the keyword that it is given for."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assert() | ast.Subscript():
                continue
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                if name in MARKS or (name in NOT_FOR_PEOPLE and not _is_message(node)):
                    continue
                yield from _literals(node)
            case ast.keyword(arg=arg):
                yield from _literals(node, arg or "")
            case ast.JoinedStr(values=values):
                yield "".join(str(one.value) for one in values if isinstance(one, ast.Constant)), node.lineno, keyword
                for value in values:
                    if isinstance(value, ast.FormattedValue):
                        yield from _literals(value)
            case ast.Constant(value=str(text)):
                yield text, node.lineno, keyword
            case ast.arg() | ast.AnnAssign(value=None):
                continue
            case ast.FunctionDef(body=body):
                one: Any
                for one in (*node.args.defaults, *node.decorator_list, *body):
                    yield from _literals(ast.Module([one], []) if isinstance(one, ast.stmt) else ast.Expr(one))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in TITLES:
                yield from _literals(ast.Tuple([value]), "label")
            case ast.AnnAssign(value=value) if value is not None:
                yield from _literals(ast.Tuple([value]))
            case _:
                yield from _literals(node, keyword if not isinstance(node, ast.stmt) else "")


def _is_message(call: ast.Call) -> bool:
    """Whether it is `messages.info` and not `logger.info`."""
    return (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "messages"
    )


def unmarked(path: Path) -> list[str]:
    allowed = ALLOWED.get(str(path.relative_to(GALLERY)), set())
    if allowed is None:
        return []
    return [
        f"{path.relative_to(GALLERY)}:{line}: {text[:80]}"
        for text, line, keyword in _literals(ast.parse(path.read_text()))
        if text not in allowed and "<" not in text and (WORDS.search(text) or (keyword in FOR_PEOPLE and text.strip()))
    ]


@pytest.mark.parametrize("folder", READ_BY_PEOPLE)
def test_words_for_people_are_marked(folder: str) -> None:
    assert [one for path in sorted((GALLERY / folder).rglob("*.py")) for one in unmarked(path)] == []


def test_unmarked_text_is_found() -> None:
    tree = ast.parse(
        'messages.info(request, f"Sent {count} pictures to it.")\nname = CharField(label="Name")\n_("Marked text")'
    )
    assert [(text, keyword) for text, _, keyword in _literals(tree)] == [
        ("Sent  pictures to it.", ""),
        ("Name", "label"),
    ]


def test_labels_that_django_makes_are_all_listed() -> None:
    assert sorted(NAMES) == sorted(automatic_names())


# -- sentences that are stored


def _marked_patterns() -> set[str]:
    found = set()
    for path in GALLERY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="gettext_noop"), args=[ast.Constant(value=str(text))]) if "%(" in text:
                    found.add(text)
    return found


def test_patterns_of_stored_sentences_are_all_known() -> None:
    assert set(PATTERNS) == _marked_patterns()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_stored_sentence_is_read_by_its_own_pattern(pattern: str) -> None:
    """Not by a more general one that comes before it."""
    values = {name: f"value{number}" for number, name in enumerate(re.findall(r"%\((\w+)\)s", pattern))}
    with translation.override("de"):
        assert in_readers_language(pattern % values) == translation.gettext(pattern) % values


def test_words_of_a_service_stay_as_they_are() -> None:
    with translation.override("de"):
        assert in_readers_language("Your prompt was flagged.") == "Your prompt was flagged."
        assert in_readers_language("") == ""
