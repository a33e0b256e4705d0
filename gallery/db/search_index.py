"""Words, as pictures are found by them: how text is taken apart, and the database's index of it.

Texts and questions go through the same mill, so what the databases think a word is does not matter: all that they are
given is lower-case letters and digits with spaces between. SQLite keeps the words in an FTS5 table, which triggers keep
up with `gallery_picture.search_text`; PostgreSQL has a GIN index over that column.
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

# Longer ones are no words, and PostgreSQL would leave them out.
LONGEST_WORD = 60
# Nobody's question has more; each costs a look at every picture in question.
MOST_WORDS = 12

_WORD = re.compile(r"[^\W_]+")
# Chinese and Japanese are written without spaces: each character is a word.
_WRITTEN_TOGETHER = re.compile(r"([\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


def words(text: str) -> list[str]:
    """The words of a text in its order, each once: without case and accents, punctuation apart."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))
    plain = _WRITTEN_TOGETHER.sub(r" \1 ", unicodedata.normalize("NFKC", plain))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(plain)))


def text_of(*texts: str) -> str:
    """What `Picture.search_text` holds: the words of these texts, each with a space before it."""
    return "".join(f" {word}" for word in words(" ".join(texts)))


class Matches(Func):
    """Whether the picture has words that begin with all of these; by the index, for questions with few answers."""

    output_field = BooleanField()

    def __init__(self, asked: Iterable[str]) -> None:
        self.asked = list(asked)
        super().__init__(F("pk"), F("search_text"))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        key, params = compiler.compile(self.source_expressions[0])
        sql = f"{key} IN (SELECT rowid FROM gallery_picture_search WHERE gallery_picture_search MATCH %s)"  # noqa: S608 a column's name
        return sql, (*params, _match(self.asked))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[1])
        sql = f"to_tsvector('simple', {column}) @@ to_tsquery('simple', %s)"
        return sql, (*params, _tsquery(self.asked))


def contains(word: str) -> GreaterThan:
    """Whether the picture has a word that begins with this one; by its text, for questions with many answers."""
    return GreaterThan(StrIndex(F("search_text"), Value(f" {word}")), 0)


def few(asked: Iterable[str], most: int) -> list[int] | None:
    """The ids of the pictures that have words that begin with all of these, unless they are more than `most`."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Left alone, it would look at picture after picture until it has so many; that takes apart their texts.
            sql = """
                WITH found AS MATERIALIZED (
                    SELECT id FROM gallery_picture
                    WHERE to_tsvector('simple', search_text) @@ to_tsquery('simple', %s)
                )
                SELECT id FROM found LIMIT %s"""
            cursor.execute(sql, [_tsquery(asked), most + 1])
        else:
            sql = "SELECT rowid FROM gallery_picture_search WHERE gallery_picture_search MATCH %s LIMIT %s"
            cursor.execute(sql, [_match(asked), most + 1])
        ids = [pk for (pk,) in cursor.fetchall()]
    return ids if len(ids) <= most else None


def _match(asked: Iterable[str]) -> str:
    return " ".join(f'"{word}"*' for word in asked)


def _tsquery(asked: Iterable[str]) -> str:
    return " & ".join(f"{word}:*" for word in asked)


# -- the index in the database

# `prefix`: words are looked up by how they begin, mostly by a few letters. `detail=none`: only whether, not where.
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
    """Make the index of the words, and fill it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_GIN)
        elif connection.vendor == "sqlite":
            cursor.execute(_TABLE)
            for name, what in _TRIGGERS.items():
                cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {what}")
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
    """Put back the triggers that a migration has lost; tell whether there were any to put back.

    For many changes to a table, Django has SQLite make it anew, and the old one takes its triggers along.
    """
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'gallery_picture_search%%'", [])
        there = {name for (name,) in cursor.fetchall()}
    if "gallery_picture_search" not in there or there.issuperset(_TRIGGERS):
        return False
    install(connection)
    return True
