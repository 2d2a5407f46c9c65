"""The tables of a journal's file, read without SQLite: where each begins, and what can be reached."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from typing import Any

from lpforwarder.journal import btree, schema
from lpforwarder.journal.btree import INDEX_INTERIOR, TABLE_INTERIOR, TABLE_LEAF, Broken, Value
from lpforwarder.journal.page import row_checksum
from lpforwarder.journal.rawfile import RawFile

_DEEPEST = 20
"""Levels of a tree. Four hold 100 million rows."""


def roots(raw: RawFile) -> dict[str, int]:
    """Tables and indexes with the page where each begins, as the file itself says; Broken when it cannot."""
    return {name: root for name, (root, _) in listed(raw).items()}


def usual_roots() -> dict[str, int]:
    """Where tables begin in every journal of this version: they are always made in the same order."""
    return {name: root for name, (root, _) in usual_list().items()}


def listed(raw: RawFile) -> dict[str, tuple[int, str | None]]:
    """The file's own list: name → first page, and the statement that made it; Broken when it is damaged."""
    found = {}
    for _, values in _walk(raw, 1, strict=True):
        if len(values) != 5 or not isinstance(values[1], str) or not isinstance(values[3], int):
            raise Broken("the list of tables is damaged")
        if values[3]:
            found[values[1]] = values[3], None if values[4] is None else str(values[4])
    return found


@lru_cache(maxsize=1)
def usual_list() -> dict[str, tuple[int, str | None]]:
    """The same of a new journal."""
    with closing(fresh(":memory:")) as connection:
        query = "SELECT name, rootpage, sql FROM sqlite_master WHERE rootpage > 0"
        return {name: (root, sql) for name, root, sql in connection.execute(query)}


def fresh(path: str) -> sqlite3.Connection:
    """A connection to a new, empty journal that nobody else uses yet, and that no cut may hit."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.create_function("row_checksum", -1, row_checksum, deterministic=True)
        for pragma in (
            f"page_size = {btree.PAGE}",
            "auto_vacuum = INCREMENTAL",
            "journal_mode = MEMORY",
            "synchronous = OFF",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        schema.migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def rows(raw: RawFile, root: int) -> Iterator[list[Any]]:
    """The rows of a table that can be reached, in the order of their columns; what is broken is left out.

    A column added to the table later is missing from older rows.
    """
    for rowid, values in _walk(raw, root, strict=False):
        if rowid and values and values[0] is None:
            values[0] = rowid
        yield values


def check(raw: RawFile, root: int) -> None:
    """Reads all of a small table; Broken when anything in it cannot be read."""
    for _ in _walk(raw, root, strict=True):
        pass


def _walk(raw: RawFile, root: int, *, strict: bool) -> Iterator[tuple[int, list[Value]]]:
    """(row number or 0, values) of each row below this page. `strict` raises what else is left out."""
    places = [(root, 0)]
    seen = set()
    while places:
        number, depth = places.pop()
        try:
            if number in seen or depth > _DEEPEST:
                raise Broken("a tree that leads back to itself")
            seen.add(number)
            octets = raw.page(number)
            at = 100 if number == 1 else 0
            of = btree.kind(octets, at)
            if of in (TABLE_INTERIOR, INDEX_INTERIOR):
                children = btree.interior(octets, at).children
                places += [(child, depth + 1) for child in reversed(children)]
            cells = () if of == TABLE_INTERIOR else btree.cell_places(octets, at)
        except Broken:
            if strict:
                raise
            continue
        for place in cells:
            try:
                cell = btree.cell(octets, place, of)
                payload = raw.payload(cell, raw.ways_on(number, cell)[0])
                yield cell.rowid if of == TABLE_LEAF else 0, btree.record(payload)
            except Broken:
                if strict:
                    raise
