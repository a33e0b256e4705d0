"""Adding to many counters with one statement."""

from collections.abc import Mapping

from django.db import connection

# SQLite takes 32,766 parameters in a statement; there are three for each counter.
AT_ONCE = 1000


def add_to_counters(table: str, amounts: Mapping[tuple[str, str], float]) -> None:
    """Add to the rows (name, labels) of a table, and make those that are missing. Safe beside other processes."""
    # In one order everywhere, so that two processes do not wait for each other's rows.
    rows = sorted(amounts.items())
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        values = ", ".join(["(%s, %s, %s)"] * len(some))
        sql = (
            f"INSERT INTO {table} (name, labels, value) VALUES {values} "  # noqa: S608 the table's own name
            f"ON CONFLICT (name, labels) DO UPDATE SET value = {table}.value + excluded.value"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [part for (name, labels), value in some for part in (name, labels, value)])
