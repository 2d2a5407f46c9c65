"""What every source has to keep, whoever wrote it: inherit the suite and supply the fixture `make_source`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lpforwarder import rfc3339
from lpforwarder.event import Event
from lpforwarder.intake.contract import Cursor, Page, Source

MOST_PAGES = 100


def pages_of(source: Source, after: Cursor | None = None) -> list[Page]:
    """All pages up to the one that says there is no more."""
    pages: list[Page] = []
    while len(pages) < MOST_PAGES:
        page = source.pull(after)
        pages.append(page)
        after = page.cursor
        if not page.more:
            return pages
    raise AssertionError(f"no end after {MOST_PAGES} pages: give the fixture fewer events")


def events_of(pages: list[Page]) -> list[Event]:
    return [event for page in pages for event in page.events]


class SourceSuite:
    """`make_source` is a function that gives a new source, over the same data each time.

    The data do not change during a test, are at least three events, and come to an end.
    """

    @pytest.fixture
    def make_source(self) -> Callable[[], Source]:
        raise NotImplementedError("override the fixture make_source")

    def test_it_gives_events_and_comes_to_an_end(self, make_source: Callable[[], Source]) -> None:
        pages = pages_of(make_source())
        assert len(events_of(pages)) >= 3
        assert all(isinstance(page.cursor, str) and page.cursor for page in pages)

    def test_a_source_made_anew_gives_the_same_events(self, make_source: Callable[[], Source]) -> None:
        first, second = pages_of(make_source()), pages_of(make_source())
        assert _ids(events_of(first)) == _ids(events_of(second))

    def test_the_same_cursor_gives_the_same_page_again(self, make_source: Callable[[], Source]) -> None:
        source = make_source()
        after: Cursor | None = None
        for page in pages_of(make_source()):
            again, once_more = source.pull(after), source.pull(after)
            assert _lines(again) == _lines(once_more) == _lines(page)
            assert again.rejects == once_more.rejects == page.rejects
            after = page.cursor

    def test_a_new_source_goes_on_at_any_cursor_of_an_old_one(
        self, make_source: Callable[[], Source]
    ) -> None:
        pages = pages_of(make_source())
        for number, page in enumerate(pages, 1):
            rest = events_of(pages_of(make_source(), page.cursor))
            assert [event.line for event in rest] == [event.line for event in events_of(pages[number:])]

    def test_behind_the_end_there_is_nothing_more(self, make_source: Callable[[], Source]) -> None:
        source = make_source()
        end = pages_of(source)[-1].cursor
        page = source.pull(end)
        assert (list(page.events), list(page.rejects), page.more) == ([], [], False)

    def test_ids_are_there_and_different(self, make_source: Callable[[], Source]) -> None:
        ids = _ids(events_of(pages_of(make_source())))
        assert "" not in ids
        assert len(set(ids)) == len(ids)

    def test_events_are_whole(self, make_source: Callable[[], Source]) -> None:
        for event in events_of(pages_of(make_source())):
            assert event == Event.of(event.fields)
            assert event.text("source")
            assert type(event.fields["severity"]) is int

    def test_times_are_in_our_form_or_absent(self, make_source: Callable[[], Source]) -> None:
        for event in events_of(pages_of(make_source())):
            time = event.text("timestamp")
            assert time in ("", rfc3339.canonical(time))

    def test_rejects_say_where_and_why(self, make_source: Callable[[], Source]) -> None:
        for page in pages_of(make_source()):
            assert all(reject.where and reject.reason for reject in page.rejects)

    def test_it_can_be_closed_twice_also_when_unused(self, make_source: Callable[[], Source]) -> None:
        for source in (make_source(), make_source()):
            source.pull(None)
            source.close()
            source.close()
        make_source().close()


def _ids(events: list[Event]) -> list[str]:
    return [event.text("id") for event in events]


def _lines(page: Page) -> list[bytes]:
    return [event.line for event in page.events]
