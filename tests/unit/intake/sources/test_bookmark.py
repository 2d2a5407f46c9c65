from __future__ import annotations

from dataclasses import replace

import pytest

from lpforwarder.intake.contract import Cursor
from lpforwarder.intake.sources.bookmark import Bookmark, digest, from_cursor, to_cursor
from lpforwarder.intake.sources.records import Place

BOOKMARK = Bookmark(
    path="/var/log/ä.json",
    device=2**64 - 1,
    inode=7,
    modified=1_700_000_000_000_000_000,
    head_length=1024,
    head=digest(b"head"),
    tail=digest(b"tail"),
    place=Place(offset=2**40, number=17, stage="array", depth=2, in_string=True),
)


def test_a_bookmark_survives_the_journal() -> None:
    assert from_cursor(to_cursor(BOOKMARK)) == BOOKMARK


@pytest.mark.parametrize(
    "text",
    ["", "17", "{}", "not JSON", '{"version":2}', to_cursor(BOOKMARK).replace('"inode":7', '"inode":"7"')],
)
def test_the_cursor_of_another_kind_of_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Bookmark"):
        from_cursor(Cursor(text))


def test_a_touched_file_is_no_progress_but_a_read_octet_is() -> None:
    assert not replace(BOOKMARK, modified=1).goes_beyond(BOOKMARK)
    assert replace(BOOKMARK, place=replace(BOOKMARK.place, offset=1)).goes_beyond(BOOKMARK)
    assert replace(BOOKMARK, finished=True).goes_beyond(BOOKMARK)
    assert replace(BOOKMARK, head=digest(b"more")).goes_beyond(BOOKMARK)


def test_digests_tell_contents_apart_and_nothing_is_the_empty_text() -> None:
    assert digest(b"") == ""
    assert len({digest(b"a"), digest(b"b"), digest(b"a\0")}) == 3
