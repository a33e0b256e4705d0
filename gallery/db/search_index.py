"""The words that pictures are found by: how text is split into words, and the database's index of them.

The studio splits texts and searches itself, so the databases' own ideas of a word do not matter: they get letters,
digits and vowel signs with spaces between. On SQLite the words are in an FTS5 table, and triggers keep it in step with
`gallery_picture.search_text`. PostgreSQL has a GIN index on that column.

Chinese, Japanese, Thai, Lao, Burmese, Khmer and some others put no spaces between words. There each syllable begins a
word of up to TOGETHER syllables, so that a search finds what stands in the middle of a line.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

# Characters. Longer strings are not real words.
LONGEST_WORD = 60
# A search has no more in practice, and each word costs a check of every candidate picture.
MOST_WORDS = 12
# Syllables. More would make the index larger, fewer would find texts that have the syllables at different places.
TOGETHER = 3

# Blocks in which a mark is a vowel or a tone, or joins two consonants: without it the word is another one.
_WITH_VOWEL_SIGNS = [(0x0900, 0x1AAF), (0x1B00, 0x1BFF), (0xA800, 0xABFF), (0x11000, 0x11FFF)]
# Joins letters below their line, or says how to draw them; soft hyphens.
_UNSEEN = re.compile("[\u00ad\u200c\u200d\u2060\ufeff]")
_NUKTA = 7  # a combining class: a dot that makes foreign sounds, and that many people leave out

_SIGNS = "".join(
    chr(code)
    for first, last in _WITH_VOWEL_SIGNS
    for code in range(first, last + 1)
    if unicodedata.category(chr(code)) in ("Mn", "Mc")
)
# Thai and Lao, Burmese, Khmer, Tai scripts, Balinese, Chinese and Japanese, Javanese, more Burmese and Tai.
_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\u1b00-\u1b7f"
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ua980-\ua9ff\uaa60-\uaadf\U00020000-\U0003ffff"
)
_WORD = re.compile(f"(?:[^\\W_]|[{_SIGNS}])+")
_RUNS = re.compile(f"[{_NO_SPACES}]+|[^{_NO_SPACES}]+")
_IN_NO_SPACES = re.compile(f"[{_NO_SPACES}]")
_SYLLABLE = re.compile(f"[^{_SIGNS}]?[{_SIGNS}]*")
# Of texts that are split in another way than by spaces and punctuation.
SPECIAL = re.compile(f"[{_SIGNS}{_NO_SPACES}]|{_UNSEEN.pattern}")


def words(text: str) -> list[str]:
    """The words that a text is found by, each once, in lower case and without accents and punctuation."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for run in _runs(text) for word in _stored(run)))


def asked_words(text: str) -> list[str]:
    """The words of a search, MOST_WORDS at the most. A text that has it has, for each, a word that begins with it."""
    asked = dict.fromkeys(word[:LONGEST_WORD] for run in _runs(text) for word in _asked(run))
    return list(asked)[:MOST_WORDS]


def _runs(text: str) -> Iterator[str]:
    """The words between spaces, cut where another script follows that has no spaces."""
    plain = unicodedata.normalize("NFKD", _UNSEEN.sub("", text)).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not _is_accent(letter))
    for word in _WORD.findall(unicodedata.normalize("NFKC", plain)):
        yield from _RUNS.findall(word)


def _is_accent(letter: str) -> bool:
    kind = unicodedata.combining(letter)
    return bool(kind) and (kind == _NUKTA or letter not in _SIGNS)


def _syllables(run: str) -> list[str]:
    return [syllable for syllable in _SYLLABLE.findall(run) if syllable]


def _stored(run: str) -> list[str]:
    if not _IN_NO_SPACES.match(run):
        return [run]
    syllables = _syllables(run)
    return ["".join(syllables[begin : begin + TOGETHER]) for begin in range(len(syllables))]


def _asked(run: str) -> list[str]:
    syllables = _syllables(run)
    if not _IN_NO_SPACES.match(run) or len(syllables) <= TOGETHER:
        return [run]
    return ["".join(syllables[begin : begin + TOGETHER]) for begin in range(len(syllables) - TOGETHER + 1)]


def text_of(*texts: str) -> str:
    """The value of `Picture.search_text`: the words of these texts, each with a space before it."""
    return "".join(f" {word}" for word in words(" ".join(texts)))


