"""The words that pictures are found by: how text is split into words, and the database's index of them.

Texts and searches are split by the same function, so the databases' own ideas of a word do not matter: they get only
lower-case letters and digits with spaces between. On SQLite the words are in an FTS5 table, and triggers keep it in
step with `gallery_picture.search_text`. PostgreSQL has a GIN index on that column.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

# Characters. Longer strings are not real words, and PostgreSQL leaves very long ones out.
LONGEST_WORD = 60
# A search has no more in practice, and each word costs a check of every candidate picture.
MOST_WORDS = 12

_WORD = re.compile(r"[^\W_]+")
# Chinese and Japanese are written without spaces: each character is a word.
_WRITTEN_TOGETHER = re.compile(r"([\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


def words(text: str) -> list[str]:
    """The words of a text in order, each once, in lower case and without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))
    plain = _WRITTEN_TOGETHER.sub(r" \1 ", unicodedata.normalize("NFKC", plain))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(plain)))


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
        sql = f"to_tsvector('simple', {column}) @@ to_tsquery('simple', %s)"
        return sql, (*params, _tsquery(self.prefixes))


def contains(prefix: str) -> GreaterThan:
    """Whether a picture has a word that begins with `prefix`. Reads the picture's text: fast if many match."""
    return GreaterThan(StrIndex(F("search_text"), Value(f" {prefix}")), 0)


def few(prefixes: Iterable[str], most: int) -> list[int] | None:
    """The ids of the pictures that have a word for each of `prefixes`; None if there are more than `most`."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Without MATERIALIZED, PostgreSQL would scan the table for the first rows and split text after text.
            sql = """
                WITH found AS MATERIALIZED (
                    SELECT id FROM gallery_picture
                    WHERE to_tsvector('simple', search_text) @@ to_tsquery('simple', %s)
                )
                SELECT id FROM found LIMIT %s"""
            cursor.execute(sql, [_tsquery(prefixes), most + 1])
        else:
            sql = "SELECT rowid FROM gallery_picture_search WHERE gallery_picture_search MATCH %s LIMIT %s"
            cursor.execute(sql, [_match(prefixes), most + 1])
        ids = [pk for (pk,) in cursor.fetchall()]
    return ids if len(ids) <= most else None


def _match(prefixes: Iterable[str]) -> str:
    return " ".join(f'"{prefix}"*' for prefix in prefixes)


def _tsquery(prefixes: Iterable[str]) -> str:
    return " & ".join(f"{prefix}:*" for prefix in prefixes)


# -- the index in the database

# `prefix`: searches give the beginning of a word, often only a few letters.
# `detail=none`: searches ask whether a word occurs, not where.
_TABLE = """
CREATE VIRTUAL TABLE IF NOT EXISTS gallery_picture_search USING fts5(
    search_text, content='gallery_picture', content_rowid='id',
    detail=none, columnsize=0, prefix='1 2 3 4', tokenize='unicode61'
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
_GIN = "CREATE INDEX IF NOT EXISTS picture_search ON gallery_picture USING gin (to_tsvector('simple', search_text))"


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
