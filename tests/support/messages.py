"""Texts to translate: collected from Python, templates and scripts, written into the catalogues, and compiled.

`python -m tests.support.messages` (`make messages`) needs no gettext: Babel reads Python and JavaScript, and Django
turns a template into something like Python. What is compiled is committed, so that an installed studio needs neither.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import to_language
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "gallery" / "locale"
SCRIPTS = "static/js/"
# What scripts say in each language, for static/js/base/words.js.
WORDS = ROOT / SCRIPTS / "words"
LANGUAGES = {"de": "de", "zh_Hans": "zh_Hans_CN"}
# What a translator sees above a message comes from a comment that begins so.
NOTES = ["Translators:"]
DAY = datetime(2026, 11, 28, tzinfo=UTC)
ONE, PLURAL, IN_CONTEXT, PLURAL_IN_CONTEXT = None, (1, 2), ((1, "c"), 2), ((1, "c"), 2, 3)
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), ONE),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), PLURAL),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), IN_CONTEXT),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), PLURAL_IN_CONTEXT),
}


def sources() -> Iterator[Path]:
    """The files that people read texts from."""
    kinds = (("gallery", "py"), ("lemonstudio", "py"), ("templates", "html"), ("templates", "txt"), (SCRIPTS, "js"))
    for folder, ending in kinds:
        yield from (path for path in sorted((ROOT / folder).rglob(f"*.{ending}")) if path.parent != WORDS)


def _found_in(path: Path) -> Iterable[Any]:
    text = path.read_text()
    if path.suffix == ".py" and "gettext" not in text:
        return []
    options: Any = {"encoding": "utf-8", "parse_template_string": True}
    if path.suffix == ".js":
        return extract_javascript(BytesIO(text.encode()), KEYWORDS, NOTES, options)
    if path.suffix != ".py":
        # Without indentation, in which Python would see blocks.
        text = "\n".join(line.strip() for line in templatize(text).splitlines())
    return extract_python(BytesIO(text.encode()), KEYWORDS, NOTES, options)


def _empty(language: str | None = None) -> Catalog:
    # Two branches would always clash in the date of the latest change.
    return Catalog(
        locale=language,
        project="Lemon Studio",
        version="1",
        header_comment="# Lemon Studio",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        charset="utf-8",
        creation_date=DAY,
        revision_date=DAY,
        fuzzy=False,
    )


def collect() -> Catalog:
    """All messages of the source, without translations."""
    catalog = _empty()
    for path in sources():
        for _, function, given, notes in _found_in(path):
            if message := _message(function, given):
                words, context = message
                # Without line numbers, which would change with every edit.
                name = str(path.relative_to(ROOT))
                catalog.add(words, locations=[(name, None)], auto_comments=notes, context=context)  # type: ignore[list-item]
    return catalog


def _message(function: str | None, given: Any) -> tuple[Any, str | None] | None:
    """The words of a call (one, or singular and plural) and their context; None if they are no literals."""
    texts = given if isinstance(given, tuple) else (given,)
    context, texts = (texts[0], texts[1:]) if function and "pgettext" in function else (None, texts)
    words = texts[:2] if KEYWORDS[function or "_"] in (PLURAL, PLURAL_IN_CONTEXT) else texts[:1]
    if not all(isinstance(text, str) and text for text in words):
        return None
    return (words if len(words) == 2 else words[0]), context


def po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """The catalogue as it is; an empty one where there is none."""
    path = po(language)
    if not path.exists():
        return _empty(LANGUAGES[language])
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGES[language])


def save(catalog: Catalog, language: str) -> None:
    path = po(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = BytesIO()
    write_po(file, catalog, width=120, sort_output=True)
    path.write_bytes(file.getvalue())
    catalog = read(language)
    path.with_suffix(".mo").write_bytes(compiled(catalog))
    WORDS.mkdir(exist_ok=True)
    words_file(language).write_text(words(catalog))


def words_file(language: str) -> Path:
    return WORDS / f"{to_language(language)}.js"


def words(catalog: Catalog) -> str:
    """The script that brings the texts of scripts: under the singular, all forms."""
    found: dict[str, list[str]] = {}
    for message in catalog:
        if message.id and is_translated(message) and any(name.startswith(SCRIPTS) for name, _ in message.locations):
            found[texts(message.id)[0]] = texts(message.string)
    text = json.dumps(dict(sorted(found.items())), ensure_ascii=False, indent=2)
    return f"// Made by `make messages`.\nglobalThis.studioWords = {text};\n"


def compiled(catalog: Catalog) -> bytes:
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def updated(language: str, source: Catalog) -> Catalog:
    """The messages of the source, with the translations that there are. A text that has changed has none."""
    old, catalog = read(language), _empty(LANGUAGES[language])
    for message in source:
        known = old.get(message.id, message.context)
        string = known.string if known and known.id == message.id else None
        catalog.add(
            message.id,
            string,
            locations=message.locations,
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return catalog


def update() -> None:
    """Bring all catalogues up to date with the source, and compile them."""
    source = collect()
    for language in LANGUAGES:
        catalog = updated(language, source)
        save(catalog, language)
        missing = [message for message in catalog if message.id and not is_translated(message)]
        sys.stdout.write(f"{language}: {len(catalog)} messages, {len(missing)} without a translation\n")


def texts(of: Any) -> list[str]:
    """The singular and the plural, or the forms of a translation; of most messages only one."""
    return list(of) if isinstance(of, list | tuple) else [of or ""]


def is_translated(message: Any) -> bool:
    return all(texts(message.string))


if __name__ == "__main__":
    update()
