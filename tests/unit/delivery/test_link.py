"""What is known about a link, and what the log is told of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from lpforwarder.delivery.certificates import Certificate
from lpforwarder.delivery.link import CERTIFICATES_EVERY, LinkWatch
from lpforwarder.delivery.standstill import Standstill
from lpforwarder.delivery.window import Window
from lpforwarder.errors import Failure, Transient
from lpforwarder.event import Seq
from tests.fakes.patience import StandingClock
from tests.fakes.transport import FakeTransport


class TalkativeTransport(FakeTransport):
    """A transport with certificates and alarms."""

    def __init__(self) -> None:
        super().__init__()
        self.certificates: Sequence[Certificate] = ()
        self.alarms: Sequence[Failure] = ()


class Bench:
    def __init__(self) -> None:
        self.transport = TalkativeTransport()
        self.clock = StandingClock()
        self.now = "2026-11-20T10:00:00.000Z"
        self.standstill = Standstill(30.0)
        self.watch = LinkWatch(
            "siem", self.transport, self.standstill, clock=self.clock, now=lambda: self.now
        )
        self.link = self.watch.link
        self.window = Window(
            checkpoint=Seq(0), resume=Seq(0), clean=True, replay_events=10, replay_seconds=0.0
        )

    def sends(self, count: int) -> None:
        """So many messages more."""
        first = self.window.position + 1
        self.window.sent([Seq(place) for place in range(first, first + count)], Seq(first + count - 1))
        self.watch.sends()

    def confirms(self, count: int) -> None:
        """So many of this connection in all."""
        self.window.confirm(count, self.clock.now)
        self.watch.moved(self.window)

    def breaks(self, code: str) -> None:
        """The connection ends."""
        self.watch.disconnected()
        self.watch.broke(Transient("gone", code=code))
        self.window.rewind(self.clock.now)

    def told(self) -> list[tuple[str, str]]:
        """Event and level of what one more look logs."""
        with capture_logs() as lines:
            self.watch.look()
        return [(line["event"], line["log_level"]) for line in lines]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ending(day: str) -> Certificate:
    return Certificate(kind="client", subject="forwarder.example.net", not_after=f"2026-{day}T10:00:00.000Z")


def test_a_link_knows_since_when_it_is_up_and_to_whom(bench: Bench) -> None:
    with capture_logs() as lines:
        bench.watch.connected()
    assert (bench.link.connected_since, bench.link.peer) == (bench.now, "192.0.2.1:6514")
    assert [line["event"] for line in lines] == ["collector.connected"]
    bench.watch.disconnected()
    assert bench.link.connected_since is None


def test_a_change_to_another_host_is_told_once(bench: Bench) -> None:
    bench.watch.connected()
    bench.transport.peer = "192.0.2.2:6514"
    assert bench.told() == [("collector.switched", "info")]
    assert bench.told() == []
    assert bench.link.peer == "192.0.2.2:6514"


def test_a_fall_back_and_its_end_are_told(bench: Bench) -> None:
    bench.transport.confirm = "kernel"
    assert bench.told() == [("collector.fence_unanswered", "warning")]
    bench.transport.confirm = "close"
    assert bench.told() == [("collector.fence_retried", "info")]
    assert bench.link.confirm == "close"


def test_an_alarm_is_told_when_it_begins_and_again_when_it_comes_back(bench: Bench) -> None:
    alarm = Transient("a.example.net is down", code="LPF222", fix="wait")
    bench.transport.alarms = [alarm]
    assert bench.told() == [("collector.alarmed", "warning")]
    assert bench.told() == []
    assert list(bench.link.alarms) == [alarm]
    bench.transport.alarms = []
    assert bench.told() == []
    bench.transport.alarms = [alarm]
    assert bench.told() == [("collector.alarmed", "warning")]


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("12-21", []),
        ("12-20", [("certificate.expiring", "warning")]),
        ("11-23", [("certificate.expiring", "error")]),
        ("11-20", [("certificate.expiring", "error")]),
        ("11-19", [("certificate.expired", "error")]),
    ],
)
def test_a_certificate_that_ends_is_told_the_louder_the_nearer(
    day: str, told: list[tuple[str, str]], bench: Bench
) -> None:
    bench.transport.certificates = [ending(day)]
    assert bench.told() == told
    assert bench.told() == []
    assert [each.subject for each in bench.link.certificates] == ["forwarder.example.net"]


def test_the_next_threshold_is_told_by_a_service_that_just_goes_on(bench: Bench) -> None:
    bench.transport.certificates = [ending("12-15")]
    assert bench.told() == [("certificate.expiring", "warning")]
    bench.now = "2026-12-01T10:00:00.000Z"
    assert bench.told() == []
    bench.clock.now += CERTIFICATES_EVERY
    assert bench.told() == [("certificate.expiring", "warning")]


def test_a_certificate_is_told_while_the_collector_is_down(bench: Bench) -> None:
    bench.transport.certificates = [ending("11-19")]
    with capture_logs() as lines:
        bench.watch.look_at_certificates()
    assert [(line["event"], line["days"], line["code"]) for line in lines] == [
        ("certificate.expired", -1, "LPF205")
    ]


def test_a_transport_without_certificates_and_alarms_is_welcome() -> None:
    watch = LinkWatch("siem", FakeTransport(), Standstill(30.0))
    watch.look()
    assert (list(watch.link.certificates), list(watch.link.alarms)) == ([], [])


def test_it_is_known_since_when_nothing_was_confirmed(bench: Bench) -> None:
    bench.sends(1)
    assert bench.link.unmoved_since == bench.now
    bench.now = "2026-11-20T10:00:30.000Z"
    bench.sends(5)
    assert bench.link.unmoved_since == "2026-11-20T10:00:00.000Z"
    bench.confirms(1)
    assert bench.link.unmoved_since == bench.now
    bench.confirms(6)
    assert bench.link.unmoved_since is None
    bench.sends(1)
    bench.breaks("LPF212")
    assert bench.link.unmoved_since is None


def test_since_when_nothing_was_confirmed_outlives_a_connection_on_which_nothing_was(bench: Bench) -> None:
    began = bench.now
    for bench.now in (began, "2026-11-20T10:02:00.000Z", "2026-11-20T10:04:00.000Z"):
        bench.watch.connected()
        bench.sends(2)
        bench.clock.now += 5.0
        bench.breaks("LPF212")
        assert bench.link.unmoved_since == began
    bench.sends(2)
    bench.confirms(2)
    assert bench.link.unmoved_since is None


def test_the_standstill_hears_of_each_new_connection(bench: Bench) -> None:
    bench.watch.connected()
    bench.sends(2)
    bench.confirms(2)
    bench.watch.disconnected()
    bench.window.reopened()
    bench.watch.connected()
    bench.sends(1)
    bench.clock.now += 40.0
    bench.breaks("LPF212")
    assert bench.standstill.seconds(bench.clock.now) == 40.0


def test_what_idles_owes_nothing(bench: Bench) -> None:
    bench.sends(1)
    bench.breaks("LPF211")
    bench.watch.idles()
    assert bench.link.unmoved_since is None
    assert not bench.standstill.is_stalled(bench.clock.now)


def test_a_collector_is_reachable_until_a_connection_fails(bench: Bench) -> None:
    bench.watch.unreachable()
    assert not bench.link.is_reachable
    bench.watch.connected()
    assert bench.link.is_reachable