class Matches(Func):
    """Whether a picture has, for each of `prefixes`, a word that begins with it. Uses the index: fast if few match."""

    output_field = BooleanField()

    def __init__(self, prefixes: Iterable[str]) -> None:
        self.prefixes = list(prefixes)
        super().__init__(F("pk"), F("search_text"))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        key, params = compiler.compile(self.source_expressions[0])
        sql = f"{key} IN (SELECT rowid FROM gallery_picture_search WHERE gallery_picture_search MATCH %s)"  # noqa: S608 a column's name
        return sql, (*params, _match(self.prefixes))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[1])
        return f"{_VECTOR.format(column)} @@ %s::tsquery", (*params, _tsquery(self.prefixes))


def contains(prefix: str) -> GreaterThan:
    """Whether a picture has a word that begins with `prefix`. Reads the picture's text: fast if many match."""
    return GreaterThan(StrIndex(F("search_text"), Value(f" {prefix}")), 0)


def few(prefixes: Iterable[str], most: int) -> list[int] | None:
    """The ids of the pictures that have a word for each of `prefixes`; None if there are more than `most`."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Without MATERIALIZED, PostgreSQL would scan the table for the first rows and split text after text.
            sql = f"""
                WITH found AS MATERIALIZED (
                    SELECT id FROM gallery_picture WHERE {_VECTOR.format("search_text")} @@ %s::tsquery
                )
                SELECT id FROM found LIMIT %s"""  # noqa: S608 an expression of ours
            cursor.execute(sql, [_tsquery(prefixes), most + 1])
        else:
            sql = "SELECT rowid FROM gallery_picture_search WHERE gallery_picture_search MATCH %s LIMIT %s"
            cursor.execute(sql, [_match(prefixes), most + 1])
        ids = [pk for (pk,) in cursor.fetchall()]
    return ids if len(ids) <= most else None


# PostgreSQL's own parser would split words at some vowel signs, in some locales.
_VECTOR = "array_to_tsvector(string_to_array(btrim({}), ' '))"


def _match(prefixes: Iterable[str]) -> str:
    return " ".join(f'"{prefix}"*' for prefix in prefixes)


def _tsquery(prefixes: Iterable[str]) -> str:
    return " & ".join(f"'{prefix}':*" for prefix in prefixes)


# -- the index in the database

# `prefix`: searches give the beginning of a word, often only a few letters.
# `detail=none`: searches ask whether a word occurs, not where.
# `categories`: by itself, FTS5 splits words at vowel signs.
_TABLE = """
CREATE VIRTUAL TABLE IF NOT EXISTS gallery_picture_search USING fts5(
    search_text, content='gallery_picture', content_rowid='id',
    detail=none, columnsize=0, prefix='1 2 3 4',
    tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
)"""
_ADD = "INSERT INTO gallery_picture_search(rowid, search_text) VALUES (new.id, new.search_text);"
_DROP = (
    "INSERT INTO gallery_picture_search(gallery_picture_search, rowid, search_text)"
    " VALUES ('delete', old.id, old.search_text);"
)
_TRIGGERS = {
    "gallery_picture_search_insert": f"AFTER INSERT ON gallery_picture BEGIN {_ADD} END",
    "gallery_picture_search_delete": f"AFTER DELETE ON gallery_picture BEGIN {_DROP} END",
    "gallery_picture_search_update": f"AFTER UPDATE OF search_text ON gallery_picture BEGIN {_DROP} {_ADD} END",
}
_GIN = f"CREATE INDEX IF NOT EXISTS picture_search ON gallery_picture USING gin (({_VECTOR.format('search_text')}))"


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the search index and fill it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_GIN)
        elif connection.vendor == "sqlite":
            cursor.execute(_TABLE)
            for name, body in _TRIGGERS.items():
                cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
            cursor.execute("INSERT INTO gallery_picture_search(gallery_picture_search) VALUES ('rebuild')")


def uninstall(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP INDEX IF EXISTS picture_search")
        elif connection.vendor == "sqlite":
            for name in _TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute("DROP TABLE IF EXISTS gallery_picture_search")


def mend(connection: BaseDatabaseWrapper) -> bool:
    """Put back the triggers that a migration has lost; return whether any were missing.

    On SQLite, Django makes many changes by building the table anew, and the old table takes its triggers along.
    """
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'gallery_picture_search%%'", [])
        present = {name for (name,) in cursor.fetchall()}
    if "gallery_picture_search" not in present or present.issuperset(_TRIGGERS):
        return False
    install(connection)
    return True
