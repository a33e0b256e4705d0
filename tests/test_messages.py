"""The texts that people read are marked for translation, and each language has all of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.template.base import Lexer, TokenType
from django.template.loader import get_template

from tests.support import messages

TEMPLATES = messages.ROOT / "templates"
# Attributes that are read, by people or by the scripts that show them.
READ = {
    "title",
    "alt",
    "placeholder",
    "aria-label",
    "aria-description",
    "aria-valuetext",
    "aria-roledescription",
    "content",
}
READ_BY_SCRIPTS = ("data-confirm", "data-nothing", "data-takes", "data-said", "data-head")
# What is the same in each language: names, keys, units of the markup itself.
SAME_EVERYWHERE = {"Lemon Studio", "Ctrl", "Alt", "Enter", "Shift", "Space", "Esc", "Del"}
# Not yet marked.
LATER: set[str] = set()

LETTERS = re.compile(r"[^\W\d_]")
# In a tag; what is given to _() is marked.
LITERAL = re.compile(r"""(_\()?(["'])(.*?)\2""")
FORMAT = re.compile(r"[A-Z_]+_FORMAT|Y-m(-d)?( H:i)?")
NO_TEXTS = {"url", "static", "extends", "load", "if", "elif", "icon", "comment", "boxed", "translate", "blocktranslate"}


def template_files() -> list[Path]:
    files = [path for path in TEMPLATES.rglob("*") if path.suffix in (".html", ".txt")]
    return sorted(path for path in files if path.relative_to(TEMPLATES).parts[0] not in LATER)


class _Texts(HTMLParser):
    """Collects what a page says: texts between tags, and attributes that are read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped += tag in ("script", "style", "kbd")
        names = dict(attrs)
        for name, value in attrs:
            is_read = (
                name in READ
                or name.startswith(READ_BY_SCRIPTS)
                or (tag == "input" and name == "value" and names.get("type") == "submit")
            )
            if is_read and (name != "content" or names.get("name") == "description"):
                self.found.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style", "kbd")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.found.append(data)


def unmarked(source: str) -> list[str]:
    """The texts of a template that no translation can reach."""
    plain, literals, inside = [], [], ""
    for token in Lexer(source).tokenize():
        kind = token.contents.split()[0] if token.token_type == TokenType.BLOCK else ""
        if inside:
            inside = "" if kind == f"end{inside}" else inside
        elif kind in ("blocktranslate", "comment"):
            inside = kind
        elif token.contents in ("block bodyclass", "block coltype"):  # names of styles of the administration
            inside = "block"
        elif token.token_type == TokenType.TEXT:
            plain.append(token.contents)
        elif token.token_type == TokenType.VAR or kind:
            # Stands for what is put in there, so that tags stay tags.
            plain.append("b" if plain and plain[-1].endswith(("<", "</")) else "…")
            if kind not in NO_TEXTS:
                literals += [text for marked, _, text in LITERAL.findall(token.contents) if not marked]
            if "pluralize" in token.contents:
                literals.append(f"A plural by hand: {token.contents}")
    page = _Texts()
    page.feed("".join(plain))
    said = [text for text in literals if re.match(r"[^\W\d_a-z]|.*\S\s+\S", text) and not FORMAT.fullmatch(text)]
    pieces = (piece for text in page.found for piece in text.split("\n"))
    return [text for text in map(_without_names, [*pieces, *said]) if LETTERS.search(text)]


def _without_names(text: str) -> str:
    for name in SAME_EVERYWHERE:
        text = re.sub(rf"\b{name}\b", "", text)
    return text.strip()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ('<p>{% translate "Hello" %}</p>', []),
        ("<p>{% blocktranslate %}Hello {{ name }}{% endblocktranslate %}</p>", []),
        ('<a title="Hello" class="big {{ kind }}">1</a>', ["Hello"]),
        ('<a {% if here %}aria-current="page"{% endif %} aria-label="{{ name }} is here"></a>', ["… is here"]),
        ('<input type="submit" value="Send">', ["Send"]),
        ('{% include "a.html" with label="Send it" %}', ["Send it"]),
        ('{% include "a.html" with label=_("Send it") %}', []),
        ("{{ name|default:'None' }}", ["None"]),
        ("<p>{{ count }}{{ count|pluralize }}</p>", ["A plural by hand: count|pluralize"]),
        ("<p>Lemon Studio {{ day|date:'DATE_FORMAT' }} <kbd>x</kbd></p>", []),
    ],
)
def test_unmarked_text_is_found(source: str, found: list[str]) -> None:
    assert unmarked(source) == found


def test_every_template_compiles() -> None:
    for path in sorted(TEMPLATES.rglob("*.html")):
        get_template(str(path.relative_to(TEMPLATES)))


def test_no_template_has_an_unmarked_text() -> None:
    found = {str(path.relative_to(TEMPLATES)): unmarked(path.read_text()) for path in template_files()}
    assert {name: texts for name, texts in found.items() if texts} == {}


# A text that a script shows without looking it up.
UNMARKED_IN_SCRIPTS = re.compile(
    r"""(?:(?:toast|announce)\(|(?:textContent|title|placeholder)\s*[=:]|"aria-label",|new\ Error\()
    \s*["`](?:[^"`$a-z]|\$\{[^}]*\})*[a-z][^"`]*["`]""",
    re.VERBOSE,
)
# What only developers read, in the console.
FOR_DEVELOPERS = ("The page has no", "${response.status}", "No passkey was chosen", "This browser draws nothing")


def test_no_script_shows_an_unmarked_text() -> None:
    found = [
        f"{path.name}: {text}"
        for path in sorted((messages.ROOT / messages.SCRIPTS).glob("*/*.js"))
        for text in UNMARKED_IN_SCRIPTS.findall(path.read_text())
        if not any(words in text for words in FOR_DEVELOPERS)
    ]
    assert found == []
    assert UNMARKED_IN_SCRIPTS.search('toast("It is there.")')


@pytest.fixture(scope="module")
def source() -> Catalog:
    return messages.collect()


@pytest.fixture(scope="module", params=messages.LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def catalog(language: str) -> Catalog:
    return messages.read(language)


def test_catalogue_has_every_text(source: Catalog, catalog: Catalog) -> None:
    there = {(message.id, message.context) for message in catalog if message.id}
    wanted = {(message.id, message.context) for message in source if message.id}
    assert wanted - there == set(), "run `make messages`"
    assert there - wanted == set(), "run `make messages`"


def test_every_text_is_translated(catalog: Catalog) -> None:
    open_ = [message.id for message in catalog if message.id and (message.fuzzy or not messages.is_translated(message))]
    assert open_ == []


PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]|%%|\{\w*\}")


def test_placeholders_are_those_of_the_text(catalog: Catalog) -> None:
    """Of a plural, those of any of its forms: English may say "one" without a number."""
    wrong = []
    for message in catalog:
        ids = messages.texts(message.id)
        known = {place for text in ids for place in PLACE.findall(text)}
        for text in filter(None, messages.texts(message.string) if message.id else []):
            places = set(PLACE.findall(text))
            must = known if len(ids) == 1 else set.intersection(*(set(PLACE.findall(one)) for one in ids))
            if not must <= places <= known:
                wrong.append((message.id, text))
    assert wrong == []


def test_values_in_templates_have_plain_names(source: Catalog) -> None:
    """`{% blocktranslate %}` puts nothing in the place of {{ a.b }} or {{ a|b }}."""
    texts = [text for message in source for text in messages.texts(message.id)]
    assert [text for text in texts if re.search(r"%\((?!\w+\)[sd])", text)] == []


def test_marks_of_a_page_are_those_of_the_text(catalog: Catalog) -> None:
    """A translation goes into the page as it is, also into attributes."""
    wrong = []
    for message in catalog:
        ids = messages.texts(message.id)
        for text in filter(None, messages.texts(message.string) if message.id else []):
            marks = sorted(re.findall(r"<[^>]*>", text))
            if marks not in [sorted(re.findall(r"<[^>]*>", one)) for one in ids] or text.count('"') != ids[0].count(
                '"'
            ):
                wrong.append((message.id, text))
    assert wrong == []


def test_compiled_catalogue_is_up_to_date(language: str, catalog: Catalog) -> None:
    compiled = messages.po(language).with_suffix(".mo").read_bytes()
    assert compiled == messages.compiled(catalog), "run `make messages`"
    assert messages.words_file(language).read_text() == messages.words(catalog), "run `make messages`"
