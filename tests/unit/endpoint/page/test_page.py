"""The page: says first what matters, shows nothing of the events, and cannot be written into."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from lpforwarder import __version__
from lpforwarder.endpoint.history import History
from lpforwarder.endpoint.page.page import page
from tests.fakes.facts import NOW, busy_facts, collector, error, facts, gap, source, warning


class Reader(HTMLParser):
    """What a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(**changes: object) -> Reader:
    return Reader(page(facts(**changes), History(), []))  # type: ignore[arg-type]


def test_the_verdict_and_its_sentence_come_first() -> None:
    found = Reader(page(facts(verdict="behind", sentence="archive is unreachable."), History(), []))
    body = [text for text in found.texts if "{" not in text]  # but for the style
    assert "! BEHIND" in body[0]
    assert body[1:3] == ["! BEHIND", " archive is unreachable."]


def test_trouble_is_told_with_its_code_its_remedy_and_the_next_try() -> None:
    dead = collector(error=error(), state="waiting", waiting=5, next_try="2026-11-22T20:00:41.000Z")
    text = " ".join(read(collectors={"archive": dead}).texts)
    for part in (
        "connection refused [LPF202]",
        "start it",
        "in 41 s",
        "lpforwarder test-send --collector archive",
    ):
        assert part in text


def test_alarms_and_warnings_are_shown_although_events_flow() -> None:
    alarmed = source(alarms=[error("LPF305", "the account reports in another zone", "set time_zone")])
    made = facts(sources={"acme": alarmed})
    made["journal"]["warnings"] = [warning("LPF501", "the journal is full in 3 h")]
    text = " ".join(Reader(page(made, History(), [])).texts)
    assert "another zone [LPF305]" in text
    assert "full in 3 h [LPF501]" in text


def test_what_happened_last_is_told_newest_first() -> None:
    found = Reader(page(facts(), History(), [(NOW, "second"), ("2026-11-22T10:00:00.000Z", "first")]))
    assert found.texts.index("second") < found.texts.index("first")


def test_it_needs_no_script_and_nothing_from_outside() -> None:
    found = read()
    assert not {"script", "link", "img", "iframe", "form", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "style"]
    assert all((value or "").startswith("/") for name, value in found.attributes if name == "href")


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x>', "</style><b>", "&lt;"])
def test_no_text_of_the_service_becomes_markup(evil: str) -> None:
    made = facts(
        sources={evil: source(error=error(evil, evil, evil), state=evil, alarms=[error(evil, evil, evil)])},
        collectors={evil: collector(target=evil, transport=evil, error=error(evil, evil, evil))},
        sentence=evil,
    )
    made["journal"]["warnings"] = [warning(evil, evil)]
    made["http"] |= {"error": error(evil, evil, evil), "listen": evil}
    found = Reader(page(made, History(), [(evil, evil)]))
    assert not {"script", "img", "b"} & set(found.tags)
    assert sum(evil in text for text in found.texts) >= 8


def test_a_service_that_has_nothing_yet_has_a_page_too() -> None:
    made = facts(
        sources={"acme": source(last_poll=None, newest_event=None, events=0, state="stopped")},
        collectors={"siem": collector(last_sent=None, connected_since=None, confirm="")},
        started=None,
        running=False,
        verdict="down",
    )
    made["journal"] |= {"first": 0, "last": 0, "bytes": 0, "full_in_seconds": None}
    assert "✗ DOWN" in page(made, History(), [])


def test_a_full_journal_has_no_room_and_says_so() -> None:
    made = facts()
    made["journal"]["full_in_seconds"] = 0.0
    assert "full" in Reader(page(made, History(), [])).texts


def test_everything_the_service_can_say_has_a_page() -> None:
    assert "! BEHIND" in page(busy_facts() | {"verdict": "behind"}, History(), [])


def test_the_foot_tells_version_uptime_configuration_journal_and_endpoint() -> None:
    made = facts()
    made["journal"]["gaps"] = [gap(3), gap(4, collector="siem"), gap(50, lost=False)]
    text = " ".join(Reader(page(made, History(), [])).texts)
    assert f"lpforwarder {__version__}, up 3 d 4 h, configuration of 2 d 10 h ago" in text
    assert "Journal: 61,203 events, 224 MB, 3 events damaged and lost." in text
    assert "Endpoint: http://127.0.0.1:9470/, 2 clients." in text
    assert "https://" in page(facts() | {"http": facts()["http"] | {"tls": True}}, History(), [])


def test_trouble_of_the_endpoint_and_a_refused_reload_are_told() -> None:
    made = facts(reload=False)
    made["http"] |= {
        "error": error("LPF504", "127.0.0.1:9471 is taken by prometheus (pid 411)", "another port")
    }
    text = " ".join(Reader(page(made, History(), [])).texts)
    assert "taken by prometheus (pid 411) [LPF504]" in text
    assert "The last reload was refused" in text
    assert "reload was refused" not in page(facts(reload=True), History(), [])


def test_without_an_endpoint_there_is_nothing_to_say_of_it() -> None:
    assert "Endpoint:" not in page(facts(http=None), History(), [])
