"""The window under any order of sending, confirming and failing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lpforwarder.delivery.window import Window
from lpforwarder.event import Seq

SENT = st.tuples(st.just("sent"), st.lists(st.booleans(), min_size=1, max_size=6))
CONFIRMED = st.tuples(st.just("confirmed"), st.integers(0, 8))
BROKEN = st.tuples(st.just("broken"), st.booleans())
PASSED = st.tuples(st.just("passed"), st.floats(0, 20))
OPERATIONS = st.lists(st.one_of(SENT, CONFIRMED, BROKEN, PASSED), max_size=60)


class Model:
    """A collector that keeps what it is sent, and the truth about what of it was confirmed."""

    def __init__(self, replay_events: int, replay_seconds: float) -> None:
        self.window = Window(
            checkpoint=Seq(0),
            resume=Seq(0),
            clean=True,
            replay_events=replay_events,
            replay_seconds=replay_seconds,
        )
        self.now = 0.0
        self.wanted: dict[int, bool] = {}
        self.link: list[int] = []
        self.link_confirmed = 0
        self.confirmed: set[int] = set()

    def do(self, operation: tuple[str, object]) -> None:
        getattr(self, operation[0])(operation[1])

    def sent(self, wishes: list[bool]) -> None:
        first = self.window.position + 1
        for place, wish in enumerate(wishes, first):
            self.wanted.setdefault(place, wish)
        places = range(first, first + len(wishes))
        messages = [Seq(place) for place in places if self.wanted[place]]
        self.link += messages
        self.window.sent(messages, Seq(places[-1]))

    def confirmed_(self, more: int) -> None:
        self.link_confirmed = min(len(self.link), self.link_confirmed + more)
        self.confirmed.update(self.link[: self.link_confirmed])
        self.window.confirm(self.link_confirmed, self.now)

    def broken(self, idle: bool) -> None:
        self.window.rewind(self.now, idle=idle)
        self.link, self.link_confirmed = [], 0

    def passed(self, seconds: float) -> None:
        self.now += seconds


def play(operations: list[tuple[str, object]], replay_events: int, replay_seconds: float) -> list[Model]:
    model = Model(replay_events, replay_seconds)
    for name, value in operations:
        getattr(model, {"confirmed": "confirmed_"}.get(name, name))(value)
        check(model)
    return [model]


def check(model: Model) -> None:
    window = model.window
    behind = [place for place in range(1, window.checkpoint + 1) if model.wanted.get(place)]
    assert set(behind) <= model.confirmed
    assert window.resume <= window.checkpoint
    assert window.unconfirmed == len(model.link) - model.link_confirmed
    unread = [place for place, wish in model.wanted.items() if wish and place > window.position]
    on_the_way = set(model.link[model.link_confirmed :])
    assert all(
        place in model.confirmed or place in on_the_way or place in unread
        for place, wish in model.wanted.items()
        if wish
    )


@given(OPERATIONS, st.integers(0, 10), st.floats(0, 30))
def test_the_checkpoint_never_passes_an_unconfirmed_message(
    operations: list[tuple[str, object]], replay_events: int, replay_seconds: float
) -> None:
    play(operations, replay_events, replay_seconds)


@given(OPERATIONS, st.integers(0, 10), st.floats(0, 30))
def test_neither_the_checkpoint_nor_the_place_to_go_back_to_ever_moves_back(
    operations: list[tuple[str, object]], replay_events: int, replay_seconds: float
) -> None:
    model = Model(replay_events, replay_seconds)
    before = (0, 0)
    for name, value in operations:
        getattr(model, {"confirmed": "confirmed_"}.get(name, name))(value)
        after = (int(model.window.checkpoint), int(model.window.resume))
        assert after[0] >= before[0]
        assert after[1] >= before[1]
        before = after


@given(OPERATIONS, st.integers(1, 10))
def test_after_an_abnormal_end_the_last_messages_confirmed_are_sent_again(
    operations: list[tuple[str, object]], replay_events: int
) -> None:
    model = play(operations, replay_events, 0.0)[0]
    checkpoint = model.window.checkpoint
    confirmed = sorted(place for place in model.confirmed if place <= checkpoint)
    model.broken(False)
    again = [place for place in confirmed if place > model.window.position]
    assert len(again) >= min(replay_events, len(confirmed))
